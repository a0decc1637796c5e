// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// TestProvider has the provider in Caddy's own authentication handler.
func TestProvider(t *testing.T) {
	ctx := provisioned(t, "")
	auth := func(config object) *gate {
		return serve(t, ctx, object{"handler": "authentication", "providers": object{"gateway_jwt": config}})
	}
	g := auth(simple("consumer_claim", "sub"))
	a := g.show(t, hs().Sign(claims()))
	if a.status != 200 || a.up.User != "alice" || a.up.Header.Get("X-Consumer-Username") != "alice" || a.up.Header.Get("Authorization") != "" {
		t.Errorf("status %d, %+v", a.status, a.up)
	}
	if a := auth(simple()).show(t, hs().Sign(claims("sub", "somebody"))); a.status != 200 || a.up.User != "somebody" {
		t.Errorf("no consumer: status %d, %+v", a.status, a.up)
	}
	for name, token := range map[string]string{"bad": jwttest.Other("HS256").Sign(claims()), "expired": hs().Sign(claims("exp", 1))} {
		if a := g.show(t, token); a.status != 401 || a.up != nil || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: status %d, %v", name, a.status, a.header)
		}
	}
	a = g.do(t, call{header: []string{"X-Consumer-Username: root"}})
	if a.status != 401 {
		t.Errorf("without a token: status %d", a.status)
	}
	q := auth(simple("query", []string{"jwt"}))
	if a := q.do(t, call{uri: "/?jwt=" + hs().Sign(claims())}); a.status != 200 || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("in the URL: status %d, %v", a.status, a.header)
	}
}

// TestProviderIsAWay reads the provider as gateway_auth does.
func TestProviderIsAWay(t *testing.T) {
	t.Parallel()
	p := new(Provider)
	if err := p.UnmarshalCaddyfile(caddyfile.NewTestDispenser("jwt {\njwks https://id.example/keys\naudience api\n}")); err != nil {
		t.Fatal(err)
	}
	if len(p.KeySets) != 1 || p.KeySets[0].URL != "https://id.example/keys" || len(p.Audiences) != 1 {
		t.Errorf("%+v", p.KeySets)
	}
	if err := new(Provider).UnmarshalCaddyfile(caddyfile.NewTestDispenser("jwt {\nanonymous nobody\n}")); err == nil {
		t.Error("anonymous is accepted, which is the handler's")
	}
	var m state.AuthenticatorModule = p
	if m.Authenticator() != &p.Tokens {
		t.Error("another way")
	}
}
