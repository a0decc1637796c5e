// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

func TestOpensWebSocket(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		method, proto string
		major         int
		header        http.Header
		want          bool
	}{
		"upgrade":            {"GET", "HTTP/1.1", 1, http.Header{"Upgrade": {"websocket"}}, true},
		"another case":       {"GET", "HTTP/1.1", 1, http.Header{"Upgrade": {"h2c, WebSocket"}}, true},
		"another upgrade":    {"GET", "HTTP/1.1", 1, http.Header{"Upgrade": {"h2c"}}, false},
		"none":               {"GET", "HTTP/1.1", 1, nil, false},
		"POST":               {"POST", "HTTP/1.1", 1, http.Header{"Upgrade": {"websocket"}}, false},
		"HTTP/2":             {"CONNECT", "HTTP/2.0", 2, http.Header{":protocol": {"websocket"}}, true},
		"HTTP/2, other":      {"CONNECT", "HTTP/2.0", 2, http.Header{":protocol": {"connect-udp"}}, false},
		"HTTP/2, no CONNECT": {"GET", "HTTP/2.0", 2, http.Header{":protocol": {"websocket"}}, false},
		"HTTP/3":             {"CONNECT", "websocket", 3, nil, true},
		"HTTP/3, other":      {"CONNECT", "HTTP/3.0", 3, nil, false},
	} {
		r := &http.Request{Method: tt.method, Proto: tt.proto, ProtoMajor: tt.major, Header: tt.header}
		if got := OpensWebSocket(r); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAnswerProtocol(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		method string
		status int
		given  http.Header
		want   []string
	}{
		"upstream names none":        {"GET", 101, http.Header{}, []string{"demo"}},
		"upstream names one":         {"GET", 101, http.Header{"Sec-WebSocket-Protocol": {"chat"}}, []string{"chat"}},
		"another handler names one":  {"GET", 101, http.Header{"Sec-Websocket-Protocol": {"chat"}}, nil},
		"extended CONNECT":           {"CONNECT", 200, http.Header{}, []string{"demo"}},
		"the upstream does not open": {"GET", 200, http.Header{}, nil},
		"the upstream refuses":       {"CONNECT", 403, http.Header{}, nil},
	} {
		rec := httptest.NewRecorder()
		maps.Copy(rec.Header(), tt.given)
		rq := new(Request)
		r := &http.Request{Method: tt.method}
		rq.NameProtocol(r, "demo")
		rq.writer.init(rq, rec, r)
		rq.writer.WriteHeader(tt.status)
		if got := rec.Header()["Sec-WebSocket-Protocol"]; !slices.Equal(got, tt.want) { //nolint:staticcheck // not canonical, as the proxy writes it
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
