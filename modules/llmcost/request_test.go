// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"net/http"
	"strings"
	"testing"
)

func TestRequestsAreAdmittedOrRefused(t *testing.T) {
	t.Parallel()
	const chat, json = "/v1/chat/completions", "application/json"
	tests := map[string]struct {
		handler  Handler
		caller   string
		method   string
		path     string
		ctype    string
		body     string
		upgrade  bool
		status   int
		contains string
		unknown  int64
	}{
		"a call":                             {body: `{"model":"gpt-4o-mini","stream":false,"max_tokens":5}`, status: 200},
		"declared as a form":                 {ctype: "application/x-www-form-urlencoded", body: `{"model":"gpt-4o-mini"}`, status: 200},
		"declared as a form and not JSON":    {ctype: "application/x-www-form-urlencoded", body: "model=gpt-4o-mini", status: 400, contains: "invalid_json"},
		"no body":                            {body: "", status: 400, contains: "invalid_json"},
		"not JSON":                           {body: "hello", status: 400, contains: "invalid_json"},
		"an array":                           {body: "[]", status: 400, contains: "invalid_json"},
		"two documents":                      {body: "{}{}", status: 400, contains: "invalid_json"},
		"model twice":                        {body: `{"model":"gpt-4o-mini","model":"gpt-5"}`, status: 400, contains: "ambiguous_field"},
		"model in capitals too":              {body: `{"model":"gpt-4o-mini","Model":"gpt-5"}`, status: 400, contains: "ambiguous_field"},
		"model escaped too":                  {body: `{"model":"gpt-4o-mini","mod\u0065l":"gpt-5"}`, status: 400, contains: "ambiguous_field"},
		"a limit that folds to max_tokens":   {body: `{"model":"gpt-4o-mini","max_tokens":1,"max_token\u017f":9}`, status: 400, contains: "ambiguous_field"},
		"a model that is not text":           {body: `{"model":7}`, status: 400, contains: "invalid_model"},
		"a stream that is not true or false": {body: `{"model":"gpt-4o-mini","stream":"yes"}`, status: 400, contains: "invalid_stream"},
		"too large":                          {handler: Handler{MaxBody: 1024}, body: `{"model":"` + strings.Repeat("x", 2000) + `"}`, status: 413, contains: "body_too_large"},
		"an allowed model":                   {caller: "limited", body: `{"model":"gpt-4o-mini"}`, status: 200},
		"a model that is not allowed":        {caller: "limited", body: `{"model":"gpt-5"}`, status: 403, contains: "model_not_allowed"},
		"a model list and no model":          {caller: "limited", body: `{}`, status: 403, contains: "model_not_readable"},
		"a model list and an upload":         {caller: "limited", path: "/v1/audio/transcriptions", ctype: "multipart/form-data; boundary=x", body: "--x--", status: 403, contains: "endpoint_not_allowed"},
		"a model list and a WebSocket":       {caller: "limited", method: http.MethodGet, path: "/v1/realtime?model=gpt-realtime", upgrade: true, status: 403, contains: "endpoint_not_allowed"},
		"a WebSocket without a list":         {method: http.MethodGet, path: "/v1/realtime?model=gpt-realtime", upgrade: true, status: 200, unknown: 1},
		"a WebSocket where unknown refused":  {handler: Handler{UnknownModel: "refuse"}, method: http.MethodGet, path: "/v1/realtime", upgrade: true, status: 403, contains: "model_price_unknown"},
		"a model list and a removal":         {caller: "limited", method: http.MethodDelete, path: "/api/delete", body: `{"model":"x"}`, status: 403, contains: "endpoint_not_allowed"},
		"a model list and a download":        {caller: "limited", path: "/api/pull", body: `{"model":"x"}`, status: 403, contains: "endpoint_not_allowed"},
		"a call that asks for an upgrade":    {upgrade: true, body: `{"model":"gpt-4o-mini","model":"gpt-5"}`, status: 400, contains: "ambiguous_field"},
		"a removal without a list":           {method: http.MethodDelete, path: "/api/delete", body: `{"model":"x"}`, status: 200},
		"a call declared as an upload":       {ctype: "multipart/form-data; boundary=x", body: `{"model":"a","model":"b"}`, status: 400, contains: "ambiguous_field"},
		"an upload where unknown is refused": {handler: Handler{UnknownModel: "refuse"}, path: "/v1/audio/transcriptions", ctype: "multipart/form-data; boundary=x", body: "--x--", status: 403, contains: "model_price_unknown"},
		"an upload that is too large":        {handler: Handler{MaxBody: 1024}, path: "/v1/audio/transcriptions", ctype: "multipart/form-data; boundary=x", body: strings.Repeat("x", 2000), status: 413, contains: "body_too_large"},
		"in the background, refused":         {handler: Handler{UnknownModel: "refuse"}, path: "/v1/responses", body: `{"model":"gpt-5","background":true}`, status: 403, contains: "background_not_metered"},
		"a model list and an unknown path":   {caller: "limited", path: "/v1/fine_tuning/jobs", body: `{"model":"gpt-4o-mini"}`, status: 403, contains: "endpoint_not_allowed"},
		"an unknown path without a list":     {path: "/v1/fine_tuning/jobs", body: `{"model":"gpt-4o-mini"}`, status: 200},
		"an upload without a list":           {path: "/v1/audio/transcriptions", ctype: "multipart/form-data; boundary=x", body: "--x--", status: 200, unknown: 1},
		"nobody known":                       {caller: "-", body: `{"model":"gpt-4o-mini"}`, status: 200},
		"a list of models":                   {caller: "limited", method: http.MethodGet, path: "/v1/models", status: 200},
		"an unknown model":                   {body: `{"model":"mystery-1"}`, status: 200},
		"an unknown model where refused":     {handler: Handler{UnknownModel: "refuse"}, body: `{"model":"mystery-1"}`, status: 403, contains: "model_price_unknown"},
		"no model where unknown is refused":  {handler: Handler{UnknownModel: "refuse"}, body: `{}`, status: 403, contains: "does not name its model"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := tc.handler
			h.Provider = "openai"
			rt := newRoute(t, &h, answer(json, `{}`))
			switch tc.caller {
			case "-":
				rt.caller = ""
			case "":
			default:
				rt.caller = tc.caller
			}
			method, path, ctype := tc.method, tc.path, tc.ctype
			if method == "" {
				method = http.MethodPost
			}
			if path == "" {
				path = chat
			}
			if ctype == "" && method == http.MethodPost {
				ctype = json
			}
			if tc.upgrade {
				rt.header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
			}
			w := rt.do(method, path, ctype, tc.body)
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.contains) {
				t.Errorf("status %d, want %d: %s", w.Code, tc.status, w.Body)
			}
			if tc.status == 200 && string(rt.received) != tc.body {
				t.Errorf("forwarded %q", rt.received)
			}
			if row := rt.row(); tc.unknown > 0 && row.PriceUnknown != tc.unknown {
				t.Errorf("%d calls of unknown cost, want %d", row.PriceUnknown, tc.unknown)
			}
			if tc.status != 200 {
				if rt.received != nil {
					t.Error("the refused request reached the upstream")
				}
				if !strings.Contains(w.Body.String(), "id-1") {
					t.Errorf("no correlation id in %s", w.Body)
				}
			}
		})
	}
}

// The error body is that of the API which the client speaks.
func TestRefusalsSpeakTheClientsAPI(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v1/chat/completions": `"type":"invalid_request_error"`,
		"/v1/messages":         `"type":"error"`,
		"/api/chat":            `"error":"`,
		"/v1beta/models/gemini-2.5-flash:generateContent": `"status":"INVALID_ARGUMENT"`,
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{}, answer("application/json", "{}"))
			if w := rt.post(path, "application/json", "not json"); w.Code != 400 || !strings.Contains(w.Body.String(), want) {
				t.Errorf("status %d, body %s, want %s", w.Code, w.Body, want)
			}
		})
	}
}

// With auto, and for paths that name no format, provider and format follow.
func TestProviderAndFormat(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		handler  Handler
		path     string
		provider string
		metered  bool
	}{
		"auto, anthropic path":       {path: "/v1/messages", provider: "anthropic", metered: true},
		"auto, ollama path":          {path: "/api/chat", provider: "ollama", metered: true},
		"auto, a path of no format":  {path: "/v9/x", provider: "unknown", metered: true},
		"own provider":               {handler: Handler{Provider: "vllm", Format: "openai"}, path: "/v1/chat/completions", provider: "vllm", metered: true},
		"own provider, unusual path": {handler: Handler{Provider: "vllm", Format: "openai"}, path: "/infer", provider: "vllm", metered: true},
		"provider, unusual path":     {handler: Handler{Provider: "anthropic"}, path: "/v1/complete", provider: "anthropic", metered: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := tc.handler
			rt := newRoute(t, &h, answer("application/json", "{}"))
			rt.post(tc.path, "application/json", `{"model":"m"}`)
			if llm := rt.last.LLM; llm.Provider != tc.provider || llm.Metered != tc.metered {
				t.Errorf("provider %q, metered %v", llm.Provider, llm.Metered)
			}
		})
	}
}
