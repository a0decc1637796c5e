// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// counters is the limits.Store of one config. Provisioning opens nothing, and Caddy
// starts apps in no particular order, so that the first decision may come before
// Start: whichever is first opens the store, or takes part in it where the process
// has it open.
type counters struct {
	app    *App
	module Store

	open atomic.Pointer[openStore]

	opening sync.Mutex // held while the ledger is opened

	mu      sync.Mutex
	needed  bool
	refused error // why the first decision could not open it; Start tries again
	closed  bool  // the config has ended
}

func (c *counters) need() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.needed = true
}

func (c *counters) isNeeded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.needed
}

// start opens the store if that has not been done.
func (c *counters) start() (*openStore, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.open.Load(); s != nil {
		return s, nil
	}
	if c.closed {
		return nil, errors.New("the config has ended")
	}
	s, err := acquireStore(c.app, c.module)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", storeName(c.module), err)
	}
	undrained.add(c.app)
	c.open.Store(s)
	return s, nil
}

// store returns the open store for a request.
func (c *counters) store() (*openStore, error) {
	if s := c.open.Load(); s != nil {
		return s, nil
	}
	c.mu.Lock()
	refused := c.refused
	c.mu.Unlock()
	if refused != nil {
		return nil, refused
	}
	s, err := c.start()
	if err != nil {
		err = fmt.Errorf("%w: %w", limits.ErrUnavailable, err)
		c.mu.Lock()
		c.refused = err
		c.mu.Unlock()
	}
	return s, err
}

// end ends the config's use of the store.
func (c *counters) end() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	if s := c.open.Load(); s != nil { // it stays, for whoever is late
		return s.release(c.app)
	}
	return nil
}

// used reports whether requests of the config may use the store.
func (c *counters) used() bool { return c.open.Load() != nil || c.isNeeded() }

// usedAlone reports whether the store is open for this config and no other.
func (c *counters) usedAlone() bool {
	s := c.open.Load()
	return s != nil && s.usedBy() == 1
}

// Decide implements limits.Store.
func (c *counters) Decide(ctx context.Context, d *limits.Decision) error {
	s, err := c.store()
	if err != nil {
		d.RetryAfter = time.Second
		return err
	}
	err = s.Decide(ctx, d)
	if d.Degraded {
		s.degraded.Inc()
	}
	return err
}

// Settle implements limits.Store.
func (c *counters) Settle(d *limits.Decision) {
	if s := c.open.Load(); s != nil { // else there was no decision
		s.Settle(d)
	}
}

// Look implements limits.Store.
func (c *counters) Look(ctx context.Context, checks []limits.Check) error {
	s, err := c.store()
	if err != nil {
		return err
	}
	return s.Look(ctx, checks)
}

// Reset implements limits.Store.
func (c *counters) Reset(ctx context.Context, checks []limits.Check) error {
	s, err := c.store()
	if err != nil {
		return err
	}
	return s.Reset(ctx, checks)
}

// Err implements limits.Store. It is nil until the store is open.
func (c *counters) Err() error {
	if s := c.open.Load(); s != nil {
		return s.Err()
	}
	return nil
}

// Interface guards
var _ limits.Store = (*counters)(nil)
