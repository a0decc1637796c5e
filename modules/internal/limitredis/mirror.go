// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"sync"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

const (
	// mirrorSome is how many checks wait before the background is told.
	mirrorSome = 256
	// mirrorMost bounds those that wait. Beyond it the caller does the work.
	mirrorMost = 4096
)

// mirror holds what Redis has counted and the local share does not know yet. Nobody
// waits for the share to learn, until it has to decide.
type mirror struct {
	mu   sync.Mutex
	wait []limits.Check
	kick chan struct{} // has one when there is something to do

	draining sync.Mutex // held while the share learns, so that it learns in order
	spare    []limits.Check
}

func (m *mirror) init() { m.kick = make(chan struct{}, 1) }

// reflect has the local share know what Redis has counted, so that it goes on from
// there.
func (s *Store) reflect(d *limits.Decision) {
	n := s.instances()
	m := &s.mirror
	m.mu.Lock()
	for i := range d.Checks {
		c := &d.Checks[i]
		m.wait = append(m.wait, limits.Check{Rule: s.rules.get(c.Rule).shareOf(n), Key: c.Key, Used: divide(c.Used, n)})
	}
	waiting := len(m.wait)
	m.mu.Unlock()
	if waiting >= mirrorMost {
		s.drainMirror()
	} else if waiting >= mirrorSome {
		select {
		case m.kick <- struct{}{}:
		default:
		}
	}
}

// drainMirror has the local share learn all that waits.
func (s *Store) drainMirror() {
	m := &s.mirror
	m.draining.Lock()
	defer m.draining.Unlock()
	m.mu.Lock()
	all := m.wait
	m.wait = m.spare
	m.mu.Unlock()
	for i := range all { // one by one: a counter may be among them several times
		s.local.Set(all[i : i+1])
	}
	clear(all)
	m.spare = all[:0]
}

// mirrors has the local share learn in the background.
func (s *Store) mirrors() {
	for {
		select {
		case <-s.stop:
			return
		case <-s.mirror.kick:
			s.drainMirror()
		}
	}
}
