// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const (
	chatPath  = "/v1/chat/completions"
	jsonType  = "application/json"
	sseType   = "text/event-stream"
	lineType  = "application/x-ndjson"
	asking    = `"stream_options":{"include_usage":true}`
	saidUsage = `{"prompt_tokens":21,"completion_tokens":3,"total_tokens":24}`
)

// chunks are the events of an OpenAI-style stream. Like many servers, it writes
// "usage":null in all chunks but the last if it is asked.
func chunks(object string, asked bool) []string {
	null := ""
	if asked {
		null = `,"usage":null`
	}
	chunk := func(choices, usage string) string {
		return `data: {"id":"c1","object":"` + object + `","created":1,"model":"gpt-4o-mini","choices":[` + choices + `]` + usage + "}\n\n"
	}
	events := []string{
		": a comment\n\n",
		chunk(`{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}`, null),
		chunk(`{"index":0,"delta":{"content":"three \"usage\": words"},"finish_reason":null}`, null),
		chunk(`{"index":0,"delta":{},"finish_reason":"stop"}`, null),
	}
	if asked {
		events = append(events, chunk("", `,"usage":`+saidUsage))
	}
	return append(events, "data: [DONE]\n\n")
}

// asks reads the request as a server does.
func asks(body []byte) bool {
	var request struct {
		Options struct {
			Usage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	return json.Unmarshal(body, &request) == nil && request.Options.Usage
}

// openAI is an upstream that streams, in pieces of n bytes or event by event.
func (rt *route) openAI(object string, n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", sseType+"; charset=utf-8")
		events := chunks(object, asks(rt.received))
		if n > 0 {
			events = pieces(strings.Join(events, ""), n)
		}
		for _, e := range events {
			_, _ = io.WriteString(w, e)
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// pieces cuts a text into pieces of n bytes.
func pieces(s string, n int) (out []string) {
	for len(s) > n {
		out, s = append(out, s[:n]), s[n:]
	}
	return append(out, s)
}

// Whatever the gateway asks for, the client gets what it asked for itself.
func TestStreamsAreAskedForTheirUsage(t *testing.T) {
	t.Parallel()
	const end = `"stream":true}`
	tests := map[string]struct {
		handler Handler
		path    string
		request string
		forward string // to the upstream; "" if as it came
		asked   bool   // by the client
		exact   int64
	}{
		"not asked":                    {request: `{"model":"gpt-4o-mini","stream":true}`, forward: `{` + asking + `,"model":"gpt-4o-mini","stream":true}`, exact: 1},
		"asked":                        {request: `{"model":"gpt-4o-mini",` + asking + `,` + end, asked: true, exact: 1},
		"with other options":           {request: `{"model":"gpt-4o-mini","stream_options":{"chunk_size":7},` + end, forward: `{"model":"gpt-4o-mini","stream_options":{"include_usage":true,"chunk_size":7},` + end, exact: 1},
		"declined":                     {request: `{"model":"gpt-4o-mini","stream_options":{"include_usage":false},` + end, forward: `{"model":"gpt-4o-mini",` + asking + `,` + end, exact: 1},
		"null":                         {request: `{"model":"gpt-4o-mini","stream_options":null,` + end, forward: `{"model":"gpt-4o-mini",` + asking + `,` + end, exact: 1},
		"null within":                  {request: `{"model":"gpt-4o-mini","stream_options":{"include_usage":null},` + end, forward: `{"model":"gpt-4o-mini",` + asking + `,` + end, exact: 1},
		"of a wrong type":              {request: `{"model":"gpt-4o-mini","stream_options":"usage",` + end},
		"of a wrong type within":       {request: `{"model":"gpt-4o-mini","stream_options":{"include_usage":"yes"},` + end},
		"named twice":                  {request: `{"model":"gpt-4o-mini","stream_options":{"include_usage":false,"include_usage":false},` + end},
		"white space and escapes stay": {request: " {\n\t\"model\" : \"gpt-4o-mini\", \"x\":\"\\u0041\", \"stream\": true }\n", forward: " {" + asking + ",\n\t\"model\" : \"gpt-4o-mini\", \"x\":\"\\u0041\", \"stream\": true }\n", exact: 1},
		"legacy completions":           {path: "/v1/completions", request: `{"model":"gpt-4o-mini","prompt":"x","stream":true}`, forward: `{` + asking + `,"model":"gpt-4o-mini","prompt":"x","stream":true}`, exact: 1},
		"another server":               {handler: Handler{Provider: "vllm", Format: "openai"}, request: `{"model":"gpt-4o-mini","stream":true}`, forward: `{` + asking + `,"model":"gpt-4o-mini","stream":true}`, exact: 1},
		"turned off":                   {handler: Handler{AskUsageOff: true}, request: `{"model":"gpt-4o-mini","stream":true}`},
		"turned off, asked":            {handler: Handler{AskUsageOff: true}, request: `{"model":"gpt-4o-mini",` + asking + `,` + end, asked: true, exact: 1},
		"a path of no format":          {path: "/infer", request: `{"model":"gpt-4o-mini","stream":true}`},
	}
	for name, tc := range tests {
		for cut, n := range map[string]int{"events": 0, "7 bytes": 7, "whole": 1 << 20} {
			t.Run(name+", "+cut, func(t *testing.T) {
				t.Parallel()
				h := tc.handler
				if h.Provider == "" {
					h.Provider, h.Format = "openai", "openai"
				}
				rt := newRoute(t, &h, nil)
				const object = "chat.completion.chunk"
				rt.upstream = rt.openAI(object, n)
				path := tc.path
				if path == "" {
					path = chatPath
				}
				w := rt.post(path, jsonType, tc.request)
				forward := tc.forward
				if forward == "" {
					forward = tc.request
				}
				if string(rt.received) != forward {
					t.Errorf("forwarded %s\nwant      %s", rt.received, forward)
				}
				if want := strings.Join(chunks(object, tc.asked), ""); w.Body.String() != want {
					t.Errorf("the client got\n%s\nwant\n%s", w.Body, want)
				}
				row := rt.agreed()
				if row.Requests != 1 || row.Exact != tc.exact || row.Failed != 0 {
					t.Errorf("row %+v", row)
				}
				if tc.exact == 1 && (row.Counts.TotalInput() != 21 || row.Counts.TotalOutput() != 3) {
					t.Errorf("counts %v", row.Counts)
				}
			})
		}
	}
}

// Calls that have no such option, or are not streamed, go out as they came.
func TestNothingElseIsAskedForUsage(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ provider, path, request string }{
		"not streamed":      {"openai", chatPath, `{"model":"gpt-4o-mini"}`},
		"stream false":      {"openai", chatPath, `{"model":"gpt-4o-mini","stream":false}`},
		"stream null":       {"openai", chatPath, `{"model":"gpt-4o-mini","stream":null}`},
		"responses":         {"openai", "/v1/responses", `{"model":"gpt-5","stream":true}`},
		"embeddings":        {"openai", "/v1/embeddings", `{"model":"text-embedding-3-small","input":"x","stream":true}`},
		"anthropic":         {"anthropic", "/v1/messages", `{"model":"claude-opus-4-5","stream":true}`},
		"ollama":            {"ollama", "/api/chat", `{"model":"llama3.2","stream":true}`},
		"gemini":            {"gemini", "/v1beta/models/gemini-2.5-flash:streamGenerateContent", `{"contents":[]}`},
		"asked, unstreamed": {"openai", chatPath, `{"model":"gpt-4o-mini",` + asking + `}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{Provider: tc.provider}, answer(jsonType, `{"usage":null}`))
			if w := rt.post(tc.path, jsonType, tc.request); w.Body.String() != `{"usage":null}` {
				t.Errorf("the client got %s", w.Body)
			}
			if string(rt.received) != tc.request {
				t.Errorf("forwarded %s", rt.received)
			}
		})
	}
}

// A stream that the upstream answers with something else than events passes as it
// is, and so does one that it compresses although it was asked not to.
func TestOnlyStreamsAreEdited(t *testing.T) {
	t.Parallel()
	const document = `{"model":"gpt-4o-mini","choices":[],"usage":` + saidUsage + `}`
	for name, tc := range map[string]struct{ ctype, coding, body string }{
		"JSON":       {jsonType, "", document},
		"compressed": {sseType, "gzip", string(compress(t, strings.Join(chunks("x", true), "")))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{Provider: "openai"}, func(w http.ResponseWriter, _ *http.Request) {
				if tc.coding != "" {
					w.Header().Set("Content-Encoding", tc.coding)
				}
				answer(tc.ctype, tc.body)(w, nil)
			})
			if w := rt.post(chatPath, jsonType, `{"model":"gpt-4o-mini","stream":true}`); w.Body.String() != tc.body {
				t.Errorf("the answer was changed to %q", w.Body)
			}
			if row := rt.agreed(); row.Exact != 1 || row.Counts.Total() != 24 {
				t.Errorf("row %+v", row)
			}
		})
	}
}

// A length that was announced is that of the stream as asked for.
func TestEditedStreamsAnnounceNoLength(t *testing.T) {
	t.Parallel()
	rt := newRoute(t, &Handler{Provider: "openai"}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "123456")
		answer(sseType, strings.Join(chunks("x", true), ""))(w, nil)
	})
	w := rt.post(chatPath, jsonType, `{"model":"gpt-4o-mini","stream":true}`)
	if got := w.Header().Get("Content-Length"); got != "" || w.Body.String() != strings.Join(chunks("x", false), "") {
		t.Errorf("Content-Length %q, body %q", got, w.Body)
	}
}

// Towards the upstream, only codings are acceptable that can be read.
func TestAcceptEncoding(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in     []string
		stream bool
		want   string
	}{
		"none":          {nil, false, "identity"},
		"one":           {[]string{"gzip"}, false, "gzip"},
		"a list":        {[]string{"gzip, deflate, br;q=0.5, zstd"}, false, "gzip, br;q=0.5, zstd"},
		"several lines": {[]string{"deflate", "br"}, false, "br"},
		"in capitals":   {[]string{"GZIP"}, false, "GZIP"},
		"unreadable":    {[]string{"deflate, *"}, false, "identity"},
		"a stream":      {[]string{"gzip, br"}, true, "identity"},
		"a bare stream": {nil, true, "identity"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			rt := newRoute(t, &Handler{Provider: "openai"}, nil)
			rt.header = http.Header{}
			if tc.in != nil {
				rt.header["Accept-Encoding"] = tc.in
			}
			rt.next = caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				got = r.Header["Accept-Encoding"]
				answer(jsonType, "{}")(w, nil)
				return nil
			})
			request := `{"model":"gpt-4o-mini"}`
			if tc.stream {
				request = `{"model":"gpt-4o-mini","stream":true}`
			}
			rt.post(chatPath, jsonType, request)
			if len(got) != 1 || got[0] != tc.want {
				t.Errorf("Accept-Encoding %q, want %q", got, tc.want)
			}
		})
	}
}
