// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

func TestDenialsAreRemembered(t *testing.T) {
	t.Parallel()
	stores, _, clock := still(t, 2, nil)
	s, other := stores[0], stores[1]
	rule := &limits.Rule{Unit: limits.Requests, Limit: 3, Window: limits.Window{Kind: limits.Sliding, Length: time.Minute}}
	raised := *rule
	raised.Limit = 4
	global := window(limits.Fixed, time.Hour)
	ask := func(r *limits.Rule, weight int64) *limits.Decision {
		t.Helper()
		d := &limits.Decision{Checks: []limits.Check{on(global, "all", 1), on(r, "a", weight)}}
		if err := s.Decide(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	recalled := func(want uint64) {
		t.Helper()
		if got := s.Stats().Recalled; got != want {
			t.Errorf("%d denials were recalled, want %d", got, want)
		}
	}
	first := ask(rule, 3)
	denied := ask(rule, 1)
	if first.Denied || !denied.Denied {
		t.Fatal("the limit does not hold")
	}
	recalled(0)
	clock.Advance(100 * time.Millisecond)
	again := ask(rule, 1)
	recalled(1)
	c := &again.Checks[1]
	if !again.Denied || !c.Exceeded || c.Used != 3 || c.Frees != denied.Checks[1].Frees-100*time.Millisecond {
		t.Errorf("recalled denied %v, used %d, frees %v, after %v", again.Denied, c.Used, c.Frees, denied.Checks[1].Frees)
	}
	if again.Checks[0].Exceeded {
		t.Error("a limit is exceeded that was not")
	}
	if d := ask(&raised, 1); d.Denied {
		t.Error("denied although the limit was raised")
	}
	ask(rule, 1) // more is used by now, which only Redis can tell
	recalled(1)
	ask(rule, 1)
	recalled(2)
	clock.Advance(500 * time.Millisecond)
	ask(rule, 1)
	recalled(2)
	ask(rule, 1)
	recalled(3)

	// A reset is seen at once where it is made, and half a second later elsewhere.
	d := &limits.Decision{Checks: []limits.Check{on(rule, "a", 1)}}
	if err := other.Decide(t.Context(), d); err != nil || !d.Denied {
		t.Fatalf("denied %v, error %v", d.Denied, err)
	}
	if err := s.Reset(t.Context(), []limits.Check{on(rule, "a", 0)}); err != nil {
		t.Fatal(err)
	}
	if ask(rule, 1).Denied {
		t.Error("denied after a reset")
	}
	clock.Advance(501 * time.Millisecond)
	if err := other.Decide(t.Context(), d); err != nil || d.Denied {
		t.Errorf("denied %v, error %v, half a second after a reset", d.Denied, err)
	}
}

func TestDenialsOfHardLimitsAreNotRemembered(t *testing.T) {
	t.Parallel()
	stores, _, _ := still(t, 1, nil)
	s := stores[0]
	d := admit(t, s, on(monthly, "a", 1000))
	for range 2 {
		e := &limits.Decision{ID: limits.NewID(), Checks: []limits.Check{on(monthly, "a", 1)}}
		if err := s.Decide(t.Context(), e); err != nil || !e.Denied {
			t.Fatalf("denied %v, error %v", e.Denied, err)
		}
	}
	settle(t, s, d, 0)
	admit(t, s, on(monthly, "a", 1))
	if n := s.Stats().Recalled; n != 0 {
		t.Errorf("%d denials were recalled", n)
	}
}

func TestOverCacheIsBounded(t *testing.T) {
	t.Parallel()
	stores, _, _ := still(t, 1, func(o *Options) { o.Over = 64 })
	s := stores[0]
	rule := window(limits.Fixed, time.Hour)
	for i := range 10_000 {
		c := on(rule, fmt.Sprint(i), 1)
		c.Exceeded, c.Frees = true, time.Minute
		s.over.remember(s, &limits.Decision{Denied: true, Checks: []limits.Check{c}})
	}
	n := 0
	for i := range s.over.shards {
		n += len(s.over.shards[i].m)
	}
	if n > 64 {
		t.Errorf("%d are remembered, want at most 64", n)
	}
}
