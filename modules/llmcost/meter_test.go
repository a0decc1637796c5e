// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// Every sample answer passes unchanged, and is counted, priced and recorded
// under the right name. Costs are those of the built-in book on the day of the
// call; they are checked against the book by hand where prices never changed.
func TestSamplesAreMetered(t *testing.T) {
	t.Parallel()
	const json, sse, ndjson = "application/json", "text/event-stream", "application/x-ndjson"
	chat := `{"model":"%","messages":[]}`
	tests := map[string]struct {
		provider, path, request, media string
		model                          string // label in the ledger
		input, output                  int64
		cost                           string
		held                           bool
	}{
		"openai_chat.json":             {"openai", "/v1/chat/completions", chat, json, "gpt-4o-mini", 1000, 300, "0.0003", true},
		"openai_chat_stream_usage.sse": {"openai", "/v1/chat/completions", chat, sse, "gpt-4o-mini", 1000, 300, "0.0003", false},
		"openai_chat_audio.json":       {"openai", "/v1/chat/completions", chat, json, "gpt-audio", 500, 700, "0.0495", true},
		"openai_responses.json":        {"openai", "/v1/responses", `{"model":"gpt-5","input":"x"}`, json, "gpt-5", 1000, 300, "0.0038", true},
		"openai_responses_stream.sse":  {"openai", "/v1/responses", `{"model":"gpt-5","stream":true}`, sse, "gpt-5", 1000, 300, "0.0038", false},
		"openai_embeddings.json":       {"openai", "/v1/embeddings", `{"model":"text-embedding-3-small","input":"x"}`, json, "text-embedding-3-small", 800, 0, "0.000016", true},
		"anthropic_messages.json":      {"anthropic", "/v1/messages", chat, json, "claude-opus-4-5", 13050, 400, "0.0415", true},
		"anthropic_stream.sse":         {"anthropic", "/v1/messages", `{"model":"claude-opus-4-5","stream":true}`, sse, "claude-opus-4-5", 13050, 400, "0.0415", false},
		"xai_chat.json":                {"xai", "/v1/chat/completions", chat, json, "grok-4.3", 1000, 1000, "0.00354", true},
		"gemini_generate.json":         {"gemini", "/v1beta/models/gemini-2.5-flash:generateContent", `{"contents":[]}`, json, "gemini-2.5-flash", 1050, 500, "0.001457", true},
		"ollama_chat.json":             {"ollama", "/api/chat", `{"model":"llama3.2","stream":false}`, json, "llama3.2", 11, 18, "0", true},
		"ollama_chat_stream.ndjson":    {"ollama", "/api/chat", `{"model":"llama3.2"}`, ndjson, "llama3.2", 11, 18, "0", false},
		"ollama_generate.json":         {"ollama", "/api/generate", `{"model":"llama3.2","stream":false}`, json, "llama3.2", 11, 18, "0", true},
		"ollama_v1_chat.json":          {"ollama", "/v1/chat/completions", chat, json, "llama3.2", 11, 18, "0", true},
	}
	for file, tc := range tests {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			body, err := os.ReadFile(filepath.Join("..", "internal", "usage", "testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			rt := newRoute(t, &Handler{Provider: tc.provider}, answer(tc.media, string(body)))
			request := strings.ReplaceAll(tc.request, "%", tc.model)
			w := rt.post(tc.path, json, request)
			if w.Body.String() != string(body) {
				t.Errorf("the answer was changed to %q", w.Body)
			}
			if string(rt.received) != request {
				t.Errorf("the request was changed to %q", rt.received)
			}
			row := rt.row()
			if row.Requests != 1 || row.Failed != 0 || row.PriceUnknown != 0 || row.Exact != 1 {
				t.Errorf("row %+v", row)
			}
			if in, out := row.Counts.TotalInput(), row.Counts.TotalOutput(); in != tc.input || out != tc.output {
				t.Errorf("tokens %d in, %d out, want %d and %d", in, out, tc.input, tc.output)
			}
			if got := row.Cost.String(); got != tc.cost {
				t.Errorf("cost %s, want %s", got, tc.cost)
			}
			if label := rt.last.LLM.Label; label != tc.model {
				t.Errorf("counted under %q, want %q", label, tc.model)
			}
			cost := w.Header().Get("X-Gateway-Cost-Usd")
			if want := map[bool]string{true: tc.cost}[tc.held]; cost != want {
				t.Errorf("X-Gateway-Cost-Usd %q, want %q", cost, want)
			}
		})
	}
}

func TestAnswersThatSayNothing(t *testing.T) {
	t.Parallel()
	const request = `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello there"}]}` // 9 tokens
	big := `{"model":"gpt-4o-mini","choices":[{"message":{"content":"` + strings.Repeat("x", holdLimit) + `"}}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}`
	tests := map[string]struct {
		upstream  http.HandlerFunc
		body      string
		metered   bool
		malformed bool
		truncated bool
		unknown   int64
		tokens    int64
	}{
		"without usage":      {upstream: answer("application/json", `{"model":"gpt-4o-mini","choices":[]}`), metered: true, tokens: 9},
		"not JSON after all": {upstream: answer("application/json", "<html>oops"), metered: true, malformed: true, tokens: 9},
		"cut off": {
			upstream: answer("text/event-stream", "data: {\"model\":\"gpt-4o-mini\",\"choices\":[]}\n\n"),
			metered:  true, truncated: true, tokens: 9,
		},
		"another media type": {upstream: answer("audio/mpeg", "ID3"), metered: true, unknown: 1},
		"an error": {upstream: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte(`{"error":{"message":"slow down"}}`))
		}, body: `{"error":{"message":"slow down"}}`},
		"compressed and damaged": {upstream: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			answer("application/json", "\x1f\x8b of no kind")(w, nil)
		}, metered: true, malformed: true, unknown: 1},
		"larger than what is held": {upstream: answer("application/json", big), metered: true, tokens: 12},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{Provider: "openai"}, tc.upstream)
			w := rt.post("/v1/chat/completions", "application/json", request)
			llm := rt.last.LLM
			if llm.Metered != tc.metered || llm.Report.Malformed != tc.malformed || llm.Truncated != tc.truncated {
				t.Errorf("metered %v, malformed %v, truncated %v", llm.Metered, llm.Report.Malformed, llm.Truncated)
			}
			if tc.body != "" && w.Body.String() != tc.body {
				t.Errorf("the answer was changed to %q", w.Body)
			}
			row := rt.row()
			if row.Requests != 1 || row.PriceUnknown != tc.unknown || row.Counts.Total() != tc.tokens {
				t.Errorf("row %+v", row)
			}
			if (w.Header().Get("X-Gateway-Cost-Usd") != "") != (row.Estimated == 1 && !llm.Truncated) {
				t.Errorf("cost %q is claimed", w.Header().Get("X-Gateway-Cost-Usd"))
			}
		})
	}
}

// A broken upstream panics through the handler; what was seen is recorded.
func TestAbortedStreamIsRecordedOnce(t *testing.T) {
	t.Parallel()
	rt := newRoute(t, &Handler{Provider: "anthropic"}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-opus-4-5-20251101\",\"usage\":{\"input_tokens\":50,\"output_tokens\":1}}}\n\n"))
		panic(http.ErrAbortHandler)
	})
	rt.post("/v1/messages", "application/json", `{"model":"claude-opus-4-5","stream":true}`)
	row := rt.row()
	if row.Requests != 1 || row.Failed != 1 || row.Counts[usage.Input] != 50 || row.Exact != 0 || !rt.last.LLM.Truncated {
		t.Errorf("row %+v, call %+v", row, rt.last.LLM)
	}
}

// Headers about cost are the gateway's to set, whatever an upstream claims.
func TestUpstreamCannotClaimACost(t *testing.T) {
	t.Parallel()
	rt := newRoute(t, &Handler{Provider: "openai", HeadersOff: true}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Gateway-Cost-Usd", "0")
		answer("application/json", `{"model":"gpt-4o-mini","usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}`)(w, nil)
	})
	w := rt.post("/v1/chat/completions", "", `{"model":"gpt-4o-mini"}`)
	if got := w.Header().Values("X-Gateway-Cost-Usd"); len(got) != 0 {
		t.Errorf("X-Gateway-Cost-Usd %q", got)
	}
	if row := rt.row(); row.Counts.Total() != 12 {
		t.Errorf("with headers off the call is not counted: %+v", row)
	}
}

// The row that prices a call is also the one that it is counted under.
func TestCountedUnderThePricedName(t *testing.T) {
	t.Parallel()
	const usage = `"usage":{"input_tokens":5,"output_tokens":7}}`
	for name, tc := range map[string]struct{ asked, answered, want string }{
		"a snapshot answers":         {"claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"},
		"an unknown name answers":    {"claude-sonnet-4-5", "m", "claude-sonnet-4-5"},
		"another known one answers":  {"claude-sonnet-4-5", "claude-haiku-4-5", "claude-haiku-4-5"},
		"neither is known":           {"mystery", "mystery-1", "mystery-1"},
		"unknown, and none is named": {"mystery", "", "_other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{Provider: "anthropic"}, answer("application/json", `{"type":"message","model":"`+tc.answered+`",`+usage))
			rt.post("/v1/messages", "application/json", `{"model":"`+tc.asked+`"}`)
			if got := rt.last.LLM.Label; got != tc.want {
				t.Errorf("counted under %q, want %q", got, tc.want)
			}
		})
	}
}
