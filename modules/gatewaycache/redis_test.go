// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/cacheredis"
	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// TestInRedis has two gateways share a cache.
func TestInRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	gateways := make([]*rig, 2)
	for i := range gateways {
		conn, err := redisconn.New(redisconn.Options{URLs: []string{server.URL()}, Timeout: 5 * time.Second, DialTimeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		conn.Start()
		t.Cleanup(func() { _ = conn.Close() })
		store := cacheredis.New(cacheredis.Options{Conn: conn, Cache: caching.Options{Name: "test"}, Patience: 20 * time.Second})
		t.Cleanup(func() { _ = store.Close() })
		gateways[i] = newRig(t, "ttl 1m", chat)
		gateways[i].h.cache = &testCache{store: store}
	}
	one, other := gateways[0], gateways[1]
	one.do("alice", ask("x", "")).want(t, state.CacheMiss, "", chatWhole)
	for one.h.cache.Flights().Flights() > 0 { // until it is stored: putting may take longer than the client waits
		one.do("alice", ask("x", ""))
	}
	one.do("alice", ask("x", "")).want(t, state.CacheHit, "", chatWhole)
	other.do("alice", ask("x", "")).want(t, state.CacheHit, "", chatWhole)
	other.do("bob", ask("x", "")).want(t, state.CacheMiss, "", chatWhole)
	if other.called() != 1 {
		t.Errorf("%d calls", other.called())
	}
	if _, err := other.h.cache.Store().Purge(t.Context(), "consumer:alice"); err != nil {
		t.Fatal(err)
	}
	one.do("alice", ask("x", "")).want(t, state.CacheMiss, "", chatWhole)
}
