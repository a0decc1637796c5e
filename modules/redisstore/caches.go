// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"context"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/cacheredis"
	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
)

// cachePrefix is what follows the prefix of the store in keys of responses.
const cachePrefix = ":cache"

// sharedCache is a cache of which errors say which Redis they are about.
type sharedCache struct {
	*cacheredis.Store
	of *openStore
}

// SharedCache implements gateway.CacheSharer. All caches have one connection, which is not
// that of limits: large bodies that take too long must not have limits take Redis to be
// down.
func (o *openStore) SharedCache(options caching.Options) (caching.Store, error) {
	o.mu.Lock()
	conn := o.caches
	if conn == nil {
		settings := o.options
		settings.Prefix += cachePrefix
		settings.OnChange = nil // whether Redis can be used is told by the store
		var err error
		if conn, err = redisconn.New(settings); err != nil {
			o.mu.Unlock()
			return nil, o.told(err)
		}
		o.caches = conn
	}
	o.mu.Unlock()
	conn.Start()
	return &sharedCache{cacheredis.New(cacheredis.Options{Conn: conn, Cache: options}), o}, nil
}

// Delete implements caching.Store.
func (s *sharedCache) Delete(ctx context.Context, key caching.Key) error {
	return s.of.told(s.Store.Delete(ctx, key))
}

// Purge implements caching.Store.
func (s *sharedCache) Purge(ctx context.Context, tags ...string) (int64, error) {
	n, err := s.Store.Purge(ctx, tags...)
	return n, s.of.told(err)
}

// Err implements caching.Store.
func (s *sharedCache) Err() error { return s.of.told(s.Store.Err()) }

// closeCaches ends the connection of all caches.
func (o *openStore) closeCaches() error {
	o.mu.Lock()
	conn := o.caches
	o.mu.Unlock()
	if conn == nil {
		return nil
	}
	return conn.Close()
}

// Interface guards
var (
	_ gateway.CacheSharer = (*openStore)(nil)
	_ caching.Store       = (*sharedCache)(nil)
)
