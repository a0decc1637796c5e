// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package coalesce

import (
	"context"
	"io"
)

// Verdict says what a follower is to do.
type Verdict uint8

// Verdicts of Follower.Wait.
const (
	// Shared means that there is a header, and Next gives the answer.
	Shared Verdict = iota
	// Alone means that the follower makes a call of its own, without the group.
	Alone
	// Again means that the leader has failed, and the follower calls Group.Again.
	Again
	// Gone means that the follower's own context has ended.
	Gone
)

// maxTries is how many flights may fail before a follower makes a call of its own.
const maxTries = 2

// Follower is the side of a flight that waits for the answer. It belongs to one goroutine.
type Follower[H any] struct {
	flight *flight[H]
	failed int // how many flights have failed that it has followed before

	// Guarded by flight.mu.
	at   int64 // what it has read
	lost bool  // it is too far behind
}

// Wait waits for the header, or for what to do instead.
func (w *Follower[H]) Wait(ctx context.Context) (header H, v Verdict) {
	f := w.flight
	for {
		f.mu.Lock()
		switch {
		case f.refused:
			f.mu.Unlock()
			return header, Alone
		case f.shown:
			header = f.header
			f.mu.Unlock()
			return header, Shared
		case f.phase == ended:
			f.mu.Unlock()
			if w.failed+1 < maxTries {
				return header, Again
			}
			return header, Alone
		}
		news := f.sleep()
		f.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return header, Gone
		}
	}
}

// Next returns the bytes that come next, as many as there are. They may not be changed,
// and stay as they are. It waits if there are none yet. At the end of the answer the error
// is io.EOF, and otherwise that of the leader, ErrTooSlow, or that of ctx.
func (w *Follower[H]) Next(ctx context.Context) ([]byte, error) {
	f := w.flight
	for {
		f.mu.Lock()
		if w.lost {
			f.mu.Unlock()
			return nil, ErrTooSlow
		}
		if p := f.from(w.at); len(p) > 0 {
			w.at += int64(len(p))
			f.trim()
			f.mu.Unlock()
			return p, nil
		}
		if f.phase == ended {
			err := f.err
			f.mu.Unlock()
			if err == nil {
				err = io.EOF
			}
			return nil, err
		}
		news := f.sleep()
		f.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Leave ends the interest of the follower. It may be called more than once.
func (w *Follower[H]) Leave() { w.flight.left(w) }
