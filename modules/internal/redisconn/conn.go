// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package redisconn connects to Redis, be it one server, a master that Sentinels
// watch, or a Cluster, and knows at any moment whether it can be used.
//
// Nobody waits for a Redis that does not answer. Each operation has some
// milliseconds (Options.Timeout) and is tried once. After five failures in a row, or
// when half of the last twenty have failed, everything is refused at once, until
// Redis has answered again to the one who asks every 250 ms: to a heartbeat, which
// writes, so that a server that is full or read-only counts as down too. Whoever
// comes up only to fail again is trusted again more slowly, after up to five seconds.
//
// With the heartbeat each gateway makes itself known to the others, by the clock of
// the server, and looks whether the server has forgotten anything: whether it is
// another process than before, or whether a key that is always there is missing.
//
// Keys of its own, with the prefix:
//
//	prefix:epoch      run id of the server, and since when it is known
//	prefix:instances  the gateways, sorted by when they were last heard of
//
// In a Cluster each master has both, with a tag in braces behind the name. An ACL
// user needs the commands +@connection +evalsha +eval +get +set +time +info +@sortedset
// and, for a Cluster, +cluster|slots; without +info a restart that keeps the data is
// not told from one that did not happen, which makes no difference.
package redisconn

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// Conn is the way to a Redis. It is safe for concurrent use.
type Conn struct {
	o       Options
	target  target
	client  redis.UniversalClient
	wires   *wires
	breaker breaker

	instances atomic.Int64
	epoch     atomic.Uint64

	mu       sync.Mutex
	watchers []func()
	started  bool
	closed   bool

	stop     chan struct{} // closed by Close
	opened   chan struct{} // has one when the breaker has opened
	epochs   chan struct{} // has one when the epoch has changed
	routines sync.WaitGroup
	beats    beats
}

// New checks the options and connects to nothing. Until Start, Redis is down.
// Errors say what to write instead, and never a password.
func New(o Options) (*Conn, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("configure Redis: %w", err)
	}
	t, err := readURLs(&o)
	if err != nil {
		return nil, err
	}
	c := &Conn{
		o: o, target: t, wires: newWires(),
		stop: make(chan struct{}), opened: make(chan struct{}, 1), epochs: make(chan struct{}, 1),
	}
	c.client = client(&t, &o, c.wires)
	c.instances.Store(1)
	c.breaker.open(errNotStarted)
	return c, nil
}

// Start connects, and begins the heartbeat. It returns when the first beat has
// succeeded or failed, after some tens of milliseconds at most.
func (c *Conn) Start() {
	c.mu.Lock()
	first := !c.started && !c.closed
	c.started = true
	if first {
		c.routines.Add(2)
	}
	c.mu.Unlock()
	if !first {
		return
	}
	c.beat()
	go c.watch()
	go c.tellEpochs()
}

// Close ends the heartbeat and all connections. It tells the other gateways, if Redis
// can be used.
func (c *Conn) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	started := c.started
	c.mu.Unlock()
	if !first {
		return nil
	}
	close(c.stop)
	c.routines.Wait()
	if started && c.Up() {
		c.leave()
	}
	c.breaker.open(errClosed)
	err := c.client.Close()
	c.wires.cut()
	if err != nil {
		return fmt.Errorf("close connections to Redis: %w", err)
	}
	return nil
}

// Client is for what f of Do asks. What is asked beside Do waits for a Redis that
// does not answer, for as long as its timeouts say, and nobody takes note.
func (c *Conn) Client() redis.UniversalClient { return c.client }

// Prefix is what all keys begin with, without a colon behind it.
func (c *Conn) Prefix() string { return c.o.Prefix }

// Instance tells this gateway from all others.
func (c *Conn) Instance() string { return c.o.Instance }

// Up tells that Redis can be used.
func (c *Conn) Up() bool { return c.breaker.down.Load() == nil }

// Err tells why Redis cannot be used, or nil. It is an ErrDown.
func (c *Conn) Err() error {
	if down := c.breaker.down.Load(); down != nil {
		return down
	}
	return nil
}

// Instances is how many gateways were heard of within three seconds, at least this
// one. While Redis is down it is what was last known.
func (c *Conn) Instances() int { return int(c.instances.Load()) }

// Epoch changes whenever what was written may have been lost: Redis has restarted,
// was emptied, has another master, or was down. It has changed before Up says that
// Redis can be used again. It is 0 before there was any Redis, and means nothing to
// other gateways.
func (c *Conn) Epoch() uint64 { return c.epoch.Load() }

// OnEpoch has f called after the epoch has changed, one call at a time and perhaps
// one for several changes. It must not call Close, which waits for it.
func (c *Conn) OnEpoch(f func()) {
	c.mu.Lock()
	c.watchers = append(c.watchers, f)
	c.mu.Unlock()
}

// Do runs f, which is to pass its context on, and returns its error. f has the time
// that Options.Timeout says, or what is left of the time of ctx. While Redis is down
// f is not run, and the error is an ErrDown; that takes some nanoseconds.
func (c *Conn) Do(ctx context.Context, f func(ctx context.Context) error) error {
	if down := c.breaker.down.Load(); down != nil {
		return down
	}
	phase := c.breaker.phase.Load()
	limited, cancel := context.WithTimeout(ctx, c.o.Timeout)
	err := f(limited)
	cancel()
	bad := failed(err)
	if bad && ctx.Err() != nil {
		return err // the caller has ceased to wait, which is not Redis' fault
	}
	if c.breaker.count(phase, err, bad) {
		c.hasOpened()
	}
	return err
}

// hasOpened is called by who has opened the breaker.
func (c *Conn) hasOpened() {
	c.wires.cut()
	select {
	case c.opened <- struct{}{}:
	default:
	}
}
