// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// provider stands in for all providers, and returns its URL.
func provider(t *testing.T) string {
	t.Helper()
	return server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/chat/completions"):
			fmt.Fprint(w, `{"id":"c","object":"chat.completion","created":1795301676,"model":"deepseek-chat","choices":[{"index":0,"message":{"role":"assistant","content":"The provider itself."},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150}}`)
		case strings.HasSuffix(r.URL.Path, "/v1/messages"):
			fmt.Fprint(w, `{"id":"m","type":"message","role":"assistant","model":"claude-haiku-4-5","content":[{"type":"text","text":"The provider itself."}],"stop_reason":"end_turn","usage":{"input_tokens":100,"output_tokens":50}}`)
		case strings.HasSuffix(r.URL.Path, "/api/chat"):
			fmt.Fprint(w, `{"model":"llama3.2","created_at":"2026-11-21T22:54:36Z","message":{"role":"assistant","content":"The provider itself."},"done":true,"prompt_eval_count":100,"eval_count":50}`)
		default:
			fmt.Fprint(w, `{}`)
		}
	})
}

// service stands in for a service, and returns its host and port. It tells its name,
// the path that it was asked for, and who asked.
func service(t *testing.T, name string) string {
	t.Helper()
	url := server(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s has %s from %q\n", name, r.URL.Path, r.Header.Get("X-Consumer-Username"))
	})
	return strings.TrimPrefix(url, "http://")
}

// server starts a server that reads each request to its end.
func server(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			panic(http.ErrAbortHandler) // the gateway broke off
		}
		handler(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}
