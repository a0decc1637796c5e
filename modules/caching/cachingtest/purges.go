// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachingtest

import (
	"fmt"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// testPurge takes exactly the entries that have all tags.
func testPurge(t *testing.T, o Opener) {
	tags := map[string][]string{
		"none": nil, "a": {"a"}, "b": {"b"}, "ab": {"a", "b"}, "ba": {"b", "a"}, "abc": {"a", "b", "c"}, "aa": {"aa"},
	}
	for _, tt := range []struct {
		name  string
		purge []string
		gone  []string
	}{
		{"everything", nil, []string{"none", "a", "b", "ab", "ba", "abc", "aa"}},
		{"one tag", []string{"a"}, []string{"a", "ab", "ba", "abc"}},
		{"two tags", []string{"a", "b"}, []string{"ab", "ba", "abc"}},
		{"in another order", []string{"b", "a"}, []string{"ab", "ba", "abc"}},
		{"the same twice", []string{"b", "b"}, []string{"b", "ab", "ba", "abc"}},
		{"three tags", []string{"c", "a", "b"}, []string{"abc"}},
		{"unknown", []string{"d"}, nil},
		{"known and unknown", []string{"a", "d"}, nil},
		{"longer", []string{"aa"}, []string{"aa"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			gateways := gateways(t, o)
			p, other := gateways[0], gateways[1]
			p.t, other.t = t, t
			for name, tags := range tags {
				p.put(key(name), p.entry(name, tags...))
			}
			other.purge(int64(len(tt.gone)), tt.purge...)
			gone := map[string]bool{}
			for _, name := range tt.gone {
				gone[name] = true
			}
			for name, tags := range tags {
				for _, g := range gateways {
					if gone[name] {
						g.hasNot(key(name))
					} else {
						g.has(key(name), p.entry(name, tags...))
					}
				}
			}
			// What comes after is not subject to it.
			for i, g := range gateways {
				for name, tags := range tags {
					body := fmt.Sprint(name, " again ", i)
					g.put(key(name), p.entry(body, tags...))
					for _, g := range gateways {
						g.has(key(name), p.entry(body, tags...))
					}
				}
			}
		})
	}
}

// testStrangeTags tells tags apart that look alike to who joins or splits them.
func testStrangeTags(t *testing.T, o Opener) {
	p := open(t, o)
	sets := [][]string{
		{"a,b"},
		{"a", "b"},
		{"a b"},
		{"a\x00b"},
		{"a\x00"},
		{"\x00"},
		{"a\nb"},
		{"a|b"},
		{"a{b}"},
		{"{a}b"},
		{"consumer:alice", "route:x"},
		{"consumer:alice,route:x"},
		{"Consumer:Alice"},
		{"\xff\xfe"},
		{"ä"},
		{"*"},
		{"%"},
	}
	for i, tags := range sets {
		p.put(key(fmt.Sprint(i)), p.entry(fmt.Sprint(i), tags...))
	}
	for i, tags := range sets {
		p.purge(1, tags...)
		p.hasNot(key(fmt.Sprint(i)))
		for j := i + 1; j < len(sets); j++ {
			p.has(key(fmt.Sprint(j)), p.entry(fmt.Sprint(j), sets[j]...))
		}
	}
}

// testManyPurges makes more purges than anybody would remember one by one.
func testManyPurges(t *testing.T, o Opener) {
	p := openWith(t, o, func(o *caching.Options) { o.MaxBytes = 1 << 20 }) // a purge may look at all of it
	mark := p.s.Mark(key("old"))
	p.put(key("victim"), p.entry("victim", "0"))
	const n = 1_100
	for i := range n {
		p.purge(boolean(i == 0), fmt.Sprint(i))
	}
	p.hasNot(key("victim"))
	p.putSinceGone(key("old"), p.entry("old", "0"), mark)
	p.put(key("new"), p.entry("new", "0"))
	p.has(key("new"), p.entry("new", "0"))
}

func boolean(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// putSinceGone puts what was purged since it was asked for: it may be told, or not.
func (p *probe) putSinceGone(k caching.Key, e *caching.Entry, since caching.Mark) {
	p.t.Helper()
	got, err := p.s.Put(p.t.Context(), k, e, since)
	if err != nil || got != caching.Outdated && got != caching.Stored {
		p.t.Fatalf("Put() = %v, %v", got, err)
	}
	p.hasNot(k)
}

// testMarks has answers come back that were asked for before a purge.
func testMarks(t *testing.T, o Opener) {
	gateways := gateways(t, o)
	p, other := gateways[0], gateways[1]
	k, l := key("k"), key("l")
	p.hasNot(k) // whoever asks for an answer has looked before
	p.hasNot(l)
	// A purge that comes before the mark is of no concern.
	other.purge(0, "tag")
	p.hasNot(k)
	since := p.s.Mark(k)
	p.putSince(k, p.entry("after", "tag"), since, caching.Stored)
	p.has(k, p.entry("after", "tag"))
	// One of other tags neither.
	since = p.s.Mark(k)
	other.purge(0, "other")
	p.putSince(k, p.entry("not concerned", "tag"), since, caching.Stored)
	p.has(k, p.entry("not concerned", "tag"))
	// One of its tags is, and so is one of everything.
	for _, tags := range [][]string{{"tag"}, {"tag", "second"}, nil} {
		since = p.s.Mark(l)
		n := int64(0)
		if len(tags) != 2 {
			n = boolean(p.get(k) != nil)
		}
		other.purge(n, tags...)
		p.putSinceGone(l, p.entry("asked for before", "second", "tag"), since)
		other.hasNot(l)
	}
	p.put(l, p.entry("asked for after", "second", "tag"))
	other.has(l, p.entry("asked for after", "second", "tag"))
}

// testKindredMarks puts with the mark of another key that begins with the same byte.
func testKindredMarks(t *testing.T, o Opener) {
	gateways := gateways(t, o)
	p, other := gateways[0], gateways[1]
	for i := range 8 {
		k := key(fmt.Sprint("k", i))
		kin := key(fmt.Sprint("kin of k", i))
		kin[0] = k[0]
		other.purge(boolean(i > 0), "before") // those of the keys before, so that there are marks of several purges
		p.hasNot(k)
		p.hasNot(kin)
		since := p.s.Mark(k)
		p.putSince(kin, p.entry("kin", "tag", "before"), since, caching.Stored)
		other.has(kin, p.entry("kin", "tag", "before"))
		since = p.s.Mark(k)
		other.purge(1, "tag")
		p.putSinceGone(kin, p.entry("kin", "tag"), since)
		other.hasNot(kin)
		p.put(kin, p.entry("kin", "before"))
	}
}
