// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	url := provider(t)
	m := machine(t, "changes.md", "https://api.deepseek.com", url, "https://api.anthropic.com", url,
		"localhost:8089", service(t, "the service"), "localhost:8090", service(t, "the service"),
		"localhost:8091", secondVersion(t), "https://login.example.com", openIDProvider(t))
	m.follow()
}

// secondVersion stands in for a service of which there are two versions, and returns its
// host and port. It tells what it got, and more than it should.
func secondVersion(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler) // the gateway broke off
		}
		got := ""
		if json.Valid(body) {
			got = `,"got":` + string(body)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"service":"nmt 2","path":%q,"consumer":%q%s,"debug":"host nmt-7"}`+"\n", r.URL, r.Header.Get("X-Consumer-Username"), got)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// TestRotateAKey follows the page beside a client that never stops calling, and that
// gets the new key when the page says so.
func TestRotateAKey(t *testing.T) {
	t.Parallel()
	const oldKey, newKey = "demo-search-key-not-a-secret", "demo-new-key-not-a-secret"
	m := machine(t, "rotate-a-key.md", "localhost:8200", service(t, "the service"))
	var client *Caller
	m.before = func(b Block) {
		switch {
		case b.Language == "diff" && client == nil:
			client = call(t, "http://"+m.Gateway+"/api/other", oldKey)
			client.More(t, 100)
		case strings.Contains(b.Text, "gateway consumers search"):
			client.More(t, 100)
			client.Key.Store(newKey)
			client.More(t, 100) // whoever had read the old key is done with it
		}
	}
	m.follow()
	client.More(t, 100)
	client.Check(t)
}
