// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachingtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// crowd is how many goroutines do something at once.
const crowd = 8

// together runs f in a crowd, each with a gateway and random numbers.
func together(all []*probe, f func(p *probe, n int, r *rand.Rand)) {
	var wg sync.WaitGroup
	for i := range crowd {
		wg.Go(func() { f(all[i%len(all)], i, rand.New(rand.NewPCG(3, uint64(i)))) })
	}
	wg.Wait()
}

// telling returns an entry every part of which says which one it is: key, version and
// length stand in all of it.
func (p *probe) telling(name byte, version uint32, size int) *caching.Entry {
	word := make([]byte, 9)
	word[0] = name
	binary.BigEndian.PutUint32(word[1:], version)
	binary.BigEndian.PutUint32(word[5:], uint32(size))
	e := &caching.Entry{
		Meta: word, Tags: []string{string(word), "all", fmt.Sprint("key", name)},
		Expires: p.clock.Now().Add(hour),
	}
	for rest := size; rest > 0; {
		n := min(rest, 40_000)
		e.Body = append(e.Body, bytes.Repeat(word, n/9+1)[:n])
		rest -= n
	}
	return e
}

// told returns the version of an entry, and what is wrong with it.
func (p *probe) told(name byte, e *caching.Entry) (version uint32, wrong string) {
	if len(e.Meta) != 9 || e.Meta[0] != name {
		return 0, fmt.Sprintf("meta %q under key %d", cut(e.Meta), name)
	}
	version = binary.BigEndian.Uint32(e.Meta[1:])
	want := p.telling(name, version, int(binary.BigEndian.Uint32(e.Meta[5:])))
	return version, difference(e, want)
}

// sizes has a body in one piece, one in several, and one in many.
var sizes = []int{0, 100, 5_000, 300_000, 1_100_000}

func someSize(r *rand.Rand) int { return sizes[min(r.IntN(len(sizes)), r.IntN(len(sizes)))] }

// testWhole puts, gets, deletes and purges the same few keys from a crowd: whatever is
// got is one entry, whole and of its key.
func testWhole(t *testing.T, o Opener) {
	all := gateways(t, o)
	var versions atomic.Uint32
	var hits atomic.Int64
	together(all, func(p *probe, _ int, r *rand.Rand) {
		for range o.Rounds / crowd {
			name := byte(r.IntN(4))
			k := key(string(name))
			var err error
			switch n := r.IntN(100); {
			case n < 40:
				_, err = p.s.Put(t.Context(), k, p.telling(name, versions.Add(1), someSize(r)), p.s.Mark(k))
			case n < 94:
				var e *caching.Entry
				if e, err = p.s.Get(t.Context(), k); e != nil {
					hits.Add(1)
					if _, wrong := p.told(name, e); wrong != "" {
						t.Errorf("an entry that nobody has put: %s", wrong)
						return
					}
				}
			case n < 97:
				err = p.s.Delete(t.Context(), k)
			default:
				_, err = p.s.Purge(t.Context(), fmt.Sprint("key", name))
			}
			if err != nil {
				t.Errorf("error in good health: %v", err)
				return
			}
		}
	})
	if hits.Load() == 0 {
		t.Error("nobody has found anything")
	}
}

// testFresh has one writer for each key, and readers that want what was put before they
// began to read, or later.
func testFresh(t *testing.T, o Opener) {
	all := gateways(t, o)
	var done [crowd / 2]atomic.Uint32 // the version that is there at least
	var over [crowd / 2]atomic.Bool
	together(all, func(p *probe, n int, r *rand.Rand) {
		i := n % (crowd / 2)
		name := byte(i)
		k := key(string(name))
		if n < crowd/2 {
			defer over[i].Store(true)
			for v := uint32(1); v <= uint32(o.Rounds)/4; v++ {
				if got, err := p.s.Put(t.Context(), k, p.telling(name, v, someSize(r)), caching.Mark{}); err != nil || got != caching.Stored {
					t.Errorf("Put() = %v, %v", got, err)
					return
				}
				done[i].Store(v)
			}
			return
		}
		for last := false; !last; {
			last = over[i].Load()
			least := done[i].Load()
			e, err := all[r.IntN(len(all))].s.Get(t.Context(), k)
			if err != nil || e == nil && least > 0 {
				t.Errorf("after version %d: Get() = %v, %v", least, e, err)
				return
			}
			if e == nil {
				continue
			}
			if v, wrong := p.told(name, e); wrong != "" || v < least {
				t.Errorf("got version %d after version %d: %s", v, least, wrong)
				return
			}
		}
	})
}

// testPurgedForGood purges while a crowd puts: nothing is got afterwards that was there
// before.
func testPurgedForGood(t *testing.T, o Opener) {
	all := gateways(t, o)
	var done [4]atomic.Uint32
	var over atomic.Bool
	var allowed atomic.Uint32 // versions that may be written
	allowed.Store(1)
	together(all, func(p *probe, n int, r *rand.Rand) {
		i := n % 4
		name := byte(i)
		k := key(string(name))
		if n < 4 { // one writer of each key
			for v := uint32(1); !over.Load(); {
				if v > allowed.Load() {
					runtime.Gosched()
					continue
				}
				if _, err := p.s.Put(t.Context(), k, p.telling(name, v, someSize(r)), caching.Mark{}); err != nil {
					t.Errorf("Put() error: %v", err)
					return
				}
				done[i].Store(v)
				v++
			}
			return
		}
		if n > 4 {
			return // one purges at a time, so that each leaves something to the next
		}
		defer over.Store(true)
		for round := range o.Rounds / 10 {
			i := round % 4
			name := byte(i)
			v := allowed.Add(1 + r.Uint32N(3))
			for wait := r.IntN(2) == 0; wait && done[i].Load() < v && !t.Failed(); { // some purges meet the writer, and others do not
				runtime.Gosched()
			}
			before := done[i].Load()
			tags := [][]string{{fmt.Sprint("key", name)}, {fmt.Sprint("key", name), "all"}, {"all"}, nil}[r.IntN(4)]
			if _, err := p.s.Purge(t.Context(), tags...); err != nil {
				t.Errorf("Purge() error: %v", err)
				return
			}
			for _, g := range all {
				e, err := g.s.Get(t.Context(), key(string(name)))
				if err != nil {
					t.Errorf("Get() error: %v", err)
					return
				}
				if e == nil {
					continue
				}
				if got, wrong := g.told(name, e); wrong != "" || got <= before {
					t.Errorf("version %d is there after a purge that came after version %d: %s", got, before, wrong)
					return
				}
			}
		}
	})
}
