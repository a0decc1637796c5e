// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/caddy-gateway/tollgate/modules/records"
)

const (
	// storeTime is how long anybody waits for the store, and how long that has for an
	// answer.
	storeTime = 2 * time.Second
	// makeTime is the same for a key to be made and stored. Large ones take a second of
	// a slow machine.
	makeTime = 10 * time.Second
)

var (
	errSlow  = errors.New("the store has not answered in time")
	errPanic = errors.New("the store has panicked")
)

// attempts are calls of the store that are under way, by what they are for: who needs the
// same waits for the same call, each no longer than it may. A store that hangs holds up
// nobody for longer, and has one call of a kind to answer when it comes back. The zero value
// is ready.
type attempts[T any] struct {
	mu    sync.Mutex
	under map[string]*attempt[T]
}

// attempt is one call.
type attempt[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// current returns the call for what is named, or nil if there is none.
func (a *attempts[T]) current(what string) *attempt[T] {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.under[what]
}

// begin makes a call, or returns the one that is under way. A client that leaves does not end
// it: others may wait for it.
func (a *attempts[T]) begin(ctx context.Context, what string, limit time.Duration, work func(context.Context) (T, error)) *attempt[T] {
	a.mu.Lock()
	defer a.mu.Unlock()
	if at := a.under[what]; at != nil {
		return at
	}
	at := &attempt[T]{done: make(chan struct{}), err: errPanic}
	if a.under == nil {
		a.under = make(map[string]*attempt[T])
	}
	a.under[what] = at
	go func() {
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), limit, errSlow)
		defer cancel()
		defer a.end(what, at)
		at.value, at.err = work(ctx)
	}()
	return at
}

// end lets those go on who wait. In a goroutine of its own a panic would end the process; what
// it was and where is in the error, which is for the log.
func (a *attempts[T]) end(what string, at *attempt[T]) {
	if value := recover(); value != nil {
		at.err = fmt.Errorf("%w: %v\n%s", errPanic, value, debug.Stack())
	}
	a.mu.Lock()
	delete(a.under, what)
	a.mu.Unlock()
	close(at.done)
}

// wait returns what the call returns. It waits no longer than limit, or as ctx allows.
func (at *attempt[T]) wait(ctx context.Context, limit time.Duration) (T, error) {
	select {
	case <-at.done: // often at once
		return at.value, at.err
	default:
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errSlow)
	defer cancel()
	select {
	case <-at.done:
		return at.value, at.err
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("%w: %w", records.ErrUnavailable, context.Cause(ctx))
	}
}

// do is begin and wait.
func (a *attempts[T]) do(ctx context.Context, what string, limit time.Duration, work func(context.Context) (T, error)) (T, error) {
	return a.begin(ctx, what, limit, work).wait(ctx, limit)
}
