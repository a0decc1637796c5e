// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package overhead

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func init() { caddy.RegisterModule(new(memory)) }

// memory is a transport that answers from memory: what to answer stands in the
// header X-Stainless-Timeout, since calls have no query to put it in.
type memory struct{}

// CaddyModule returns the Caddy module information.
func (*memory) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.transport.memory", New: func() caddy.Module { return new(memory) }}
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler; there are no options.
func (*memory) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

const events = 200

var (
	completion1K   = completion(1 << 10)
	completion20K  = completion(20 << 10)
	completion200K = completion(200 << 10)
	stream         = completionStream()
)

// completion is a chat completion of about n bytes.
func completion(n int) []byte {
	const frame = `{"id":"chatcmpl-1","object":"chat.completion","created":1790000000,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":300,"total_tokens":1300,"prompt_tokens_details":{"cached_tokens":400,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":200,"audio_tokens":0}}}`
	// Prose as models write it: lines of some ninety characters, here and there
	// something in quotes.
	const prose = `The first paragraph of the answer explains what was asked, in plain words and without haste.\n` +
		`The second one gives an example, called \"the toll\", and says where it stops being a good one.\n`
	text := strings.Repeat(prose, 2+n/len(prose))[:max(0, n-len(frame))]
	text = strings.TrimRight(text, `\"n`)
	return fmt.Appendf(nil, frame, text)
}

// completionStream is a streamed completion, one event an element.
func completionStream() [][]byte {
	var out [][]byte
	for i := range events - 2 {
		out = append(out, fmt.Appendf(nil, `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"delta":{"content":"tok%d "},"finish_reason":null}],"usage":null}`+"\n\n", i))
	}
	return append(out,
		[]byte(`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"gpt-4o-mini-2024-07-18","choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":300,"total_tokens":1300}}`+"\n\n"),
		[]byte("data: [DONE]\n\n"))
}

// answerHeader is what stands above an answer of OpenAI: its own headers and those of
// the network it is behind.
var answerHeader = http.Header{
	"Content-Type": {"application/json"}, "Date": {"Sat, 21 Nov 2026 12:00:00 GMT"}, "Server": {"cloudflare"},
	"Access-Control-Expose-Headers": {"X-Request-ID"}, "Alt-Svc": {`h3=":443"; ma=86400`}, "Cf-Cache-Status": {"DYNAMIC"},
	"Cf-Ray": {"9a0123456789abcd-FRA"}, "Set-Cookie": {"__cf_bm=demo; path=/; HttpOnly; Secure", "_cfuvid=demo; path=/; HttpOnly; Secure"},
	"Strict-Transport-Security": {"max-age=31536000; includeSubDomains; preload"}, "X-Content-Type-Options": {"nosniff"},
	"Openai-Organization": {"demo"}, "Openai-Processing-Ms": {"512"}, "Openai-Project": {"proj_demo"}, "Openai-Version": {"2020-10-01"},
	"X-Envoy-Upstream-Service-Time": {"530"}, "X-Request-Id": {"req_0123456789abcdef"},
	"X-Ratelimit-Limit-Requests": {"10000"}, "X-Ratelimit-Remaining-Requests": {"9999"}, "X-Ratelimit-Reset-Requests": {"6ms"},
	"X-Ratelimit-Limit-Tokens": {"2000000"}, "X-Ratelimit-Remaining-Tokens": {"1999000"}, "X-Ratelimit-Reset-Tokens": {"30ms"},
}

// RoundTrip implements http.RoundTripper.
func (*memory) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	resp := &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: answerHeader.Clone(),
	}
	answer := completion1K
	switch r.Header.Get("X-Stainless-Timeout") {
	case "20k":
		answer = completion20K
	case "200k":
		answer = completion200K
	case "stream":
		resp.Header["Content-Type"] = []string{"text/event-stream"}
		resp.ContentLength = -1
		resp.Body = &eventReader{events: stream}
		return resp, nil
	}
	resp.ContentLength = int64(len(answer))
	resp.Header["Content-Length"] = []string{fmt.Sprint(len(answer))}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	return resp, nil
}

// eventReader gives one event a read, as an upstream does that flushes each.
type eventReader struct {
	events [][]byte
	at     int
}

func (e *eventReader) Read(p []byte) (int, error) {
	if e.at == len(e.events) {
		return 0, io.EOF
	}
	n := copy(p, e.events[e.at])
	e.at++
	return n, nil
}

func (e *eventReader) Close() error { return nil }
