// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
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

// spoofed is what a client must not be able to say about itself.
var spoofed = []string{"X-Consumer-Username: root", "X-Consumer-Id: root", "X-Credential-Identifier: key_root", "Connection: X-Consumer-Username"}

// outer stands for any gateway handler that comes before the authentication.
type outer struct{ app *gateway.App }

func init() { caddy.RegisterModule(new(outer)) }

func (*outer) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.keyauth_test_outer", New: func() caddy.Module { return new(outer) }}
}

func (o *outer) Provision(ctx caddy.Context) (err error) {
	o.app, err = gateway.Get(ctx)
	return err
}

func (o *outer) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(o, o.app, w, r, next)
}

func (*outer) Handle(w http.ResponseWriter, r *http.Request, _ *state.Request, next caddyhttp.Handler) error {
	return next.ServeHTTP(w, r)
}

// TestProviderIsAnAlternative sends each request several times, because Caddy
// asks providers in random order.
func TestProviderIsAnAlternative(t *testing.T) {
	ctx := provisioned(t, people(""))
	either := authentication(`"gateway_key": {}, ` + basic(t))
	bare, behind := serve(t, ctx, either), serve(t, ctx, `{"handler": "keyauth_test_outer"}`, either)
	rows := []struct {
		name   string
		gate   *gate
		header []string
		status int
		users  string
	}{
		{"key", bare, []string{"apikey: " + goodKey}, 200, "bob"},
		{"password", bare, []string{asCarol}, 200, "carol"},
		{"both", bare, []string{"apikey: " + goodKey, asCarol}, 200, "bob carol"},
		{"wrong key, right password", bare, []string{"apikey: wrong", asCarol}, 200, "carol"},
		{"wrong key", bare, []string{"apikey: wrong"}, 401, ""},
		{"none", bare, nil, 401, ""},
		{"key, spoofed", bare, append([]string{"apikey: " + goodKey}, spoofed...), 200, "bob"},
		{"key, spoofed, behind a gateway handler", behind, append([]string{"apikey: " + goodKey}, spoofed...), 200, "bob"},
		{"password, spoofed, behind a gateway handler", behind, append([]string{asCarol}, spoofed...), 200, "carol"},
		{"both, spoofed, behind a gateway handler", behind, append([]string{"apikey: " + goodKey, asCarol}, spoofed...), 200, "bob carol"},
		{"wrong key, right password, spoofed, behind a gateway handler", behind, append([]string{"apikey: wrong", asCarol}, spoofed...), 200, "carol"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			for range 16 {
				a := row.gate.do(t, call{header: row.header})
				if a.status != row.status {
					t.Fatalf("status %d, want %d", a.status, row.status)
				}
				if row.status != 200 {
					continue
				}
				if !slices.Contains(strings.Fields(row.users), a.up.User) {
					t.Fatalf("user %q, want one of %s", a.up.User, row.users)
				}
				want := map[string]string{"bob": "bob", "carol": ""}[a.up.User] // carol is no consumer
				for _, name := range []string{state.HeaderConsumerName, state.HeaderConsumerID} {
					if got := strings.Join(a.up.Header.Values(name), "; "); got != want {
						t.Fatalf("user %s: %s %q, want %q", a.up.User, name, got, want)
					}
				}
				if got := a.up.Header.Get(state.HeaderCredential); strings.HasPrefix(got, "key_") != (want != "") || got == "key_root" {
					t.Fatalf("user %s: credential %q", a.up.User, got)
				}
			}
		})
	}
}

// TestProviderStripsWhatItDoesNotAccept: the next provider may accept it.
func TestProviderStripsWhatItDoesNotAccept(t *testing.T) {
	ctx := provisioned(t, people(""))
	p := authenticator(t, ctx)
	for name, key := range map[string]string{"no key": "", "wrong key": "wrong", "expired key": oldKey} {
		t.Run(name, func(t *testing.T) {
			r, _ := prepared(t, "/")
			for _, line := range spoofed {
				name, value, _ := strings.Cut(line, ": ")
				r.Header.Set(name, value)
			}
			if key != "" {
				r.Header.Set("Apikey", key)
			}
			if _, ok, err := p.Authenticate(httptest.NewRecorder(), r); ok || err != nil {
				t.Fatalf("accepted: %v, error %v", ok, err)
			}
			if len(r.Header) != 0 {
				t.Errorf("left are %v", r.Header)
			}
		})
	}
	t.Run("known from an earlier key_auth", func(t *testing.T) {
		r, rq := prepared(t, "/")
		rq.Credential = p.table.Lookup(apikey.Hash(goodKey))
		rq.AssertIdentity(r)
		if _, ok, err := p.Authenticate(httptest.NewRecorder(), r); ok || err != nil {
			t.Fatalf("accepted: %v, error %v", ok, err)
		}
		if got := r.Header.Get(state.HeaderConsumerName); got != "bob" {
			t.Errorf("the consumer is %q, want bob", got)
		}
	})
}

// authenticator returns the provider by itself.
func authenticator(t *testing.T, ctx caddy.Context) *Provider {
	t.Helper()
	mod, err := ctx.LoadModuleByID("http.authentication.providers.gateway_key", json.RawMessage(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	return mod.(*Provider)
}

func TestProviderWarnsOfOthers(t *testing.T) {
	rows := []struct {
		name, providers string
		warnings        int
	}{
		{"alone", `"gateway_key": {}`, 0},
		{"beside another", `"gateway_key": {}, ` + basic(t), 1},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "log")
			name, _ := json.Marshal(file)
			config := new(caddy.Config)
			doc := `{"logging": {"logs": {"default": {"writer": {"output": "file", "filename": ` + string(name) + `}}}}, "apps": {"gateway": ` + people("") + `}}`
			if err := json.Unmarshal([]byte(doc), config); err != nil {
				t.Fatal(err)
			}
			ctx, err := caddy.ProvisionContext(config)
			if err != nil {
				t.Fatal(err)
			}
			load(t, ctx, authentication(row.providers))
			text, err := os.ReadFile(file)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			if got := strings.Count(string(text), "put request_guard or correlation_id in front"); got != row.warnings {
				t.Errorf("%d warnings, want %d: %s", got, row.warnings, text)
			}
			if row.warnings > 0 && !strings.Contains(string(text), `"other_providers":["http_basic"]`) {
				t.Errorf("the warning does not name the other provider: %s", text)
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
