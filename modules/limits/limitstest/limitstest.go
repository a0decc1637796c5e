// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package limitstest is what every [limits.Store] has to pass. A store's own tests
// call [Run] and [Benchmark] with an [Opener]; the package tests itself with [Model],
// a store that is slow and obviously right, and with stores that are wrong on
// purpose.
//
// The suite decides what the contract leaves open for others to rely on: figures
// are compared with those of the model, whatever is asked, in whatever order, at
// the borders of windows and from many goroutines and gateways at once.
package limitstest

import (
	"testing"
	"time"
	_ "time/tzdata" // calendar windows in time zones, wherever the tests run

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Opener says how a store is opened for the tests, and what can be asked of it.
type Opener struct {
	// Open returns a fresh, empty store, which lives as long as the test. If clock
	// is not nil it is the time that the store has to go by; that is so if Virtual
	// is set.
	Open func(t testing.TB, clock *Clock) limits.Store
	// Virtual says that stores go by the clock that they are given. Otherwise
	// what depends on time is tested less exactly, in real time.
	Virtual bool
	// Several returns n stores that share their counters, as gateways do. Nil if
	// the store is that of one process.
	Several func(t testing.TB, n int, clock *Clock) []limits.Store
	// Flush waits until the store has told what Settle has left to the background.
	// Nil if Settle leaves nothing.
	Flush func(s limits.Store)
	// Recalled says that a denial may be answered from what is remembered of an
	// earlier one. Then only the exceeded checks that it names are compared.
	Recalled bool
	// Scattered says that the keys of one decision may lie on several servers, so that
	// another decision can be denied by what is about to be taken back. Then the order
	// of answers is not checked.
	Scattered bool
	// Steps is how many operations each random test makes; 0 is 2000 in short mode
	// and 6000 otherwise.
	Steps int
}

// start is when the virtual clocks of the tests begin: no border of anything.
var start = time.Date(2026, time.March, 4, 5, 6, 7, 8_009_000, time.UTC)

// Run tests that what o opens keeps the contract of limits.Store.
func Run(t *testing.T, o Opener) {
	t.Helper()
	if o.Steps == 0 {
		o.Steps = 6_000
		if testing.Short() {
			o.Steps = 2_000
		}
	}
	tests := []struct {
		name string
		test func(*testing.T, Opener)
		// when is whether the test can be run.
		when bool
	}{
		{"decide", testDecide, true},
		{"soft and shadow", testSoftAndShadow, true},
		{"amounts", testAmounts, true},
		{"identity", testIdentity, true},
		{"headers", testHeaders, true},
		{"settle", testSettle, true},
		{"late settlement", testSettleLate, o.Virtual},
		{"held", testHeld, true},
		{"look", testLook, true},
		{"reset", testReset, true},
		{"contexts", testContexts, true},
		{"borders", testBorders, o.Virtual},
		{"frees", testFrees, o.Virtual},
		{"any span", testAnySpan, o.Virtual},
		{"bucket", testBucket, o.Virtual},
		{"clock", testClock, o.Virtual},
		{"real time", testRealTime, !o.Virtual},
		{"random", testRandom, true},
		{"concurrent", testConcurrent, true},
		{"linearizable", testLinearizable, !o.Scattered},
	}
	for _, tt := range tests {
		if tt.when {
			t.Run(tt.name, func(t *testing.T) { tt.test(t, o) })
		}
	}
}
