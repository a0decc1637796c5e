// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

// maxEarly bounds the records that wait for the ledger to be opened. Caddy starts
// apps in no particular order, so that requests may have been served by then.
const maxEarly = 10_000

// staged is the ledger of an app whose ledger is on disk or shared. Until the app
// starts it counts in memory, because provisioning opens nothing; then it hands on
// what it has, and after that each record.
type staged struct {
	to atomic.Pointer[ledger.Ledger]

	mu      sync.Mutex
	memory  *ledger.Memory
	records []ledger.Record
	missed  int // records beyond the bound
}

func newStaged() *staged { return &staged{memory: ledger.NewMemory(ledger.Options{})} }

// Record implements ledger.Ledger.
func (s *staged) Record(r *ledger.Record) {
	if to := s.to.Load(); to != nil {
		(*to).Record(r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if to := s.to.Load(); to != nil { // it was opened while this waited
		(*to).Record(r)
		return
	}
	s.memory.Record(r)
	if len(s.records) >= maxEarly {
		s.missed++
		return
	}
	c := *r
	c.RequestID, c.Credential = "", "" // which no ledger keeps
	for _, name := range []*string{&c.Consumer, &c.Provider, &c.Model, &c.Route, &c.Tags} {
		*name = strings.Clone(*name)
	}
	s.records = append(s.records, c)
}

// moveTo hands everything on to the ledger that has been opened, and says how many
// records there were and how many are lost.
func (s *staged) moveTo(to ledger.Ledger) (moved, missed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.records {
		to.Record(&s.records[i])
	}
	moved, missed = len(s.records), s.missed
	s.records, s.missed, s.memory = nil, 0, nil
	s.to.Store(&to)
	return moved, missed
}

// waiting returns how many records have not been handed on.
func (s *staged) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.records) + s.missed
}

// Rows implements ledger.Ledger.
func (s *staged) Rows(q ledger.Query) ([]ledger.Row, error) {
	s.mu.Lock()
	memory := s.memory
	s.mu.Unlock()
	if memory != nil {
		return memory.Rows(q)
	}
	return (*s.to.Load()).Rows(q)
}

// Err implements ledger.Ledger. It is nil until the ledger has been opened.
func (s *staged) Err() error {
	if to := s.to.Load(); to != nil {
		return (*to).Err()
	}
	return nil
}

// Interface guards
var _ ledger.Ledger = (*staged)(nil)
