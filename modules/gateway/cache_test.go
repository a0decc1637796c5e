// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// withCaches is an app with options about caches, ledger in memory, that has started. The
// caller cleans up.
func withCaches(t *testing.T, options string) *App {
	t.Helper()
	app, err := tryProvision(t, `{"ledger":{"memory":true}`+options+`}`)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	return app
}

func TestCacheNames(t *testing.T) {
	app := provision(t, `{"ledger":{"memory":true},"caches":[{"name":"answers"},{"name":"pages"}]}`)
	for give, want := range map[string]string{"": "default", "default": "default", "answers": "answers", "pages": "pages"} {
		if c := cacheOf(t, app, give); c.Name() != want || c.Flights() == nil {
			t.Errorf("cache %q is %q", give, c.Name())
		}
	}
	_, err := app.Cache("nine")
	if err == nil || !strings.Contains(err.Error(), `cache "nine" does not exist`) || !strings.Contains(err.Error(), "cache nine") ||
		!strings.Contains(err.Error(), "answers, pages, default") {
		t.Errorf("the error of an unknown cache is %v", err)
	}
	if c := cacheOf(t, app, "answers"); c != cacheOf(t, app, "answers") || c.Flights() == cacheOf(t, app, "pages").Flights() {
		t.Error("a cache is not itself, or two are one")
	}
}

func TestCachesAreOpenedWhenNeeded(t *testing.T) {
	app := withCaches(t, "")
	if len(app.caches.wanted()) > 0 {
		t.Error("the default cache is open and nobody uses it")
	}
	if _, there := app.checkHealth(t.Context()).Parts["cache"]; there {
		t.Error("the cache that nobody uses is in the health")
	}
	cleanup(t, app)

	needed, err := tryProvision(t, `{"ledger":{"memory":true},"caches":[{"name":"answers"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	c := cacheOf(t, needed, "")
	if c.open.Load() != nil {
		t.Error("a cache is open before anything has started")
	}
	if err := needed.Start(); err != nil {
		t.Fatal(err)
	}
	if c.open.Load() == nil || cacheOf(t, needed, "answers").open.Load() == nil {
		t.Error("a cache that is used or declared is not open after the start")
	}
	cleanup(t, needed)
	if has(t, c, 1) {
		t.Error("something is in a cache that is closed")
	}
}

// A request may come before Caddy starts the gateway, and from a config that is refused.
func TestCacheIsOpenedByTheFirstRequest(t *testing.T) {
	app, err := tryProvision(t, `{"ledger":{"memory":true}}`)
	if err != nil {
		t.Fatal(err)
	}
	c := cacheOf(t, app, "")
	put(t, c, 1)
	o := c.open.Load()
	if o == nil || !has(t, c, 1) || &o.flights != c.Flights() {
		t.Fatal("the first request has not opened the cache")
	}
	cleanup(t, app)
	if n, ok := cachePool.References(o.key); ok {
		t.Errorf("%d configs use the cache after the end", n)
	}
	if undrained.remove(app) {
		t.Error("the app is still to be drained")
	}
}

func TestReloadKeepsCaches(t *testing.T) {
	const answers = `,"caches":[{"name":"answers","max_bytes":1048576}]`
	old := withCaches(t, answers)
	was := cacheOf(t, old, "answers")
	put(t, was, 1)

	same := withCaches(t, answers)
	is := cacheOf(t, same, "answers")
	cleanup(t, old)
	if !has(t, is, 1) || is.Flights() != was.Flights() {
		t.Error("a reload has lost what was in the cache")
	}
	put(t, was, 2) // by a request of the old config that is late
	if !has(t, is, 2) {
		t.Error("a late request does not share the cache any more")
	}

	changed := withCaches(t, `,"caches":[{"name":"answers","max_bytes":2097152}]`)
	other := cacheOf(t, changed, "answers")
	if !has(t, other, 1) || other.Flights() != is.Flights() {
		t.Error("other options have emptied the cache")
	}
	if got := other.Store().Stats().MaxBytes; got != 2<<20 {
		t.Errorf("its bound is %d", got)
	}
	cleanup(t, same)
	if got := other.Store().Stats().MaxBytes; got != 2<<20 || !has(t, other, 1) {
		t.Errorf("its bound is %d after the end of the config before", got)
	}
	// Options that are written out are no other ones.
	put(t, other, 3)
	written := withCaches(t, `,"caches":[{"name":"answers","store":"embedded","max_bytes":2097152,"owner_share":0.5}]`)
	cleanup(t, changed)
	if !has(t, cacheOf(t, written, "answers"), 3) {
		t.Error("defaults that are written out make another cache")
	}
	cleanup(t, written)
}

// A config that is refused in the end has its options in force for a moment alone, and no
// room means that entries go.
func TestReloadChangesOptionsOfCaches(t *testing.T) {
	large := withCaches(t, `,"caches":[{"name":"answers","max_bytes":1048576}]`)
	c := cacheOf(t, large, "answers")
	for n := range byte(200) {
		put(t, c, n)
	}
	refused := withCaches(t, `,"caches":[{"name":"answers","max_bytes":2097152,"compress":true}]`)
	if got := c.Store().Stats().MaxBytes; got != 2<<20 {
		t.Errorf("the bound of the new config is %d", got)
	}
	cleanup(t, refused)
	if s := c.Store().Stats(); s.MaxBytes != 1<<20 || s.Entries != 200 {
		t.Errorf("after the refused config the bound is %d, with %d entries", s.MaxBytes, s.Entries)
	}
	small := withCaches(t, `,"caches":[{"name":"answers","max_bytes":65536}]`)
	cleanup(t, large)
	if s := cacheOf(t, small, "answers").Store().Stats(); s.Bytes > 64<<10 || s.Entries == 0 {
		t.Errorf("%d entries of %d bytes are left", s.Entries, s.Bytes)
	}
	cleanup(t, small)
	if n, ok := cachePool.References(cacheKey{config: CacheConfig{Name: "answers", Store: CacheEmbedded}}); ok {
		t.Errorf("%d configs use the cache after the end", n)
	}
}

// A store that cannot change its options has a cache for each set of them.
func TestReloadOfACacheThatCannotBeTuned(t *testing.T) {
	forgetCaches(t)
	config := func(entry string) string {
		return `{"ledger":{"memory":true},"store":{"module":"demo","name":"` + t.Name() + `"},"caches":[{"name":"shared","store":"demo","max_entry":` + entry + `}]}`
	}
	start := func(entry string) *App {
		t.Helper()
		app, err := tryProvision(t, config(entry))
		if err != nil {
			t.Fatal(err)
		}
		if err := app.Start(); err != nil {
			t.Fatal(err)
		}
		return app
	}
	one, two, again := start("4096"), start("8192"), start("4096")
	c := openedCaches(t, 2)
	if c[0].options.MaxEntryBytes != 4096 || c[1].options.MaxEntryBytes != 8192 {
		t.Errorf("opened with %d and %d", c[0].options.MaxEntryBytes, c[1].options.MaxEntryBytes)
	}
	if cacheOf(t, one, "shared").Store() != cacheOf(t, again, "shared").Store() || cacheOf(t, one, "shared").Store() == cacheOf(t, two, "shared").Store() {
		t.Error("configs have the cache of others")
	}
	for _, app := range []*App{one, two, again} {
		cleanup(t, app)
	}
	for _, c := range c {
		eventually(t, "closing the cache", func() bool { n, _ := c.closings(); return n == 1 })
	}
}

func TestCacheOutlivesItsConfig(t *testing.T) {
	app := withCaches(t, `,"caches":[{}]`)
	c := cacheOf(t, app, "")
	put(t, c, 1)
	end := open(t, app)
	next := withCaches(t, "")
	cleanup(t, app)
	if !has(t, c, 1) {
		t.Error("the cache is closed under a request")
	}
	end()
	eventually(t, "closing the cache", func() bool { return !has(t, c, 1) })
	cleanup(t, next)
}

func TestCacheInTheStoreOfTheGateway(t *testing.T) {
	before := linger
	linger = time.Millisecond
	t.Cleanup(func() { linger = before })
	forgetCaches(t)
	dir := t.TempDir()
	config := strings.TrimSuffix(withDemo(t, dir, `"name":"x"`), "}") + `,"caches":[{"name":"shared","store":"demo","max_entry":4096}]}`
	start := func(config string) *App {
		t.Helper()
		app, err := tryProvision(t, config)
		if err != nil {
			t.Fatal(err)
		}
		if err := app.Start(); err != nil {
			t.Fatal(err)
		}
		return app
	}
	one := start(config)
	put(t, cacheOf(t, one, "shared"), 1)
	two := start(config)
	cleanup(t, one)
	if !has(t, cacheOf(t, two, "shared"), 1) {
		t.Error("a reload has lost the cache")
	}
	c := openedCaches(t, 1)[0]
	if c.options.Name != "shared" || c.options.MaxEntryBytes != 4096 {
		t.Errorf("the store was asked for %+v", c.options)
	}
	// Another store is another place.
	three := start(strings.Replace(config, `"name":"x"`, `"name":"y"`, 1))
	if has(t, cacheOf(t, three, "shared"), 1) {
		t.Error("another store has the same cache")
	}
	cleanup(t, two)
	eventually(t, "closing the cache", func() bool { n, _ := c.closings(); return n == 1 })
	cleanup(t, three)
	for _, c := range openedCaches(t, 2) {
		eventually(t, "closing the cache", func() bool { n, _ := c.closings(); return n == 1 })
		if _, after := c.closings(); after {
			t.Error("the store was closed before the cache in it")
		}
	}
}

func TestCacheThatCannotBeOpened(t *testing.T) {
	forgetCaches(t)
	refuseCaches(errors.New("demo has no room"))
	config := `{"ledger":{"memory":true},"store":{"module":"demo","name":"x"},"caches":[{"name":"shared","store":"demo"}]}`
	app, err := tryProvision(t, config)
	if err != nil {
		t.Fatal(err)
	}
	c := cacheOf(t, app, "shared")
	s := c.Store()
	if flights := c.Flights(); flights != c.Flights() {
		t.Error("its requests have no flights in common")
	}
	_, getErr := s.Get(t.Context(), caching.Key{})
	_, putErr := s.Put(t.Context(), caching.Key{}, nil, s.Mark(caching.Key{}))
	_, purgeErr := s.Purge(t.Context())
	for name, err := range map[string]error{
		"get": getErr, "put": putErr, "purge": purgeErr, "delete": s.Delete(t.Context(), caching.Key{}), "err": s.Err(),
	} {
		if !errors.Is(err, caching.ErrUnavailable) || !strings.Contains(err.Error(), "demo has no room") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.Stats() != (caching.Stats{}) || s.Close() != nil {
		t.Error("there is something in it")
	}
	if err := app.Start(); err == nil || !strings.Contains(err.Error(), "open cache shared: demo has no room") {
		t.Errorf("start: %v", err)
	}
	refuseCaches(nil)
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	put(t, c, 1)
	cleanup(t, app)

	late, err := tryProvision(t, config)
	if err != nil {
		t.Fatal(err)
	}
	cleanup(t, late)
	if err := cacheOf(t, late, "shared").Store().Err(); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("after the config it is %v", err)
	}
	openedCaches(t, 1)
}

func TestStoreThatKeepsNoResponses(t *testing.T) {
	models.Store(t.Name(), new(model))
	app := provision(t, `{"ledger":{"memory":true},"store":{"module":"model","name":"`+t.Name()+`"},"caches":[{"name":"shared","store":"model"}]}`)
	if err := app.Start(); err == nil || !strings.Contains(err.Error(), "store model keeps no responses; write: store embedded") {
		t.Errorf("start: %v", err)
	}
}
