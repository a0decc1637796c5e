// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

func init() { caddy.RegisterModule(new(demoStore)) }

// demoStore is a store of another author, which counts calls.
type demoStore struct {
	Name   string `json:"name,omitempty"`
	Bound  int    `json:"bound,omitempty"`
	Refuse bool   `json:"refuse,omitempty"`
}

func (*demoStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gateway.stores.demo", New: func() caddy.Module { return new(demoStore) }}
}

func (s *demoStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if !d.Args(&s.Name) {
		return d.ArgErr()
	}
	return nil
}

func (s *demoStore) Identity() string { return s.Name }

func (s *demoStore) Open(env StoreEnv) (OpenStore, error) {
	if s.Refuse {
		return nil, errors.New("demo store refuses")
	}
	o := &demoOpen{env: env, bound: s.Bound}
	demos.Lock()
	defer demos.Unlock()
	demos.opened = append(demos.opened, o)
	return o, nil
}

// demos are the stores that have been opened, in this order.
var demos struct {
	sync.Mutex
	opened []*demoOpen
}

// forgetDemos begins a test.
func forgetDemos(t *testing.T) {
	t.Helper()
	demos.Lock()
	defer demos.Unlock()
	demos.opened = nil
}

// opened returns the n demo stores that a test has opened.
func opened(t *testing.T, n int) []*demoOpen {
	t.Helper()
	demos.Lock()
	defer demos.Unlock()
	if len(demos.opened) != n {
		t.Fatalf("%d stores have been opened, want %d", len(demos.opened), n)
	}
	return slices.Clone(demos.opened)
}

type demoOpen struct {
	env StoreEnv

	mu                      sync.Mutex
	bound                   int
	decided, settled, late  int
	closed                  int
	degraded                bool
	err                     error
	shared                  []ledger.Ledger
	kept                    time.Duration // of the shared ledger, if it was changed
	refuse                  bool          // to share
	lookedAt, resetCounters int
}

func (o *demoOpen) Decide(_ context.Context, d *limits.Decision) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.decided++
	d.Degraded = o.degraded
	if o.closed > 0 {
		o.late++
		return limits.ErrUnavailable
	}
	return nil
}

func (o *demoOpen) Settle(*limits.Decision) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.settled++
	if o.closed > 0 {
		o.late++
	}
}

func (o *demoOpen) Look(context.Context, []limits.Check) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lookedAt++
	return nil
}

func (o *demoOpen) Reset(context.Context, []limits.Check) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.resetCounters++
	return nil
}

func (o *demoOpen) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

func (o *demoOpen) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed++
	return nil
}

// fail makes the store what it should not be, or mends it.
func (o *demoOpen) fail(err error) {
	o.mu.Lock()
	o.err, o.degraded = err, err != nil
	o.mu.Unlock()
	o.env.Changed(err)
}

// closings is how often the store has been closed, and tardy how often it has been used
// after that.
func (o *demoOpen) closings() (closings, tardy int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed, o.late
}

func (o *demoOpen) Statistics() StoreStats {
	return StoreStats{Entries: 3, Bytes: 300, Evicted: 2, Overflowed: 1}
}

func (o *demoOpen) Facts() map[string]any { return map[string]any{"demo": true} }

func (o *demoOpen) Tune(latest Store) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bound = latest.(*demoStore).Bound
}

func (o *demoOpen) tuned() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bound
}

// SharedLedger pretends that another gateway has recorded one request.
func (o *demoOpen) SharedLedger(local ledger.Ledger, keep time.Duration) (ledger.Ledger, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refuse {
		return nil, errors.New("demo store refuses to share")
	}
	o.shared = append(o.shared, local)
	return &demoShared{local, o, keep}, nil
}

type demoShared struct {
	ledger.Ledger
	o    *demoOpen
	keep time.Duration
}

func (s *demoShared) SetKeep(keep time.Duration) {
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	s.o.kept = keep
}

func (s *demoShared) Rows(q ledger.Query) ([]ledger.Row, error) {
	rows, err := s.Ledger.Rows(q)
	other := ledger.Row{Key: ledger.Key{Consumer: "elsewhere"}, Requests: 1}
	if q.Matches(&other.Key) {
		rows = append(rows, other)
	}
	return rows, err
}

// Interface guards
var (
	_ Store           = (*demoStore)(nil)
	_ OpenStore       = (*demoOpen)(nil)
	_ StoreStatistics = (*demoOpen)(nil)
	_ StoreFacts      = (*demoOpen)(nil)
	_ StoreTuner      = (*demoOpen)(nil)
	_ LedgerSharer    = (*demoOpen)(nil)
)
