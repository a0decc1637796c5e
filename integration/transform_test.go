// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// transformSite edits answers around everything that a route of models has.
const transformSite = `{
	gateway {
		consumer alice {
			key sha256:343e8d2d08694aba55b88e1aab327188c93e93126f871c435ff5e76bfc7e7b75
		}
		cache answers {
			max_bytes 16MiB
		}
	}
}
http://127.0.0.1:{{PORT}} {
	encode gzip {
		minimum_length 1
	}
	handle_path /llm/* {
		gateway_route llm
		key_auth
		request_transform {
			replace body model gpt-4o-mini
			remove body debug
		}
		response_transform {
			remove usage choices.#.delta.refusal
			set via tollgate
			rename header X-Gateway-Cost-Usd X-Cost
			add header X-Cache-Was {http.response.header.Cache-Status}
		}
		llm_cost openai
		gateway_cache answers
		reverse_proxy {{UPSTREAM}}
	}
	handle {
		response_transform {
			set header X-Edited yes
			set via tollgate
		}
		reverse_proxy {{UPSTREAM}} {
			flush_interval -1
		}
	}
}
`

const (
	transformedAnswer = `{"id":"1","model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}`
	transformedChunk  = `{"id":"1","model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":"hi","refusal":null}}],"usage":null}`
	transformedUsage  = `{"id":"1","model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}`
)

func transformedUpstream(t *testing.T, step chan struct{}) (*Upstream, *atomic.Int64) {
	t.Helper()
	var calls atomic.Int64
	return upstream(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		h := w.Header()
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.URL.Path == "/events":
			h.Set("Content-Type", "text/event-stream")
			for range 3 {
				_, _ = io.WriteString(w, "data: {\"n\":1}\n\n")
				w.(http.Flusher).Flush()
				<-step
			}
		case r.URL.Path == "/gzip":
			h.Set("Content-Type", "application/json")
			h.Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, `{"n":1}`)
			_ = z.Close()
		case r.URL.Path == "/aborted":
			h.Set("Content-Type", "application/json")
			h.Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"n":1`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case strings.Contains(string(body), `"stream":true`):
			h.Set("Content-Type", "text/event-stream")
			_, _ = fmt.Fprintf(w, "data: %s\n\ndata: %s\n\ndata: [DONE]\n\n", transformedChunk, transformedUsage)
		default:
			h.Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, transformedAnswer)
		}
	}), &calls
}

// Edits of an answer change what the client gets, and nothing of what is metered and
// stored.
func TestTransformedModelCalls(t *testing.T) {
	up, calls := transformedUpstream(t, nil)
	g := gateway(t, transformSite, with("UPSTREAM", up.Addr))
	const request = `{"model":"somebody's","debug":1,"temperature":0,"messages":[{"role":"user","content":"hello"}]}`
	const edited = `{"id":"1","model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"via":"tollgate"}`
	for i, stored := range []string{"miss", "hit"} {
		got := g.Post("/llm/v1/chat/completions", request, aliceKey)
		if got.Status != 200 || got.Body != edited {
			t.Errorf("%s: %d %s", stored, got.Status, got.Body)
		}
		if got.Header.Get("X-Cost") == "" || got.Header.Get("X-Gateway-Cost-Usd") != "" || (got.Header.Get("X-Cost") == "0") != (i == 1) {
			t.Errorf("%s: header %v", stored, got.Header)
		}
		if was := got.Header.Get("X-Cache-Was"); strings.Contains(was, "hit") != (i == 1) {
			t.Errorf("%s: the cache said %q", stored, was)
		}
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("the upstream was called %d times", n)
	}
	if r := up.Only(); !strings.HasPrefix(r.Body, `{"model":"gpt-4o-mini","temperature":0,`) {
		t.Errorf("the upstream had %s", r.Body)
	}
	got := g.Post("/llm/v1/chat/completions", strings.Replace(request, "hello\"}]", "more\"}],\"stream\":true", 1), aliceKey)
	want := `data: {"id":"1","model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":"hi"}}],"via":"tollgate"}` + "\n\ndata: [DONE]\n\n"
	if got.Body != want {
		t.Errorf("stream %q", got.Body)
	}
	usage := g.Admin("/gateway/usage").Body
	if !strings.Contains(usage, `"input":20`) && !strings.Contains(usage, `"input": 20`) {
		t.Errorf("usage is %s", usage)
	}
}

func TestTransformedAnswers(t *testing.T) {
	step := make(chan struct{})
	up, _ := transformedUpstream(t, step)
	g := gateway(t, transformSite, with("UPSTREAM", up.Addr))
	t.Run("an event leaves when it has come", func(t *testing.T) {
		res := g.Open(http.MethodGet, "/events", "")
		lines := bufio.NewReader(res.Body)
		for range 3 {
			for _, want := range []string{"data: {\"n\":1,\"via\":\"tollgate\"}\n", "\n"} {
				if line, err := lines.ReadString('\n'); line != want {
					t.Fatalf("the client has %q, %v", line, err)
				}
			}
			step <- struct{}{} // the upstream has not sent the next one before this
		}
	})
	t.Run("compressed on both sides", func(t *testing.T) {
		got := g.Get("/gzip", "Accept-Encoding: gzip")
		z, err := gzip.NewReader(strings.NewReader(got.Body))
		if err != nil {
			t.Fatalf("%v: %q %v", err, got.Body, got.Header)
		}
		if body, err := io.ReadAll(z); string(body) != `{"n":1,"via":"tollgate"}` {
			t.Errorf("body %s, %v", body, err)
		}
		if got := g.Get("/gzip"); got.Body != `{"n":1,"via":"tollgate"}` || got.Header.Get("Content-Encoding") != "" {
			t.Errorf("body %q, header %v", got.Body, got.Header)
		}
	})
	t.Run("aborted", func(t *testing.T) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.URL+"/aborted", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := newClient(t, "", "").Do(r)
		if err == nil {
			defer res.Body.Close()
			t.Errorf("there is an answer: %d", res.StatusCode)
		}
	})
}

// A connection that switches protocols passes through both handlers.
func TestTransformedUpgrade(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: demo\r\n\r\n")
		line, _ := rw.ReadString('\n')
		_, _ = io.WriteString(c, strings.ToUpper(line))
	})
	g := gateway(t, transformSite, with("UPSTREAM", up.Addr))
	c, err := net.Dial("tcp", g.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: "+g.Addr+"\r\nConnection: Upgrade\r\nUpgrade: demo\r\nContent-Type: application/json\r\n\r\n")
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("X-Edited") != "yes" {
		t.Fatalf("answer %+v, %v", res, err)
	}
	_, _ = io.WriteString(c, "hello\n")
	if line, err := r.ReadString('\n'); line != "HELLO\n" {
		t.Errorf("the connection says %q, %v", line, err)
	}
}

// What Kong's request-transformer does besides, Caddy's own directives do: the method, the
// path with what a matcher has captured, and a value for each request.
func TestTransformedByCaddy(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	g := gateway(t, `{
	gateway
	servers {
		expected_underscore_headers x_api_*
	}
}
http://127.0.0.1:{{PORT}} {
	handle /form {
		method GET
		request_transform {
			form_to_query
		}
		reverse_proxy {{UP}}
	}
	handle /made {
		method POST
		request_transform {
			add header Content-Type application/json
			add body body somecontent
			add header X-Correlation-ID {http.request.uuid}
		}
		reverse_proxy {{UP}}
	}
	@user path_regexp user ^/user1/(\w+)/user2/(\S+)$
	handle @user {
		rewrite * /requests{re.user.0}
		reverse_proxy {{UP}}
	}
	@named path_regexp named ^/requests/user1/(?P<user1>\w+)/user2/(?P<user2>\S+)$
	handle @named {
		request_transform {
			add query uri_param1 {re.named.user1}
			add query uri_param2[some_index][1] {re.named.user2}
		}
		reverse_proxy {{UP}}
	}
	handle /versions/* {
		api_version v1 v2 {
			prefix /versions
			default v1
			query
		}
		reverse_proxy {{UP}}
	}
}
`, with("UP", up.Addr))
	for _, row := range []struct {
		name, method, uri, body string
		header                  []string
		want                    Recorded
	}{
		{"a form becomes a query", "POST", "/form?hello=world", "name=marco", []string{"Content-Type: application/x-www-form-urlencoded"}, Recorded{Method: "GET", URI: "/form?hello=world&name=marco"}},
		{"a body is made", "GET", "/made", "", nil, Recorded{Method: "POST", URI: "/made", Body: `{"body":"somecontent"}`}},
		{"all of a match", "GET", "/user1/foo/user2/bar", "", nil, Recorded{Method: "GET", URI: "/requests/user1/foo/user2/bar"}},
		{"parts of a match", "GET", "/requests/user1/foo/user2/bar?q1=20", "", nil, Recorded{Method: "GET", URI: "/requests/user1/foo/user2/bar?q1=20&uri_param1=foo&uri_param2%5Bsome_index%5D%5B1%5D=bar"}},
		{"the version alone", "GET", "/versions/x?version=2", "", []string{"X_API_Version: v1", "Connection: X-API-Version"}, Recorded{Method: "GET", URI: "/versions/v2/x?version=2"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := g.Do(row.method, row.uri, row.body, row.header...)
			all := up.Requests()
			if got.Status != http.StatusNoContent || len(all) == 0 {
				t.Fatalf("answer %d %s", got.Status, got.Body)
			}
			r := all[len(all)-1]
			if r.Method != row.want.Method || r.URI != row.want.URI || r.Body != row.want.Body {
				t.Errorf("upstream had %s %s %q, want %+v", r.Method, r.URI, r.Body, row.want)
			}
			if id := r.Header.Get("X-Correlation-Id"); (len(id) == 36) != (row.uri == "/made") {
				t.Errorf("the id is %q", id)
			}
			if v := r.Header.Get("X-Api-Version"); (v == "v2") != strings.HasPrefix(row.uri, "/versions") || r.Header["X_api_version"] != nil {
				t.Errorf("header %v", r.Header)
			}
		})
	}
}
