// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"context"
	"maps"
	"slices"
	"strings"
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

// TestWhatIsNeverUnderstoodKeepsNobodyWaiting takes settlements of which some always
// come back.
func TestWhatIsNeverUnderstoodKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	var q pendingQueue
	q.init(0)
	const never = 100
	for n := range byte(10) {
		q.push(settlement{id: limits.ID{never + n}, hard: true})
	}
	for n := range byte(10) {
		q.push(settlement{id: limits.ID{1 + n}, hard: n%2 == 0})
	}
	left := 10
	for range 100 {
		var rest []settlement
		for _, st := range q.take(leastBatch) {
			if st.id[0] >= never {
				rest = append(rest, st)
			} else {
				left--
			}
		}
		q.giveBack(rest)
	}
	if left != 0 || q.len() != 10 {
		t.Errorf("%d were not sent, and %d wait, want 0 and 10", left, q.len())
	}
}

func TestPermanent(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"WRONGTYPE Operation against a key holding the wrong kind of value script: 0a, on @user_script:42.":                 true,
		"ERR Error running script (call to f_0a): @user_script:42: -WRONGTYPE Operation against a key":                      true,
		"ERR user_script:42: attempt to index a nil value script: 0a, on @user_script:42.":                                  true,
		"ERR Error running script (call to f_0a): @user_script:42: user_script:42: attempt to index a nil value":            true,
		"ERR Error running script (call to f_0a): @user_script:42: -OOM command not allowed when used memory > 'maxmemory'": false,
		"ERR Error running script (call to f_0a): @user_script:42: -READONLY You can't write against a read only replica.":  false,
		"ERR max number of clients reached":                    false,
		"ERR AUTH <password> called without any password":      false,
		"OOM command not allowed when used memory > maxmemory": false,
		"READONLY You can't write against a read only replica": false,
		"TRYAGAIN Multiple keys request during rehashing":      false,
		"NOPERM this user has no permissions":                  false,
	} {
		if got := permanent(redisError(text)); got != want {
			t.Errorf("permanent(%q) = %v", text, got)
		}
	}
	if permanent(context.DeadlineExceeded) {
		t.Error("a timeout is permanent")
	}
}

// redisError is an answer of Redis.
type redisError string

func (e redisError) Error() string { return string(e) }
func (redisError) RedisError()     {}

// TestForeignKeysAreGivenUp has somebody else use the key of a counter.
func TestForeignKeysAreGivenUp(t *testing.T) {
	t.Parallel()
	stores, r, _ := still(t, 1, nil)
	s := stores[0]
	d := admit(t, s, on(tokens, "a", 10))
	r.Do("DEL", "tollgate:{test|a"+suffixCounters)
	r.Do("LPUSH", "tollgate:{test|a"+suffixCounters, "foreign")
	settle(t, s, d, 5)
	if n := s.Stats().Dropped; n != 1 {
		t.Errorf("%d settlements were given up, want 1", n)
	}
}

// TestTakingBackDoesNotWait takes back what was counted while leases are renewed.
func TestTakingBackDoesNotWait(t *testing.T) {
	t.Parallel()
	stores, _, _ := still(t, 1, nil)
	s := stores[0]
	d := admit(t, s, on(tokens, "a", 10))
	s.open.remove(d.ID)
	s.sending.Lock()
	done := make(chan struct{})
	go func() {
		s.cancel(d, true)
		close(done)
	}()
	select {
	case <-done:
		holds(t, s, on(tokens, "a", 0), 0, 0)
	case <-time.After(5 * time.Second):
		t.Error("it waits for others")
	}
	s.sending.Unlock()
	<-done
}

// TestWhatIsForgottenIsNotReservedAgain has both Redis and the gateway forget a
// counter: then a reservation of it is none any more, and must not be taken from what
// others have counted since.
func TestWhatIsForgottenIsNotReservedAgain(t *testing.T) {
	t.Parallel()
	stores, r, _ := still(t, 1, func(o *Options) { o.Known = 1 })
	s := stores[0]
	d := admit(t, s, on(monthly, "a", 100))
	admit(t, s, on(monthly, "b", 1)) // of which alone it is known now
	r.Do("DEL", "tollgate:{test|a"+suffixCounters, "tollgate:{test|a"+suffixReserved)
	s.renew(0)
	settle(t, s, admit(t, s, on(monthly, "a", 50)), 50)
	settle(t, s, d, 0)
	holds(t, s, on(monthly, "a", 0), 50, 0)
}

// TestSharesFit asks for the shares of changing numbers of gateways at once.
func TestSharesFit(t *testing.T) {
	t.Parallel()
	r := compile(&limits.Rule{Limit: 60, Window: limits.Window{Length: time.Minute}})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20_000 {
				n := int64(2 + (i+j)%2)
				if got := r.shareOf(n).Limit; got != 60/n {
					t.Errorf("the share of one of %d is %d", n, got)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestCancellingKeepsReservations cancels a decision while there is a reservation of
// somebody who has crashed, for whom the journal is to settle it later.
func TestCancellingKeepsReservations(t *testing.T) {
	t.Parallel()
	stores, r, _ := still(t, 1, nil)
	s := stores[0]
	crashed := admit(t, s, on(monthly, "a", 100))
	s.open.remove(crashed.ID) // nobody renews it
	s.cancel(&limits.Decision{ID: limits.NewID(), Checks: []limits.Check{on(monthly, "a", 10)}}, false)
	settled(t, stores)
	if ms, _ := r.Do("PTTL", "tollgate:{test|a"+suffixReserved).(int64); ms < time.Hour.Milliseconds() {
		t.Errorf("what is reserved in a month is forgotten in %d ms", ms)
	}
}

// TestHeldIsCountedWithoutLooking has what is in flight be right though nobody adds up
// the reservations again: that would take longer the more there are.
func TestHeldIsCountedWithoutLooking(t *testing.T) {
	t.Parallel()
	stores, r, clock := still(t, 1, nil)
	s := stores[0]
	many := &limits.Rule{Unit: limits.Concurrent, Limit: 100, Window: limits.Window{Kind: limits.Held}}
	var all []*limits.Decision
	for range 10 {
		all = append(all, admit(t, s, on(many, "a", 2)))
	}
	r.Do("CONFIG", "RESETSTAT")
	for i, d := range all[:5] {
		settle(t, s, d, 0)
		if e := admit(t, s, on(many, "a", 1)); e.Checks[0].Used != int64(19-i) {
			t.Errorf("%d in flight after %d ended, want %d", e.Checks[0].Used, i+1, 19-i)
		}
	}
	if stats, _ := r.Do("INFO", "commandstats").(string); strings.Contains(stats, "hgetall") {
		t.Errorf("reservations were added up: %s", stats)
	}
	holds(t, s, on(many, "a", 0), 15, 15)

	// What ends after its lease has ended is not taken away twice.
	for _, d := range all[5:] {
		s.open.remove(d.ID)
	}
	clock.Advance(limits.Lease - time.Second)
	s.renew(0)
	clock.Advance(2 * time.Second)
	for _, d := range all[5:] {
		settle(t, s, d, 0)
	}
	holds(t, s, on(many, "a", 0), 5, 5)
	if e := admit(t, s, on(many, "a", 1)); e.Checks[0].Used != 6 {
		t.Errorf("%d in flight, want 6", e.Checks[0].Used)
	}
}
