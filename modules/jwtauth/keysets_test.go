// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
)

// publisher is an issuer that publishes its keys.
type publisher struct {
	*httptest.Server
	keys  atomic.Pointer[string]
	asked atomic.Int64
}

func publishes(t *testing.T, keys ...*jwttest.Key) *publisher {
	t.Helper()
	p := new(publisher)
	p.publish(keys...)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/openid-configuration" {
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, p.URL, p.URL+"/keys")
			return
		}
		p.asked.Add(1)
		fmt.Fprint(w, *p.keys.Load())
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) publish(keys ...*jwttest.Key) {
	set := jwttest.Set(keys...)
	p.keys.Store(&set)
}

func TestKeySets(t *testing.T) {
	ctx := provisioned(t, "")
	ours, other := named(jwttest.For("RS256"), "one"), named(jwttest.For("ES256"), "two")
	p := publishes(t, ours)
	for name, set := range map[string]object{
		"URL":      {"url": p.URL + "/keys"},
		"discover": {"discover": p.URL},
		"file":     {"file": file(t, "keys.json", jwttest.Set(ours))},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, ctx, object{"key_sets": []object{set}})
			if a := g.show(t, ours.Sign(claims("iss", p.URL))); a.status != 200 {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			if a := g.show(t, other.Sign(claims("iss", p.URL))); a.status != 401 {
				t.Errorf("another key: status %d", a.status)
			}
			a := g.show(t, ours.Sign(claims("iss", "https://other.example")))
			if want := map[bool]int{true: 401, false: 200}[name == "discover"]; a.status != want {
				t.Errorf("another issuer: status %d, want %d", a.status, want)
			}
		})
	}
}

// TestKeysOfNoIssuer: a key that names no issuer does not speak for one that has keys of its
// own.
func TestKeysOfNoIssuer(t *testing.T) {
	ctx := provisioned(t, "")
	theirs, ours := named(jwttest.For("RS256"), "one"), jwttest.For("ES256")
	p := publishes(t, theirs)
	g := serve(t, ctx, object{"key_sets": []object{{"discover": p.URL}}, "keys": []object{keyOf(ours)}})
	for _, tt := range []struct {
		name, issuer string
		key          *jwttest.Key
		status       int
	}{
		{"the issuer", p.URL, theirs, 200},
		{"the other key, for the issuer", p.URL, ours, 401},
		{"the other key, for itself", "https://ours.example", ours, 200},
		{"the issuer's key, for another", "https://ours.example", theirs, 401},
	} {
		if a := g.show(t, tt.key.Sign(claims("iss", tt.issuer))); a.status != tt.status {
			t.Errorf("%s: status %d, want %d: %s", tt.name, a.status, tt.status, a.body)
		}
	}
	if a := g.show(t, ours.Sign(claims())); a.status != 200 {
		t.Errorf("the other key, without iss: status %d", a.status)
	}
}

// TestRotationAndReload has the issuer rotate its keys, and the config reloaded: the keys
// that were fetched stay, with a new key fetched for the first token that names it.
func TestRotationAndReload(t *testing.T) {
	first, second := named(jwttest.For("RS256"), "one"), named(jwttest.For("ES256"), "two")
	p := publishes(t, first)
	config := func() object { return object{"key_sets": []object{{"url": p.URL + "/keys"}}} }
	old, cancel := caddy.NewContext(provisioned(t, ""))
	g := serve(t, old, config())
	if a := g.show(t, first.Sign(claims())); a.status != 200 {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	g = serve(t, provisioned(t, ""), config())
	cancel() // the old config is cleaned up
	if a := g.show(t, first.Sign(claims())); a.status != 200 || p.asked.Load() != 1 {
		t.Errorf("after a reload: status %d, %d fetches", a.status, p.asked.Load())
	}
	p.publish(first, second)
	if a := g.show(t, second.Sign(claims())); a.status != 200 || p.asked.Load() != 2 {
		t.Errorf("a new key: status %d, %d fetches: %s", a.status, p.asked.Load(), a.body)
	}
	for i := range 200 {
		if a := g.show(t, named(jwttest.Other("ES256"), fmt.Sprint("random-", i)).Sign(claims())); a.status != 401 {
			t.Fatalf("an unknown key: status %d", a.status)
		}
	}
	if n := p.asked.Load(); n != 2 {
		t.Errorf("200 unknown keys make %d fetches", n-2)
	}
	p.Close()
	if a := g.show(t, second.Sign(claims("jti", "2"))); a.status != 200 {
		t.Errorf("during an outage: status %d", a.status)
	}
	if a := g.show(t, named(jwttest.Other("ES256"), "three").Sign(claims())); a.status != 401 {
		t.Errorf("an unknown key during an outage: status %d", a.status)
	}
}

// TestKeysUnavailable asks for keys that were never fetched.
func TestKeysUnavailable(t *testing.T) {
	ctx := provisioned(t, "")
	p := publishes(t)
	url := p.URL
	p.Close()
	g := serve(t, ctx, object{"key_sets": []object{{"url": url + "/keys"}}})
	a := g.show(t, jwttest.For("RS256").Sign(claims()))
	if a.status != 503 || a.member(t, "code") != "token_keys_unavailable" || a.header.Get("Retry-After") == "" || a.header.Get("WWW-Authenticate") != "" {
		t.Errorf("status %d, %v: %s", a.status, a.header, a.body)
	}
	if a := g.do(t, call{}); a.status != 401 {
		t.Errorf("without a token: status %d", a.status)
	}
	g = serve(t, ctx, object{"key_sets": []object{{"url": url + "/keys"}}, "anonymous": "nobody", "profile": "kong"})
	if a := g.show(t, jwttest.For("RS256").Sign(claims())); a.status != 503 || a.up != nil {
		t.Errorf("with an anonymous consumer, as in Kong: status %d", a.status)
	}
	if h := health(context.Background()); h.Status != gateway.HealthDegraded {
		t.Errorf("health %+v", h)
	}
}
