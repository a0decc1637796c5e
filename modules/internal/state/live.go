// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// liveShards spreads the list of live requests, so that processors seldom wait for
// one another.
const liveShards = 16

// Live is the set of requests that a configuration is serving. The app of an old
// configuration waits for the last one before it gives up what they settle into;
// when the process ends, those that are left are settled as they stand.
//
// The zero value is ready. Entering and leaving do not allocate.
type Live struct {
	next   atomic.Uint32
	count  atomic.Int64
	shards [liveShards]liveShard

	mu    sync.Mutex
	empty chan struct{} // closed when the last request leaves; nil unless awaited
}

// liveShard is a part of the list, linked through the requests themselves.
type liveShard struct {
	mu   sync.Mutex
	head *Request
	_    [48]byte // a cache line of its own
}

// Len returns how many requests are being served.
func (l *Live) Len() int { return int(l.count.Load()) }

// Wait returns nil once no request is being served, and the error of ctx if that
// ends first.
func (l *Live) Wait(ctx context.Context) error {
	for {
		l.mu.Lock()
		if l.empty == nil {
			l.empty = make(chan struct{})
		}
		empty := l.empty
		l.mu.Unlock()
		if l.Len() == 0 {
			return nil
		}
		select {
		case <-empty:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// hurry is how long Break takes its time with each request.
const hurry = time.Second

// Break settles every request that is still being served as it stands, so that
// what was delivered is accounted for, and lets nothing more of its answer pass.
// It waits until all have ended, at most for the given time, and returns how many
// have not. It is for the end of the process, when the time that Caddy grants to
// open requests is over: on all processors, and after a second with less care (see
// [Request.Hurried]).
func (l *Live) Break(timeout time.Duration) (left int) {
	begun := time.Now()
	var all sync.WaitGroup
	for i := range l.shards {
		all.Go(func() {
			s := &l.shards[i]
			s.mu.Lock()
			defer s.mu.Unlock()
			for rq := s.head; rq != nil; rq = rq.live.next {
				rq.breakOff(time.Since(begun) > hurry)
			}
		})
	}
	all.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_ = l.Wait(ctx) // what is left says it
	return l.Len()
}

// link is the place of a request in the list.
type link struct {
	of         *Live
	shard      *liveShard
	prev, next *Request
}

// enter adds rq.
func (l *Live) enter(rq *Request) {
	l.count.Add(1)
	s := &l.shards[l.next.Add(1)%liveShards]
	s.mu.Lock()
	rq.live = link{of: l, shard: s, next: s.head}
	if s.head != nil {
		s.head.live.prev = rq
	}
	s.head = rq
	s.mu.Unlock()
}

// leave removes the request from the list that it is in, if any. Nobody breaks it
// off any more when leave has returned.
func (n *link) leave() {
	if n.shard == nil {
		return
	}
	s := n.shard
	s.mu.Lock()
	if n.prev != nil {
		n.prev.live.next = n.next
	} else {
		s.head = n.next
	}
	if n.next != nil {
		n.next.live.prev = n.prev
	}
	n.shard, n.prev, n.next = nil, nil, nil
	s.mu.Unlock()
	if n.of.count.Add(-1) == 0 {
		n.of.left()
	}
}

// left tells those who wait that the last request has ended.
func (l *Live) left() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.empty != nil {
		close(l.empty)
		l.empty = nil
	}
}

// breakOff settles the request as broken, from another goroutine than its own. One
// that has not come as far is settled by its own, which finds that nothing passes.
func (rq *Request) breakOff(hurried bool) {
	rq.account.take(somebody)
	defer rq.account.release()
	if rq.ready && !rq.settled {
		rq.aborted, rq.hurried = true, hurried
		rq.settle()
	}
	rq.broken = true
}

// Hurried tells a settler that the process is about to be killed and other requests
// wait: what takes milliseconds should be approximated.
func (rq *Request) Hurried() bool { return rq.hurried }
