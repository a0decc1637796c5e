// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachemem

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// TestOwnersHaveAShare lets one owner put without end: the others keep what they have,
// and what the one asks for stays.
func TestOwnersHaveAShare(t *testing.T) {
	t.Parallel()
	const most = 8 << 20
	s := open(t, caching.Options{MaxBytes: most, OwnerShare: 0.25})
	put := func(owner string, n uint64) {
		t.Helper()
		e := typical(n, 1000)
		e.Owner = owner
		if o, err := s.Put(t.Context(), numbered(n), e, caching.Mark{}); err != nil || o != caching.Stored {
			t.Fatal(o, err)
		}
	}
	for n := range uint64(100) {
		put("quiet", n)
	}
	put("loud", 1000)
	for n := range uint64(20_000) {
		put("loud", 10_000+n)
		if e, err := s.Get(t.Context(), numbered(1000)); e == nil || err != nil {
			t.Fatalf("after %d others, what an owner asks for is gone: %v", n, err)
		}
	}
	for n := range uint64(100) {
		if e, err := s.Get(t.Context(), numbered(n)); e == nil || err != nil {
			t.Errorf("entry %d of another owner is gone: %v", n, err)
		}
	}
	s.mu.Lock()
	loud := s.owners["loud"].bytes
	s.mu.Unlock()
	if loud > most/4 || loud < most/5 {
		t.Errorf("the one has %d bytes of %d", loud, most)
	}
	big := typical(1, most/4)
	big.Owner = "loud"
	s.Tune(caching.Options{MaxBytes: most, OwnerShare: 0.25, MaxEntryBytes: most})
	if o, err := s.Put(t.Context(), numbered(1<<40), big, caching.Mark{}); err != nil || o != caching.TooLarge {
		t.Errorf("an entry as large as the share of its owner: %v, %v", o, err)
	}
}

// TestOwnersAreCountedRight does everything at once, and counts again afterwards.
func TestOwnersAreCountedRight(t *testing.T) {
	t.Parallel()
	s := open(t, caching.Options{MaxBytes: 1 << 20, OwnerShare: 0.3, MaxEntryBytes: 100_000})
	var all sync.WaitGroup
	for g := range uint64(8) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(9, g))
			for range 3_000 {
				k := numbered(r.Uint64N(200))
				switch r.IntN(20) {
				case 0:
					_ = s.Delete(t.Context(), k)
				case 1:
					_, _ = s.Purge(t.Context(), fmt.Sprint("consumer:", r.IntN(5)))
				case 2, 3, 4, 5, 6:
					_, _ = s.Get(t.Context(), k)
				default:
					e := typical(r.Uint64N(5), r.IntN(60_000))
					e.Owner = fmt.Sprint(r.IntN(5))
					if r.IntN(10) == 0 {
						e.Expires = time.Now().Add(time.Millisecond)
					}
					if _, err := s.Put(t.Context(), k, e, caching.Mark{}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	s.cache.CleanUp()
	var entries, sum int64
	for _, it := range s.cache.All() {
		if it.gone.Load() {
			t.Error("an entry is in the cache and is not counted")
		}
		entries++
		sum += it.size
	}
	st := s.Stats()
	var owners, linked int64
	for _, o := range s.owners {
		owners += o.bytes
		for it := o.first; it != nil; it = it.next {
			linked++
		}
	}
	// Entries that have just expired may be counted and no longer be shown.
	if st.Bytes != owners || linked != st.Entries || sum > st.Bytes || entries > st.Entries {
		t.Errorf("%d entries of %d bytes are there, %d of %d counted, %d of %d of owners", entries, sum, st.Entries, st.Bytes, linked, owners)
	}
	if st.Bytes > s.bounds.Load().max {
		t.Errorf("%d bytes, of %d", st.Bytes, s.bounds.Load().max)
	}
}

// TestBuffersAreCutToSize puts what lies in buffers that are much too large.
func TestBuffersAreCutToSize(t *testing.T) {
	t.Parallel()
	slack := func(n int) []byte { return append(make([]byte, 0, 4*n+100_000), bytes.Repeat([]byte("x"), n)...) }
	for name, e := range map[string]*caching.Entry{
		"one piece":    {Meta: slack(100), Body: [][]byte{slack(1000)}},
		"small pieces": {Body: [][]byte{slack(10), slack(20), slack(30)}},
		"large pieces": {Body: [][]byte{slack(1 << 20), slack(1 << 20)}},
		"tags":         {Tags: []string{strings.Repeat("y", 100_000)[:10]}},
	} {
		it := newItem(caching.Key{}, e, false)
		net := int64(len(e.Meta)) + e.Len()
		if it.size > net+net/7+1000 {
			t.Errorf("%s: %d bytes take %d", name, net, it.size)
		}
		if got := it.entry.Len(); got != e.Len() || !bytes.Equal(it.entry.Bytes(), e.Bytes()) {
			t.Errorf("%s: another body", name)
		}
	}
	keep := make([]byte, 5000)
	if it := newItem(caching.Key{}, &caching.Entry{Body: [][]byte{keep[:4864:4864]}}, false); &it.entry.Body[0][0] != &keep[0] {
		t.Error("a buffer of the right size is copied")
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	s := open(t, caching.Options{Compress: true})
	text := []byte(strings.Repeat(`data: {"id":"1","choices":[{"delta":{"content":"word"}}]}`+"\n\n", 300))
	noise := make([]byte, 20_000)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for name, tt := range map[string]struct {
		body   []byte
		packed bool
	}{"text": {text, true}, "noise": {noise, false}, "short": {text[:300], false}} {
		e := &caching.Entry{Body: [][]byte{tt.body[:100], tt.body[100:]}}
		it := newItem(caching.Key{}, e, true)
		if (it.packed != nil) != tt.packed {
			t.Errorf("%s: packed %t", name, it.packed != nil)
		}
		if raw := newItem(caching.Key{}, e, false); tt.packed != (it.size < raw.size/2) {
			t.Errorf("%s: %d bytes instead of %d", name, it.size, raw.size)
		}
	}
	// What cannot be decompressed is not served again.
	e := &caching.Entry{Body: [][]byte{text}, Expires: time.Now().Add(time.Hour)}
	if _, err := s.Put(t.Context(), numbered(1), e, caching.Mark{}); err != nil {
		t.Fatal(err)
	}
	it, _ := s.cache.GetIfPresent(numbered(1))
	it.packed = it.packed[:len(it.packed)/2]
	if e, err := s.Get(t.Context(), numbered(1)); e != nil || err == nil {
		t.Errorf("Get() = %v, %v of a broken body", e, err)
	}
	if e, err := s.Get(t.Context(), numbered(1)); e != nil || err != nil {
		t.Errorf("Get() = %v, %v after a broken body", e, err)
	}
}

// TestClasses compares what is counted with what the runtime gives.
func TestClasses(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]int64{0: 0, 1: 8, 8: 8, 9: 16, 33: 48, 1000: 1024, 1025: 1152, 32768: 32768, 32769: 40960, 1 << 20: 1 << 20} {
		if got := class(n); got != want {
			t.Errorf("class(%d) = %d, want %d", n, got, want)
		}
	}
	for n := int64(1); n < 200_000; n = n*9/8 + 1 {
		if c := class(n); c < n || c > n+n/5+8192 {
			t.Errorf("class(%d) = %d", n, c)
		}
	}
}

// TestStats counts what has become of entries.
func TestStats(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := open(t, caching.Options{Now: func() time.Time { return now }})
	s.cache.StopAllGoroutines() // which would look at the clock
	for n := range uint64(10) {
		if _, err := s.Put(t.Context(), numbered(n), typical(n, 10), caching.Mark{}); err != nil {
			t.Fatal(err)
		}
	}
	_ = s.Delete(t.Context(), numbered(1))
	_ = s.Delete(t.Context(), numbered(1))
	_, _ = s.Purge(t.Context(), "consumer:2")
	_, _ = s.Put(t.Context(), numbered(3), typical(3, DefaultMaxBytes), caching.Mark{})
	st := s.Stats()
	if st.Entries != 7 || st.Purged != 2 || st.Refused != 1 || st.Evicted != 0 || st.MaxBytes != DefaultMaxBytes {
		t.Errorf("Stats() = %+v", st)
	}
	now = now.Add(2 * time.Hour)
	s.cache.CleanUp()
	if st := s.Stats(); st.Expired != 7 || st.Entries != 0 || st.Bytes != 0 {
		t.Errorf("Stats() = %+v after all have expired", st)
	}
}

// TestTune changes the bounds of a store that is in use.
func TestTune(t *testing.T) {
	t.Parallel()
	s := open(t, caching.Options{MaxBytes: 4 << 20, OwnerShare: 1})
	flood(t, s, 2, sizesOf["1 KB"])
	for _, most := range []int64{1 << 20, 8 << 20, 2 << 20} {
		s.Tune(caching.Options{MaxBytes: most, OwnerShare: 1})
		if st := s.Stats(); st.Bytes > most || st.MaxBytes != most {
			t.Errorf("%d bytes of %d, want at most %d", st.Bytes, st.MaxBytes, most)
		}
		flood(t, s, 2, sizesOf["20 KB"])
		if st := s.Stats(); st.Bytes > most || st.Bytes < most*8/10 {
			t.Errorf("%d bytes after a flood, with a bound of %d", st.Bytes, most)
		}
	}
	s.Tune(caching.Options{MaxBytes: 2 << 20, Compress: true})
	if o, err := s.Put(t.Context(), numbered(1<<40), typical(1, 1<<20), caching.Mark{}); err != nil || o != caching.Stored {
		t.Errorf("Put() = %v, %v of what compresses well", o, err)
	}
	s.Tune(caching.Options{MaxBytes: 2 << 20})
	if o, err := s.Put(t.Context(), numbered(1<<40), typical(1, 1<<20), caching.Mark{}); err != nil || o != caching.TooLarge {
		t.Errorf("Put() = %v, %v of more than an eighth", o, err)
	}
}

// TestPurgeWithinAPut purges between the moments at which a Put looks at the purges: what
// was purged is not to be seen, not even until the Put has noticed.
func TestPurgeWithinAPut(t *testing.T) {
	t.Parallel()
	s := open(t, caching.Options{})
	e := typical(1, 1000)
	e.Tags = []string{"tag"}
	it := newItem(numbered(1), e, false)
	it.seq = s.Mark(numbered(1)).Seq
	if s.purgedSince(it.seq, e) {
		t.Fatal("it is purged")
	}
	if _, err := s.Purge(t.Context(), "tag"); err != nil {
		t.Fatal(err)
	}
	s.insert(it, 1<<20)
	if e, err := s.Get(t.Context(), numbered(1)); e != nil || err != nil {
		t.Errorf("Get() = %v, %v of an entry that was purged", e != nil, err)
	}
	if o, err := s.settle(it); o != caching.Outdated || err != nil {
		t.Errorf("it is %v, %v", o, err)
	}
	if st := s.Stats(); st.Entries != 0 || st.Bytes != 0 {
		t.Errorf("%d entries of %d bytes are left", st.Entries, st.Bytes)
	}
}
