// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"sync/atomic"
	"time"
)

// comingBack is for how long a gateway goes on by its share when Redis is back.
// Gateways find it again one after the other: within two heartbeats of a quarter of a
// second, or more after a relapse, and who has nothing to decide tells what it has
// admitted by its share markEvery later. Until all have told, who is first would admit
// that once more. It has to be more than these times together, on a busy machine, too.
const comingBack = 1200 * time.Millisecond

// States of a comeback, besides the time when Redis was found again.
const (
	neverMet int64 = iota // Redis was not there yet
	sharing               // Redis decides
	gone                  // Redis is down
)

// comeback says who decides about limits that are not hard.
type comeback struct {
	state atomic.Int64  // one of the above, or nanoseconds of the gateway
	crowd atomic.Int64  // how many gateways there were when Redis went away
	due   chan struct{} // has one when it is time to tell Redis, and to share again
}

func (b *comeback) init() { b.due = make(chan struct{}, 1) }

// alone says that this gateway decides by its share: Redis is down, or was until a
// moment ago.
func (s *Store) alone() bool {
	b := &s.comeback
	state := b.state.Load()
	switch up := s.conn.Up(); {
	case up && state == sharing:
		return false
	case up && state == neverMet:
		b.state.CompareAndSwap(neverMet, sharing)
		return false
	case up && state == gone:
		if b.state.CompareAndSwap(gone, time.Now().UnixNano()) {
			b.tell()
		}
	case up:
		if s.isBack(state) {
			b.tell()
		}
	case state != neverMet && state != gone:
		if state == sharing {
			b.crowd.Store(int64(s.conn.Instances()))
		}
		b.state.CompareAndSwap(state, gone)
	}
	return true
}

func (b *comeback) tell() {
	select {
	case b.due <- struct{}{}:
	default:
	}
}

func (s *Store) isBack(since int64) bool {
	return since > gone && time.Now().UnixNano()-since >= int64(comingBack)
}

// shareAgain tells Redis what it does not know, and then has it decide again, if it is time
// for that.
func (s *Store) shareAgain(tell func()) {
	since := s.comeback.state.Load()
	tell()
	if s.isBack(since) {
		s.comeback.state.CompareAndSwap(since, sharing)
	}
}
