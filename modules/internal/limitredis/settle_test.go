// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
	"github.com/caddy-gateway/tollgate/modules/limits"
	"github.com/caddy-gateway/tollgate/modules/limits/limitstest"
)

var (
	monthly = &limits.Rule{Unit: limits.Cost, Limit: 1000, Window: limits.Window{Kind: limits.Calendar, Period: limits.Month}}
	tokens  = &limits.Rule{Unit: limits.Tokens, Limit: 1000, Window: limits.Window{Kind: limits.Sliding, Length: time.Hour}}
	held    = &limits.Rule{Unit: limits.Concurrent, Limit: 3, Window: limits.Window{Kind: limits.Held}}
)

// on is a check of a rule for somebody.
func on(r *limits.Rule, subject string, weight int64) limits.Check {
	return limits.Check{Rule: r, Key: limits.Key{Level: "test", Subject: subject}, Weight: weight}
}

// admit decides, and fails the test unless Redis admits.
func admit(t testing.TB, s *Store, checks ...limits.Check) *limits.Decision {
	t.Helper()
	d := &limits.Decision{ID: limits.NewID(), Checks: checks}
	if err := s.Decide(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if d.Denied || d.Degraded {
		t.Fatalf("denied %v, degraded %v", d.Denied, d.Degraded)
	}
	return d
}

// settle settles to an amount, and waits until Redis knows.
func settle(t testing.TB, s *Store, d *limits.Decision, actual int64) {
	t.Helper()
	for i := range d.Checks {
		d.Checks[i].Actual = actual
	}
	s.Settle(d)
	settled(t, []*Store{s})
}

// holds fails the test unless a counter holds and reserves so much.
func holds(t testing.TB, s *Store, c limits.Check, used, reserved int64) {
	t.Helper()
	look := []limits.Check{c}
	if err := s.Look(t.Context(), look); err != nil {
		t.Fatal(err)
	}
	if look[0].Used != used || look[0].Reserved != reserved {
		t.Errorf("%s of %q: %d used, %d reserved, want %d and %d", c.Rule.ID(), c.Key.Subject, look[0].Used, look[0].Reserved, used, reserved)
	}
}

// still returns stores on a Redis of their own, whose clock stands.
func still(t testing.TB, n int, change func(*Options)) ([]*Store, *redistest.Server, *limitstest.Clock) {
	t.Helper()
	r := redistest.Start(t)
	clock := limitstest.NewClock(time.Date(2026, time.May, 5, 5, 5, 5, 0, time.UTC))
	seasoned(t, r, redisconn.DefaultPrefix)
	return gateways(t, n, []string{r.URL()}, 0, func(o *Options) {
		o.Clock = clock.Now
		if change != nil {
			change(o)
		}
	}), r, clock
}

func TestLeasesOfThoseWhoCrashed(t *testing.T) {
	t.Parallel()
	stores, r, clock := still(t, 2, nil)
	alive, crashed := stores[0], stores[1]
	lost := admit(t, crashed, on(monthly, "a", 100), on(tokens, "a", 100), on(held, "a", 1))
	crashed.open.remove(lost.ID) // nobody renews it
	admit(t, alive, on(held, "a", 1))
	holds(t, alive, on(held, "a", 0), 2, 2)
	holds(t, alive, on(tokens, "a", 0), 100, 100)

	clock.Advance(limits.Lease - time.Second)
	alive.renew(0)
	holds(t, alive, on(held, "a", 0), 2, 2)
	clock.Advance(2 * time.Second)
	holds(t, alive, on(held, "a", 0), 1, 1) // what it held is free
	holds(t, alive, on(monthly, "a", 0), 100, 0)
	holds(t, alive, on(tokens, "a", 0), 100, 0) // what it reserved is charged
	admit(t, alive, on(held, "a", 2))

	// Only what has a lease is kept as a reservation once the windows have passed.
	clock.Advance(40 * 24 * time.Hour)
	alive.renew(0)
	for range clearEvery + 1 {
		d := admit(t, alive, on(tokens, "a", 1))
		settle(t, alive, d, 1)
	}
	all, _ := r.Do("HKEYS", "tollgate:{test|a"+suffixReserved).([]any)
	for _, id := range all {
		if id == string(lost.ID[:]) {
			t.Error("the reservation of who crashed is kept for ever")
		}
	}
}

func TestWhatIsHeldSurvivesFlush(t *testing.T) {
	t.Parallel()
	stores, r, _ := still(t, 1, nil)
	s := stores[0]
	d := admit(t, s, on(held, "a", 2), on(tokens, "a", 100))
	r.Do("FLUSHALL")
	s.renew(0)
	holds(t, s, on(held, "a", 0), 2, 2)
	holds(t, s, on(tokens, "a", 0), 0, 0)
	e := admit(t, s, on(tokens, "a", 50))
	settle(t, s, d, 10) // must not take from what others have counted since
	holds(t, s, on(tokens, "a", 0), 50, 50)
	holds(t, s, on(held, "a", 0), 0, 0)
	settle(t, s, e, 20)
	holds(t, s, on(tokens, "a", 0), 20, 0)
}

func TestCancelledDecisionsAreNotCountedLater(t *testing.T) {
	t.Parallel()
	stores, _, _ := still(t, 1, nil)
	s := stores[0]
	d := &limits.Decision{ID: limits.NewID(), Checks: []limits.Check{on(monthly, "a", 10), on(tokens, "b", 10)}}
	s.cancel(d, false) // it had timed out
	settled(t, stores)
	if err := s.Decide(t.Context(), d); err == nil { // and arrives now
		t.Error("a decision was counted that had been cancelled")
	}
	settled(t, stores)
	holds(t, s, on(monthly, "a", 0), 0, 0)
	holds(t, s, on(tokens, "b", 0), 0, 0)

	e := admit(t, s, on(monthly, "a", 10))
	s.cancel(e, false) // it had arrived
	settled(t, stores)
	holds(t, s, on(monthly, "a", 0), 0, 0)
}

func TestResetIsNotUndone(t *testing.T) {
	t.Parallel()
	stores, r, _ := still(t, 2, nil)
	a, b := stores[0], stores[1]
	settle(t, a, admit(t, a, on(monthly, "a", 600)), 600)
	settle(t, b, admit(t, b, on(monthly, "a", 100)), 100)
	if err := a.Reset(t.Context(), []limits.Check{on(monthly, "a", 0)}); err != nil {
		t.Fatal(err)
	}
	admit(t, b, on(monthly, "a", 1000)) // although b knows of 700
	holds(t, a, on(monthly, "a", 0), 1000, 1000)
	r.Do("FLUSHALL")
	for _, s := range stores {
		s.sending.Lock()
		err := s.tell()
		s.sending.Unlock()
		if err != nil {
			t.Fatal(err)
		}
	}
	holds(t, a, on(monthly, "a", 0), 1000, 0)
}

// memoryJournal is a Journal that forgets with the process.
type memoryJournal struct {
	mu sync.Mutex
	m  map[limits.ID][]byte
}

func (j *memoryJournal) Save(id limits.ID, payload []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.m[id] = payload
	return nil
}

func (j *memoryJournal) Done(id limits.ID) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.m, id)
}

func (j *memoryJournal) all() [][]byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Collect(maps.Values(j.m))
}

func TestJournalSettlesAfterACrash(t *testing.T) {
	t.Parallel()
	journal := &memoryJournal{m: make(map[limits.ID][]byte)}
	r := redistest.Start(t)
	clock := limitstest.NewClock(time.Date(2026, time.May, 5, 5, 5, 5, 0, time.UTC))
	seasoned(t, r, redisconn.DefaultPrefix)
	conn := connect(t, redisconn.Options{URLs: []string{r.URL()}})
	// This gateway has no background: it crashes before it tells anybody.
	crashed := New(Options{Conn: conn, Clock: clock.Now, Journal: journal})
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		t.Fatal(err)
	}
	zoned := &limits.Rule{Unit: limits.Cost, Limit: 1000, Window: limits.Window{Kind: limits.Calendar, Period: limits.Day, Zone: kolkata}}
	d := admit(t, crashed, on(monthly, "\xff", 500), on(zoned, "b", 500))
	for i := range d.Checks {
		d.Checks[i].Actual = 7
	}
	crashed.Settle(d)
	left := journal.all()
	if len(left) != 1 {
		t.Fatalf("the journal has %d settlements, want 1", len(left))
	}
	s := open(t, Options{Conn: conn, Clock: clock.Now, Journal: journal})
	for range 2 { // it counts once
		if err := s.Resume(left[0]); err != nil {
			t.Fatal(err)
		}
	}
	settled(t, []*Store{s})
	holds(t, s, on(monthly, "\xff", 0), 7, 0)
	holds(t, s, on(zoned, "b", 0), 7, 0)
	if left := journal.all(); len(left) != 0 {
		t.Errorf("the journal has %d settlements after Redis has understood", len(left))
	}
	for _, bad := range []string{"", "{", `{"w":[{"z":"Nowhere/Atlantis"}]}`, `{"w":[{"u":200}]}`} {
		if s.Resume([]byte(bad)) == nil {
			t.Errorf("Resume(%q) has no error", bad)
		}
	}
}

func TestPendingQueueIsBounded(t *testing.T) {
	t.Parallel()
	var q pendingQueue
	q.init(2)
	hard := func(n byte, is bool) settlement { return settlement{id: limits.ID{n}, hard: is} }
	for _, step := range []struct {
		push settlement
		lost limits.ID
	}{
		{hard(1, false), limits.ID{}},
		{hard(2, true), limits.ID{}},
		{hard(3, false), limits.ID{1}},
		{hard(4, true), limits.ID{3}},
		{hard(5, true), limits.ID{2}},
	} {
		lost := q.push(step.push)
		if got := len(lost) > 0; got != (step.lost != limits.ID{}) || got && lost[0].id != step.lost {
			t.Errorf("push(%v) gives up %v, want %v", step.push.id, lost, step.lost)
		}
	}
	batch := q.take(10)
	if len(batch) != 2 || batch[0].id != (limits.ID{4}) || batch[1].id != (limits.ID{5}) {
		t.Errorf("take() = %v", batch)
	}
	q.giveBack(batch[1:])
	if q.len() != 1 {
		t.Errorf("%d are left, want 1", q.len())
	}
}
