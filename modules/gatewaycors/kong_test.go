// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycors

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// These tests hold gateway_cors with the profile kong to what Kong's plugin shows a
// client. All rows run with the profile, because without it origins are what browsers
// send, one that is not admitted is told nothing, and all of them cannot be combined
// with credentials; methods, headers and origins of an answer are those that were asked
// for instead of all there are.

const (
	allMethods = "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT"
	accepts    = `{"origins": ["example.test"], "methods": ["GET"], "headers": ["origin", "type", "accepts"], "exposed_headers": ["x-auth-token"], "max_age": "23s", "credentials": true}`
)

func TestKongAnswers(t *testing.T) {
	t.Parallel()
	asks := "Access-Control-Request-Method: GET"
	plain := func(w http.ResponseWriter, r *http.Request) error { return upstream(w, r) }
	dead := func(http.ResponseWriter, *http.Request) error {
		return caddyhttp.Error(http.StatusBadGateway, io.ErrUnexpectedEOF)
	}
	failing := func(http.ResponseWriter, *http.Request) error {
		return state.Deny(http.StatusInternalServerError, "internal", "failed")
	}
	rows := []struct {
		name, config, method string
		next                 caddyhttp.HandlerFunc
		lines                []string
		status               int
		want                 []string
	}{
		{"nothing configured", `{}`, "OPTIONS", nil, []string{"Origin: http://origin.test", asks}, 200, []string{"Origin", "*", "Methods", allMethods}},
		{"no origins", `{"origins": []}`, "OPTIONS", nil, []string{"Origin: http://origin.test", asks}, 200, []string{"Origin", "*", "Methods", allMethods}},
		{"everything configured, another origin", accepts, "OPTIONS", nil, []string{"Origin: origin5.test", asks}, 200, []string{
			"Origin", "example.test", "Methods", "GET", "Headers", "origin,type,accepts", "Credentials", "true", "Max-Age", "23", "Vary", "Origin",
		}},
		{"everything configured, no preflight", accepts, "GET", plain, nil, 200, []string{"Origin", "example.test", "Credentials", "true", "Expose-Headers", "x-auth-token", "Vary", "Origin"}},
		{"headers are echoed", `{"origins": ["*"], "credentials": true}`, "OPTIONS", nil, []string{"Origin: http://origin.test", asks, "Access-Control-Request-Headers: origin,accepts"}, 200, []string{
			"Origin", "http://origin.test", "Methods", allMethods, "Headers", "origin,accepts", "Credentials", "true", "Vary", "Origin",
		}},
		{"OPTIONS alone", `{}`, "OPTIONS", plain, nil, 200, []string{"Origin", "*"}},
		{"an upstream that is dead", `{"origins": ["example.test"], "exposed_headers": ["x-auth-token"]}`, "GET", dead, nil, 502, []string{"Origin", "example.test", "Expose-Headers", "x-auth-token", "Vary", "Accept, Origin"}},
		{"another handler fails", `{"origins": ["example.test"], "exposed_headers": ["x-auth-token"]}`, "GET", failing, nil, 500, []string{"Origin", "example.test", "Expose-Headers", "x-auth-token", "Vary", "Accept, Origin"}},
		{"all with credentials", `{"origins": ["*"], "credentials": true}`, "GET", plain, []string{"Origin: http://www.example.net:3000"}, 200, []string{"Origin", "http://www.example.net:3000", "Credentials", "true", "Vary", "Origin"}},
		{"all without credentials", `{"origins": ["*"], "credentials": false}`, "GET", plain, []string{"Origin: http://www.example.net"}, 200, []string{"Origin", "*"}},
		{"no origin, none wanted", `{"allow_origin_absent": false, "origins": ["foo.bar"], "credentials": true, "exposed_headers": ["x-auth-token"]}`, "GET", plain, nil, 200, nil},
		{"an empty origin, none wanted", `{"allow_origin_absent": false, "origins": ["foo.bar"], "credentials": true, "exposed_headers": ["x-auth-token"]}`, "GET", plain, []string{"Origin: "}, 200, nil},
		{"a private network", `{"private_network": true}`, "OPTIONS", nil, []string{"Origin: http://origin.test", asks, "Access-Control-Request-Private-Network: true"}, 200, []string{"Origin", "*", "Methods", allMethods, "Private-Network", "true"}},
		{"on to the upstream", `{"preflight_continue": true}`, "OPTIONS", plain, []string{"Origin: http://origin.test", asks}, 200, []string{"Origin", "*"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			next := row.next
			if next == nil {
				next = func(http.ResponseWriter, *http.Request) error {
					t.Error("the upstream was reached")
					return nil
				}
			}
			got := send(t, likeKong(t, row.config), next, row.method, "/", row.lines...)
			if got.status != row.status || got.reached != (row.next != nil) {
				t.Errorf("status %d, want %d", got.status, row.status)
			}
			if row.next == nil && got.header.Get("Content-Length") != "0" {
				t.Errorf("Content-Length %q", got.header.Get("Content-Length"))
			}
			shared(t, got.header, row.want...)
		})
	}
}

// TestKongOrigins checks which origins are told to a preflight.
func TestKongOrigins(t *testing.T) {
	t.Parallel()
	from := []string{
		"http://evil.test", "http://foo.test", "http://foo.test.evil.test", "http://something.foo.test", "http://evilfoo.test", "http://foo.test:80",
		"http://foo.test:8000", "https://foo.test:8000", "http://foo.test:90", "http://foobtest", "https://bar.test:1234",
	}
	rows := []struct {
		origins []string
		told    string // E: the origin, N: it without its port, -: nothing, L: the literal, .: whatever
	}{
		{[]string{"foo.test"}, "LLLLLLLLLLL"},
		{[]string{"https://bar.test:1234"}, "LLLLLLLLLLL"},
		{[]string{`foo\.test`}, "-E---NEEE--"},
		{[]string{`(.*[./])?foo\.test`}, "-E-E-NEEE--"},
		{[]string{`(.*[./])?foo\.test:8000`}, "------EE---"},
		{[]string{`https://(.*[.])?foo\.test:8000`}, "----.--E---"},
		{[]string{`^http://(.*[.])?foo\.test(:(80|90))?$`}, "-E-E.N--E--"},
		{[]string{"foo.test", "bar.test"}, "---..--.---"},
		{[]string{"http://foo.test", "https://bar.test:1234"}, "-E-..N-.--E"},
		{[]string{"bar.test", `foo\.test`}, "-E--.NE.E--"},
		{[]string{"bar.test", `(.*\.)?foo\.test`}, "-E-E.NE.E--"},
		{[]string{"bar.test", `(.*[./])?foo\.test:8000`}, "----.-EE---"},
		{[]string{"bar.test", `https://(.*\.)?foo\.test:8000`}, "----.--E---"},
	}
	for _, row := range rows {
		t.Run(strings.Join(row.origins, " "), func(t *testing.T) {
			t.Parallel()
			h := kongOf(t, row.origins)
			for i, origin := range from {
				want := map[byte]string{'E': origin, 'N': "http://foo.test", '-': "", 'L': row.origins[0]}
				told, asserted := want[row.told[i]]
				got := preflight(t, h, origin, "GET")
				if got.status != 200 || asserted && got.header.Get(headerAllowOrigin) != told {
					t.Errorf("%s: %d %q, want %q", origin, got.status, got.header.Get(headerAllowOrigin), told)
				}
			}
		})
	}
	rest := []struct {
		name    string
		origins []string
		told    map[string]string
	}{
		{"hosts", []string{`.*\.?example(?:-foo)?.test`}, map[string]string{
			"example.test": "example.test", "www.example.test": "www.example.test", "example-foo.test": "example-foo.test",
			"www.example-foo.test": "www.example-foo.test", "www.example-fo0.test": "",
		}},
		{"ports", []string{"http://my-site.test", "https://my-other-site.test:9000"}, map[string]string{
			"http://my-site.test": "http://my-site.test", "http://my-site.test:80": "http://my-site.test", "http://my-site.test:8000": "",
			"https://my-site.test": "", "https://my-other-site.test:9000": "https://my-other-site.test:9000", "https://my-other-site.test:9001": "",
		}},
	}
	for _, row := range rest {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := kongOf(t, row.origins)
			for origin, want := range row.told {
				got := send(t, h, upstream, http.MethodGet, "/", "Origin: "+origin)
				if got.header.Get(headerAllowOrigin) != want || !slices.Equal(got.header[headerVary], []string{"Origin"}) {
					t.Errorf("%s: %q, want %q; Vary %q", origin, got.header.Get(headerAllowOrigin), want, got.header[headerVary])
				}
			}
		})
	}
}

// likeKong returns the handler of a JSON configuration, with the profile.
func likeKong(t *testing.T, config string) *Handler {
	t.Helper()
	h := new(Handler)
	if err := json.Unmarshal([]byte(config), h); err != nil {
		t.Fatal(err)
	}
	if err := h.compile(true); err != nil {
		t.Fatal(err)
	}
	h.app = app
	return h
}

func kongOf(t *testing.T, origins []string) *Handler {
	t.Helper()
	list, err := json.Marshal(origins)
	if err != nil {
		t.Fatal(err)
	}
	return likeKong(t, `{"origins": `+string(list)+`}`)
}

func TestKongRefusedOptions(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`{"profile":"kong","methods":["FAKE"]}`:               "expected one of: GET, HEAD, PUT, PATCH, POST, DELETE, OPTIONS, TRACE, CONNECT",
		`{"profile":"kong","origins":["invalid_**regex"]}`:    "'invalid_**regex' is not a valid regex",
		`{"profile":"kong","enforce":true}`:                   "no such rule",
		`{"profile":"kong","origin_patterns":["https://.*"]}`: "origins holds patterns as well",
	} {
		h := new(Handler)
		if err := json.Unmarshal([]byte(config), h); err != nil {
			t.Fatal(err)
		}
		if err := h.compile(false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", config, err, want)
		}
	}
}

// TestPreflightOfARouteWithoutOptions is without the profile: a preflight is answered,
// although OPTIONS is among no methods.
func TestPreflightOfARouteWithoutOptions(t *testing.T) {
	t.Parallel()
	got := preflight(t, parsed(t, "gateway_cors {\nmethods GET POST PUT DELETE\n}"), "http://origin.test", "GET")
	if got.status != http.StatusOK || got.header.Get(headerAllowOrigin) != "*" {
		t.Errorf("status %d, %v", got.status, got.header)
	}
}

// An expression that closes the group around it would match the beginning of an origin.
func TestKongPatternsAreWhole(t *testing.T) {
	t.Parallel()
	h := &Handler{Profile: "kong", Origins: []string{`https://a\.test)|(?:https://b\.test`}}
	if err := h.compile(false); err == nil {
		t.Error("it was taken")
	}
}
