// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"context"
	"sync"
)

// DefaultPending is 100,000.
const DefaultPending = 100_000

// pendingQueue holds settlements that Redis has not understood yet, those of hard limits
// apart: they are the last to be given up.
type pendingQueue struct {
	mu    sync.Mutex
	empty *sync.Cond
	most  int
	hard  []settlement
	soft  []settlement
	taken int           // being sent
	kick  chan struct{} // has one when there may be something to send
}

func (q *pendingQueue) init(most int) {
	if most <= 0 {
		most = DefaultPending
	}
	q.most = most
	q.empty = sync.NewCond(&q.mu)
	q.kick = make(chan struct{}, 1)
}

// push appends a settlement, and returns what had to go for it: the oldest without a
// hard limit, or else the oldest. What is given up stays charged as reserved.
func (q *pendingQueue) push(st settlement) (lost []settlement) {
	q.mu.Lock()
	if len(q.hard)+len(q.soft) >= q.most {
		from := &q.soft
		if len(q.soft) == 0 {
			from = &q.hard
		}
		lost = append(lost, (*from)[0])
		*from = (*from)[1:]
	}
	if st.hard {
		q.hard = append(q.hard, st)
	} else {
		q.soft = append(q.soft, st)
	}
	q.mu.Unlock()
	q.poke()
	return lost
}

func (q *pendingQueue) poke() {
	select {
	case q.kick <- struct{}{}:
	default:
	}
}

// take removes up to n settlements, to be sent. Hard limits come first, but leave room
// for one of the others.
func (q *pendingQueue) take(n int) (batch []settlement) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, from := range [...]*[]settlement{&q.hard, &q.soft} {
		some := min(n-len(batch), len(*from))
		if from == &q.hard && len(q.soft) > 0 && n > 1 {
			some = min(some, n-1)
		}
		batch = append(batch, (*from)[:some]...)
		clear((*from)[:some])
		if *from = (*from)[some:]; len(*from) == 0 {
			*from = nil
		}
	}
	q.taken = len(batch)
	return batch
}

// giveBack puts back what take has returned and was not understood, behind the others:
// what is never understood must not keep them waiting.
func (q *pendingQueue) giveBack(rest []settlement) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken = 0
	for _, st := range rest {
		if st.hard {
			q.hard = append(q.hard, st)
		} else {
			q.soft = append(q.soft, st)
		}
	}
	if len(q.hard)+len(q.soft) == 0 {
		q.empty.Broadcast()
	}
}

func (q *pendingQueue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.hard) + len(q.soft) + q.taken
}

// wait waits until nothing is left, or ctx is done.
func (q *pendingQueue) wait(ctx context.Context) {
	defer context.AfterFunc(ctx, func() {
		q.mu.Lock()
		q.empty.Broadcast()
		q.mu.Unlock()
	})()
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.hard)+len(q.soft)+q.taken > 0 && ctx.Err() == nil {
		q.empty.Wait()
	}
}
