// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// grace is how long after an epoch has begun nothing is admitted by hard limits, so
// that all gateways can tell what they know. The script has the same.
const grace = time.Second

// markEvery is how often a gateway looks at the mark of the epoch. It is less than
// half of grace, so that each gateway learns of a new epoch in time to tell.
const markEvery = 400 * time.Millisecond

// markSize is the length of what the script of the mark answers: 16 bytes of the
// mark, when it was made, and now.
const (
	tokenSize = 16
	markSize  = tokenSize + 7 + 7
)

// epoch is what a gateway knows of the time since Redis may last have lost something.
//
// A single Redis, or the master that Sentinels name, has a key that marks the epoch:
// a random token. Scripts that decide about hard limits are told the token that the
// gateway knows, and refuse if it is not there. A gateway that meets another token
// first tells all that it knows.
type epoch struct {
	mu    sync.Mutex // held while the mark is looked at
	token atomic.Pointer[string]
	since atomic.Int64 // Cluster: when the epoch was met, in nanoseconds of the gateway
	again atomic.Int64 // when another epoch than the first was met, in nanoseconds of the gateway
	kick  chan struct{}
}

// telling is for how long others may still be telling what they know, since Redis has
// lost it. Nothing is settled meanwhile: that would change a counter which is not
// complete, and what others know would then seem to be older.
func (e *epoch) telling() time.Duration {
	again := e.again.Load()
	if again == 0 {
		return 0
	}
	return grace - time.Duration(time.Now().UnixNano()-again)
}

func (e *epoch) init() { e.kick = make(chan struct{}, 1) }

// suspect has the mark looked at soon.
func (e *epoch) suspect() {
	select {
	case e.kick <- struct{}{}:
	default:
	}
}

// admission returns what a decision about hard limits has to know, or nothing and how
// long to wait.
func (s *Store) admission() (token string, wait time.Duration) {
	if !s.conn.Up() {
		return "", 0
	}
	t := s.epoch.token.Load()
	if t == nil && s.known.len()+s.open.len() <= settleBatch && s.epoch.begin(s) {
		t = s.epoch.token.Load()
	}
	if t == nil {
		s.epoch.suspect()
		return "", grace
	}
	if s.cluster {
		if age := time.Now().UnixNano() - s.epoch.since.Load(); age < int64(s.grace) {
			return "", s.grace - time.Duration(age)
		}
	}
	return *t, 0
}

// begin looks at the mark before the first decision about a hard limit.
func (e *epoch) begin(s *Store) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.token.Load() != nil || s.lookAtMark() == nil
}

// watch looks at the mark of the epoch, from time to time and when there is reason.
func (s *Store) watch() {
	tick := time.NewTicker(markEvery)
	defer tick.Stop()
	suspected := true
	for {
		s.drainMirror()
		if s.conn.Up() {
			s.epoch.mu.Lock()
			if s.cluster {
				if suspected {
					_ = s.newEpoch("cluster") // tried again, see below
				}
			} else {
				_ = s.lookAtMark() // tried again soon
			}
			s.epoch.mu.Unlock()
			s.shareAgain(func() {
				if s.every == 0 && !s.ahead.idle() {
					s.exchange() // what was admitted while Redis was down
				}
			})
		}
		_ = s.alone() // takes note of an outage in which nobody asks
		if s.epoch.token.Load() != nil {
			suspected = false
		}
		select {
		case <-s.stop:
			return
		case <-tick.C:
		case <-s.comeback.due:
		case <-s.epoch.kick:
			suspected = true
			if s.cluster {
				s.epoch.token.Store(nil)
			}
		}
	}
}

// lookAtMark learns the token of the present epoch. If it is a new one, Redis is told
// all that is known. It needs epoch.mu.
func (s *Store) lookAtMark() error {
	if s.cluster {
		return s.newEpoch("cluster")
	}
	var fresh [tokenSize]byte
	_, _ = rand.Read(fresh[:]) // never fails
	cmd := &command{
		script: markScript,
		keys:   []string{s.prefix + suffixMark},
		argv:   []string{string(appendHeader(nil, 0, s.clockMicro(), 0)), string(fresh[:])},
	}
	_ = s.line.ask(cmd) // the command has its error
	if cmd.err != nil {
		return cmd.err
	}
	if len(cmd.answer) != markSize {
		return fmt.Errorf("read mark: %w", errAnswer)
	}
	token := cmd.answer[:tokenSize]
	if t := s.epoch.token.Load(); t != nil && *t == token {
		return nil
	}
	return s.newEpoch(token)
}

// newEpoch tells Redis all that is known, and then takes part in an epoch.
func (s *Store) newEpoch(token string) error {
	s.epoch.token.Store(nil)
	now := time.Now().UnixNano()
	if s.epoch.since.Swap(now) != 0 {
		s.epoch.again.Store(now)
	}
	s.stats.epochs.Add(1)
	s.sending.Lock()
	defer s.sending.Unlock()
	if err := s.tell(); err != nil {
		return err
	}
	if err := s.renewOpen(0); err != nil {
		return err
	}
	s.epoch.token.Store(&token)
	return nil
}

// tell makes Redis know what this gateway knows of hard limits, where it knows less.
func (s *Store) tell() error {
	all := s.known.checks(s.nowMicro())
	for len(all) > 0 {
		n := min(len(all), settleBatch)
		ps := make([]*plan, 0, n)
		var cmds []*command
		for i := range n {
			p := plans.Get().(*plan)
			ps = append(ps, p)
			if err := s.build(p, decideScript, toForce, 0, all[i:i+1]); err != nil {
				return err
			}
			cmds = append(cmds, p.cmds...)
		}
		if err := s.line.ask(cmds...); err != nil {
			return err
		}
		for i, p := range ps {
			s.learn(p, all[i:i+1])
			plans.Put(p)
		}
		all = all[n:]
	}
	return nil
}

// learn takes note of what a script that was told something knows now.
func (s *Store) learn(p *plan, checks []limits.Check) {
	for i, cmd := range p.cmds {
		if cmd.err != nil || cmd.answer == "" || cmd.answer[0] != answerAdmitted {
			continue
		}
		r := reader{s: cmd.answer[8:]}
		for _, n := range p.part(i) {
			var k *knowledge
			if p.knows[n] {
				k = &p.know[n]
			}
			r.result(&checks[n], k, false)
			if k != nil && !r.short {
				s.known.put(checks[n].Key, s.rules.get(checks[n].Rule), *k, s.nowMicro())
			}
		}
	}
}
