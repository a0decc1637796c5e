// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExistingSite lets the site get its certificate from a real ACME server and checks
// that the site is what it was, but for the one route that needs a key.
func TestExistingSite(t *testing.T) {
	const key, page = "demo-partner-key-not-a-secret", "<p>The page of the site</p>"
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "index.html"), []byte(page), 0o600); err != nil {
		t.Fatalf("write page: %v", err)
	}
	up := upstream(t, nil)
	httpPort, httpsPort := freePort(t), freePort(t)
	authority := acme(t, httpPort, httpsPort)
	exampleEnvironment(t, "existing-site.Caddyfile", map[string]string{
		"PARTNER_KEY": key, "SITE": "site.example.com", "SITE_ROOT": root, "API_SERVER": up.Addr, "ACME_CA": authority.Directory,
	})
	// An operator's Caddy has ports 80 and 443 and trusts the authority anyway.
	g := gateway(t, example(t, "existing-site.Caddyfile",
		"\tacme_ca ", "\tdebug\n\thttp_port {{HTTP}}\n\thttps_port {{PORT}}\n\tacme_ca_root {{ROOT}}\n\tacme_ca "),
		named("existing-site.Caddyfile"), with("HTTP", httpPort), with("PORT", httpsPort), with("ROOT", authority.RootFile))
	g.Logs().Wait(t, "added certificate to cache", "site.example.com") // logged with debug on

	client := authority.client(t, g.Addr)
	get := func(t *testing.T, path string, headers ...string) *Answer {
		t.Helper()
		return finish(t, open(t, client, http.MethodGet, "https://site.example.com"+path, "", headers))
	}
	t.Run("the page needs no key", func(t *testing.T) {
		if got := get(t, "/"); got.Status != 200 || got.Body != page {
			t.Errorf("GET / = %d %q", got.Status, got.Body)
		}
	})
	t.Run("a page that is not there", func(t *testing.T) { checkNotFound(t, get(t, "/not-there.html")) })
	t.Run("the API without its last slash", func(t *testing.T) { checkNotFound(t, get(t, "/api")) })
	t.Run("the API without a key", func(t *testing.T) {
		got := get(t, "/api/things")
		o := decoded(t, got)
		if got.Status != 401 || o["code"] != "key_missing" || o["request_id"] != got.Header.Get("X-Correlation-Id") {
			t.Errorf("GET /api/things = %d %s", got.Status, got.Body)
		}
		if n := len(up.Requests()); n != 0 {
			t.Errorf("upstream had %d requests, want none", n)
		}
	})
	t.Run("the API with a key", func(t *testing.T) {
		if got := get(t, "/api/things?n=1", "apikey: "+key); got.Status != 200 || got.Body != "ok" {
			t.Fatalf("GET /api/things = %d %q", got.Status, got.Body)
		}
		r := up.Only()
		if r.URI != "/api/things?n=1" || r.Header.Get("X-Consumer-Username") != "partner" || r.Header.Get("X-Forwarded-Proto") != "https" {
			t.Errorf("upstream had %s %v", r.URI, r.Header)
		}
		if strings.Contains(up.Wire(), key) {
			t.Errorf("upstream had the key: %q", up.Wire())
		}
	})
	g.Logs().Wait(t, `"http.log.access`, "/api/things?n=1")
	if strings.Contains(g.Logs().String(), key) {
		t.Error("a log holds the key")
	}
}
