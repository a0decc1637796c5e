// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package coalesce makes one call of several that ask for the same at the same time.
//
// Who joins a [Group] first under a key leads: it makes the call and tells the header of
// the answer, its bytes as they come, and its end. Who joins while that goes on follows,
// and reads the answer from its beginning, at its own pace. Nobody is told anything of
// another key.
//
// # What can become of a follower
//
//   - The leader has told a header: the follower shares the answer (Shared).
//   - The leader has found that its answer is for nobody else (Refuse): the follower makes
//     a call of its own (Alone). It has read nothing by then.
//   - The leader has failed before the header: the followers join again, where one of them
//     leads and the others follow it (Again). If that one fails as well they make calls of
//     their own, so that nobody waits for more than two calls of others, and nobody is
//     refused what it has not tried itself.
//   - The leader fails after the header: the follower's answer ends with that error, as the
//     leader's does.
//
// # Whom nobody waits for
//
// The leader never waits for followers. A flight keeps what it is told, up to a bound
// (Group.MaxBytes). Beyond it nobody else can join, what all followers have read is
// forgotten, and a follower that is more than the bound behind is cut off (ErrTooSlow).
// So a flight takes no more memory than twice the bound.
//
// A leader whose client has gone goes on for as long as there are followers: its call runs
// with Lead.Context, which ends when nobody is interested any more.
//
// The package starts no goroutines.
package coalesce

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// Key says what calls ask for. It has to tell apart all whose answers may differ.
type Key [32]byte

// DefaultMaxBytes is 8 MiB.
const DefaultMaxBytes = 8 << 20

// Errors of followers, besides those of leaders.
var (
	// ErrTooSlow tells a follower that what it has not read is no longer kept.
	ErrTooSlow = errors.New("the answer has gone on while it was not read")
	// ErrAbandoned is how a flight ends whose leader has returned without saying how.
	ErrAbandoned = errors.New("the call was abandoned")
)

// Group is a set of flights, which have headers of type H. The zero value is ready. It is
// safe for concurrent use.
type Group[H any] struct {
	// MaxBytes bounds what a flight keeps, by default DefaultMaxBytes. It is set before
	// the group is used.
	MaxBytes int64

	mu      sync.Mutex
	flights map[Key]*flight[H]

	joined atomic.Uint64
}

// Join makes the caller the leader of the key (lead is not nil) or a follower of whoever
// leads it (follower is not nil). Ctx is that of the client. A leader has to call Lead.End,
// a follower Follower.Leave, however they return.
func (g *Group[H]) Join(ctx context.Context, key Key) (lead *Lead[H], follower *Follower[H]) {
	return g.join(ctx, key, 0)
}

// Again joins once more after a flight that has failed, see Follower.Wait. The follower has
// left that then.
func (g *Group[H]) Again(ctx context.Context, f *Follower[H]) (lead *Lead[H], follower *Follower[H]) {
	f.Leave()
	return g.join(ctx, f.flight.key, f.failed+1)
}

func (g *Group[H]) join(ctx context.Context, key Key, failed int) (*Lead[H], *Follower[H]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f := g.flights[key]; f != nil {
		if follower := f.follow(failed); follower != nil {
			g.joined.Add(1)
			return nil, follower
		}
	}
	f := &flight[H]{group: g, key: key, max: g.MaxBytes, changed: make(chan struct{})}
	if f.max <= 0 {
		f.max = DefaultMaxBytes
	}
	if g.flights == nil {
		g.flights = make(map[Key]*flight[H])
	}
	g.flights[key] = f
	l := &Lead[H]{flight: f}
	l.ctx, f.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	l.release = context.AfterFunc(ctx, func() { f.leaderLeft(context.Cause(ctx)) })
	return l, nil
}

// forget has nobody join a flight any more.
func (g *Group[H]) forget(f *flight[H]) {
	g.mu.Lock()
	if g.flights[f.key] == f {
		delete(g.flights, f.key)
	}
	g.mu.Unlock()
}

// Flights is how many flights can be joined now.
func (g *Group[H]) Flights() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.flights)
}

// Followed is how many have followed since the start.
func (g *Group[H]) Followed() uint64 { return g.joined.Load() }
