// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/cachemem"
)

// demoCaches are the caches that demo stores have opened, in this order.
var demoCaches struct {
	sync.Mutex
	opened []*demoCache
	refuse error
}

// SharedCache makes the demo store one that keeps responses.
func (o *demoOpen) SharedCache(options caching.Options) (caching.Store, error) {
	demoCaches.Lock()
	defer demoCaches.Unlock()
	if demoCaches.refuse != nil {
		return nil, demoCaches.refuse
	}
	c := &demoCache{Store: cachemem.New(options), in: o, options: options}
	demoCaches.opened = append(demoCaches.opened, c)
	return c, nil
}

// forgetCaches begins a test.
func forgetCaches(t *testing.T) {
	t.Helper()
	forgetDemos(t)
	refuseCaches(nil)
	demoCaches.Lock()
	defer demoCaches.Unlock()
	demoCaches.opened = nil
}

// refuseCaches makes demo stores open no cache, or mends them.
func refuseCaches(err error) {
	demoCaches.Lock()
	defer demoCaches.Unlock()
	demoCaches.refuse = err
}

// openedCaches returns the n caches that a test has opened.
func openedCaches(t *testing.T, n int) []*demoCache {
	t.Helper()
	demoCaches.Lock()
	defer demoCaches.Unlock()
	if len(demoCaches.opened) != n {
		t.Fatalf("%d caches have been opened, want %d", len(demoCaches.opened), n)
	}
	return slices.Clone(demoCaches.opened)
}

// demoCache is somewhere else, knows not how much is in it, and can fail.
type demoCache struct {
	caching.Store
	in      *demoOpen
	options caching.Options

	mu     sync.Mutex
	err    error
	closed int
	after  bool // the store in which it is was closed before
}

func (c *demoCache) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

func (c *demoCache) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *demoCache) Purge(ctx context.Context, tags ...string) (int64, error) {
	if err := c.Err(); err != nil {
		return 0, err
	}
	_, err := c.Store.Purge(ctx, tags...)
	return -1, err
}

func (*demoCache) Stats() caching.Stats { return caching.Stats{Entries: -1, Bytes: -1} }

func (c *demoCache) Close() error {
	c.in.mu.Lock()
	after := c.in.closed > 0
	c.in.mu.Unlock()
	c.mu.Lock()
	c.closed++
	c.after = c.after || after
	c.mu.Unlock()
	return errors.Join(c.Store.Close(), c.Err())
}

// closings is how often the cache has been closed, and whether it was after its store.
func (c *demoCache) closings() (n int, after bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed, c.after
}

// put stores a response with tags, under a key that begins with a byte.
func put(t *testing.T, c *Cache, key byte, tags ...string) {
	t.Helper()
	e := &caching.Entry{Body: [][]byte{make([]byte, 1000)}, Tags: tags, Expires: time.Now().Add(time.Hour)}
	if outcome, err := c.Store().Put(t.Context(), caching.Key{key}, e, c.Store().Mark(caching.Key{key})); outcome != caching.Stored || err != nil {
		t.Fatalf("put: %v, %v", outcome, err)
	}
}

// has reports whether there is a response under such a key. There is none in a cache that
// is closed.
func has(t *testing.T, c *Cache, key byte) bool {
	t.Helper()
	e, err := c.Store().Get(t.Context(), caching.Key{key})
	if err != nil && !errors.Is(err, caching.ErrClosed) {
		t.Fatalf("get: %v", err)
	}
	return e != nil
}

// cacheOf is a cache of an app.
func cacheOf(t *testing.T, app *App, name string) *Cache {
	t.Helper()
	c, err := app.Cache(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
