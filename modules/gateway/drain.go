// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
)

func init() {
	// Cleanup does it as well, but for configs whose gateway a reload has removed.
	caddy.OnExit(func(context.Context) { undrained.end(breakTimeout) })
}

const (
	// breakTimeout is how long the end of the process waits for requests that it
	// has broken off.
	breakTimeout = 250 * time.Millisecond
	// releaseWait is how long the end of a config that serves no request waits for
	// ledger and store to be closed. They are closed in the background after that.
	releaseWait = time.Second
)

// linger is how long a ledger or store stays open that the running config does not
// use any more. A connection that was accepted just before the reload may bring a request
// to the old config; Go's server gives such connections five seconds.
var linger = 10 * time.Second

// undrained are the apps of the process that have started and may still have
// requests, of the running config and of those before it.
var undrained appSet

type appSet struct {
	mu   sync.Mutex
	apps map[*App]struct{}
}

func (s *appSet) add(a *App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.apps == nil {
		s.apps = make(map[*App]struct{})
	}
	s.apps[a] = struct{}{}
}

// remove reports whether a was in the set.
func (s *appSet) remove(a *App) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, in := s.apps[a]
	delete(s.apps, a)
	return in
}

func (s *appSet) all() []*App {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*App, 0, len(s.apps))
	for a := range s.apps {
		list = append(list, a)
	}
	return list
}

// durable reports whether every open ledger keeps its promise.
func (s *appSet) durable() bool {
	for _, a := range s.all() {
		if a.disk != nil && !a.disk.durable() {
			return false
		}
	}
	return true
}

// ledgerDurable is the value of the metric.
func ledgerDurable() float64 {
	if undrained.durable() {
		return 1
	}
	return 0
}

// end settles all requests as they stand and closes ledgers and stores. It is for the
// end of the process.
func (s *appSet) end(timeout time.Duration) {
	var all sync.WaitGroup
	for _, a := range s.all() {
		all.Go(func() {
			if left := a.live.Break(timeout); left > 0 {
				a.ledgerLog().Warn("the process ends before some requests do; they are in the ledger as far as they had come",
					zap.Int("requests", left))
			}
			a.giveBack()
		})
	}
	all.Wait()
}

// drain gives ledger, store and caches back once the last request of this config has settled.
// It does not hold up a reload.
func (a *App) drain() {
	used := a.counters.used() // before the disk is looked at, which the store may have opened
	a.rescueEarly()
	if a.disk == nil && !used && !a.caches.used() {
		return
	}
	if caddy.Exiting() {
		undrained.end(breakTimeout)
		return
	}
	late := (a.disk != nil && a.disk.usedBy() == 1 || a.counters.usedAlone()) && len(undrained.all()) > 1
	idle := a.live.Len() == 0 && !late
	released := make(chan struct{})
	go func() {
		defer close(released)
		if late {
			time.Sleep(linger)
		}
		_ = a.live.Wait(context.Background()) // nothing ends it before
		a.giveBack()
	}()
	if idle {
		select {
		case <-released:
		case <-time.After(releaseWait):
		}
	}
}

// rescueEarly finds a place for what a config has served that never got to start
// its gateway, because another app had failed: the ledger that is in use, if it is
// the same.
func (a *App) rescueEarly() {
	early, ok := a.book.(*staged)
	if !ok || early.to.Load() != nil || early.waiting() == 0 && a.live.Len() == 0 {
		return
	}
	if a.ledgerDir == "" {
		a.moveEarly(early, a.shared.ledger)
		return
	}
	if a.disk != nil { // for the store
		a.moveEarly(early, a.disk)
		return
	}
	for _, other := range undrained.all() {
		if other.ledgerDir == a.ledgerDir && a.openLedger() == nil {
			return
		}
	}
	if n := early.waiting(); n > 0 {
		a.ledgerLog().Error("a config that was refused has served requests; they are in no ledger", zap.Int("requests", n))
	}
}

// giveBack ends the use of caches, store and ledger, in this order, because a cache may
// be in the store, and the store may have to tell others what is in the ledger. Whatever
// fails is logged there. Later calls do nothing.
func (a *App) giveBack() {
	held := undrained.remove(a)
	a.caches.end()
	_ = a.counters.end()
	if held && a.disk != nil {
		a.disk.leave(a)
		_, _ = disks.Delete(a.disk.dir)
	}
}
