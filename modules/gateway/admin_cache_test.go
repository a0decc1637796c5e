// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// twoCaches runs Caddy with a cache in memory, answers, and one in a demo store, shared.
func twoCaches(t *testing.T) (address string, answers, shared *Cache) {
	t.Helper()
	forgetCaches(t)
	address = instanceOf(t, `{"ledger":{"memory":true},"store":{"module":"demo","name":"`+t.Name()+`"},`+
		`"caches":[{"name":"answers"},{"name":"shared","store":"demo"}]}`)
	return address, cacheOf(t, active(t), "answers"), cacheOf(t, active(t), "shared")
}

// fill puts the same four responses into a cache.
func fill(t *testing.T, c *Cache) {
	t.Helper()
	put(t, c, 1, "consumer:alice", "provider:openai", "model:gpt-4o", "route:chat", "host:llm.example", "path:/v1/chat/completions", "tag:x", "tag:y")
	put(t, c, 2, "consumer:bob", "provider:openai", "model:gpt-4o", "route:chat", "host:llm.example", "path:/v1/chat/completions", "tag:x")
	put(t, c, 3, "consumer:alice", "route:pages", "host:www.example", "path:/")
	put(t, c, 4, "consumer:tag:x")
}

// left lists the keys of what is left of them.
func left(t *testing.T, c *Cache) (keys string) {
	t.Helper()
	for key := byte(1); key <= 4; key++ {
		if has(t, c, key) {
			keys += fmt.Sprint(key)
		}
	}
	return keys
}

func TestAdminCache(t *testing.T) {
	address, answers, _ := twoCaches(t)
	fill(t, answers)
	app := active(t)
	app.Observe(answered("answers", state.CacheHit, "", 2_500_000_000), ok())
	app.Observe(answered("answers", state.CacheBypass, "method", 0), ok())
	list := get[cacheList](t, address, "/gateway/cache").Caches
	if len(list) != 2 || list[0].Name != "answers" || list[1].Name != "shared" {
		t.Fatalf("caches are %+v", list)
	}
	v := list[0]
	if v.Store != "embedded" || *v.Entries != 4 || *v.Bytes < 4000 || v.MaxBytes != 128<<20 || v.Error != "" ||
		v.Requests["hit"] != 1 || v.Requests["bypass"] != 1 || v.Requests["miss"] != 0 || v.Saved.String() != "0.0025" {
		t.Errorf("the first is %+v", v)
	}
	if v := list[1]; v.Store != "demo" || v.Entries != nil || v.Bytes != nil {
		t.Errorf("the second is %+v", v)
	}
	openedCaches(t, 1)[0].fail(errors.New("demo is down"))
	if list := get[cacheList](t, address, "/gateway/cache?cache=shared").Caches; len(list) != 1 || list[0].Error != "demo is down" {
		t.Errorf("a cache that is down is %+v", list)
	}
	if status, _, body := ask(t, http.MethodHead, address, "/gateway/cache"); status != 200 || body != "" {
		t.Errorf("HEAD answers %d %q", status, body)
	}
}

func TestAdminCachePurge(t *testing.T) {
	address, answers, shared := twoCaches(t)
	for _, test := range []struct {
		name, query, left string
		purged            int
	}{
		{"a consumer", "consumer=alice", "24", 2},
		{"a consumer and a route", "consumer=alice&route=chat", "234", 1},
		{"a provider", "provider=openai", "34", 2},
		{"a model", "model=gpt-4o&provider=openai", "34", 2},
		{"a route", "route=pages", "124", 1},
		{"a host", "host=llm.example", "34", 2},
		{"a host in capitals", "host=LLM.Example", "34", 2},
		{"a path", "path=/", "124", 1},
		{"a tag", "tag=x", "34", 2},
		{"two tags", "tag=x&tag=y", "234", 1},
		{"a consumer that is called like a tag", "consumer=tag:x", "123", 1},
		{"nobody", "consumer=carol", "1234", 0},
		{"a key", "key=" + caching.Key{2}.String(), "134", 1},
		{"a key in capitals", "key=" + strings.ToUpper(caching.Key{1}.String()), "234", 1},
		{"a key that is not there", "key=" + caching.Key{9}.String(), "1234", 0},
		{"everything", "all=true", "", 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			fill(t, answers)
			fill(t, shared)
			logged.take()
			status, _, body := ask(t, http.MethodDelete, address, "/gateway/cache?cache=answers&"+test.query)
			if want := fmt.Sprintf(`{"purged":[{"cache":"answers","entries":%d}]}`, test.purged); status != 200 || strings.TrimSpace(body) != want {
				t.Errorf("answers %d %s, want %s", status, body, want)
			}
			if got := left(t, answers); got != test.left {
				t.Errorf("left are %q, want %q", got, test.left)
			}
			if got := left(t, shared); got != "1234" {
				t.Errorf("in the other cache %q are left", got)
			}
			if text := logged.take(); !strings.Contains(text, `"logger":"gateway.audit"`) || !strings.Contains(text, `"action":"cache_purge"`) ||
				!strings.Contains(text, `"caches":["answers"]`) || !strings.Contains(text, "caches were purged") {
				t.Errorf("the log has %s", text)
			}
			if status, _, body := ask(t, http.MethodDelete, address, "/gateway/cache?"+test.query); status != 200 || !strings.Contains(body, `{"cache":"shared"`) {
				t.Errorf("in all caches it answers %d %s", status, body)
			}
			if got := left(t, shared); got != test.left {
				t.Errorf("left in the other cache are %q, want %q", got, test.left)
			}
		})
	}
}

// What is under a key goes with all that belongs to it elsewhere, and what was on its way to
// it stays out.
func TestAdminCachePurgeOfAKey(t *testing.T) {
	address, answers, shared := twoCaches(t)
	key := caching.Key{1}
	tag := CacheTagOfKey(key)
	for _, c := range []*Cache{answers, shared} {
		put(t, c, 1, tag)
		put(t, c, 2, tag)
		put(t, c, 3, CacheTagOfKey(caching.Key{3}))
	}
	since := answers.Store().Mark(key)
	if status, _, body := ask(t, http.MethodDelete, address, "/gateway/cache?key="+key.String()); status != 200 ||
		strings.TrimSpace(body) != `{"purged":[{"cache":"answers","entries":2},{"cache":"shared","entries":1}]}` {
		t.Errorf("answers %d %s", status, body)
	}
	e := &caching.Entry{Tags: []string{tag}, Expires: time.Now().Add(time.Hour)}
	if outcome, err := answers.Store().Put(t.Context(), key, e, since); outcome != caching.Outdated || err != nil {
		t.Errorf("an answer of before is put: %v, %v", outcome, err)
	}
	if a, b := left(t, answers), left(t, shared); a != "3" || b != "3" {
		t.Errorf("left are %q and %q", a, b)
	}
}

func TestAdminCacheRefusals(t *testing.T) {
	address, answers, shared := twoCaches(t)
	fill(t, answers)
	fill(t, shared)
	for _, test := range []struct {
		method, query string
		status        int
		want          string
	}{
		{http.MethodDelete, "", 400, "say what to purge by key, consumer, provider, model, route, tag, host, path, or all=true"},
		{http.MethodDelete, "?cache=answers", 400, "say what to purge by"},
		{http.MethodDelete, "?all=false", 400, "write all=true"},
		{http.MethodDelete, "?all=true&consumer=alice", 400, "all=true purges more than the other parameters say"},
		{http.MethodDelete, "?all=true&key=" + caching.Key{1}.String(), 400, "purges more"},
		{http.MethodDelete, "?consumer=alice&key=" + caching.Key{1}.String(), 400, "a key stands for one entry"},
		{http.MethodDelete, "?key=abc", 400, "64 hexadecimal digits"},
		{http.MethodDelete, "?key=abcd", 400, "64 hexadecimal digits"},
		{http.MethodDelete, "?consumer=&model=gpt-4o", 400, "parameter consumer is empty"},
		{http.MethodDelete, "?tag=x&tag=", 400, "parameter tag is empty"},
		{http.MethodDelete, "?consumer=alice&consumer=bob", 400, "parameter consumer is given twice"},
		{http.MethodDelete, "?tag=" + strings.Repeat("x", 600), 400, "at most 512 bytes"},
		{http.MethodDelete, "?" + strings.Repeat("tag=x&", 65), 400, "at most 64 values"},
		{http.MethodDelete, "?user=alice", 400, "cache, key, all, consumer, provider, model, route, tag..., host, path"},
		{http.MethodDelete, "?tag...=x", 400, `unknown parameter \"tag...\"`},
		{http.MethodDelete, "?cache=default&all=true", 404, `cache \"default\" is not in use; there are: answers, shared`},
		{http.MethodGet, "?cache=nine", 404, "is not in use"},
		{http.MethodGet, "?consumer=alice", 400, "to read, /gateway/cache takes cache alone"},
		{http.MethodGet, "?cache=answers&cache=shared", 400, "given twice"},
		{http.MethodPost, "", 405, "only answers GET, HEAD and DELETE"},
	} {
		t.Run(test.method+test.query, func(t *testing.T) {
			status, _, body := ask(t, test.method, address, "/gateway/cache"+test.query)
			if status != test.status || !strings.Contains(body, test.want) {
				t.Errorf("answers %d %s, want %d %q", status, body, test.status, test.want)
			}
		})
	}
	if a, b := left(t, answers), left(t, shared); a != "1234" || b != "1234" {
		t.Errorf("left are %q and %q", a, b)
	}
}

func TestAdminCachePurgeFails(t *testing.T) {
	address, answers, shared := twoCaches(t)
	fill(t, answers)
	fill(t, shared)
	logged.take()
	openedCaches(t, 1)[0].fail(errors.New("demo is down"))
	status, _, body := ask(t, http.MethodDelete, address, "/gateway/cache?consumer=alice")
	if status != 503 || !strings.Contains(body, "not purged, or not whole, so purge again: cache shared: demo is down; purged: answers") {
		t.Errorf("answers %d %s", status, body)
	}
	if a, b := left(t, answers), left(t, shared); a != "24" || b != "1234" {
		t.Errorf("left are %q and %q", a, b)
	}
	if text := logged.take(); !strings.Contains(text, "a cache could not be purged") || !strings.Contains(text, "demo is down") {
		t.Errorf("the log has %s", text)
	}
	openedCaches(t, 1)[0].fail(nil) // for the end
}

// A request of the config before may still be served from a cache that was elsewhere.
func TestAdminCachePurgeReachesOldConfigs(t *testing.T) {
	forgetCaches(t)
	const config = `{"ledger":{"memory":true},"store":{"module":"demo","name":"x"},"caches":[{"store":%q}]}`
	address := instanceOf(t, fmt.Sprintf(config, "embedded"))
	old := active(t)
	was := cacheOf(t, old, "")
	fill(t, was)
	end := open(t, old)
	defer end()
	if err := load(t, address, fmt.Sprintf(config, "demo")); err != nil {
		t.Fatal(err)
	}
	fill(t, cacheOf(t, active(t), ""))
	if status, _, body := ask(t, http.MethodDelete, address, "/gateway/cache?consumer=alice"); status != 200 || strings.Contains(body, "entries") {
		t.Errorf("answers %d %s", status, body) // one of them does not count
	}
	if before, now := left(t, was), left(t, cacheOf(t, active(t), "")); before != "24" || now != "24" {
		t.Errorf("left are %q in the cache of the old config and %q in the new one", before, now)
	}
}

func TestAdminCacheWithoutCaches(t *testing.T) {
	address := instanceOf(t, `{}`)
	if _, _, body := ask(t, http.MethodGet, address, "/gateway/cache"); strings.TrimSpace(body) != `{"caches":[]}` {
		t.Errorf("answers %s", body)
	}
	if _, _, body := ask(t, http.MethodDelete, address, "/gateway/cache?all=true"); strings.TrimSpace(body) != `{"purged":[]}` {
		t.Errorf("a purge answers %s", body)
	}
	if status, _, body := ask(t, http.MethodGet, address, "/gateway/cache?cache=default"); status != 404 || !strings.Contains(body, "there is none") {
		t.Errorf("answers %d %s", status, body)
	}
}
