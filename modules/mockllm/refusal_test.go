// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func TestFaultyRequests(t *testing.T) {
	t.Parallel()
	srv := mock(t, "")
	rows := []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"openai unknown path", "POST", "/v1/nothing", `{}`, 404, `{"error":{"message":"no such endpoint: /v1/nothing","type":"invalid_request_error","param":null,"code":null}}`},
		{"ollama unknown path", "POST", "/api/nothing", `{}`, 404, `{"error":"no such endpoint: /api/nothing"}`},
		{"wrong method", "GET", "/v1/messages", ``, 405, `"message":"method GET is not allowed; use POST"`},
		{"wrong method on a list", "POST", "/v1/models", `{}`, 405, `use GET`},
		{"openai bad JSON", "POST", chatPath, `{"model":`, 400, `"message":"the request body is not valid JSON for this endpoint: unexpected end of JSON input"`},
		{"anthropic bad JSON", "POST", "/v1/messages", `[]`, 400, `{"type":"error","error":{"type":"invalid_request_error","message":"the request body is not valid JSON`},
		{"ollama bad JSON", "POST", "/api/generate", `x`, 400, `{"error":"the request body is not valid JSON`},
		{"openai without a model", "POST", chatPath, `{"messages":[{"role":"user","content":"x"}]}`, 400, `"message":"model: you must provide a model","type":"invalid_request_error","param":"model"`},
		{"anthropic without a model", "POST", "/v1/messages", `{"max_tokens":1,"messages":[{"role":"user","content":"x"}]}`, 400, `"message":"model: Field required"`},
		{"anthropic without max_tokens", "POST", "/v1/messages", `{"model":"m","messages":[{"role":"user","content":"x"}]}`, 400, `max_tokens: a number above zero is required`},
		{"ollama without a model", "POST", "/api/chat", `{"messages":[{"role":"user","content":"x"}]}`, 400, `{"error":"model: you must provide a model"}`},
		{"no messages", "POST", chatPath, `{"model":"m"}`, 400, `"param":"messages"`},
		{"content of a wrong kind", "POST", chatPath, `{"model":"m","messages":[{"role":"user","content":5}]}`, 400, `content must be a string or a list of blocks`},
		{"result of a wrong kind", "POST", "/v1/messages", `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"tool_result","content":5}]}]}`, 400, `content must be a string or a list of blocks`},
		{"no input to respond to", "POST", "/v1/responses", `{"model":"m"}`, 400, `"param":"input"`},
		{"no input to embed", "POST", "/v1/embeddings", `{"model":"m","input":[]}`, 400, `"param":"input"`},
		{"too many dimensions", "POST", "/v1/embeddings", `{"model":"m","input":"x","dimensions":5000}`, 400, `"param":"dimensions"`},
		{"tool choice of a wrong kind", "POST", chatPath, `{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"name":"a"}],"tool_choice":5}`, 400, `"param":"tool_choice"`},
		{"body too large", "POST", chatPath, strings.Repeat(" ", maxBody+1), 413, `larger than 33554432 bytes`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := do(t, srv, row.method, row.path, row.body)
			if a.status != row.status || !strings.Contains(a.body, row.want) {
				t.Errorf("status %d, body %s; want %d, %s", a.status, a.body, row.status, row.want)
			}
			if allow := a.header.Get("Allow"); (allow != "") != (row.status == http.StatusMethodNotAllowed) {
				t.Errorf("Allow: %q", allow)
			}
		})
	}
	a := do(t, srv, http.MethodPost, "/nothing", "{}", "Anthropic-Version", "2023-06-01")
	if a.status != 404 || !strings.HasPrefix(a.body, `{"type":"error","error":{"type":"not_found_error"`) {
		t.Errorf("unknown path for an Anthropic client: %d %s", a.status, a.body)
	}
}

func TestUnmarshalCaddyfile(t *testing.T) {
	t.Parallel()
	var h Handler
	err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(`mock_llm {
		latency 20ms
		event_interval 5ms
		words 40
		fail 503 every 3
		cut_after 7
		cached_tokens 5
		usage off
		model m
	}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Handler{
		Latency: caddy.Duration(20 * time.Millisecond), EventInterval: caddy.Duration(5 * time.Millisecond),
		Words: 40, Fail: &Fail{503, 3}, CutAfter: 7, CachedTokens: 5, Model: "m", UsageOff: true,
	}
	if !reflect.DeepEqual(&h, &want) {
		t.Errorf("got %+v", &h)
	}
}

func TestUnmarshalCaddyfileRefuses(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, src, want string }{
		{"argument", "mock_llm x", "mock_llm takes no arguments, not 1; write: mock_llm, at Testfile:1"},
		{"unknown option", "mock_llm {\n wrods 3\n}", `mock_llm: unknown option "wrods"; valid options are: cached_tokens, cut_after, event_interval, fail, latency, model, usage, words, at Testfile:2`},
		{"words out of range", "mock_llm {\n words 100001\n}", "mock_llm: words: 100001 is out of range; it must be from 1 to 100000, at Testfile:2"},
		{"status out of range", "mock_llm {\n fail 200\n}", "mock_llm: fail: 200 is out of range; it must be from 400 to 599, at Testfile:2"},
		{"wrong word", "mock_llm {\n fail 503 each 3\n}", "mock_llm: fail: write every before the number of requests: fail <status> every <n>, at Testfile:2"},
		{"every zero", "mock_llm {\n fail 503 every 0\n}", "mock_llm: fail: 0 is out of range; it must be from 1 to 2147483647, at Testfile:2"},
		{"latency without unit", "mock_llm {\n latency 20\n}", `mock_llm: latency: "20" is not a duration; write a number and a unit, such as 250ms, 30s, 5m, 1h or 1d, at Testfile:2`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := new(Handler).UnmarshalCaddyfile(caddyfile.NewTestDispenser(row.src))
			if err == nil || err.Error() != row.want {
				t.Errorf("error\n got %v\nwant %s", err, row.want)
			}
		})
	}
}

func TestValidateNamesEveryProblem(t *testing.T) {
	t.Parallel()
	h := Handler{Latency: -1, EventInterval: -1, Words: -1, CutAfter: -1, CachedTokens: -1, Fail: &Fail{Status: 200, Every: -1}}
	err := h.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"latency", "event_interval", "words", "cut_after", "cached_tokens", "fail.status", "fail.every"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("want %s in %q", want, err)
		}
	}
}
