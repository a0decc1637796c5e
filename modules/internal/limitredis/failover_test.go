// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// TestFailoverKeepsBudgets kills the master during load: requests go on, and the
// budget holds on the replica, which may lack what was written last.
func TestFailoverKeepsBudgets(t *testing.T) {
	t.Parallel()
	g := redistest.StartGroup(t)
	o := redisconn.Options{URLs: g.URLs(), Master: redistest.MasterName}
	var stores []*Store
	for range 3 {
		o.Timeout = 100 * time.Millisecond
		stores = append(stores, open(t, Options{Conn: connect(t, o)}))
	}
	u := rushOf(t, stores, endless)
	u.more("shared decisions", &u.shared, 50)
	spendAll(t, stores, func() {
		old := g.Master()
		old.Kill()
		_, took := g.AwaitMaster(old)
		t.Logf("another master after %v", took)
	})
	t.Logf("shared again after %v", u.more("shared decisions again", &u.shared, 50))
	u.end()
}

// TestSlotsMoveDuringLoad moves all slots of a master to another one while decisions
// go on about keys of all of them.
func TestSlotsMoveDuringLoad(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, false)
	var stores []*Store
	for range 2 {
		stores = append(stores, open(t, Options{Conn: connect(t, redisconn.Options{URLs: c.URLs(), Cluster: true, Timeout: 200 * time.Millisecond})}))
	}
	const subjects, limit = 300, 20
	rule := &limits.Rule{Unit: limits.Requests, Limit: limit, Window: limits.Window{Kind: limits.Calendar, Period: limits.Year}}
	global := &limits.Rule{Unit: limits.Requests, Limit: 1 << 40, Window: limits.Window{Kind: limits.Fixed, Length: time.Hour}}
	var admitted [subjects]atomic.Int64
	var worst, degraded atomic.Int64
	ask := func(s *Store, i int) {
		d := limits.Decision{Checks: []limits.Check{
			{Rule: rule, Key: limits.Key{Level: "consumer", Subject: fmt.Sprint("subject ", i)}, Weight: 1},
			{Rule: global, Key: limits.Key{Level: "all"}, Weight: 1},
		}}
		start := time.Now()
		if err := s.Decide(t.Context(), &d); err != nil {
			t.Errorf("Decide() error: %v", err)
		}
		worst.Store(max(worst.Load(), time.Since(start).Nanoseconds()))
		if d.Degraded {
			degraded.Add(1)
		}
		if !d.Denied {
			admitted[i].Add(1)
		}
	}
	moved := make(chan struct{})
	go func() {
		defer close(moved)
		c.MoveSlots(c.Masters[0], c.Masters[1], 0, 299)
	}()
	rounds := 0
	for begun := false; ; rounds++ {
		for i := range subjects {
			ask(stores[(i+rounds)%2], i)
		}
		select {
		case <-moved:
			if begun {
				goto over
			}
			begun = true // one more round without what moves
		default:
		}
	}
over:
	t.Logf("%d rounds, %d decisions without Redis, worst %v", rounds, degraded.Load(), time.Duration(worst.Load()))
	for i := range subjects {
		if n := admitted[i].Load(); n < min(limit, int64(rounds)) || n > 2*limit {
			t.Errorf("%d were admitted for subject %d, want %d, or up to %d where Redis could not be asked", n, i, limit, 2*limit)
		}
	}
}
