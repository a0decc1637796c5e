// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// mock starts a server with the handler that the block of options configures.
func mock(t *testing.T, block string) *httptest.Server {
	t.Helper()
	h := handler(t, block)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.ServeHTTP(w, r, nil); err != nil {
			t.Errorf("ServeHTTP: %v", err)
		}
	}))
	t.Cleanup(srv.Close)
	return srv
}

func handler(t *testing.T, block string) *Handler {
	t.Helper()
	h := new(Handler)
	if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser("mock_llm {\n" + block + "\n}")); err != nil {
		t.Fatalf("UnmarshalCaddyfile: %v", err)
	}
	if err := h.Provision(caddy.Context{}); err != nil {
		t.Fatalf("Provision: %v", err)
	}
	if err := h.Validate(); err != nil {
		t.Fatalf("Validate: %v", err)
	}
	return h
}

// answered is what a client got.
type answered struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

func do(t *testing.T, srv *httptest.Server, method, path, body string, header ...string) answered {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return answered{res.StatusCode, res.Header, string(b), err}
}

func post(t *testing.T, srv *httptest.Server, path, body string) answered {
	t.Helper()
	return do(t, srv, http.MethodPost, path, body)
}

// ok fails unless the answer is a whole one with status 200.
func (a answered) ok(t *testing.T) answered {
	t.Helper()
	if a.status != http.StatusOK || a.err != nil {
		t.Fatalf("status %d, error %v, body %s", a.status, a.err, a.body)
	}
	return a
}

// document decodes a body of one JSON value.
func (a answered) document(t *testing.T) any {
	t.Helper()
	return parse(t, a.body)
}

func parse(t *testing.T, s string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("decoding %q: %v", s, err)
	}
	return v
}

// event is one event or line of a stream.
type event struct {
	name string
	data any
	raw  string
}

// events splits a stream of SSE or NDJSON.
func (a answered) events(t *testing.T) []event {
	t.Helper()
	var out []event
	if strings.HasPrefix(a.header.Get("Content-Type"), "application/x-ndjson") {
		for line := range strings.Lines(a.body) {
			out = append(out, event{data: parse(t, line), raw: strings.TrimSpace(line)})
		}
		return out
	}
	for frame := range strings.SplitSeq(strings.TrimSuffix(a.body, "\n\n"), "\n\n") {
		var e event
		for line := range strings.SplitSeq(frame, "\n") {
			if name, ok := strings.CutPrefix(line, "event: "); ok {
				e.name = name
			} else if data, ok := strings.CutPrefix(line, "data: "); ok {
				e.raw = data
			} else {
				t.Errorf("unexpected line %q in the stream", line)
			}
		}
		if e.raw != "[DONE]" {
			e.data = parse(t, e.raw)
		}
		out = append(out, e)
	}
	return out
}

// at walks v along a path such as "choices.0.message.content" and returns what
// is there, or nil.
func at(v any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		switch c := v.(type) {
		case map[string]any:
			v = c[step]
		case []any:
			i := int(step[0] - '0')
			if i >= len(c) {
				return nil
			}
			v = c[i]
		default:
			return nil
		}
	}
	return v
}

func text(v any) string { s, _ := v.(string); return s }

func number(v any) int { f, _ := v.(float64); return int(f) }

// joined concatenates what every event has at the path.
func joined(events []event, path string) string {
	var b strings.Builder
	for _, e := range events {
		b.WriteString(text(at(e.data, path)))
	}
	return b.String()
}
