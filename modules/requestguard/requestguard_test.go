// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// judge runs Handle and returns the status of the denial, or 200, and its
// code.
func judge(t *testing.T, h *Handler, r *http.Request) (int, string) {
	t.Helper()
	passed := false
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		passed = true
		return nil
	})
	err := h.Handle(httptest.NewRecorder(), r, new(state.Request), next)
	var d *state.Denial
	switch {
	case err == nil && passed:
		return http.StatusOK, ""
	case !passed && errors.As(err, &d):
		return d.Status, d.Code
	}
	t.Fatalf("passed %t, error %v", passed, err)
	return 0, ""
}

// prepared is a request as Caddy hands it to handlers.
func prepared(t *testing.T, r *http.Request, trusted bool) *http.Request {
	t.Helper()
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), httptest.NewRecorder(), &caddyhttp.Server{})
	caddyhttp.SetVar(r.Context(), caddyhttp.TrustedProxyVarKey, trusted)
	return r
}

func TestWebSocketsOverNewerProtocols(t *testing.T) {
	t.Parallel()
	connect := func(major int, proto, pseudo string) *http.Request {
		r := httptest.NewRequest(http.MethodConnect, "/v1/realtime", nil)
		r.URL.Host, r.ProtoMajor, r.ProtoMinor, r.Proto = "", major, 0, proto
		if pseudo != "" {
			r.Header[":protocol"] = []string{pseudo}
		}
		return r
	}
	rows := []struct {
		name, directive string
		r               *http.Request
		want            int
	}{
		{"HTTP/2 websocket", "request_guard", connect(2, "HTTP/2.0", "websocket"), 200},
		{"HTTP/3 websocket", "request_guard", connect(3, "websocket", ""), 200},
		{"HTTP/2 other protocol", "request_guard", connect(2, "HTTP/2.0", "connect-udp"), 405},
		{"HTTP/3 other protocol", "request_guard", connect(3, "connect-udp", ""), 405},
		{"HTTP/2 tunnel", "request_guard", connect(2, "HTTP/2.0", ""), 405},
		{"HTTP/3 tunnel", "request_guard", connect(3, "HTTP/3.0", ""), 405},
		{"HTTP/1.1 with the pseudo-header", "request_guard", connect(1, "HTTP/1.1", "websocket"), 405},
		{"HTTP/2 websocket where there are none", "request_guard {\n websocket off\n}", connect(2, "HTTP/2.0", "websocket"), 405},
		{"HTTP/3 websocket where there are none", "request_guard {\n websocket off\n}", connect(3, "websocket", ""), 405},
		{"HTTP/2 tunnel with any method", "request_guard {\n off methods\n}", connect(2, "HTTP/2.0", ""), 405},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got, _ := judge(t, newGuard(t, row.directive), row.r); got != row.want {
				t.Errorf("status %d, want %d", got, row.want)
			}
		})
	}
}

func TestMethodsThatAreNeverServed(t *testing.T) {
	t.Parallel()
	h := newGuard(t, "request_guard {\n off methods\n}")
	for method, want := range map[string]int{"PROPFIND": 200, "GET": 200, "TRACE": 405, "TRACK": 405, "CONNECT": 405} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Method = method
		if got, _ := judge(t, h, r); got != want {
			t.Errorf("%s: status %d, want %d", method, got, want)
		}
	}
}

func TestEarlyData(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, directive, method string
		handshake               bool
		want                    int
	}{
		{"POST after the handshake", "request_guard", "POST", true, 200},
		{"POST before its end", "request_guard", "POST", false, 425},
		{"DELETE before its end", "request_guard", "DELETE", false, 425},
		{"GET before its end", "request_guard", "GET", false, 200},
		{"POST before its end, rule off", "request_guard {\n off early_data\n}", "POST", false, 200},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(row.method, "/", nil)
			r.TLS = &tls.ConnectionState{HandshakeComplete: row.handshake}
			if got, _ := judge(t, newGuard(t, row.directive), r); got != row.want {
				t.Errorf("status %d, want %d", got, row.want)
			}
		})
	}
}

func TestTrustedProxiesMaySpeakOfTheClient(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		directive string
		trusted   bool
		want      string
	}{
		{"request_guard", true, "10.0.0.1"},
		{"request_guard", false, ""},
		{"request_guard {\n off forwarded\n}", false, "10.0.0.1"},
	} {
		r := prepared(t, httptest.NewRequest(http.MethodGet, "/", nil), row.trusted)
		r.Header.Set("X-Real-IP", "10.0.0.1")
		judge(t, newGuard(t, row.directive), r)
		if got := r.Header.Get("X-Real-IP"); got != row.want {
			t.Errorf("%q, trusted %t: %q, want %q", row.directive, row.trusted, got, row.want)
		}
	}
}

// Each rule that is switched off lets pass what it refuses or removes.
func TestRulesOff(t *testing.T) {
	t.Parallel()
	with := func(target string, header ...string) func() *http.Request {
		return func() *http.Request {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.URL = parseTarget(t, target)
			r.Trailer = http.Header{}
			for i := 0; i < len(header); i += 2 {
				r.Header.Add(header[i], header[i+1])
			}
			return prepared(t, r, false)
		}
	}
	refusals := []struct {
		off  Rule
		make func() *http.Request
		code string
	}{
		{RuleAbsoluteForm, with("http://upstream.test/x"), "absolute_form"},
		{RuleEmptySegments, with("/a//b"), "ambiguous_path"},
		{RuleQuery, with("/?a=1;b"), "invalid_query"},
		{RuleHeaders, with("/", strings.Split(strings.Repeat("X-A,b,", 101), ",")[:202]...), "too_many_headers"},
		{RuleDuplicateHeaders, with("/", "Origin", "a", "Origin", "b"), "duplicate_header"},
		{RuleDuplicateHeaders, with("/", "Authorization", "a", "Authorization", "b"), "ambiguous_credentials"},
		{RuleExpect, with("/", "Expect", "more"), "expectation_failed"},
	}
	for _, row := range refusals {
		t.Run(string(row.off)+" "+row.code, func(t *testing.T) {
			t.Parallel()
			if _, code := judge(t, newGuard(t, "request_guard"), row.make()); code != row.code {
				t.Errorf("with the rule: code %q", code)
			}
			if status, code := judge(t, newGuard(t, "request_guard {\n off "+string(row.off)+"\n}"), row.make()); status != 200 {
				t.Errorf("without the rule: %d %s", status, code)
			}
		})
	}
	removals := []struct {
		off  Rule
		make func() *http.Request
		name string
	}{
		{RuleConnection, with("/", "Connection", "X-A"), "Connection"},
		{RuleUpgrade, with("/", "Upgrade", "h2c"), "Upgrade"},
		{RuleOverrides, with("/", "X-Method-Override", "PUT"), "X-Method-Override"},
		{RuleForwarded, with("/", "Forwarded", "for=10.0.0.1"), "Forwarded"},
		{RuleTrailers, with("/"), "trailer"},
	}
	for _, row := range removals {
		t.Run(string(row.off), func(t *testing.T) {
			t.Parallel()
			for directive, want := range map[string]bool{"request_guard": false, "request_guard {\n off " + string(row.off) + "\n}": true} {
				r := row.make()
				r.Trailer["Authorization"] = []string{"x"}
				judge(t, newGuard(t, directive), r)
				there := len(r.Header[row.name]) > 0
				if row.off == RuleTrailers {
					there = len(r.Trailer) > 0
				}
				if there != want {
					t.Errorf("%q: there %t, want %t", directive, there, want)
				}
			}
		})
	}
}

func TestKongErrors(t *testing.T) {
	t.Parallel()
	h := newGuard(t, "request_guard")
	h.app = kongApp
	srv := startServer(t, site(h, report))
	resp, body := sendRaw(t, srv.Listener.Addr().String(), crlf("TRACE / HTTP/1.1", "Host: gateway.test"))
	var answer struct {
		Message   string `json:"message"`
		RequestID string `json:"request_id"`
		Code      string `json:"code"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 405 || answer.Message == "" || answer.RequestID == "" || answer.Code != "" {
		t.Errorf("%s %s", resp.Status, body)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`{}`: "",
		`{"methods":["GET","QUERY"],"off":["headers"],"max_query":1024,"websocket":false}`: "",
		`{"methods":["TRACE"]}`:                  "methods: TRACE cannot be served",
		`{"methods":["GET","GET"]}`:              `methods: "GET" is listed twice`,
		`{"off":["paths"]}`:                      `off: "paths" is not a rule`,
		`{"off":["query","query"]}`:              `off: "query" is listed twice`,
		`{"max_headers":-1}`:                     "max_headers is -1; it must be from 1 to 10000",
		`{"max_query":1048577}`:                  "max_query is 1048577",
		`{"off":["headers"],"max_headers":50}`:   "max_headers has no effect with off headers",
		`{"off":["methods"],"methods":["GET"]}`:  "methods has no effect with off methods",
		`{"off":["query"],"max_query_params":1}`: "max_query_params has no effect with off query",
	} {
		h := new(Handler)
		if err := json.Unmarshal([]byte(config), h); err != nil {
			t.Fatal(err)
		}
		err := h.Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", config, err, want)
		}
	}
}
