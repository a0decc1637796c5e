// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latencypolicy

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func TestCaddyfile(t *testing.T) {
	tests := []struct {
		name, text, json, fault string
	}{
		{name: "bare", text: "latency", json: `{}`},
		{name: "empty block", text: "latency {\n}", json: `{}`},
		{name: "decay", text: "latency {\ndecay 30s\n}", json: `{"decay":30000000000}`},
		{name: "both", text: "latency {\nexplore 500ms\ndecay 1h\n}", json: `{"decay":3600000000000,"explore":500000000}`},
		{name: "argument", text: "latency 10s", fault: "latency takes no arguments, not 1; write: latency, at Testfile:1"},
		{name: "unknown option", text: "latency {\nhalf_life 10s\n}", fault: `unknown option "half_life"; valid options are: decay, explore, at Testfile:2`},
		{name: "no value", text: "latency {\ndecay\n}", fault: "decay takes exactly 1 argument, not 0"},
		{name: "two values", text: "latency {\ndecay 1s 2s\n}", fault: "decay takes exactly 1 argument, not 2"},
		{name: "twice", text: "latency {\ndecay 1s\ndecay 2s\n}", fault: "decay is given twice"},
		{name: "no unit", text: "latency {\ndecay 10\n}", fault: `"10" is not a duration`},
		{name: "nothing", text: "latency {\ndecay 0\n}", fault: "0 is too short; it must be at least 1ms"},
		{name: "negative", text: "latency {\nexplore -1s\n}", fault: "-1s is negative"},
		{name: "too long", text: "latency {\nexplore 2h\n}", fault: "2h is too long; it must be at most 1h0m0s"},
		{name: "block in the block", text: "latency {\ndecay 1s {\nx\n}\n}", fault: "decay"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p Policy
			err := p.UnmarshalCaddyfile(caddyfile.NewTestDispenser(tt.text))
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Fatalf("error %v, want one with %q", err, tt.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := json.Marshal(&p); err != nil || string(got) != tt.json {
				t.Errorf("JSON is %s, %v, want %s", got, err, tt.json)
			}
		})
	}
}

func TestCaddyfileInAReverseProxy(t *testing.T) {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(":8080 {\nreverse_proxy a:1 b:1 {\nlb_policy latency {\ndecay 5s\n}\nlb_retries 2\n}\n}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := `"load_balancing":{"retries":2,"selection_policy":{"decay":5000000000,"policy":"latency"}}`; !strings.Contains(string(config), want) {
		t.Errorf("adapted to %s, want %s in it", config, want)
	}
}

func TestProvision(t *testing.T) {
	tests := []struct {
		name, json     string
		decay, explore time.Duration
		fault          string
	}{
		{name: "defaults", json: `{}`, decay: 10 * time.Second, explore: time.Second},
		{name: "given", json: `{"decay":"1m","explore":"5s"}`, decay: time.Minute, explore: 5 * time.Second},
		{name: "negative", json: `{"decay":"-1s"}`, fault: "latency: decay is -1s; it must be from 1ms to 1h0m0s"},
		{name: "nanoseconds meant as seconds", json: `{"explore":10}`, fault: "latency: explore is 10ns; it must be from 1ms to 1h0m0s"},
		{name: "unknown", json: `{"half_life":"1s"}`, fault: "half_life"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
			defer func() {
				cancel() // cleans up
				if n, ok := registries.References(registryKey{}); ok {
					t.Errorf("%d references are left", n)
				}
			}()
			mod, err := ctx.LoadModuleByID("http.reverse_proxy.selection_policies.latency", json.RawMessage(tt.json))
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Fatalf("error %v, want one with %q", err, tt.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if o := mod.(*Policy).options; o.Decay != tt.decay || o.Explore != tt.explore {
				t.Errorf("decay %s and explore %s, want %s and %s", o.Decay, o.Explore, tt.decay, tt.explore)
			}
		})
	}
}
