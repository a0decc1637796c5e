// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachemem

import (
	"container/list"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// traces are sequences of keys: of what is popular, alone and among scans of what never
// comes again, and of what is popular for a while.
var traces = map[string]func(n int, r *rand.Rand) []uint64{
	"zipf 0.9": func(n int, r *rand.Rand) []uint64 { return zipf(n, 0.9, r) },
	"zipf 1.1": func(n int, r *rand.Rand) []uint64 { return zipf(n, 1.1, r) },
	"zipf 0.9 and scans": func(n int, r *rand.Rand) []uint64 {
		keys := zipf(n, 0.9, r)
		next := uint64(1) << 32
		for i := range keys {
			if i/5_000%2 == 1 { // every other stretch is half of a scan
				if i%2 == 0 {
					keys[i] = next
					next++
				}
			}
		}
		return keys
	},
	"zipf 1.0, shifting": func(n int, r *rand.Rand) []uint64 {
		keys := zipf(n, 1.0, r)
		for i := range keys {
			keys[i] += uint64(i / (n / 4) * 20_000)
		}
		return keys
	},
}

// universe is how many keys a trace has.
const universe = 100_000

// zipf returns keys the n-th of which comes with a frequency of 1/n^s.
func zipf(n int, s float64, r *rand.Rand) []uint64 {
	sums := zipfSums(s)
	keys := make([]uint64, n)
	for i := range keys {
		keys[i] = uint64(search(sums, r.Float64()*sums[universe-1]))
	}
	return keys
}

// getOrPut asks a cache for a key and puts it if it is not there.
type getOrPut func(key uint64) (hit bool)

func ratio(keys []uint64, c getOrPut) float64 {
	hits := 0
	for _, k := range keys {
		if c(k) {
			hits++
		}
	}
	return float64(hits) / float64(len(keys))
}

// ours is a store with room for some entries of the same size.
func ours(t testing.TB, room int) getOrPut {
	t.Helper()
	e := func() *caching.Entry {
		return &caching.Entry{Body: [][]byte{make([]byte, 1000)}, Expires: time.Now().Add(time.Hour)}
	}
	size := newItem(caching.Key{}, e(), false).size
	s := open(t, caching.Options{MaxBytes: size * int64(room), MaxEntryBytes: size})
	return func(key uint64) bool {
		k := numbered(key)
		if got, _ := s.Get(t.Context(), k); got != nil {
			return true
		}
		if _, err := s.Put(t.Context(), k, e(), caching.Mark{}); err != nil {
			t.Error(err)
		}
		return false
	}
}

// library is the library that the store is made of, by itself.
func library(room int) getOrPut {
	c := otter.Must(&otter.Options[caching.Key, int]{MaximumSize: room, Executor: func(f func()) { f() }})
	return func(key uint64) bool {
		k := numbered(key)
		if _, ok := c.GetIfPresent(k); ok {
			return true
		}
		c.Set(k, 1)
		return false
	}
}

// leastRecent is a cache from which goes what was not asked for for the longest time.
func leastRecent(room int) getOrPut {
	order, places := list.New(), map[uint64]*list.Element{}
	return func(key uint64) bool {
		if e := places[key]; e != nil {
			order.MoveToFront(e)
			return true
		}
		places[key] = order.PushFront(key)
		if order.Len() > room {
			delete(places, order.Remove(order.Back()).(uint64))
		}
		return false
	}
}

// TestHitRatio compares what is found with what the library alone and an LRU find. The
// store has to keep what the library would, and that is more than an LRU does, unless
// what is popular changes all the time and there is room for much of it.
func TestHitRatio(t *testing.T) {
	t.Parallel()
	n := 400_000
	if testing.Short() {
		n = 200_000
	}
	for name, trace := range traces {
		for _, room := range []int{1_000, 10_000} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				keys := trace(n, rand.New(rand.NewPCG(5, 6)))
				our, lib, lru := ratio(keys, ours(t, room)), ratio(keys, library(room)), ratio(keys, leastRecent(room))
				t.Logf("room for %d of %d: %.4f, the library %.4f, LRU %.4f", room, universe, our, lib, lru)
				if our < lib-0.02 {
					t.Errorf("hit ratio %.4f, less than %.4f of the library", our, lib)
				}
				if our < lru && !strings.Contains(name, "shifting") {
					t.Errorf("hit ratio %.4f, less than %.4f of an LRU", our, lru)
				}
			})
		}
	}
}
