// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// TestUsersOfAConsumer has a program whose users have credentials for the upstream.
func TestUsersOfAConsumer(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"Authorization: Bearer ", "Cookie: session=", "X-Api-Key: "} {
		for _, scope := range []string{"consumer", "group"} {
			t.Run(field+scope, func(t *testing.T) {
				t.Parallel()
				g := newRig(t, "ttl 1m\nscope "+scope, text())
				g.do("alice", request("GET", "/me", "", field+"one")).want(t, state.CacheMiss, "", "answer 01")
				g.do("alice", request("GET", "/me", "", field+"two")).want(t, state.CacheMiss, "", "answer 02")
				g.do("alice", request("GET", "/me", "")).want(t, state.CacheMiss, "", "answer 03")
				g.do("alice", request("GET", "/me", "", field+"one")).want(t, state.CacheHit, "", "answer 01")
			})
		}
	}
}

// TestOwnKeyIsNoUser keeps the answers of a consumer together whose key is forwarded.
func TestOwnKeyIsNoUser(t *testing.T) {
	t.Parallel()
	g := newRig(t, "ttl 1m\nscope group", text())
	g.do("alice", request("GET", "/a", "", "Authorization: Bearer demo-alice-key-not-a-secret")).want(t, state.CacheMiss, "", "answer 01")
	g.do("bob", request("GET", "/a", "", "X-Api-Key: demo-bob-key-not-a-secret")).want(t, state.CacheHit, "", "answer 01")
	g.do("bob", request("GET", "/a", "", "X-Api-Key: demo-alice-key-not-a-secret")).want(t, state.CacheMiss, "", "answer 02")
}

// TestClientCertificate is known to the upstream, which may be told of it.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	with := func(raw string) *http.Request {
		r := request("GET", "/a", "")
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte(raw)}}}
		return r
	}
	g := newRig(t, "ttl 1m", text())
	g.do("", with("one")).want(t, state.CacheBypass, reasonCredential, "answer 01")
	g.do("alice", with("one")).want(t, state.CacheMiss, "", "answer 02")
	g.do("alice", with("two")).want(t, state.CacheMiss, "", "answer 03")
	g.do("alice", with("one")).want(t, state.CacheHit, "", "answer 02")

	shared := newRig(t, "ttl 1m\nscope shared", text())
	shared.do("", with("one")).want(t, state.CacheBypass, "credentials", "answer 01")
}

// TestOverrides has requests tell servers of another URL or method, and the next one none.
func TestOverrides(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"Forwarded: for=192.0.2.1; Host=evil.example", "X-Forwarded-Host: evil.example", "X-Forwarded-Port: 1", "X-Forwarded-Prefix: /evil",
		"X-Forwarded-Proto: gopher", "X-Forwarded-Scheme: gopher", "X-Forwarded-Server: evil.example", "X-Host: evil.example",
		"X-Http-Method: DELETE", "X-Http-Method-Override: DELETE", "X-Method-Override: DELETE",
		"X-Original-Host: evil.example", "X-Original-Url: /admin", "X-Rewrite-Url: /admin",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, "ttl 1m\nscope shared", text())
			g.do("", request("GET", "/a", "", line)).want(t, state.CacheMiss, "", "answer 01")
			g.do("", request("GET", "/a", "")).want(t, state.CacheMiss, "", "answer 02")
			g.do("", request("GET", "/a", "", line)).want(t, state.CacheHit, "", "answer 01")
		})
	}
	g := newRig(t, "ttl 1m", text())
	g.do("", request("GET", "/a", "", "Forwarded: for=192.0.2.1")).want(t, state.CacheMiss, "", "answer 01")
	g.do("", request("GET", "/a", "", "Forwarded: for=192.0.2.2", "X-Forwarded-For: 192.0.2.2", "X-Else: 1")).want(t, state.CacheHit, "", "answer 01")
}

// TestGetWithBody asks for something in the body of a GET, as searches do.
func TestGetWithBody(t *testing.T) {
	t.Parallel()
	g := newRig(t, "ttl 1m", text())
	g.do("", request("GET", "/a", `{"q":1}`)).want(t, state.CacheBypass, reasonBody, "answer 01")
	g.do("", request("GET", "/a", "")).want(t, state.CacheMiss, "", "answer 02")
	g.do("", request("GET", "/a", `{"q":1}`)).want(t, state.CacheBypass, reasonBody, "answer 03")

	for _, tt := range []struct {
		name, body, coding string
		major              int
		is                 state.CacheStatus
	}{
		{"chunked", "", "", 1, state.CacheBypass},
		{"HTTP/3 without a body", "", "", 3, state.CacheMiss},
		{"HTTP/3 with a body", "{}", "", 3, state.CacheBypass},
		{"HTTP/3 with a coding", "{}", "gzip", 3, state.CacheBypass},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var sent string
			g := newRig(t, "ttl 1m", text())
			r := request("GET", "/a", "")
			r.Body, r.ContentLength, r.ProtoMajor = io.NopCloser(strings.NewReader(tt.body)), -1, tt.major
			if tt.coding != "" {
				r.Header.Set("Content-Encoding", tt.coding)
			}
			a := g.through("", r, caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
				b, err := io.ReadAll(r.Body)
				sent = string(b)
				return err
			}))
			if a.err != nil || sent != tt.body || (a.cache.Reason == reasonBody) != (tt.is == state.CacheBypass) {
				t.Fatalf("error %v, sent %q, %+v", a.err, sent, a.cache)
			}
		})
	}
}

// TestUnsaidVary has answers that are made for one request and do not say so.
func TestUnsaidVary(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, field, one, two string
	}{
		{"origin", "Access-Control-Allow-Origin: *", "Origin: https://a.example", "Origin: https://b.example"},
		{"coding", "Content-Encoding: gzip", "Accept-Encoding: gzip", "Accept-Encoding: identity"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, "ttl 1m", func(w http.ResponseWriter, r *http.Request, n int) {
				text(strings.ReplaceAll(tt.field, "*", or(r.Header.Get("Origin"), "*")))(w, r, n)
			})
			g.do("", request("GET", "/a", "", tt.one)).want(t, state.CacheMiss, "", "answer 01")
			g.do("", request("GET", "/a", "", tt.two)).want(t, state.CacheMiss, "", "answer 02")
			g.do("", request("GET", "/a", "", tt.one)).want(t, state.CacheHit, "", "answer 01")
		})
	}
	g := newRig(t, "ttl 1m", text("Access-Control-Allow-Origin: *"))
	g.do("", request("GET", "/a", "", "Origin: https://a.example")).want(t, state.CacheMiss, "", "answer 01")
	g.do("", request("GET", "/a", "", "Origin: https://b.example")).want(t, state.CacheHit, "", "answer 01")
}

// TestNotCoalesced has many ask at once for what may be given again only when validated.
func TestNotCoalesced(t *testing.T) {
	t.Parallel()
	for _, control := range []string{"no-cache", "max-age=0", "max-age=0, must-revalidate"} {
		t.Run(control, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				g := newRig(t, "", func(w http.ResponseWriter, r *http.Request, n int) {
					<-release
					text("Cache-Control: "+control, `Etag: "x"`)(w, r, n)
				})
				answers := make([]got, 8)
				var wg sync.WaitGroup
				for i := range answers {
					wg.Go(func() { answers[i] = g.do("", request("GET", "/a", "")) })
				}
				synctest.Wait()
				close(release)
				wg.Wait()
				seen := make(map[string]bool)
				for _, a := range answers {
					seen[a.Body.String()] = true
				}
				if len(seen) != len(answers) {
					t.Errorf("%d answers to %d requests: %v", len(seen), len(answers), statuses(answers))
				}
				g.up = func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusNotModified) }
				if a := g.do("", request("GET", "/a", "")); a.cache.Status != state.CacheRevalidated || !seen[a.Body.String()] {
					t.Errorf("%+v: %q", a.cache, a.Body)
				}
			})
		})
	}
}

// deaf is a writer whose client has gone after some bytes.
type deaf struct {
	*httptest.ResponseRecorder
	left int
}

var errGone = errors.New("the client has gone")

func (d *deaf) Write(p []byte) (int, error) {
	if d.left -= len(p); d.left < 0 {
		return 0, errGone
	}
	return d.ResponseRecorder.Write(p)
}

// TestClientLeaves has a handler stop, without an error, when its client has gone.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	for _, opts := range []string{"ttl 1m", "ttl 1m\ncoalesce off"} {
		t.Run(opts, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, opts, func(w http.ResponseWriter, _ *http.Request, _ int) {
				for range 4 {
					if _, err := io.WriteString(w, "part "); err != nil {
						return
					}
				}
			})
			w := &deaf{httptest.NewRecorder(), 12}
			r := caddyhttp.PrepareRequest(request("GET", "/a", ""), caddy.NewReplacer(), w, new(caddyhttp.Server))
			if err := state.Serve(g.h, g.h.host, w, r, caddyhttp.HandlerFunc(g.ServeHTTP)); err != nil {
				t.Fatal(err)
			}
			g.do("", request("GET", "/a", "")).want(t, state.CacheMiss, "", "part part part part ")
		})
	}
}
