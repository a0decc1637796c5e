// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"runtime"
	"sync/atomic"
)

// account is held by whoever meters or settles a request. That is the request's own
// goroutine, for each chunk of an answer; and at the end of the process, once, the
// one that settles what is left. So it is made to be taken undisputed, which costs
// half of what a mutex does, and a dispute lasts no longer than a chunk is metered.
type account struct{ holder atomic.Uint32 }

const (
	nobody   = iota
	itself   // the request's own goroutine
	somebody // else
)

// hold takes the account for the request's own goroutine. It is given back by
// release without defer: what a panic leaves held, close finds held.
func (a *account) hold() {
	if !a.holder.CompareAndSwap(nobody, itself) {
		a.take(itself)
	}
}

// take waits until nobody holds the account. The request's own goroutine does not wait
// for itself: a handler in between may have recovered from a panic. It is kept out of hold, which is small
// enough to be inlined without it.
//
//go:noinline
func (a *account) take(who uint32) {
	for !a.holder.CompareAndSwap(nobody, who) {
		if who == itself && a.isHeld() {
			return
		}
		runtime.Gosched()
	}
}

// release gives the account back.
func (a *account) release() { a.holder.Store(nobody) }

// isHeld reports, to the request's own goroutine, whether it holds the account.
func (a *account) isHeld() bool { return a.holder.Load() == itself }
