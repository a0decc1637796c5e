// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func TestCaddyfile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		input string
		want  Handler
	}{
		"a provider": {"llm_cost xai", Handler{Provider: "xai", Format: "openai"}},
		"auto":       {"llm_cost auto", Handler{}},
		"defaults":   {"llm_cost xai {\nheaders on\nask_usage on\nunfinished break\n}", Handler{Provider: "xai", Format: "openai"}},
		"a format":   {"llm_cost openai {\nprovider vllm\n}", Handler{Provider: "vllm", Format: "openai"}},
		"everything": {
			"llm_cost responses {\nprovider my-gpu\nmax_body 64MiB\nheaders off\nask_usage off\nunfinished pass\nunknown_model refuse\n}",
			Handler{
				Provider: "my-gpu", Format: "responses", MaxBody: 64 << 20, HeadersOff: true,
				AskUsageOff: true, UnfinishedPass: true, UnknownModel: "refuse",
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h Handler
			if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(tc.input)); err != nil {
				t.Fatal(err)
			}
			if h != tc.want {
				t.Errorf("got %+v, want %+v", h, tc.want)
			}
			if err := h.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCaddyfileRefuses(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		"llm_cost":                                     "llm_cost takes",
		"llm_cost openai xai":                          "llm_cost takes",
		"llm_cost grok":                                "is not a provider",
		"llm_cost responses":                           "add: provider <name>",
		"llm_cost openai {\nprovider\n}":               "provider takes",
		"llm_cost openai {\nprovider A\n}":             "lower-case",
		"llm_cost openai {\nmax_body 5\n}":             "max_body",
		"llm_cost openai {\nheaders maybe\n}":          "headers",
		"llm_cost openai {\nunknown_model free\n}":     "allow, refuse",
		"llm_cost openai {\nask_usage\n}":              "ask_usage takes",
		"llm_cost openai {\nask_usage no\n}":           "ask_usage",
		"llm_cost openai {\nunfinished keep\n}":        "break, pass",
		"llm_cost openai {\nprice 3\n}":                "unknown option",
		"llm_cost openai {\nheaders on\nheaders on\n}": "given twice",
	} {
		t.Run(input, func(t *testing.T) {
			t.Parallel()
			err := new(Handler).UnmarshalCaddyfile(caddyfile.NewTestDispenser(input))
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Testfile:") {
				t.Errorf("error %v, want one with %q and a line", err, want)
			}
		})
	}
}

func TestValidateRefusesJSON(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handler Handler
		want    string
	}{
		"provider":      {Handler{Provider: "Not OK"}, "provider"},
		"format":        {Handler{Provider: "x", Format: "xml"}, "format"},
		"negative size": {Handler{Provider: "x", MaxBody: -1}, "max_body"},
		"tiny size":     {Handler{Provider: "x", MaxBody: 1023}, "max_body"},
		"size of all":   {Handler{Provider: "x", MaxBody: 1<<30 + 1}, "max_body"},
		"unknown_model": {Handler{Provider: "x", UnknownModel: "free"}, "unknown_model"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := tt.handler.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one about %s", err, tt.want)
			}
		})
	}
	for name, h := range map[string]Handler{
		"nothing":       {},
		"smallest size": {Provider: "x", MaxBody: 1024},
		"largest size":  {Provider: "x", MaxBody: 1 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := h.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}
