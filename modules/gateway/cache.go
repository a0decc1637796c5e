// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/coalesce"
)

// DefaultCache is the name of the cache that exists without being declared: in memory,
// of 128 MiB. It is opened only if something uses it.
const DefaultCache = "default"

// Tags that handlers give to each entry: one of these and what it is about, as in
// "consumer:alice". Purges ask for them. Those that an operator has made up begin with
// CacheTagOwn.
const (
	CacheTagConsumer = "consumer:"
	CacheTagRoute    = "route:"
	CacheTagProvider = "provider:"
	CacheTagModel    = "model:"
	CacheTagHost     = "host:"
	CacheTagPath     = "path:"
	CacheTagOwn      = "tag:"
)

// CacheTagOfKey returns the tag that handlers give to all entries of a request, which is
// under a key, whatever else they are kept under. To delete the entry of a key says nothing
// of an answer that is on its way to it; to purge this tag does.
func CacheTagOfKey(key caching.Key) string { return "key:" + string(key[:len(key)/2]) }

// CacheSharer is an open store that also keeps responses, for all gateways in common.
type CacheSharer interface {
	// SharedCache returns a store for the cache that the options name. It does not wait
	// for the network, and fails only where that will not pass by itself. The cache is
	// closed before the store is.
	SharedCache(o caching.Options) (caching.Store, error)
}

// Flights are the calls that go on for a cache. Headers are of whatever type the handler
// likes; a pointer takes no more memory for being in an interface.
type Flights = coalesce.Group[any]

// Cache is a named cache, as one config uses it. What is in it, and the calls that go on
// for it, belong to the process: configs that have a cache of the same name in the same
// store share them, and they end with the last request of the last such config. Where the
// options differ those of the latest config count, and entries for which there is no room
// any more go. A store that cannot change its options has another cache for others.
type Cache struct {
	app     *App
	config  CacheConfig
	wanted  atomic.Bool // declared, or a handler has asked for it
	open    atomic.Pointer[openCache]
	flights Flights // while it cannot be opened

	mu      sync.Mutex
	refused error // why it could not be opened; Start tries again
	closed  bool  // the config has ended
}

// Cache returns the cache of a name; the empty name stands for DefaultCache. Handlers call
// it in Provision. The error tells which caches there are.
func (a *App) Cache(name string) (*Cache, error) {
	if name == "" {
		name = DefaultCache
	}
	c := a.caches.named[name]
	if c == nil {
		return nil, fmt.Errorf("cache %q does not exist; declare it in the global option gateway with: cache %s, or write one of: %s",
			name, name, strings.Join(a.caches.names(), ", "))
	}
	c.wanted.Store(true)
	return c, nil
}

// Name returns the name of the cache.
func (c *Cache) Name() string { return c.config.Name }

// Store returns where the responses are. It can be used from Provision on, and is opened
// by the first request or by Start, whichever comes first. One that cannot be opened, or
// whose config ended without a request, says so in every answer.
func (c *Cache) Store() caching.Store {
	o, err := c.get()
	if err != nil {
		return absentCache{err}
	}
	return o.store
}

// Flights returns the calls that go on for the cache, so that requests can wait for one
// another across routes and reloads.
func (c *Cache) Flights() *Flights {
	o, err := c.get()
	if err != nil {
		return &c.flights
	}
	return &o.flights
}

// get returns the open cache for a request.
func (c *Cache) get() (*openCache, error) {
	if o := c.open.Load(); o != nil {
		return o, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused != nil {
		return nil, c.refused
	}
	o, err := c.start()
	if err != nil {
		c.refused = fmt.Errorf("%w: %w", caching.ErrUnavailable, err)
	}
	return o, c.refused
}

// start opens the cache if that has not been done. It is called with the lock held.
func (c *Cache) start() (*openCache, error) {
	if o := c.open.Load(); o != nil {
		return o, nil
	}
	if c.closed {
		return nil, errors.New("the config has ended")
	}
	o, err := acquireCache(c)
	if err != nil {
		return nil, fmt.Errorf("open cache %s: %w", c.Name(), err)
	}
	undrained.add(c.app)
	c.open.Store(o)
	return o, nil
}

// end ends the config's use of the cache.
func (c *Cache) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	if o := c.open.Load(); o != nil { // it stays, for whoever is late
		o.release(c)
	}
}
