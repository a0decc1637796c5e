// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

// proxy returns Caddy's reverse_proxy to addr.
func proxy(t *testing.T, addr string) caddyhttp.MiddlewareHandler {
	t.Helper()
	ctx, err := caddy.ProvisionContext(&caddy.Config{})
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{"upstreams": []any{map[string]string{"dial": addr}}})
	if err != nil {
		t.Fatal(err)
	}
	mod, err := ctx.LoadModuleByID("http.handlers.reverse_proxy", config)
	if err != nil {
		t.Fatal(err)
	}
	return mod.(caddyhttp.MiddlewareHandler)
}

// capture is an origin that keeps the bytes of one request.
func capture(t *testing.T) (addr string, received func() string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	bytes := make(chan string, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var raw []byte
		buf := make([]byte, 4096)
		for !complete(string(raw)) {
			n, err := conn.Read(buf)
			raw = append(raw, buf[:n]...)
			if err != nil {
				break
			}
		}
		bytes <- string(raw)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
	}()
	return ln.Addr().String(), func() string { return <-bytes }
}

// complete says that raw is a whole request: a header without body, or chunks
// to their end with trailers.
func complete(raw string) bool {
	header, body, ended := strings.Cut(raw, "\r\n\r\n")
	if !ended || !strings.Contains(header, "Transfer-Encoding: chunked") {
		return ended
	}
	return strings.Contains("\r\n"+body, "\r\n0\r\n") && strings.HasSuffix(body, "\r\n\r\n")
}

// What reaches an origin behind the guard and Caddy's own proxy, as bytes.
func TestOriginSees(t *testing.T) {
	const name = "X-Consumer-Username"
	rows := []struct {
		name, raw string
		has       []string
		lacks     []string
	}{
		{
			name: "an asserted header that the client wanted gone",
			raw:  get("/v1/models", "Connection: close, X-Consumer-Username"),
			has:  []string{"GET /v1/models HTTP/1.1\r\n", "X-Consumer-Username: asserted\r\n"},
		},
		{
			name: "an asserted header that the client sent too",
			raw:  get("/", "x-consumer-USERNAME: forged", "X_Consumer_Username: forged"),
			has:  []string{"X-Consumer-Username: asserted\r\n"}, lacks: []string{"forged"},
		},
		{
			name:  "no upgrade to HTTP/2",
			raw:   get("/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAA"),
			lacks: []string{"h2c", "Upgrade", "Http2-Settings"},
		},
		{
			name: "an upgrade to websocket",
			raw:  get("/", "Connection: Upgrade", "Upgrade: websocket"),
			has:  []string{"Connection: Upgrade\r\n", "Upgrade: websocket\r\n"},
		},
		{
			name: "a trailer, and no identity in it",
			raw: post("5\r\nhello\r\n0\r\nX-Consumer-Groups: gold\r\nDigest: abc\r\nX_API_Key: demo\r\n\r\n",
				"Transfer-Encoding: chunked", "Trailer: Digest, X-Consumer-Groups"),
			has: []string{"hello\r\n0\r\nDigest: abc\r\n"}, lacks: []string{"gold", "Groups", "demo"},
		},
		{
			name: "the path as it was sent",
			raw:  get("/v1/models/a%20b%3Fc:d?x=%2f"),
			has:  []string{"GET /v1/models/a%20b%3Fc:d?x=%2f HTTP/1.1\r\n"},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			origin, received := capture(t)
			rp := proxy(t, origin)
			srv := startServer(t, site(newGuard(t, "request_guard"), func(w http.ResponseWriter, r *http.Request) error {
				r.Header.Set(name, "asserted")
				return rp.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil }))
			}))
			resp, body := sendRaw(t, srv.Listener.Addr().String(), row.raw)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s", resp.Status, body)
			}
			got := received()
			for _, s := range row.has {
				if !strings.Contains(got, s) {
					t.Errorf("%q is not in %q", s, got)
				}
			}
			for _, s := range row.lacks {
				if strings.Contains(got, s) {
					t.Errorf("%q is in %q", s, got)
				}
			}
		})
	}
}

func TestLoadedByCaddy(t *testing.T) {
	ctx, err := caddy.ProvisionContext(&caddy.Config{})
	if err != nil {
		t.Fatal(err)
	}
	mod, err := ctx.LoadModuleByID("http.handlers.request_guard", json.RawMessage(`{"methods":["GET"]}`))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	if status, code := judge(t, mod.(*Handler), r); status != 405 || code != "method_not_allowed" {
		t.Errorf("POST: %d %s", status, code)
	}
	if _, err := ctx.LoadModuleByID("http.handlers.request_guard", json.RawMessage(`{"methods":["TRACE"]}`)); err == nil {
		t.Error("TRACE was accepted")
	}
}
