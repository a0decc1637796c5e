// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
)

// The apps are provisioned once, before any test, because provisioning changes
// variables of the process. Tests that provision more are not parallel.
var strictApp, kongApp *gateway.App

func TestMain(m *testing.M) {
	strictApp, kongApp = newApp(`{}`), newApp(`{"profile":"kong"}`)
	os.Exit(m.Run())
}

func newApp(config string) *gateway.App {
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(config)}})
	if err != nil {
		panic(err)
	}
	app, err := gateway.Get(ctx)
	if err != nil {
		panic(err)
	}
	return app
}

// newGuard returns the handler that a directive describes.
func newGuard(tb testing.TB, directive string) *Handler {
	tb.Helper()
	h := new(Handler)
	if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(directive)); err != nil {
		tb.Fatalf("parse directive: %v", err)
	}
	if err := h.Validate(); err != nil {
		tb.Fatalf("validate: %v", err)
	}
	h.app = strictApp
	h.compile()
	return h
}

// site serves requests as Caddy's server does, through the chain of the guard
// and next.
func site(guard *Handler, next caddyhttp.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, &caddyhttp.Server{})
		if err := guard.ServeHTTP(w, r, next); err != nil {
			panic(http.ErrAbortHandler)
		}
	})
}

// report answers with what came through the guard, one line per fact.
func report(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	lines := []string{"passed " + r.Method + " " + r.URL.RequestURI() + " host " + r.Host}
	for name, values := range r.Header {
		for _, v := range values {
			lines = append(lines, name+": "+v)
		}
	}
	for name, values := range r.Trailer {
		lines = append(lines, fmt.Sprintf("trailer %s: %s", name, values))
	}
	slices.Sort(lines[1:])
	lines = append(lines, fmt.Sprintf("body %q", body), "")
	_, err = io.WriteString(w, strings.Join(lines, "\n"))
	return err
}

func startServer(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(handler)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

// sendRaw writes bytes to addr and reads one answer.
func sendRaw(t *testing.T, addr, raw string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(raw, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("read answer to %q: %v", raw, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read body of answer to %q: %v", raw, err)
	}
	return resp, string(body)
}
