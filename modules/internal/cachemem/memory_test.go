// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachemem

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// numbered returns the key of a number.
func numbered(n uint64) caching.Key {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	return sha256.Sum256(b[:])
}

// live returns how many bytes of the heap are in use.
func live() int64 {
	runtime.GC()
	runtime.GC() // what was pooled goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// typical returns an entry as a handler puts it, with a body of n bytes.
func typical(id uint64, n int) *caching.Entry {
	return &caching.Entry{
		Meta: make([]byte, 160), Body: [][]byte{make([]byte, n)},
		Tags:    []string{fmt.Sprint("consumer:", id%100), "provider:openai", "model:gpt-4o-mini", "route:chat"},
		Owner:   fmt.Sprint("consumer:", id%100),
		Expires: time.Now().Add(time.Hour),
	}
}

// sizesOf are the bodies of a flood.
var sizesOf = map[string]func(r *rand.Rand) int{
	"nothing": func(*rand.Rand) int { return 0 },
	"100 B":   func(*rand.Rand) int { return 100 },
	"1 KB":    func(*rand.Rand) int { return 1_000 },
	"20 KB":   func(*rand.Rand) int { return 20_000 },
	"33 KB":   func(*rand.Rand) int { return 33_000 },
	"mixed":   func(r *rand.Rand) int { return 1 << (4 + r.IntN(14)) },
}

// flood puts entries with keys that never come again, so much of them that a store of max
// bytes would be filled times over, from several goroutines.
func flood(tb testing.TB, s *Store, times int64, size func(r *rand.Rand) int) {
	tb.Helper()
	var all sync.WaitGroup
	const putters = 4
	for g := range uint64(putters) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, g))
			var sum int64
			for n := g; sum < times*s.bounds.Load().max/putters; n += putters {
				e := typical(n, size(r))
				sum += newItem(caching.Key{}, e, false).size
				if _, err := s.Put(tb.Context(), numbered(n), e, caching.Mark{}); err != nil {
					tb.Errorf("Put() error: %v", err)
					return
				}
				// Besides what is being put now the bound holds all the time.
				if b := s.bounds.Load(); s.bytes.Load() > b.max+putters*b.maxOne {
					tb.Errorf("%d bytes, with a bound of %d", s.bytes.Load(), b.max)
					return
				}
			}
		})
	}
	all.Wait()
}

// TestMemoryIsBounded floods a store and measures the heap. It runs beside no other test.
func TestMemoryIsBounded(t *testing.T) {
	const most = 24 << 20
	classes()
	for name, size := range sizesOf {
		t.Run(name, func(t *testing.T) {
			before := live()
			s := New(caching.Options{MaxBytes: most, OwnerShare: 1})
			defer s.Close() //nolint:errcheck // It never fails.
			flood(t, s, 3, size)
			took := live() - before
			st := s.Stats()
			t.Logf("%d entries count %d bytes and take %d: %.3f of the bound, %.0f per entry", st.Entries, st.Bytes, took,
				float64(took)/most, float64(took)/float64(st.Entries))
			if took > most*115/100 {
				t.Errorf("the heap has grown by %d bytes, more than 1.15 times %d", took, most)
			}
			if st.Bytes > most || st.Bytes < most*9/10 {
				t.Errorf("%d bytes of %d are counted", st.Bytes, most)
			}
			if st.Evicted == 0 {
				t.Error("nothing had to go")
			}
			runtime.KeepAlive(s)
		})
	}
}

// TestMemoryIsGivenBack empties a store in all ways that there are, and finds nothing
// counted and nothing kept.
func TestMemoryIsGivenBack(t *testing.T) {
	for name, empty := range map[string]func(s *Store, now *time.Time){
		"purged": func(s *Store, _ *time.Time) { _, _ = s.Purge(t.Context()) },
		"by owner": func(s *Store, _ *time.Time) {
			for i := range 100 {
				_, _ = s.Purge(t.Context(), fmt.Sprint("consumer:", i), "route:chat")
			}
		},
		"closed":  func(s *Store, _ *time.Time) { _ = s.Close() },
		"expired": func(s *Store, now *time.Time) { *now = now.Add(2 * time.Hour); s.cache.CleanUp() },
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			s := New(caching.Options{MaxBytes: 4 << 20, OwnerShare: 1, Now: func() time.Time { return now }})
			s.cache.StopAllGoroutines() // which would look at the clock
			for n := range uint64(1000) {
				if _, err := s.Put(t.Context(), numbered(n), typical(n, 1000), caching.Mark{}); err != nil {
					t.Fatal(err)
				}
			}
			if st := s.Stats(); st.Entries != 1000 || st.Bytes < 1000*1000 {
				t.Fatalf("%d entries of %d bytes are counted", st.Entries, st.Bytes)
			}
			empty(s, &now)
			if st := s.Stats(); st.Entries != 0 || st.Bytes != 0 || len(s.owners) != 0 {
				t.Errorf("%d entries, %d bytes and %d owners are left", st.Entries, st.Bytes, len(s.owners))
			}
			_ = s.Close()
		})
	}
}
