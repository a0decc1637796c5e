// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package cachingtest is what every [caching.Store] has to pass. A store's own tests
// call [Run] with an [Opener]; the package tests itself with [Model], a store that is
// obviously right, and with stores that are wrong on purpose.
//
// A store may forget at any time, so a test that only finds nothing proves nothing: the
// suite puts little enough that a store in good health has it all, and wants it back.
package cachingtest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// Opener says how a store is opened for the tests, and what can be asked of it.
type Opener struct {
	// Open returns a fresh, empty store, which lives as long as the test. Its clock is
	// o.Now. A MaxBytes that is set is enough for what the test puts.
	Open func(t testing.TB, o caching.Options) caching.Store
	// Several returns n stores with the same content, as gateways have. Nil if the store
	// is that of one process.
	Several func(t testing.TB, n int, o caching.Options) []caching.Store
	// Advance makes a span pass for what has a clock of its own, such as a server. Nil
	// if o.Now is the only clock.
	Advance func(t testing.TB, d time.Duration)
	// Counts says that Purge tells how many entries there were.
	Counts bool
	// MaxEntry is the largest body that the suite puts, to be kept; 0 is 3 MiB.
	MaxEntry int
	// Rounds is how often what happens at once is tried; 0 is 2000, and 300 in short mode.
	Rounds int
}

// start is when the clocks of the tests begin: now, since a server cannot be told
// another time.
func start() time.Time { return time.Now().Truncate(time.Millisecond) }

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

// Run tests that what o opens keeps the contract of caching.Store.
func Run(t *testing.T, o Opener) {
	t.Helper()
	if o.Rounds == 0 {
		o.Rounds = 2_000
		if testing.Short() {
			o.Rounds = 300
		}
	}
	if o.MaxEntry == 0 {
		o.MaxEntry = 3 << 20
	}
	for _, tt := range []struct {
		name string
		test func(*testing.T, Opener)
	}{
		{"entries", testEntries},
		{"replace", testReplace},
		{"keys", testKeys},
		{"names", testNames},
		{"delete", testDelete},
		{"purge", testPurge},
		{"strange tags", testStrangeTags},
		{"many purges", testManyPurges},
		{"marks", testMarks},
		{"kindred marks", testKindredMarks},
		{"expiry", testExpiry},
		{"immutable", testImmutable},
		{"oversize", testOversize},
		{"invalid", testInvalid},
		{"contexts", testContexts},
		{"closed", testClosed},
		{"whole", testWhole},
		{"fresh", testFresh},
		{"purged for good", testPurgedForGood},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, o) })
	}
}
