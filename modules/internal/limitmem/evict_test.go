// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

func fixedRule(unit limits.Unit, limit int64) *limits.Rule {
	return &limits.Rule{Unit: unit, Window: limits.Window{Kind: limits.Fixed, Length: time.Hour}, Limit: limit}
}

// TestFlood floods a store with keys that come once, and checks that its bounds
// hold, and that it forgets none of those that it must not.
func TestFlood(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		options Options
	}{
		{"bounded by entries", Options{MaxEntries: 5_000}},
		{"bounded by bytes", Options{MaxBytes: 2 << 20}},
		{"small", Options{MaxEntries: 100}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			tt.options.Clock = c.now
			s := New(tt.options)
			requests := &limits.Rule{Window: limits.Window{Length: time.Hour}, Limit: 5}
			tokens := &limits.Rule{Unit: limits.Tokens, Window: limits.Window{Length: time.Hour}, Limit: 1000}
			held := &limits.Rule{Unit: limits.Concurrent, Window: limits.Window{Kind: limits.Held}, Limit: 1}
			budget := fixedRule(limits.Cost, 100)
			for range 5 {
				mustDecide(t, s, decisionOf("offender", requests))
			}
			mustDecide(t, s, decisionOf("spender", budget))
			open := decisionOf("streamer", tokens, held)
			open.ID, open.Checks[0].Weight = limits.NewID(), 1
			mustDecide(t, s, open)
			most := tt.options.MaxBytes
			if most == 0 {
				most = DefaultMaxBytes
			}
			for n := range 20_000 {
				if d := mustDecide(t, s, decisionOf(strconv.Itoa(n), requests, fixedRule(limits.Requests, 5))); d.Denied {
					t.Fatalf("key %d is denied, which has come once", n)
				}
				if n%1000 != 0 {
					continue
				}
				if d := mustDecide(t, s, decisionOf("offender", requests)); !d.Denied {
					t.Fatalf("after %d keys the offender is admitted", n)
				}
				stats := s.Stats()
				if tt.options.MaxEntries > 0 && stats.Entries > tt.options.MaxEntries || stats.Bytes > most {
					t.Fatalf("after %d keys: %+v, beyond the bounds", n, stats)
				}
			}
			if stats := s.Stats(); stats.Evicted == 0 || stats.Overflowed != 0 {
				t.Errorf("%+v, want some to have made place for others, and none without place", stats)
			}
			if used := usedOf(t, s, decisionOf("spender", budget).Checks[0]); used != 1 {
				t.Errorf("%d spent, want 1", used)
			}
			if d := mustDecide(t, s, decisionOf("streamer", held)); !d.Denied {
				t.Error("what is held is forgotten")
			}
			open.Checks[0].Actual = 900
			s.Settle(open)
			if used := usedOf(t, s, open.Checks[0]); used != 900 {
				t.Errorf("%d tokens used, want 900", used)
			}
			// Once its window has passed, an offender is like any other.
			c.advance(2 * time.Hour)
			for n := range 20_000 {
				mustDecide(t, s, decisionOf("later-"+strconv.Itoa(n), requests, fixedRule(limits.Requests, 5)))
			}
			if n := s.Stats().Entries; tt.options.MaxEntries > 0 && n > tt.options.MaxEntries {
				t.Errorf("%d counters, more than allowed", n)
			}
		})
	}
}

// TestUsedStay floods a store in which some keys come again and again, below their
// limits.
func TestUsedStay(t *testing.T) {
	t.Parallel()
	s := New(Options{MaxEntries: 1000, Clock: newClock().now})
	rule := fixedRule(limits.Requests, 1000)
	for round := range 50 {
		for n := range 100 {
			mustDecide(t, s, decisionOf("regular-"+strconv.Itoa(n), rule))
		}
		for n := range 500 {
			mustDecide(t, s, decisionOf(strconv.Itoa(round)+"-"+strconv.Itoa(n), rule))
		}
	}
	for n := range 100 {
		if used := usedOf(t, s, decisionOf("regular-"+strconv.Itoa(n), rule).Checks[0]); used != 50 {
			t.Errorf("regular %d has used %d, want 50", n, used)
		}
	}
}

// TestOverflow fills a store with counters that must stay: then all others of a
// level and rule are limited like one.
func TestOverflow(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := New(Options{MaxEntries: 100, Clock: c.now})
	rule := fixedRule(limits.Tokens, 10)
	for n := range 300 {
		d := decisionOf("offender-"+strconv.Itoa(n), rule)
		d.Checks[0].Weight = 10
		mustDecide(t, s, d)
	}
	full := s.Stats()
	if full.Entries != 101 || full.Overflowed != 1 || full.Evicted != 0 {
		t.Fatalf("%+v, want 100 counters, and one overflow counter which has taken one weight", full)
	}
	if d := mustDecide(t, s, decisionOf("another", rule)); !d.Denied || d.Checks[0].Used != 10 {
		t.Errorf("beyond the overflow counter: %+v, want it denied", d)
	}
	other := decisionOf("another", fixedRule(limits.InputTokens, 10))
	other.ID, other.Checks[0].Weight = limits.NewID(), 4
	if mustDecide(t, s, other); other.Denied {
		t.Error("another rule is denied, which has an overflow counter of its own")
	}
	other.Checks[0].Actual = 9
	s.Settle(other)
	s.Settle(other)
	if d := mustDecide(t, s, decisionOf("yet another", other.Checks[0].Rule)); d.Denied || d.Checks[0].Used != 10 {
		t.Errorf("after a settlement: %+v, want 10 used", d.Checks)
	}
	c.advance(time.Hour)
	if d := mustDecide(t, s, decisionOf("another", rule)); d.Denied || d.Checks[0].Used != 1 {
		t.Errorf("after the window: %+v, want a counter of its own", d)
	}
}

// TestOverflowTogether decides and settles in overflow counters from many goroutines:
// nobody waits for another for ever, and the sum is right.
func TestOverflowTogether(t *testing.T) {
	t.Parallel()
	s := New(Options{MaxEntries: 512, Clock: newClock().now})
	rule := fixedRule(limits.Tokens, limits.MaxCount)
	for n := range 4000 {
		mustDecide(t, s, decisionOf("first-"+strconv.Itoa(n), fixedRule(limits.Cost, 10)))
	}
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for n := range 2000 {
				d := decisionOf(strconv.Itoa(g)+"-"+strconv.Itoa(n), rule)
				d.ID, d.Checks[0].Weight = limits.NewID(), 10
				clear(d.ID[:8]) // all are kept in the same place
				if err := s.Decide(context.Background(), d); err != nil || d.Denied {
					t.Error("denied")
				}
				d.Checks[0].Actual = 1
				s.Settle(d)
			}
		})
	}
	all.Wait()
	if d := mustDecide(t, s, decisionOf("last", rule)); d.Checks[0].Used != 8*2000+1 {
		t.Errorf("%d used, want %d", d.Checks[0].Used, 8*2000+1)
	}
}

// TestDeniedMakesNoRoom checks that a denied request leaves nothing behind.
func TestDeniedMakesNoRoom(t *testing.T) {
	t.Parallel()
	s := New(Options{Clock: newClock().now})
	global := fixedRule(limits.Requests, 1)
	mustDecide(t, s, decisionOf("all", global))
	for n := range 1000 {
		d := decisionOf(strconv.Itoa(n), threeWindows...)
		d.Checks = append(d.Checks, decisionOf("all", global).Checks...)
		if mustDecide(t, s, d); !d.Denied {
			t.Fatal("admitted beyond the limit")
		}
	}
	if n := s.Stats().Entries; n != 1 {
		t.Errorf("%d counters, want that of all alone", n)
	}
}

// TestReclaim checks that room which one kind of counters has taken can be had by
// another.
func TestReclaim(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := New(Options{MaxBytes: 1 << 20, Clock: c.now})
	fill := func(r *limits.Rule, n int) {
		for i := range n {
			mustDecide(t, s, decisionOf(strconv.Itoa(i), r))
		}
	}
	rules := []*limits.Rule{
		{Window: limits.Window{Length: time.Minute}, Limit: 5},
		fixedRule(limits.Requests, 5),
		{Unit: limits.Cost, Window: limits.Window{Length: time.Minute}, Limit: 5},
		{Window: limits.Window{Length: time.Minute}, Limit: 5},
	}
	for i, r := range rules {
		fill(r, 8_000)
		const overflow = 64 << 10 // of a shard of few overflow counters
		if n := s.Stats().Bytes; n > 1<<20+overflow {
			t.Errorf("%d bytes after rule %d, more than allowed", n, i)
		}
		if used := usedOf(t, s, decisionOf("7999", r).Checks[0]); used != 1 && r.Unit != limits.Cost {
			t.Errorf("the last key of rule %d has used %d, want 1", i, used)
		}
		c.advance(time.Hour)
	}
	if n := s.Stats().Entries; n == 0 {
		t.Error("no counters")
	}
}

// TestIndex makes and removes counters at random, beside a map.
func TestIndex(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // A test.
	sh := newShard(maxSlots, 1<<40)
	tags := []tag{
		tagOf(threeWindows[0]), tagOf(fixedRule(limits.Requests, 1)), tagOf(fixedRule(limits.Cost, 1)),
		tagOf(&limits.Rule{Unit: limits.Cost, Window: limits.Window{Length: time.Minute}}),
	}
	type key struct {
		id  id
		tag tag
	}
	want := map[key]ref{}
	for step := range 50_000 {
		k := key{id{random.Uint64N(700) << 3, 0}, tags[random.IntN(len(tags))]}
		r := sh.find(k.id, k.tag)
		if r != want[k] {
			t.Fatalf("step %d: found %d, want %d", step, r, want[k])
		}
		switch {
		case r == 0:
			want[k] = sh.insert(k.id, k.tag, 0)
			if hd := sh.head(want[k]); hd.id != k.id || hd.tag != k.tag {
				t.Fatalf("step %d: a counter of another", step)
			}
		case random.IntN(2) == 0:
			sh.remove(r)
			delete(want, k)
		}
		if sh.entries != len(want) {
			t.Fatalf("step %d: %d entries, want %d", step, sh.entries, len(want))
		}
	}
	n := 0
	sh.each(func(r ref, hd *head) {
		n++
		if want[key{hd.id, hd.tag}] != r {
			t.Errorf("slot %d is of nobody", r)
		}
	})
	if n != len(want) {
		t.Errorf("%d slots in use, want %d", n, len(want))
	}
}

// TestSet sets counters of all kinds.
func TestSet(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := New(Options{Clock: c.now})
	rules := []*limits.Rule{
		{Window: limits.Window{Length: time.Minute}, Limit: 100},
		{Unit: limits.Cost, Window: limits.Window{Length: time.Minute}, Limit: 100},
		{Window: limits.Window{Kind: limits.Fixed, Length: time.Minute}, Limit: 100},
		{Window: limits.Window{Kind: limits.Calendar, Period: limits.Hour}, Limit: 100},
		{Window: limits.Window{Kind: limits.Bucket, Length: time.Second}, Limit: 100},
	}
	for _, before := range []int64{0, 5} {
		d := decisionOf("someone", rules...)
		for i := range d.Checks {
			d.Checks[i].Weight, d.Checks[i].Used = before, 0
		}
		mustDecide(t, s, d)
		for i := range d.Checks {
			d.Checks[i].Used = 40 + int64(i)
		}
		s.Set(d.Checks)
		for i := range d.Checks {
			if used := usedOf(t, s, d.Checks[i]); used != 40+int64(i) {
				t.Errorf("%s: %d used, want %d", rules[i].ID(), used, 40+i)
			}
		}
	}
	held := []limits.Check{{Rule: &limits.Rule{Unit: limits.Concurrent, Window: limits.Window{Kind: limits.Held}, Limit: 5}, Used: 3}}
	s.Set(held)
	if used := usedOf(t, s, held[0]); used != 0 {
		t.Errorf("%d held after Set, want none", used)
	}
}

// TestHashesAreKept checks that remembered hashes are those of the very key.
func TestHashesAreKept(t *testing.T) {
	t.Parallel()
	s := New(Options{Clock: newClock().now})
	rule := fixedRule(limits.Requests, 1<<40)
	long := string(make([]byte, 300))
	for range 3 {
		for _, k := range []limits.Key{{Level: "a", Subject: "bc"}, {Level: "ab", Subject: "c"}, {Level: "abc"}, {Subject: "abc"}, {Level: "a", Subject: long}} {
			d := &limits.Decision{Checks: []limits.Check{{Rule: rule, Key: k, Weight: 1}}}
			mustDecide(t, s, d)
			want := idOf(&k)
			if got, _, _ := s.ids.get(&k); got != want {
				t.Errorf("%q: another hash", k)
			}
		}
	}
	if n := s.Stats().Entries; n != 5 {
		t.Errorf("%d counters, want 5", n)
	}
	key := limits.Key{Level: "a", Subject: "bc"}
	if _, _, ok := s.ids.get(&key); !ok {
		t.Error("the hash of a key that came again is not remembered")
	}
}
