// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func TestCaddyfile(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"nothing", "gateway_cache", `{}`},
		{"name", "gateway_cache answers", `{"cache":"answers"}`},
		{"all", `gateway_cache {
			ttl 5m
			override
			ignore_request_directives
			scope group
			methods GET HEAD
			methods POST
			status 200 404
			content_type application/json text/*
			max_body 2MiB
			max_answer 1MiB
			stale_while_revalidate 10m
			stale_if_error 1h
			key header X-A X-B
			key query a
			key placeholder {http.vars.x}
			bypass path /live/*
			bypass {
				method PUT
				header X-Live 1
			}
			ignore_fields user trace.id
			temperature <= 0.2
			tools
			tags a b
			headers kong
			store_cookies strip
			coalesce off
		}`, `{"ttl":300000000000,"override":true,"ignore_request_directives":true,"scope":"group","methods":["GET","HEAD","POST"],"status":[200,404],` +
			`"content_type":["application/json","text/*"],"max_body":2097152,"max_answer":1048576,"stale_while_revalidate":600000000000,"stale_if_error":3600000000000,` +
			`"key_headers":["X-A","X-B"],"key_query":["a"],"key_placeholders":["{http.vars.x}"],"bypass":[{"path":["/live/*"]},{"header":{"X-Live":["1"]},"method":["PUT"]}],` +
			`"ignore_fields":["user","trace.id"],"sampling":"temperature","max_temperature":0.2,"tools":true,"tags":["a","b"],"headers":"kong","store_cookies":"strip","coalesce_off":true}`},
		{"heuristic", "gateway_cache {\nheuristic 24h\n}", `{"heuristic":86400000000000}`},
		{"any", "gateway_cache {\nany\n}", `{"sampling":"any"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var h Handler
			if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(tt.text)); err != nil {
				t.Fatal(err)
			}
			config, err := json.Marshal(&h)
			if err != nil || string(config) != tt.want {
				t.Errorf("got  %s (%v)\nwant %s", config, err, tt.want)
			}
		})
	}
}

// TestCaddyfileRefuses looks for what errors say, and that they say where.
func TestCaddyfileRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ options, says string }{
		{"ttl", "ttl"},
		{"ttl 0s", "ttl"},
		{"ttl 5m\nttl 6m", "ttl"},
		{"ttl soon", "soon"},
		{"override", "write also, for instance: ttl 5m"},
		{"heuristic", "heuristic"},
		{"heuristic 0s", "heuristic"},
		{"heuristic 1h\nheuristic 2h", "heuristic"},
		{"heuristic 1h\nttl 5m", "one of ttl and heuristic"},
		{"scope everybody", "consumer"},
		{"methods PUT", "GET, HEAD, POST"},
		{"methods GET GET", "twice"},
		{"methods HEAD", "GET HEAD"},
		{"status 206", "206"},
		{"status 99", "200 to 599"},
		{"status ok", "200 404"},
		{"status 200 200", "twice"},
		{"content_type json", "application/json"},
		{"content_type */*", "text/*"},
		{"max_body 2", "unit"},
		{"max_answer 2TiB", "max_answer"},
		{"key", "key"},
		{"key header", "at least 2"},
		{"key header Bad:Name", "Bad:Name"},
		{"key cookie a", "header, query, placeholder"},
		{"key placeholder x", "placeholder"},
		{"bypass", "bypass path /live/*"},
		{"bypass @live", "write it out"},
		{"bypass nothing_such x", "nothing_such"},
		{"deterministic\nany", "one of"},
		{"temperature 0.5", "<="},
		{"temperature < 0.5", "temperature <= 0.3"},
		{"temperature <= hot", "temperature <= 0.3"},
		{"headers none", "standard"},
		{"store_cookies all", "strip"},
		{"coalesce maybe", "off"},
		{"tags " + strings.Repeat("x", 600), "bytes"},
		{"tags a a", "twice"},
		{"tools yes", "tools"},
		{"memory", "memory"},
	}
	for _, tt := range tests {
		t.Run(tt.options, func(t *testing.T) {
			t.Parallel()
			var h Handler
			err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser("gateway_cache {\n" + tt.options + "\n}"))
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "Testfile:") {
				t.Errorf("error is %v, want one with %q and a place", err, tt.says)
			}
		})
	}
	var h Handler
	if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser("gateway_cache a b")); err == nil {
		t.Error("two caches are accepted")
	}
}

// TestJSONRefuses looks at faults that no Caddyfile has.
func TestJSONRefuses(t *testing.T) {
	t.Parallel()
	for _, h := range []*Handler{
		{Scope: "all"},
		{Sampling: "sometimes"},
		{MaxTemperature: 1},
		{Sampling: SamplingTemperature, MaxTemperature: -1},
		{Headers: "x"},
		{StoreCookies: "x"},
		{TTL: -1},
		{MaxBody: -1},
		{MaxBody: 64<<20 + 1},
		{MaxAnswer: -1},
		{MaxAnswer: 1<<30 + 1},
		{KeyHeaders: []string{"a b"}},
		{Tags: make([]string, mostTags+1)},
		{Tags: []string{""}},
		{Methods: []string{"get"}},
		{Status: []int{304}},
		{ContentType: []string{"text"}},
		{Override: true},
	} {
		if err := h.compile(); err == nil {
			t.Errorf("%+v is accepted", h)
		}
	}
	h := &Handler{TTL: caddy.Duration(time.Minute), StoreCookies: CookiesRefuse, Override: true}
	if err := h.compile(); err != nil {
		t.Error(err)
	}
}

func TestEntryMeta(t *testing.T) {
	t.Parallel()
	a := answer{flags: isCall | isPriced, cost: 12345}
	a.meta.Status, a.meta.ETag = 200, `"x"`
	data := a.append(nil, map[string][]string{"A": {"1", "2"}, "Long": {strings.Repeat("v", 300)}, "Empty": {""}})
	var b answer
	if err := b.read(data); err != nil {
		t.Fatal(err)
	}
	if h := b.header(); b.cost != a.cost || b.flags != a.flags || b.meta.ETag != `"x"` || len(h["A"]) != 2 || len(h["Long"][0]) != 300 || h["Empty"][0] != "" {
		t.Errorf("read %+v %v", b, h)
	}
	for n := range data {
		if err := new(answer).read(data[:n]); err == nil {
			t.Fatalf("%d of %d bytes are read", n, len(data))
		}
	}
	is := variants{life: 7, names: []string{"Accept", "X-Side"}}
	var copied variants
	if err := copied.read(is.append(nil)); err != nil || copied.life != 7 || len(copied.names) != 2 {
		t.Errorf("read %+v: %v", copied, err)
	}
}
