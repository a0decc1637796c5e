// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func TestUnmarshalCaddyfile(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, src, want string }{
		{"bare", "request_guard", "{}"},
		{"empty block", "request_guard {\n}", "{}"},
		{
			"everything",
			"request_guard {\n methods GET QUERY\n off trailers headers\n off forwarded\n websocket off\n max_query_params 16\n max_query 1KiB\n}",
			`{"methods":["GET","QUERY"],"off":["trailers","headers","forwarded"],"websocket":false,"max_query_params":16,"max_query":1024}`,
		},
		{"headers", "request_guard {\n max_headers 50\n}", `{"max_headers":50}`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := new(Handler)
			if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(row.src)); err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(h)
			if err != nil || string(got) != row.want {
				t.Errorf("got %s (%v), want %s", got, err, row.want)
			}
			if err := h.Validate(); err != nil {
				t.Errorf("validate: %v", err)
			}
		})
	}
}

func TestUnmarshalCaddyfileRefuses(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, src, want string }{
		{"argument", "request_guard strict", "request_guard takes no arguments, not 1; write: request_guard, at Testfile:1"},
		{"unknown option", "request_guard {\n method GET\n}", `request_guard: unknown option "method"; valid options are: max_headers, max_query, max_query_params, methods, off, websocket, at Testfile:2`},
		{"CONNECT", "request_guard {\n methods GET CONNECT\n}", "request_guard: methods: CONNECT cannot be served; WebSockets over HTTP/2 and HTTP/3 work without listing it, at Testfile:2"},
		{"TRACE", "request_guard {\n methods GET TRACE\n}", "request_guard: methods: TRACE cannot be served, at Testfile:2"},
		{"TRACK in lower case", "request_guard {\n methods track\n}", "request_guard: methods: TRACK cannot be served, at Testfile:2"},
		{"lower case", "request_guard {\n methods get\n}", `request_guard: methods: "get" is not in upper case; methods are case-sensitive, write GET, at Testfile:2`},
		{"not a method", "request_guard {\n methods GET,POST\n}", `request_guard: methods: "GET,POST" is not a method, at Testfile:2`},
		{"method twice", "request_guard {\n methods GET GET\n}", `request_guard: methods: "GET" is listed twice, at Testfile:2`},
		{"no methods", "request_guard {\n methods\n}", "request_guard: methods takes at least 1 argument, not 0; write: methods <method>..., at Testfile:2"},
		{"unknown rule", "request_guard {\n off paths\n}", `request_guard: off: "paths" is not one of: methods, early_data, `},
		{"rule twice", "request_guard {\n off query\n off query\n}", `request_guard: off: "query" is listed twice, at Testfile:3`},
		{"websocket", "request_guard {\n websocket no\n}", `request_guard: websocket: "no" is neither on nor off, at Testfile:2`},
		{"query without unit", "request_guard {\n max_query 8192\n}", "request_guard: max_query: 8192 lacks a unit; write a size such as 512B, 64KB or 10MiB, at Testfile:2"},
		{"query too large", "request_guard {\n max_query 2MiB\n}", "request_guard: max_query: 2MiB is too large; it must be at most 1.0 MiB, at Testfile:2"},
		{"no headers", "request_guard {\n max_headers 0\n}", "request_guard: max_headers: 0 is out of range; it must be from 1 to 10000, at Testfile:2"},
		{"limit of a rule that is off", "request_guard {\n off headers\n max_headers 50\n}", "request_guard: max_headers has no effect with off headers; remove one of them, at Testfile:"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := new(Handler).UnmarshalCaddyfile(caddyfile.NewTestDispenser(row.src))
			if err == nil || !strings.HasPrefix(err.Error(), row.want) || !strings.Contains(err.Error(), ", at Testfile:") {
				t.Errorf("got %v\nwant %s", err, row.want)
			}
		})
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	rules := Rules()
	if len(rules) != 19 || !slices.Equal(rules, allRules[:]) || ruleNames() == "" {
		t.Fatalf("rules are %v", rules)
	}
	rules[0] = "changed"
	if allRules[0] != RuleMethods {
		t.Error("Rules gives the list itself away")
	}
}
