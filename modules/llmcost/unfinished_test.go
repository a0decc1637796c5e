// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/tokens"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// A stream that ends without saying so is broken off, since its client could not
// tell. What shows that nothing is missing keeps it whole.
func TestUnfinishedStreams(t *testing.T) {
	t.Parallel()
	event := func(data string) string { return "data: " + data + "\n\n" }
	text := event(`{"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":"some text"}}]}`)
	const gemini = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
	for name, tc := range map[string]struct {
		handler     Handler
		path, media string
		request     string
		status      int
		body        string
		broken      bool
	}{
		"no end":                    {body: text, broken: true},
		"nothing at all":            {body: "", broken: true},
		"comments alone":            {body: ": ping\n\n", broken: true},
		"within the last event":     {body: text + "data: [DON", broken: true},
		"an end":                    {body: text + event("[DONE]")},
		"an end without empty line": {body: text + "data: [DONE]"},
		"a usage and no end":        {body: text + event(`{"model":"gpt-4o-mini","choices":[],"usage":`+saidUsage+`}`)},
		"an error":                  {body: text + event(`{"error":{"message":"overloaded","type":"server_error"}}`)},
		"no end, passed":            {handler: Handler{UnfinishedPass: true}, body: text},
		"no content":                {status: http.StatusNoContent},
		"an error of the upstream":  {status: http.StatusInternalServerError, body: text},
		"a document":                {media: jsonType, body: `{"model":"gpt-4o-mini"`},
		"messages, no end":          {handler: Handler{Provider: "anthropic"}, path: "/v1/messages", body: event(`{"type":"message_start","message":{"model":"claude-opus-4-5","usage":{"input_tokens":5,"output_tokens":1}}}`), broken: true},
		"messages, final figures":   {handler: Handler{Provider: "anthropic"}, path: "/v1/messages", body: event(`{"type":"message_delta","usage":{"input_tokens":5,"output_tokens":9}}`)},
		"messages, error":           {handler: Handler{Provider: "anthropic"}, path: "/v1/messages", body: "event: error\n" + event(`{"type":"error","error":{"type":"overloaded_error"}}`)},
		"responses, no end":         {path: "/v1/responses", body: event(`{"type":"response.output_text.delta","delta":"x"}`), broken: true},
		"responses, failed":         {path: "/v1/responses", body: event(`{"type":"response.failed","response":{"status":"failed"}}`)},
		"responses, incomplete":     {path: "/v1/responses", body: event(`{"type":"response.incomplete","response":{"status":"incomplete"}}`)},
		"ollama, no end":            {handler: Handler{Provider: "ollama"}, path: "/api/chat", media: lineType, body: `{"model":"llama3.2","message":{"content":"x"},"done":false}` + "\n", broken: true},
		"ollama, an end":            {handler: Handler{Provider: "ollama"}, path: "/api/chat", media: lineType, body: `{"model":"llama3.2","message":{"content":""},"done":true,"eval_count":1,"prompt_eval_count":2}` + "\n"},
		"gemini has no end":         {handler: Handler{Provider: "gemini"}, path: gemini, request: `{"contents":[]}`, body: event(`{"candidates":[{"content":{"parts":[{"text":"x"}]}}]}`)},
		"an endpoint of its own":    {path: "/v1/audio/speech", body: event(`{"type":"speech.audio.delta","audio":"AAAA"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := tc.handler
			if h.Provider == "" {
				h.Provider = "openai"
			}
			rt := newRoute(t, &h, func(w http.ResponseWriter, _ *http.Request) {
				media := tc.media
				if media == "" {
					media = sseType
				}
				w.Header().Set("Content-Type", media)
				if tc.status != 0 {
					w.WriteHeader(tc.status)
				}
				_, _ = io.WriteString(w, tc.body)
			})
			path, request := tc.path, tc.request
			if path == "" {
				path = chatPath
			}
			if request == "" {
				request = strings.Replace(streamRequest, "gpt-4o-mini", "m", 1)
			}
			w := rt.post(path, jsonType, request)
			if rt.broken != tc.broken {
				t.Errorf("broken %v, call %+v", rt.broken, rt.last.LLM)
			}
			if w.Body.String() != tc.body {
				t.Errorf("the client got %q", w.Body)
			}
			if row := rt.agreed(); row.Requests != 1 || tc.broken && row.Failed != 1 {
				t.Errorf("row %+v", row)
			}
		})
	}
}

// Of a stream that is edited and cut, the client gets all whole events and no end.
func TestUnfinishedEditedStream(t *testing.T) {
	t.Parallel()
	events := chunks("chat.completion.chunk", true)
	for name, pass := range map[string]bool{"broken": false, "passed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{Provider: "openai", UnfinishedPass: pass}, answer(sseType, strings.Join(events[:3], "")+events[3][:40]))
			w := rt.post(chatPath, jsonType, `{"model":"gpt-4o-mini","stream":true}`)
			want := strings.Join(chunks("chat.completion.chunk", false)[:3], "")
			if pass {
				want += events[3][:40]
			}
			if w.Body.String() != want || rt.broken == pass || strings.Contains(w.Body.String(), "[DONE]") {
				t.Errorf("broken %v, the client got %q", rt.broken, w.Body)
			}
		})
	}
}

// A call whose client leaves before there is an answer is charged for its prompt, if
// the upstream has it whole, since it is at work on it.
func TestClientLeavesBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	request := `{"model":"gpt-4o-mini",` + messages + `}`
	prompt := promptOf(tokens.O200kBase)
	gone := func(w http.ResponseWriter, r *http.Request) error {
		return caddyhttp.Error(http.StatusBadGateway, r.Context().Err())
	}
	for name, tc := range map[string]struct {
		sent   bool // the upstream has the whole request
		leaves bool
		answer func(w http.ResponseWriter, r *http.Request) error
		method string
		path   string
		input  int64
		other  bool // another request than a call
	}{
		"sent whole":                   {sent: true, leaves: true, answer: gone, input: prompt},
		"sent whole, the proxy's 499":  {sent: true, answer: func(http.ResponseWriter, *http.Request) error { return caddyhttp.Error(499, context.Canceled) }, input: prompt},
		"sent whole, the proxy writes": {sent: true, leaves: true, answer: func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(499); return nil }, input: prompt},
		"sent whole, then a panic":     {sent: true, answer: func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) }, input: prompt},
		"not sent":                     {leaves: true, answer: gone},
		"refused by the upstream": {sent: true, leaves: true, answer: func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(http.StatusTooManyRequests)
			return nil
		}},
		"refused with that status by the upstream": {sent: true, answer: func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(499); return nil }},
		"not reached":      {sent: true, answer: func(http.ResponseWriter, *http.Request) error { return caddyhttp.Error(502, errors.New("reset")) }},
		"too slow":         {sent: true, answer: func(http.ResponseWriter, *http.Request) error { return caddyhttp.Error(504, errors.New("timeout")) }},
		"a list of models": {leaves: true, answer: gone, method: http.MethodGet, path: "/v1/models", other: true},
		"an upload":        {sent: true, leaves: true, answer: gone, path: "/v1/audio/transcriptions", other: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{Provider: "openai"}, answer(sseType, deltas("gpt-4o-mini", said)))
			rt.post(chatPath, jsonType, streamRequest) // which leaves nothing behind
			before := rt.row()
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			rt.context = ctx
			rt.next = func(w http.ResponseWriter, r *http.Request) error {
				if tc.sent {
					if _, err := io.Copy(io.Discard, r.Body); err != nil {
						return err
					}
				} else if tc.method == "" {
					if _, err := io.ReadFull(r.Body, make([]byte, len(request)-1)); err != nil {
						return err
					}
				}
				if tc.leaves {
					leave()
				}
				return tc.answer(w, r)
			}
			method, path := http.MethodPost, chatPath
			if tc.method != "" {
				method = tc.method
			}
			if tc.path != "" {
				path = tc.path
			}
			rt.do(method, path, jsonType, request)
			row := rt.agreed()
			input, output := row.Counts[usage.Input]-before.Counts[usage.Input], row.Counts.TotalOutput()-before.Counts.TotalOutput()
			if row.Requests != 2 || input != tc.input || output != 0 || row.Exact != 0 {
				t.Errorf("charged %d and %d, row %+v", input, output, row)
			}
			var charged int64
			if tc.input > 0 {
				charged = 1
			}
			if row.Estimated-before.Estimated != charged || (row.Cost.String() != before.Cost.String()) != (charged == 1) {
				t.Errorf("cost %s, row %+v", row.Cost, row)
			}
			if charged == 1 && row.Failed-before.Failed != 1 {
				t.Errorf("%d failed", row.Failed)
			}
		})
	}
}
