// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestSelfHosted has a server that refuses stream_options and ends its streams without
// usage and without [DONE].
func TestSelfHosted(t *testing.T) {
	const key = "demo-app-key-not-a-secret"
	const answer = `data: {"model":"mine","choices":[{"index":0,"delta":{"content":"one two"},"finish_reason":null}]}` + "\n\n" +
		`data: {"model":"mine","choices":[{"index":0,"delta":{"content":" three"},"finish_reason":"stop"}]}` + "\n\n"
	const request = `{"model":"mine","stream":true,"messages":[{"role":"user","content":"count"}]}`
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), "stream_options") {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, answer)
	})
	ledger := filepath.Join(t.TempDir(), "ledger")
	g := exampleGateway(t, "self-hosted.Caddyfile", map[string]string{"APP_KEY": key, "MODEL_SERVER": up.Addr, "LEDGER": ledger})

	got := g.Post("/v1/chat/completions", request, "Authorization: Bearer "+key)
	if got.Status != 200 || got.Body != answer {
		t.Fatalf("answer = %d %q", got.Status, got.Body)
	}
	if r := up.Only(); r.Body != request {
		t.Errorf("upstream had the body %s", r.Body)
	}
	row := onlyUsage(t, g, "?by=consumer,model&consumer=app&model=mine")
	if row.Requests != 1 || row.Exact != 0 || row.Input == 0 || row.Output != 3 {
		t.Errorf("usage is %+v, want one request with three tokens out that nobody has reported", row)
	}
	g.Logs().Wait(t, `"logger":"http.log.access`, `"estimated_with":"o200k_base"`)
	if files, err := filepath.Glob(filepath.Join(ledger, "usage.db")); err != nil || len(files) != 1 {
		t.Errorf("the ledger is not in %s", ledger)
	}
}
