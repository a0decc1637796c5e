// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"slices"
	"sync"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/cachemem"
)

const cacheLogger = "gateway.cache"

// cachePool holds the open caches of the process.
var cachePool = caddy.NewUsagePool()

// cacheKey is what makes caches of several configs the same: the name, where the responses
// are, and the open store that keeps them, where that is not this process. The other
// options are a part of it only where the cache cannot change them, see acquireCache.
type cacheKey struct {
	config CacheConfig
	store  storeKey
}

// openCache is a cache that the process has open.
type openCache struct {
	key     cacheKey
	config  CacheConfig // with which it was opened
	store   caching.Store
	flights Flights
	metrics *cacheMetrics
	tally   cacheTally

	mu    sync.Mutex
	users []*Cache // the latest last
}

// caches are those of a config: the declared ones in order, and the default one.
type caches struct {
	all   []*Cache
	named map[string]*Cache
}

// acquireCache opens a cache for a config, or makes the config one of those that use it.
// Where configs have other options for it, those of the latest count. A store that is no
// caching.Tuner has one cache for each set of options.
func acquireCache(c *Cache) (*openCache, error) {
	key := cacheKey{config: CacheConfig{Name: c.config.Name, Store: c.config.Store}}
	options := c.config.options()
	open := func() (caching.Store, error) { return cachemem.New(options), nil }
	if !c.config.embedded() {
		s, err := c.app.counters.start()
		if err != nil {
			return nil, err
		}
		sharer, ok := s.OpenStore.(CacheSharer)
		if !ok {
			return nil, fmt.Errorf("store %s keeps no responses; write: store %s", s.name, CacheEmbedded)
		}
		key.store = s.key
		open = func() (caching.Store, error) { return sharer.SharedCache(options) }
	}
	o, err := loadCache(key, c, open)
	if err == nil && !o.admits(c) {
		o.leave()
		key.config = c.config
		o, err = loadCache(key, c, open)
	}
	if err != nil {
		return nil, err
	}
	o.join(c)
	return o, nil
}

// loadCache returns the open cache of a key, which is a new one if there is none.
func loadCache(key cacheKey, c *Cache, open func() (caching.Store, error)) (*openCache, error) {
	metrics := c.app.shared.metrics.caches
	value, _, err := cachePool.LoadOrNew(key, func() (caddy.Destructor, error) {
		store, err := open()
		if err != nil {
			return nil, err
		}
		o := &openCache{key: key, config: c.config, store: store, metrics: metrics}
		metrics.add(o)
		return o, nil
	})
	if err != nil {
		return nil, err
	}
	return value.(*openCache), nil
}

// admits reports whether o has the options of a config, or can have them.
func (o *openCache) admits(c *Cache) bool {
	_, tunable := o.store.(caching.Tuner)
	return tunable || o.config == c.config
}

// join makes a config one of those that use o.
func (o *openCache) join(c *Cache) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.config
	if n := len(o.users); n > 0 {
		before = o.users[n-1].config
	}
	o.users = append(o.users, c)
	o.tune(before)
}

func (o *openCache) name() string { return o.key.config.Name }

// release ends the use of o by a config, and closes it after the last one. The options of
// the latest of the others come into force: a config that was refused may have been it for
// a moment.
func (o *openCache) release(c *Cache) {
	o.mu.Lock()
	before := o.users[len(o.users)-1].config
	o.users = slices.DeleteFunc(o.users, func(u *Cache) bool { return u == c })
	o.tune(before)
	o.mu.Unlock()
	o.leave()
}

// leave is release by who has not joined.
func (o *openCache) leave() { _, _ = cachePool.Delete(o.key) } // an error has been logged

// tune puts the options of the latest config in force, if they are not those before. It is
// called with the lock.
func (o *openCache) tune(before CacheConfig) {
	n := len(o.users)
	if n == 0 || o.users[n-1].config == before {
		return
	}
	if t, ok := o.store.(caching.Tuner); ok {
		t.Tune(o.users[n-1].config.options())
	}
}

// Destruct implements caddy.Destructor.
func (o *openCache) Destruct() error {
	o.metrics.remove(o)
	log := caddy.Log().Named(cacheLogger).With(zap.String("cache", o.name()))
	if err := o.store.Close(); err != nil {
		log.Error("the cache was not closed as it should be", zap.Error(err))
		return err
	}
	log.Debug("cache closed")
	return nil
}

// open opens all caches that are declared or that a handler has asked for.
func (s *caches) open() error {
	for _, c := range s.wanted() {
		c.mu.Lock()
		_, err := c.start()
		c.refused = nil
		c.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// used reports whether requests of the config may use a cache.
func (s *caches) used() bool { return len(s.wanted()) > 0 }

// end ends the config's use of all caches.
func (s *caches) end() {
	var all sync.WaitGroup
	for _, c := range s.all {
		all.Go(c.end)
	}
	all.Wait()
}

// wanted lists the caches that are declared or used.
func (s *caches) wanted() []*Cache {
	list := make([]*Cache, 0, len(s.all))
	for _, c := range s.all {
		if c.wanted.Load() {
			list = append(list, c)
		}
	}
	return list
}

// names lists all caches.
func (s *caches) names() []string {
	names := make([]string, len(s.all))
	for i, c := range s.all {
		names[i] = c.Name()
	}
	return names
}

// Interface guards
var _ caddy.Destructor = (*openCache)(nil)
