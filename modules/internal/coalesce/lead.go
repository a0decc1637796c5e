// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package coalesce

import (
	"context"
	"io"
)

// Lead is the side of a flight that makes the call. It belongs to one goroutine, but for
// Context.
type Lead[H any] struct {
	flight  *flight[H]
	ctx     context.Context
	release func() bool
}

// Context is what the call runs with: it has the values of the context of the leader's
// client, and ends when that has ended and there is no follower, or with End.
func (l *Lead[H]) Context() context.Context { return l.ctx }

// Wanted reports whether there are followers. The leader of an answer that nobody else
// waits for need not go on when its own client has gone.
func (l *Lead[H]) Wanted() bool {
	l.flight.mu.Lock()
	defer l.flight.mu.Unlock()
	return len(l.flight.followers) > 0
}

// Publish tells the header: from now on the answer is shared. Neither it nor what it
// refers to may be changed any more. It is called once at most, and not after Refuse or End.
// Size is how many bytes the answer will have, or -1.
func (l *Lead[H]) Publish(header H, size int64) {
	f := l.flight
	f.mu.Lock()
	if f.phase == waiting && !f.refused {
		f.header, f.phase, f.shown = header, streaming, true
		if size > 0 {
			f.room(int(min(size, maxChunk)))
		}
		f.wake()
	}
	f.mu.Unlock()
}

// Refuse tells that the answer is for the leader alone. Followers make calls of their own.
// After Publish it does nothing.
func (l *Lead[H]) Refuse() {
	f := l.flight
	f.mu.Lock()
	refuse := f.phase == waiting
	if refuse {
		f.refused, f.phase, f.detached = true, ended, true
		f.wake()
	}
	f.mu.Unlock()
	if refuse {
		f.group.forget(f)
	}
}

// Write implements io.Writer: it tells further bytes, after Publish. It copies them, waits
// for nobody and never fails.
func (l *Lead[H]) Write(p []byte) (int, error) {
	f := l.flight
	f.mu.Lock()
	over := false
	if f.phase == streaming && len(p) > 0 {
		if over = !f.detached && f.end+int64(len(p)) > f.max; over {
			f.detached = true
		}
		if !f.detached || len(f.followers) > 0 {
			f.add(p)
		} else {
			f.end += int64(len(p))
			f.chunks = nil
		}
		f.trim()
		f.wake()
	}
	f.mu.Unlock()
	if over {
		f.group.forget(f)
	}
	return len(p), nil
}

// Body returns all that was written, in pieces that may not be changed, or false if it was
// more than is kept. It is for who stores the answer, and may be called until after End.
func (l *Lead[H]) Body() (pieces [][]byte, whole bool) {
	f := l.flight
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.shown || f.start > 0 || f.end > f.max {
		return nil, false
	}
	for _, c := range f.chunks {
		if n := len(c.buf); n > 0 {
			pieces = append(pieces, c.buf[:n:n])
		}
	}
	return pieces, true
}

// End ends the flight: with nil the answer is whole, with an error it has failed. Only the
// first call counts, so that a deferred End(ErrAbandoned) is for panics.
func (l *Lead[H]) End(err error) {
	f := l.flight
	l.release()
	f.mu.Lock()
	if f.phase != ended {
		if f.phase == waiting && err == nil {
			err = ErrAbandoned // without a header there is no answer
		}
		f.err, f.phase = err, ended
	}
	f.wake()
	f.mu.Unlock()
	f.group.forget(f)
	f.cancel(context.Canceled)
}

// Interface guards
var _ io.Writer = (*Lead[int])(nil)
