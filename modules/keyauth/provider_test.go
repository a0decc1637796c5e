// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// loadKeys returns the logic of a key_auth.
func loadKeys(t *testing.T, config string) *Keys {
	t.Helper()
	return &load(t, provisioned(t, people("")), config).(*Handler).Keys
}

// prepared returns a request as Caddy hands it to handlers.
func prepared(t *testing.T, uri string) (*http.Request, *state.Request) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, uri, nil)
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), httptest.NewRecorder(), new(caddyhttp.Server))
	return r, state.Ensure(r)
}

// authentication is Caddy's own handler with the providers.
func authentication(providers string) string {
	return `{"handler": "authentication", "providers": {` + providers + `}}`
}

func basic(t *testing.T) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("demo"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	quoted, _ := json.Marshal(string(hash))
	return `"http_basic": {"accounts": [{"username": "carol", "password": ` + string(quoted) + `}]}`
}

// The header of carol with the password demo.
const asCarol = "Authorization: Basic Y2Fyb2w6ZGVtbw=="

func TestProviderIsAnAlternative(t *testing.T) {
	g := serve(t, provisioned(t, people("")), authentication(`"gateway_key": {}, `+basic(t)))
	rows := []struct {
		name   string
		header []string
		status int
		users  string
	}{
		{"key", []string{"apikey: " + goodKey}, 200, "bob"},
		{"password", []string{asCarol}, 200, "carol"},
		{"both", []string{"apikey: " + goodKey, asCarol}, 200, "bob carol"},
		{"wrong key, right password", []string{"apikey: wrong", asCarol}, 200, "carol"},
		{"wrong key", []string{"apikey: wrong"}, 401, ""},
		{"none", nil, 401, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := g.do(t, call{header: row.header})
			if a.status != row.status {
				t.Fatalf("status %d, want %d", a.status, row.status)
			}
			if row.status == 200 && !strings.Contains(row.users, a.up.User) {
				t.Errorf("user %q, want one of %s", a.up.User, row.users)
			}
		})
	}
}

func TestProviderHidesAndAsserts(t *testing.T) {
	g := serve(t, provisioned(t, people("")), authentication(`"gateway_key": {"query": ["apikey"]}`))
	a := g.do(t, call{uri: "/?apikey=" + goodKey + "&b=1", header: []string{"X-Consumer-Username: root"}})
	if a.status != 200 || a.up.URI != "/?b=1" || a.up.Header.Get("X-Consumer-Username") != "bob" {
		t.Fatalf("status %d, upstream %+v", a.status, a.up)
	}
	if a.header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("response header %v", a.header)
	}
	a = g.do(t, call{})
	if got := a.header.Values("WWW-Authenticate"); a.status != 401 || len(got) != 2 || got[0] != "Key" {
		t.Errorf("status %d, WWW-Authenticate %q", a.status, got)
	}
}

// TestBothInARow: two handlers must both be satisfied, whoever they are from.
func TestBothInARow(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{}`, authentication(basic(t)))
	rows := []struct {
		name   string
		header []string
		status int
	}{
		{"both", []string{"apikey: " + goodKey, asCarol}, 200},
		{"key", []string{"apikey: " + goodKey}, 401},
		{"password", []string{asCarol}, 401},
		{"none", nil, 401},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if a := g.do(t, call{header: row.header}); a.status != row.status {
				t.Errorf("status %d, want %d", a.status, row.status)
			}
		})
	}
}

// TestAnonymousIsContentWithAnotherAuthentication: who is known already needs
// no key, and is not made anonymous.
func TestAnonymousIsContentWithAnotherAuthentication(t *testing.T) {
	g := serve(t, provisioned(t, people("")), authentication(basic(t)), `{"anonymous": "nobody"}`)
	a := g.do(t, call{header: []string{asCarol}})
	if a.status != 200 || a.up.User != "carol" || a.up.Header.Get("X-Consumer-Username") != "" {
		t.Errorf("status %d, upstream %+v", a.status, a.up)
	}
}

func TestProviderRefusesBodies(t *testing.T) {
	ctx := provisioned(t, people(""))
	if _, err := loadErr(ctx, authentication(`"gateway_key": {"body": ["apikey"]}`)); err == nil || !strings.Contains(err.Error(), "need the key_auth handler") {
		t.Errorf("error %v", err)
	}
}
