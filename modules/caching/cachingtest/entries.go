// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachingtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// random returns bytes that do not become smaller by compression.
func random(n int) []byte {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// testEntries gives back what was put, byte for byte.
func testEntries(t *testing.T, o Opener) {
	everyByte := make([]byte, 256)
	for i := range everyByte {
		everyByte[i] = byte(i)
	}
	type test struct {
		name  string
		entry caching.Entry
	}
	tests := []test{
		{"empty body", caching.Entry{Meta: []byte("m")}},
		{"nothing at all", caching.Entry{}},
		{"empty pieces", caching.Entry{Body: [][]byte{nil, {}, []byte("a"), {}, []byte("b"), nil}}},
		{"one byte", caching.Entry{Body: [][]byte{{0}}}},
		{"every byte", caching.Entry{Meta: everyByte, Body: [][]byte{everyByte}, Tags: []string{string(everyByte)}}},
		{"text that compresses", caching.Entry{Body: [][]byte{[]byte(strings.Repeat("data: {\"choices\":[]}\n\n", 4_000))}}},
		{"many pieces", caching.Entry{Body: pieces(100_000, 97)}},
		{"large", caching.Entry{Meta: []byte("large"), Body: pieces(o.MaxEntry/2, 65_537)}},
		{"largest", caching.Entry{Meta: []byte("largest"), Body: [][]byte{random(o.MaxEntry)}, Tags: []string{"t"}}},
		{"large meta", caching.Entry{Meta: random(caching.MaxMetaBytes), Body: [][]byte{[]byte("b")}}},
		{"many tags", caching.Entry{Body: [][]byte{[]byte("b")}, Tags: manyTags()}},
	}
	lengths := []int{
		4<<10 - 1, 4 << 10, 64<<10 - 1, 64 << 10, 64<<10 + 1, 256<<10 - 1, 256 << 10, 256<<10 + 1, 512 << 10, 1<<20 - 1, 1 << 20, 1<<20 + 1,
	}
	tests = slices.Grow(tests, len(lengths))
	for _, n := range lengths {
		tests = append(tests, test{fmt.Sprintf("%d bytes", n), caching.Entry{Meta: []byte("m"), Body: [][]byte{random(n)}}})
	}
	for _, compress := range []bool{false, true} {
		p := openWith(t, o, func(o *caching.Options) { o.Compress = compress })
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s compressed %t", tt.name, compress), func(t *testing.T) {
				p := &probe{t: t, o: o, s: p.s, clock: p.clock}
				e := clone(&tt.entry)
				e.Expires = p.clock.Now().Add(hour)
				k := key(tt.name)
				p.hasNot(k)
				p.put(k, clone(e))
				p.has(k, e)
				p.has(k, e)
			})
		}
	}
}

// pieces returns n bytes in pieces.
func pieces(n, size int) (body [][]byte) {
	for b := random(n); len(b) > 0; {
		m := min(size, len(b))
		body = append(body, b[:m])
		b = b[m:]
	}
	return body
}

func manyTags() (tags []string) {
	for i := range caching.MaxTags {
		tags = append(tags, fmt.Sprintf("%0*d", caching.MaxTagBytes, i))
	}
	return tags
}

// testReplace puts again: shorter, longer, with other tags, for a shorter time.
func testReplace(t *testing.T, o Opener) {
	p := open(t, o)
	for i, n := range []int{10, 600 << 10, 0, 300 << 10, 5} {
		e := p.entry(string(random(n)), fmt.Sprint("tag", i))
		e.Expires = e.Expires.Add(-time.Duration(i) * time.Minute)
		p.put(key("a"), clone(e))
		p.has(key("a"), e)
	}
	p.purge(0, "tag0") // what it was no longer counts
	p.has(key("a"), &caching.Entry{
		Meta: []byte("meta of " + string(random(5))), Body: [][]byte{random(5)}, Tags: []string{"tag4"},
		Expires: p.clock.Now().Add(hour - 4*time.Minute),
	})
}

// testKeys keeps keys apart that differ in one bit.
func testKeys(t *testing.T, o Opener) {
	p := open(t, o)
	base := key("base")
	p.put(base, p.entry("base"))
	keys := make([]caching.Key, 0, 256)
	for bit := range 256 {
		k := base
		k[bit/8] ^= 1 << (bit % 8)
		p.hasNot(k)
		p.put(k, p.entry(fmt.Sprint("bit ", bit)))
		keys = append(keys, k)
	}
	for bit, k := range keys {
		p.has(k, p.entry(fmt.Sprint("bit ", bit)))
	}
	p.has(base, p.entry("base"))
	p.put(caching.Key{}, p.entry("zero"))
	p.has(caching.Key{}, p.entry("zero"))
}

// testNames keeps caches with other names apart, where they could meet.
func testNames(t *testing.T, o Opener) {
	a := openWith(t, o, func(o *caching.Options) { o.Name = "a" })
	b := openWith(t, o, func(o *caching.Options) { o.Name = "b" })
	k := key("k")
	a.put(k, a.entry("of a", "tag"))
	b.hasNot(k)
	b.put(k, b.entry("of b", "tag"))
	a.purge(1)
	a.hasNot(k)
	b.has(k, b.entry("of b", "tag"))
}

// testDelete forgets one key and no other.
func testDelete(t *testing.T, o Opener) {
	p := open(t, o)
	remove := func(name string) {
		t.Helper()
		if err := p.s.Delete(t.Context(), key(name)); err != nil {
			t.Fatalf("Delete() error: %v", err)
		}
	}
	large := string(random(700 << 10))
	p.put(key("a"), p.entry("a"))
	p.put(key("b"), p.entry(large))
	p.put(key("c"), p.entry("c"))
	remove("a")
	p.hasNot(key("a"))
	remove("a") // again
	remove("nothing")
	p.has(key("b"), p.entry(large))
	remove("b")
	p.hasNot(key("b"))
	p.has(key("c"), p.entry("c"))
	p.put(key("a"), p.entry("new"))
	p.has(key("a"), p.entry("new"))
}

// testExpiry gives nothing that has expired.
func testExpiry(t *testing.T, o Opener) {
	p := open(t, o)
	for name, life := range map[string]time.Duration{"short": 10 * time.Second, "minute": time.Minute, "large": time.Minute, "day": 24 * hour} {
		body := name
		if name == "large" {
			body = string(random(700 << 10))
		}
		e := p.entry(body)
		e.Expires = p.clock.Now().Add(life)
		p.put(key(name), e)
	}
	present := func(name string, want bool) {
		t.Helper()
		if got := p.get(key(name)) != nil; got != want {
			t.Errorf("%s: present %t, want %t", name, got, want)
		}
	}
	p.advance(5 * time.Second) // where a server has a clock of its own, it goes on besides
	present("short", true)
	p.advance(5 * time.Second)
	present("short", false)
	p.advance(45 * time.Second)
	present("minute", true)
	present("large", true)
	p.advance(5 * time.Second)
	present("minute", false)
	present("large", false)
	p.advance(22 * hour)
	present("day", true)
	p.advance(2 * hour)
	present("day", false)
	// One that comes again lives anew, and for as long as it says now.
	for _, life := range []time.Duration{time.Minute, time.Second} {
		e := p.entry("again")
		e.Expires = p.clock.Now().Add(life)
		p.put(key("again"), e)
	}
	p.advance(time.Second)
	present("again", false)
	late := p.entry("late")
	late.Expires = p.clock.Now()
	p.putSince(key("late"), late, caching.Mark{}, caching.Outdated)
	p.hasNot(key("late"))
}

// testImmutable keeps an entry that was got, whatever becomes of its key.
func testImmutable(t *testing.T, o Opener) {
	for _, size := range []int{100, 20_000, 600 << 10} {
		p := open(t, o)
		k := key("k")
		want := p.entry(string(random(size)), "tag")
		p.put(k, clone(want))
		got := p.has(k, want)
		still := func(what string) {
			t.Helper()
			if d := difference(got, want); d != "" {
				t.Errorf("%d bytes, %s: an entry that was got has changed: %s", size, what, d)
			}
		}
		p.put(k, p.entry(strings.Repeat("other", size/5), "other"))
		still("replaced")
		p.purge(1)
		still("purged")
		for i := range 100 {
			p.put(key(fmt.Sprint(i)), p.entry(strings.Repeat("x", size)))
		}
		still("others put")
		if err := p.s.Close(); err != nil {
			t.Errorf("Close() error: %v", err)
		}
		still("closed")
	}
}

// testOversize refuses what is too large, and has nothing under its key then.
func testOversize(t *testing.T, o Opener) {
	const most = 64 << 10
	p := openWith(t, o, func(o *caching.Options) { o.MaxEntryBytes = most })
	p.put(key("fits"), p.entry(string(random(most/2))))
	for name, e := range map[string]*caching.Entry{
		"body": p.entry(string(random(most + 1))),
		"meta": {Meta: random(most + 1), Expires: p.clock.Now().Add(hour)},
		"sum":  {Meta: random(most/2 + 1), Body: pieces(most/2, 100), Expires: p.clock.Now().Add(hour)},
		"tags": {Tags: append(manyTags(), manyTags()...)[:caching.MaxTags], Meta: random(most - 20_000), Expires: p.clock.Now().Add(hour)},
	} {
		p.putSince(key(name), e, caching.Mark{}, caching.TooLarge)
		p.hasNot(key(name))
	}
	// An answer that has outgrown the cache is not answered by what it was before.
	p.putSince(key("fits"), p.entry(string(random(most+1))), caching.Mark{}, caching.TooLarge)
	p.hasNot(key("fits"))
}

// testInvalid refuses what is no entry, and tags that are none.
func testInvalid(t *testing.T, o Opener) {
	p := open(t, o)
	for name, e := range map[string]*caching.Entry{
		"no time":   {Body: [][]byte{[]byte("b")}},
		"empty tag": p.entry("b", ""),
		"long tag":  p.entry("b", strings.Repeat("x", caching.MaxTagBytes+1)),
		"long meta": {Meta: make([]byte, caching.MaxMetaBytes+1), Expires: p.clock.Now().Add(hour)},
	} {
		if _, err := p.s.Put(t.Context(), key(name), e, caching.Mark{}); !errors.Is(err, caching.ErrInvalid) {
			t.Errorf("%s: Put() error = %v", name, err)
		}
		p.hasNot(key(name))
	}
	p.put(key("a"), p.entry("a", "tag"))
	if _, err := p.s.Purge(t.Context(), ""); !errors.Is(err, caching.ErrInvalid) {
		t.Errorf("Purge() of an empty tag: %v", err)
	}
	p.has(key("a"), p.entry("a", "tag")) // an empty tag is not "everything"
}

// testContexts calls with a context that is over: nothing is torn, and nothing hangs.
func testContexts(t *testing.T, o Opener) {
	p := open(t, o)
	p.put(key("a"), p.entry("a"))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if e, err := p.s.Get(over, key("a")); err == nil && e == nil {
		t.Error("Get() says that there is nothing, instead of what there is or why it does not know")
	}
	if _, err := p.s.Put(over, key("b"), p.entry("b"), caching.Mark{}); err == nil {
		p.has(key("b"), p.entry("b"))
	}
	if err := p.s.Delete(over, key("a")); err == nil {
		p.hasNot(key("a"))
	}
	p.put(key("c"), p.entry("c"))
	if _, err := p.s.Purge(over); err == nil {
		p.hasNot(key("c"))
	}
	p.put(key("d"), p.entry("d"))
	p.has(key("d"), p.entry("d"))
}

// testClosed calls a store that is closed.
func testClosed(t *testing.T, o Opener) {
	p := open(t, o)
	p.put(key("a"), p.entry("a"))
	for range 2 {
		if err := p.s.Close(); err != nil {
			t.Fatalf("Close() error: %v", err)
		}
	}
	if e, err := p.s.Get(t.Context(), key("a")); e != nil || !errors.Is(err, caching.ErrUnavailable) {
		t.Errorf("Get() = %v, %v", e, err)
	}
	if _, err := p.s.Put(t.Context(), key("b"), p.entry("b"), caching.Mark{}); !errors.Is(err, caching.ErrUnavailable) {
		t.Errorf("Put() error = %v", err)
	}
	if err := p.s.Delete(t.Context(), key("a")); !errors.Is(err, caching.ErrUnavailable) {
		t.Errorf("Delete() error = %v", err)
	}
	if _, err := p.s.Purge(t.Context()); !errors.Is(err, caching.ErrUnavailable) {
		t.Errorf("Purge() error = %v", err)
	}
	if !errors.Is(p.s.Err(), caching.ErrUnavailable) {
		t.Errorf("Err() = %v", p.s.Err())
	}
	_, _ = p.s.Mark(key("a")), p.s.Stats()
}
