// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
)

// withCache is an app with a cache in Redis, shared, that has started.
func withCache(t *testing.T, store string) (*gateway.App, caching.Store) {
	t.Helper()
	app, err := provisionWith(t, "", store, `,"caches":[{"name":"shared","store":"redis"}]`)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := app.Cache("shared")
	if err != nil {
		t.Fatal(err)
	}
	return app, c.Store()
}

// body is a response with tags.
func body(text string, tags ...string) *caching.Entry {
	return &caching.Entry{Body: [][]byte{[]byte(text)}, Tags: tags, Expires: time.Now().Add(time.Hour)}
}

// put keeps a response under a key that begins with a byte.
func put(t *testing.T, s caching.Store, key byte, e *caching.Entry) {
	t.Helper()
	if outcome, err := s.Put(t.Context(), caching.Key{key}, e, s.Mark(caching.Key{key})); outcome != caching.Stored || err != nil {
		t.Fatalf("put: %v, %v", outcome, err)
	}
}

// find returns the body under such a key, empty if there is none.
func find(t *testing.T, s caching.Store, key byte) string {
	t.Helper()
	e, err := s.Get(t.Context(), caching.Key{key})
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	if e == nil {
		return ""
	}
	return string(e.Bytes())
}

func TestCachesLeaveNothing(t *testing.T) {
	server := redistest.Start(t)
	work := func() {
		app, s := withCache(t, urlOf(server))
		put(t, s, 1, body("demo"))
		cleanup(t, app)
	}
	work()
	goroutines := runtime.NumGoroutine()
	for range 5 {
		work()
	}
	eventually(t, "the end of all goroutines", func() bool { return runtime.NumGoroutine() <= goroutines+2 })
}

func TestGatewaysShareCaches(t *testing.T) {
	server := redistest.Start(t)
	one, first := withCache(t, urlOf(server))
	two, second := withCache(t, urlOf(server))
	defer cleanup(t, two)
	put(t, first, 1, body("demo", "consumer:alice"))
	put(t, first, 2, body("other", "consumer:bob"))
	if got := find(t, second, 1); got != "demo" {
		t.Errorf("the other gateway has %q", got)
	}
	if n, err := second.Purge(t.Context(), "consumer:alice"); n != -1 || err != nil {
		t.Errorf("purge: %d, %v", n, err)
	}
	if a, b := find(t, first, 1), find(t, first, 2); a != "" || b != "other" {
		t.Errorf("after the purge there are %q and %q", a, b)
	}
	if err := second.Delete(t.Context(), caching.Key{2}); err != nil || find(t, first, 2) != "" {
		t.Errorf("delete: %v", err)
	}
	// Responses have keys of their own, and stay when a gateway ends.
	put(t, first, 3, body("kept"))
	cleanup(t, one)
	if got := find(t, second, 3); got != "kept" {
		t.Errorf("after a gateway has ended there is %q", got)
	}
	if keys, _ := server.Do("KEYS", defaultPrefix+cachePrefix+":{shared:*").([]any); len(keys) == 0 {
		t.Error("the keys do not begin with the prefix of caches")
	}
}

// Nobody waits for Redis, and no error shows a password.
func TestCacheWithoutRedis(t *testing.T) {
	server := redistest.Start(t, "--requirepass", password)
	const wrong = "demo-wrong-not-a-secret"
	app, s := withCache(t, urlOf(server)+`,"password":"`+wrong+`"`)
	defer cleanup(t, app)
	began := time.Now()
	_, getErr := s.Get(t.Context(), caching.Key{1})
	_, purgeErr := s.Purge(t.Context(), "consumer:alice")
	for name, err := range map[string]error{
		"get": getErr, "purge": purgeErr, "delete": s.Delete(t.Context(), caching.Key{1}), "err": s.Err(),
	} {
		if err == nil || strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "redis://127.0.0.1:") {
		t.Errorf("the error does not say which Redis: %v", err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("requests waited %s", took)
	}
}

func TestCacheOptionNeedsTheStore(t *testing.T) {
	const cache = "cache pages {\nstore redis\n}\n"
	if _, err := adapt(t, cache+"store redis redis://127.0.0.1"); err != nil {
		t.Error(err)
	}
	_, err := adapt(t, cache)
	if err == nil || !strings.Contains(err.Error(), `write "store redis ..." in the global option gateway as well`) || !strings.Contains(err.Error(), "Caddyfile:4") {
		t.Errorf("without the store the error is %v", err)
	}
}
