// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// cacheSite is a site with pages behind encode, and calls of models behind everything that
// a route of models has.
const cacheSite = `{
	gateway {
		cache answers {
			max_bytes 16MiB
		}
		consumer alice {
			key sha256:343e8d2d08694aba55b88e1aab327188c93e93126f871c435ff5e76bfc7e7b75
		}
		consumer bob {
			key sha256:230d945291811b83ddae186d645d860057711f69b3b6d06e1375540a8850a0f3
		}
	}
}
http://127.0.0.1:{{PORT}} {
	correlation_id
	encode gzip {
		minimum_length 1
	}
	handle_path /llm/a/* {
		gateway_route a
		key_auth
		llm_cost openai
		quota requests 1000/min
		gateway_cache answers {
			tags answers-of-a
		}
		reverse_proxy {{UPSTREAM}}
	}
	handle_path /llm/b/* {
		gateway_route b
		key_auth
		llm_cost openai
		gateway_cache answers
		reverse_proxy {{UPSTREAM}}
	}
	handle {
		@live path /live/*
		gateway_cache {
			ttl 1m
			bypass @live
		}
		reverse_proxy {{UPSTREAM}}
	}
}
`

const (
	aliceKey = "apikey: demo-alice-key-not-a-secret"
	bobKey   = "apikey: demo-bob-key-not-a-secret"
)

// cachedUpstream answers with the number of the call.
func cachedUpstream(t *testing.T) (*Upstream, *atomic.Int64) {
	t.Helper()
	var calls atomic.Int64
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		n := calls.Add(1)
		h := w.Header()
		h.Set("X-Request-Id", fmt.Sprint(n))
		switch {
		case strings.HasSuffix(r.URL.Path, "/chat/completions"):
			body, _ := io.ReadAll(r.Body)
			if !strings.Contains(string(body), `"stream":true`) {
				h.Set("Content-Type", "application/json")
				_, _ = fmt.Fprintf(w, `{"id":"c%d","object":"chat.completion","created":1,"model":"gpt-4o-mini","choices":[{"index":0,"finish_reason":"stop",`+
					`"message":{"role":"assistant","content":"answer %d"}}],"usage":{"prompt_tokens":100,"completion_tokens":100,"total_tokens":200}}`, n, n)
				return
			}
			h.Set("Content-Type", "text/event-stream")
			_, _ = fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"answer %d\"},\"finish_reason\":null}]}\n\n", n)
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n")
			if strings.Contains(string(body), "include_usage") {
				_, _ = io.WriteString(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":100,\"total_tokens\":200}}\n\n")
			}
			_, _ = io.WriteString(w, "data: [DONE]\n\n")
		case r.URL.Path == "/cut":
			h.Set("Content-Length", "100")
			_, _ = io.WriteString(w, "short")
		case r.URL.Path == "/tagged":
			h.Set("Etag", `"v1"`)
			h.Set("Cache-Control", "no-cache")
			if r.Header.Get("If-None-Match") == `"v1"` {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			_, _ = io.WriteString(w, "tagged")
		default:
			h.Set("Content-Type", "text/plain")
			_, _ = fmt.Fprintf(w, "page %d", n)
		}
	})
	return up, &calls
}

func TestGatewayCachePages(t *testing.T) {
	up, calls := cachedUpstream(t)
	g := gateway(t, cacheSite, with("UPSTREAM", up.Addr))
	first, again := g.Get("/page"), g.Get("/page")
	if first.Body != "page 1" || again.Body != "page 1" || again.Header.Get("X-Cache-Status") != "Hit" || again.Header.Get("Via") != first.Header.Get("Via") ||
		again.Header.Get("Server") != first.Header.Get("Server") || again.Header.Get("X-Request-Id") != "" || len(again.Header.Values("Date")) != 1 {
		t.Errorf("miss %+v\nhit  %+v", first, again)
	}
	if a, b := first.Header.Get("X-Correlation-Id"), again.Header.Get("X-Correlation-Id"); a == b && a != "" {
		t.Errorf("both have the correlation id %s", a)
	}
	// What is stored is compressed anew for who wants that.
	packed := g.Get("/page", "Accept-Encoding: gzip")
	z, err := gzip.NewReader(strings.NewReader(packed.Body))
	if err != nil {
		t.Fatalf("answer %+v: %v", packed, err)
	}
	if text, err := io.ReadAll(z); err != nil || string(text) != "page 1" || packed.Header.Get("X-Cache-Status") != "Hit" {
		t.Errorf("answer %+v is %q, %v", packed, text, err)
	}
	if head := g.Do("HEAD", "/page", ""); head.Status != 200 || head.Header.Get("Content-Length") != "6" || head.Body != "" {
		t.Errorf("HEAD is %+v", head)
	}
	if part := g.Get("/page", "Range: bytes=0-3"); part.Status != 206 || part.Body != "page" {
		t.Errorf("part is %+v", part)
	}
	g.Get("/live/page")
	if live := g.Get("/live/page"); live.Header.Get("X-Cache-Status") != "Bypass" {
		t.Errorf("live page is %+v", live)
	}
	g.Get("/tagged")
	if tagged := g.Get("/tagged"); tagged.Body != "tagged" || tagged.Header.Get("X-Cache-Status") != "Refresh" {
		t.Errorf("validated page is %+v", tagged)
	}
	g.Do("DELETE", "/page", "")
	if a := g.Get("/page"); a.Header.Get("X-Cache-Status") != "Miss" {
		t.Errorf("page that was changed is %+v", a)
	}
	before := calls.Load()
	for range 2 {
		res := g.Open("GET", "/cut", "")
		if got, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("an answer that was cut looks whole: %q", got)
		}
		_ = res.Body.Close()
	}
	if n := calls.Load() - before; n != 2 {
		t.Errorf("an answer that was cut was asked for %d times, want 2", n)
	}
}

func TestGatewayCacheCalls(t *testing.T) {
	up, calls := cachedUpstream(t)
	g := gateway(t, cacheSite, with("UPSTREAM", up.Addr))
	body := func(more string) string {
		return `{"model":"gpt-4o-mini","temperature":0,"max_tokens":200,"messages":[{"role":"user","content":"hi"}]` + more + `}`
	}
	const path = "/v1/chat/completions"
	ask := func(key, route, more, status, text string) *Answer {
		t.Helper()
		got := g.Post("/llm/"+route+path, body(more), key)
		if got.Status != 200 || got.Header.Get("X-Cache-Status") != status || !strings.Contains(got.Body, text) {
			t.Fatalf("answer is %+v, want a %s of %q", got, status, text)
		}
		return got
	}
	miss := ask(aliceKey, "a", "", "Miss", "answer 1")
	hit := ask(aliceKey, "a", "", "Hit", "answer 1")
	if hit.Body != miss.Body || hit.Header.Get("X-Gateway-Cost-Usd") != "0" || miss.Header.Get("X-Gateway-Cost-Usd") == "0" {
		t.Errorf("miss %+v\nhit  %+v", miss, hit)
	}
	// The client has not asked for the usage of its stream, though the gateway does.
	if stream := ask(aliceKey, "a", `,"stream":true`, "Hit", "[DONE]"); strings.Contains(stream.Body, `"usage"`) || !strings.Contains(stream.Body, "answer") {
		t.Errorf("stream is %+v", stream)
	}
	if stream := ask(aliceKey, "a", `,"stream":true,"stream_options":{"include_usage":true}`, "Hit", "[DONE]"); !strings.Contains(stream.Body, `"usage"`) {
		t.Errorf("stream is %+v", stream)
	}
	ask(bobKey, "a", "", "Miss", "answer 2")
	ask(aliceKey, "b", `,"stream":true`, "Miss", "answer 3")
	if whole := ask(aliceKey, "b", "", "Hit", "answer 3"); !strings.Contains(whole.Body, `"total_tokens":200`) {
		t.Errorf("whole answer is %+v", whole)
	}
	if got := g.Post("/llm/a"+path, body("")); got.Status != 401 {
		t.Errorf("without a key: %+v", got)
	}
	if n := calls.Load(); n != 3 {
		t.Errorf("the upstream had %d calls, want 3", n)
	}
	usage := g.Admin("/gateway/usage?by=consumer&consumer=alice").Body
	for _, want := range []string{`"requests":6`, `"response_cache_hits":4`, `"input_tokens":200`} {
		if !strings.Contains(usage, want) {
			t.Errorf("usage is %s, want %s", usage, want)
		}
	}
}

// TestGatewayCacheCoalesces has many ask for the same at once, of two consumers.
func TestGatewayCacheCoalesces(t *testing.T) {
	up, calls := cachedUpstream(t)
	g := gateway(t, cacheSite, with("UPSTREAM", up.Addr))
	var wg sync.WaitGroup
	answers := make([]*Answer, 20)
	for i := range answers {
		wg.Go(func() {
			answers[i] = g.Post("/llm/a/v1/chat/completions", `{"model":"gpt-4o-mini","temperature":0,"stream":true,"messages":[]}`, []string{aliceKey, bobKey}[i%2])
		})
	}
	wg.Wait()
	for i, a := range answers {
		if a.Status != 200 || a.Body != answers[i%2].Body {
			t.Errorf("answer %d is %+v", i, a)
		}
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("%d calls, want one for each consumer", n)
	}
}

// TestGatewayCacheKeepsServersApart: a client says what host it wants, and can say the
// same to two servers that share a cache.
func TestGatewayCacheKeepsServersApart(t *testing.T) {
	page := func(text string) string {
		return upstream(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }).Addr
	}
	g := gateway(t, `http://:{{PORT}} {
	bind 127.0.0.1
	gateway_cache {
		ttl 1m
		scope shared
	}
	reverse_proxy {{PUBLIC}}
}
http://:{{PORT2}} {
	bind 127.0.0.1
	gateway_cache {
		ttl 1m
		scope shared
	}
	reverse_proxy {{PRIVATE}}
}
`, with("PUBLIC", page("public")), with("PRIVATE", page("private")))
	ask := func(port string) string {
		return finish(t, open(t, g.client, http.MethodGet, "http://127.0.0.1:"+g.Value(port)+"/page", "", []string{"Host: demo.test"})).Body
	}
	for range 2 {
		if one, other := ask("PORT"), ask("PORT2"); one != "public" || other != "private" {
			t.Errorf("the servers answer %q and %q", one, other)
		}
	}
}

// TestGatewayCacheKeepsUpstreamsApart: routes without names may have the same URL, and be told
// apart by what is no part of the key.
func TestGatewayCacheKeepsUpstreamsApart(t *testing.T) {
	page := func(text string) string {
		return upstream(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }).Addr
	}
	g := gateway(t, `http://:{{PORT}} {
	bind 127.0.0.1
	@tenant header X-Tenant one
	handle @tenant {
		gateway_cache {
			ttl 1m
			scope shared
		}
		reverse_proxy {{ONE}}
	}
	@static header X-Tenant none
	handle @static {
		gateway_cache {
			ttl 1m
			scope shared
		}
		respond static
	}
	handle {
		gateway_cache {
			ttl 1m
			scope shared
		}
		reverse_proxy {{OTHER}}
	}
}
`, with("ONE", page("one")), with("OTHER", page("other")))
	for range 2 {
		for tenant, want := range map[string]string{"one": "one", "none": "static", "": "other"} {
			if got := g.Get("/page", "X-Tenant: "+tenant).Body; got != want {
				t.Errorf("tenant %q is given %q", tenant, got)
			}
		}
	}
}
