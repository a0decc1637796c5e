// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package recordstest is what every [records.Store] has to pass. A store's own tests call
// [Run] with an [Opener].
package recordstest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/records"
)

// Options are what the suite asks of a store that is to be opened.
type Options struct {
	// Now is the clock.
	Now func() time.Time
	// MaxRecords is how many records there may be, of which those of one kind may be a
	// half; 0 for any number that is enough.
	MaxRecords int
}

// Opener says how a store is opened for the tests.
type Opener struct {
	// Open returns n stores with the same content, which is nothing, as gateways have
	// them in common. They live as long as the test. Where only one process can have the
	// store, all are the same.
	Open func(t testing.TB, n int, o Options) []records.Store
	// Advance makes a span pass for what has a clock of its own, such as a server. Nil
	// if Options.Now is the only clock.
	Advance func(t testing.TB, d time.Duration)
	// Rounds is how often what happens at once is tried; 0 is 500, and 100 in short mode.
	Rounds int
}

// Clock is a clock that stands until it is moved. It is safe for concurrent use.
type Clock struct{ nanos atomic.Int64 }

// NewClock returns a clock that stands at a time.
func NewClock(at time.Time) *Clock {
	c := new(Clock)
	c.nanos.Store(at.UnixNano())
	return c
}

// Now returns what the clock shows.
func (c *Clock) Now() time.Time { return time.Unix(0, c.nanos.Load()) }

// Advance moves the clock by d.
func (c *Clock) Advance(d time.Duration) { c.nanos.Add(int64(d)) }

// Run tests that what o opens keeps the contract of records.Store.
func Run(t *testing.T, o Opener) {
	t.Helper()
	if o.Rounds == 0 {
		o.Rounds = 500
		if testing.Short() {
			o.Rounds = 100
		}
	}
	for _, tt := range []struct {
		name string
		test func(*testing.T, Opener)
	}{
		{"records", testRecords},
		{"copies", testCopies},
		{"add", testAdd},
		{"take", testTake},
		{"delete", testDelete},
		{"list", testList},
		{"long list", testLongList},
		{"expiry", testExpiry},
		{"invalid", testInvalid},
		{"contexts", testContexts},
		{"full", testFull},
		{"full of one kind", testFullOfOneKind},
		{"several", testSeveral},
		{"one adds", testOneAdds},
		{"one takes", testOneTakes},
		{"model", testModel},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, o) })
	}
}

// fixture is a store with its clock.
type fixture struct {
	records.Store

	clock   *Clock
	advance func(t testing.TB, d time.Duration)
}

func open(t *testing.T, o Opener) fixture {
	t.Helper()
	f := fixture{clock: newClock(), advance: o.Advance}
	f.Store = o.Open(t, 1, Options{Now: f.clock.Now})[0]
	return f
}

// newClock begins now, since a server cannot be told another time.
func newClock() *Clock { return NewClock(time.Now().Truncate(time.Millisecond)) }

// pass lets a span pass.
func (f *fixture) pass(t *testing.T, d time.Duration) {
	t.Helper()
	f.clock.Advance(d)
	if f.advance != nil {
		f.advance(t, d)
	}
}

func (f *fixture) put(t *testing.T, key, value string, ttl time.Duration) {
	t.Helper()
	if err := f.Put(t.Context(), key, []byte(value), ttl); err != nil {
		t.Fatalf("Put(%s) = %v", key, err)
	}
}

// is checks what Get finds; "-" stands for nothing.
func (f *fixture) is(t *testing.T, key, want string) {
	t.Helper()
	value, found, err := f.Get(t.Context(), key)
	check(t, "Get", key, value, found, err, want)
}

// takes checks what Take finds.
func (f *fixture) takes(t *testing.T, key, want string) {
	t.Helper()
	value, found, err := f.Take(t.Context(), key)
	check(t, "Take", key, value, found, err, want)
}

// nothing is what is expected where there is no record.
const nothing = "-"

func check(t *testing.T, what, key string, value []byte, found bool, err error, want string) {
	t.Helper()
	if err != nil || found != (want != nothing) || found && string(value) != want || !found && value != nil {
		t.Fatalf("%s(%s) = %.40q, %v, %v, want %.40q", what, key, value, found, err, want)
	}
}
