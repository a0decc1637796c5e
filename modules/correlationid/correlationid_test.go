// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package correlationid

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// app is provisioned before any test, because provisioning changes variables
// of the process. So is proxy, which dials the address in the variable origin.
var (
	app   *gateway.App
	proxy caddyhttp.MiddlewareHandler
)

func TestMain(m *testing.M) {
	ctx, err := caddy.ProvisionContext(&caddy.Config{})
	if err != nil {
		panic(err)
	}
	if app, err = gateway.Get(ctx); err != nil {
		panic(err)
	}
	mod, err := ctx.LoadModuleByID("http.handlers.reverse_proxy", json.RawMessage(`{"upstreams":[{"dial":"{http.vars.origin}"}]}`))
	if err != nil {
		panic(err)
	}
	proxy = mod.(caddyhttp.MiddlewareHandler)
	os.Exit(m.Run())
}

func newHandler(tb testing.TB, directive string) *Handler {
	tb.Helper()
	h := new(Handler)
	if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(directive)); err != nil {
		tb.Fatal(err)
	}
	if err := h.Validate(); err != nil {
		tb.Fatal(err)
	}
	h.app = app
	h.compile()
	return h
}

// exchange sends a request with the header lines through h to next, by a real
// server, and returns the answer and its body.
func exchange(t *testing.T, h *Handler, header http.Header, next caddyhttp.HandlerFunc) (*http.Response, string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, &caddyhttp.Server{})
		if err := h.ServeHTTP(w, r, next); err != nil {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(srv.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

var (
	uuid7   = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	uuid4   = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	counted = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}#1$`)
)

func literally(s string) *regexp.Regexp { return regexp.MustCompile("^" + regexp.QuoteMeta(s) + "$") }

func TestIDs(t *testing.T) {
	t.Parallel()
	const kong = "Kong-Request-ID"
	rows := []struct {
		name, directive, header string
		sent                    []string
		want                    *regexp.Regexp
		silent                  bool // no header on the answer
	}{
		{"generated", "correlation_id", DefaultHeader, nil, uuid7, false},
		{"taken from the client", "correlation_id", DefaultHeader, []string{"foobar"}, literally("foobar"), false},
		{"taken with spaces", "correlation_id", DefaultHeader, []string{"my very personal id"}, literally("my very personal id"), false},
		{"empty", "correlation_id", DefaultHeader, []string{""}, uuid7, false},
		{"one space", "correlation_id", DefaultHeader, []string{" "}, uuid7, false},
		{"too long", "correlation_id", DefaultHeader, []string{strings.Repeat("x", 129)}, uuid7, false},
		{"quotation marks", "correlation_id", DefaultHeader, []string{`x" level="error`}, uuid7, false},
		{"twice", "correlation_id", DefaultHeader, []string{"a", "b"}, uuid7, false},
		{"not accepted", "correlation_id {\n accept off\n}", DefaultHeader, []string{"foobar"}, uuid7, false},
		{"not echoed", "correlation_id {\n echo off\n}", DefaultHeader, nil, uuid7, true},
		{"random", "correlation_id {\n generator uuid4\n}", DefaultHeader, nil, uuid4, false},
		{"other header", "correlation_id Foo-Bar-Id {\n echo off\n}", "Foo-Bar-Id", nil, uuid7, true},
		{"Kong's default", "correlation_id " + kong + " {\n generator uuid#counter\n echo off\n}", kong, nil, counted, true},
		{"Kong's uuid, echoed", "correlation_id " + kong + " {\n generator uuid4\n}", kong, nil, uuid4, false},
		{"Kong's, kept", "correlation_id " + kong + " {\n generator uuid#counter\n echo off\n}", kong, []string{"foobar"}, literally("foobar"), true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			header := make(http.Header)
			header[http.CanonicalHeaderKey(row.header)] = row.sent
			resp, body := exchange(t, newHandler(t, row.directive), header, func(w http.ResponseWriter, r *http.Request) error {
				values := r.Header.Values(row.header)
				repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
				if len(values) != 1 || repl.ReplaceAll("{gateway.correlation_id}", "") != values[0] || state.Of(r).ID() != values[0] {
					return errors.New("header, placeholder and state disagree")
				}
				_, err := io.WriteString(w, values[0])
				return err
			})
			if resp.StatusCode != http.StatusOK || !row.want.MatchString(body) {
				t.Fatalf("%s: upstream got %q, want %s", resp.Status, body, row.want)
			}
			want := []string{body}
			if row.silent {
				want = nil
			}
			if got := resp.Header.Values(row.header); !slices.Equal(got, want) {
				t.Errorf("the answer says %q, want %q", got, want)
			}
		})
	}
}

// Whatever answers, the answer carries the id once, and an error says it in
// its body too.
func TestEcho(t *testing.T) {
	t.Parallel()
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(DefaultHeader, "of the upstream")
		w.Header().Add(DefaultHeader, "and another")
		if r.URL.Path == "/hints" {
			w.WriteHeader(http.StatusEarlyHints)
		}
		_, _ = io.WriteString(w, r.Header.Get(DefaultHeader))
	}))
	t.Cleanup(origin.Close)
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	nobody := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
	forward := func(url, path string) caddyhttp.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) error {
			caddyhttp.SetVar(r.Context(), "origin", strings.TrimPrefix(url, "http://"))
			r.URL.Path = path
			return proxy.ServeHTTP(w, r, nobody)
		}
	}
	rows := []struct {
		name   string
		next   caddyhttp.HandlerFunc
		status int
		body   bool // the body holds the id
	}{
		{"upstream with an id of its own", forward(origin.URL, "/"), 200, true},
		{"upstream that hints early", forward(origin.URL, "/hints"), 200, true},
		{"unreachable upstream", forward(dead.URL, "/"), 502, true},
		{"handler that fails", func(http.ResponseWriter, *http.Request) error { return errors.New("broken") }, 500, true},
		{"handler that refuses", func(http.ResponseWriter, *http.Request) error {
			return state.Deny(http.StatusForbidden, "forbidden", "No")
		}, 403, true},
		{"handler that ends the request", func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(http.StatusTeapot)
			return nil
		}, 418, false},
		{"nobody who answers", func(http.ResponseWriter, *http.Request) error { return nil }, 200, false},
	}
	for _, row := range rows {
		for _, sent := range []string{"", "my very personal id"} {
			t.Run(row.name+" "+sent, func(t *testing.T) {
				t.Parallel()
				// A client that has proxies drop the header does not keep the id from the upstream.
				header := http.Header{"Connection": {DefaultHeader}}
				if sent != "" {
					header.Set(DefaultHeader, sent)
				}
				resp, body := exchange(t, newHandler(t, "correlation_id"), header, row.next)
				ids := resp.Header.Values(DefaultHeader)
				if resp.StatusCode != row.status || len(ids) != 1 {
					t.Fatalf("%s, ids %q, body %s", resp.Status, ids, body)
				}
				if sent != "" && ids[0] != sent || sent == "" && !uuid7.MatchString(ids[0]) {
					t.Errorf("id is %q", ids[0])
				}
				if strings.Contains(body, ids[0]) != row.body {
					t.Errorf("body of %q is %s", ids[0], body)
				}
			})
		}
	}
}

func TestCaddyfileRefusals(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, src, want string }{
		{"two headers", "correlation_id A B", "correlation_id takes 0 or 1 argument, not 2; write: correlation_id [<header>], at Testfile:1"},
		{"no header name", "correlation_id X-Id:", `correlation_id: "X-Id:" is not a header name; write one such as X-API-Key, without spaces or colon, at Testfile:1`},
		{"underscore", "correlation_id x_id", `correlation_id: "x_id" is a name that Caddy drops, unless told to expect it, since upstreams may take _ and . for -; write "x-id", at Testfile:1`},
		{"taken", "correlation_id authorization", `correlation_id: "authorization" has a meaning of its own; write another, such as X-Request-ID, at Testfile:1`},
		{"identity", "correlation_id X-Consumer-Id", `correlation_id: "X-Consumer-Id" has a meaning of its own; write another, such as X-Request-ID, at Testfile:1`},
		{"unknown option", "correlation_id {\n header A\n}", `correlation_id: unknown option "header"; valid options are: accept, echo, generator, at Testfile:2`},
		{"generator", "correlation_id {\n generator tracker\n}", `correlation_id: generator: "tracker" is not one of: uuid7, uuid4, uuid#counter, at Testfile:2`},
		{"echo", "correlation_id {\n echo yes\n}", `correlation_id: echo: "yes" is neither on nor off, at Testfile:2`},
		{"accept twice", "correlation_id {\n accept on\n accept on\n}", "correlation_id: option accept is given twice, first on line 2; keep one of them, at Testfile:3"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := new(Handler).UnmarshalCaddyfile(caddyfile.NewTestDispenser(row.src))
			if err == nil || err.Error() != row.want {
				t.Errorf("got %v\nwant %s", err, row.want)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	h := newHandler(t, "correlation_id X-Request-ID {\n accept off\n echo on\n generator uuid#counter\n}")
	got, err := json.Marshal(h)
	if want := `{"header":"X-Request-ID","accept":false,"echo":true,"generator":"uuid#counter"}`; err != nil || string(got) != want {
		t.Fatalf("got %s (%v), want %s", got, err, want)
	}
	ctx, err := caddy.ProvisionContext(&caddy.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ctx.LoadModuleByID("http.handlers.correlation_id", got); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{`{"header":"X Id"}`, `{"header":"Host"}`, `{"generator":"tracker"}`} {
		if _, err := ctx.LoadModuleByID("http.handlers.correlation_id", json.RawMessage(bad)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func benchmarkHandle(b *testing.B, sent string) {
	h := newHandler(b, "correlation_id")
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	rq := new(state.Request)
	r.Header.Set(DefaultHeader, sent)
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
	b.ReportAllocs()
	for b.Loop() {
		if sent == "" {
			delete(r.Header, h.header)
		}
		if err := h.Handle(w, r, rq, next); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHandleGenerating(b *testing.B) { benchmarkHandle(b, "") }

func BenchmarkHandleAccepting(b *testing.B) { benchmarkHandle(b, "foobar") }
