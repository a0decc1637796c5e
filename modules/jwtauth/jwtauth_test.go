// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
)

func TestAlgorithms(t *testing.T) {
	ctx := provisioned(t, "")
	for _, name := range []string{
		"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
	} {
		t.Run(name, func(t *testing.T) {
			k := jwttest.For(name)
			g := serve(t, ctx, object{"keys": []object{keyOf(k)}})
			a := g.show(t, k.Sign(claims()))
			if a.status != http.StatusOK || a.up == nil || a.up.Subject != "alice" || a.up.User != "alice" {
				t.Fatalf("status %d, upstream %+v: %s", a.status, a.up, a.body)
			}
			if a.up.Header.Get("Authorization") != "" {
				t.Error("the token travels on")
			}
			if a := g.show(t, jwttest.Other(name).Sign(claims())); a.status != http.StatusUnauthorized || a.up != nil {
				t.Errorf("another key: status %d", a.status)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	ctx := provisioned(t, "")
	now := time.Now().Unix()
	sign := hs().Sign
	tests := []struct {
		name      string
		config    object
		token     string
		status    int
		code      string
		challenge string // a part of it
	}{
		{"none", simple(), "", 401, "token_missing", `Bearer realm="gateway"`},
		{"realm", simple("realm", `my "place"`), "", 401, "token_missing", `Bearer realm="my \"place\""`},
		{"no token", simple(), "demo-key-not-a-secret", 401, "token_invalid", `error="invalid_token"`},
		{"too long", simple("max_token", 100), sign(claims()), 401, "token_invalid", `error="invalid_token"`},
		{"signature", simple(), jwttest.Other("HS256").Sign(claims()), 401, "token_invalid", `error="invalid_token", error_description="The signature of the token is wrong"`},
		{"expired", simple(), sign(claims("exp", now-31)), 401, "token_expired", `error="invalid_token"`},
		{"within the leeway", simple(), sign(claims("exp", now-20)), 200, "", ""},
		{"beyond the leeway that is told", simple("leeway", "5s"), sign(claims("exp", now-20)), 401, "token_expired", `error="invalid_token"`},
		{"future", simple(), sign(claims("nbf", now+60)), 401, "token_not_yet_valid", `error="invalid_token"`},
		{"no expiry", simple(), sign(claims("exp", nil)), 401, "token_not_accepted", `error="invalid_token"`},
		{"no expiry, allowed", simple("no_expiry", true), sign(claims("exp", nil)), 200, "", ""},
		{"good for too long", simple("max_lifetime", "1m"), sign(claims()), 401, "token_not_accepted", `error="invalid_token"`},
		{"issuer", simple("issuers", []string{"https://id.example"}), sign(claims("iss", "https://id.example")), 200, "", ""},
		{"another issuer", simple("issuers", []string{"https://id.example"}), sign(claims("iss", "x")), 401, "token_not_accepted", `error="invalid_token"`},
		{"audience that nobody has configured", simple(), sign(claims("aud", "api")), 401, "token_not_accepted", `error="invalid_token"`},
		{"any audience", simple("audiences", []string{"any"}), sign(claims("aud", "api")), 200, "", ""},
		{"audience", simple("audiences", []string{"api"}), sign(claims("aud", []string{"x", "api"})), 200, "", ""},
		{"another audience", simple("audiences", []string{"api"}), sign(claims("aud", "x")), 401, "token_not_accepted", `error="invalid_token"`},
		{"type", simple("types", []string{"at+jwt"}), sign(claims()), 401, "token_not_accepted", `error="invalid_token"`},
		{"required claim", simple("require", []object{{"claim": "email"}}), sign(claims()), 401, "token_not_accepted", `email"`},
		{"scope", simple("scopes", []string{"a", "b"}), sign(claims("scope", "a")), 403, "insufficient_scope", `error="insufficient_scope", scope="a b"`},
		{"scopes", simple("scopes", []string{"a", "b"}), sign(claims("scope", "b a")), 200, "", ""},
		{"nobody's", simple("consumer_claim", "sub"), sign(claims("sub", "mallory")), 403, "token_consumer_unknown", `Bearer realm="gateway"`},
		{"nobody's, allowed", simple("consumer_claim", "sub", "unknown_consumer", "allow"), sign(claims("sub", "mallory")), 200, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := serve(t, ctx, tt.config)
			c := call{}
			if tt.token != "" {
				c.header = []string{"Authorization: Bearer " + tt.token}
			}
			for _, attempt := range []string{"first", "second"} { // the second may be remembered
				a := g.do(t, c)
				if a.status != tt.status || (a.up != nil) != (tt.status == 200) {
					t.Fatalf("%s: status %d, want %d: %s", attempt, a.status, tt.status, a.body)
				}
				if tt.status == 200 {
					continue
				}
				if got := a.member(t, "code"); got != tt.code {
					t.Errorf("%s: code %s, want %s", attempt, got, tt.code)
				}
				if got := a.header.Get("WWW-Authenticate"); !strings.Contains(got, tt.challenge) {
					t.Errorf("%s: WWW-Authenticate %s, want %s in it", attempt, got, tt.challenge)
				}
				if tt.token != "" && strings.Contains(a.body+a.header.Get("WWW-Authenticate"), tt.token) {
					t.Error("the answer quotes the token")
				}
			}
		})
	}
}

// TestRemembered checks that what is remembered is checked anew as time goes on, and that it
// can be switched off.
func TestRemembered(t *testing.T) {
	ctx := provisioned(t, "")
	for _, cache := range []bool{true, false} {
		h, err := load(ctx, simple("cache", cache, "leeway", "0s", "consumer_claim", "sub"))
		if err != nil {
			t.Fatal(err)
		}
		tokens := &h.(*Handler).Tokens
		start := time.Now()
		text := hs().Sign(claims("exp", start.Unix()+20, "nbf", start.Unix()-20))
		first, denied := tokens.judge(t.Context(), text, start)
		if denied != nil {
			t.Fatal(denied)
		}
		again, _ := tokens.judge(t.Context(), text, start.Add(time.Second))
		if (first == again) != cache {
			t.Errorf("cache %t: it is the same: %t", cache, first == again)
		}
		if first.credential != again.credential {
			t.Error("the consumer has two credentials")
		}
		for offset, want := range map[time.Duration]string{21 * time.Second: "token_expired", -21 * time.Second: "token_not_yet_valid"} {
			if _, denied := tokens.judge(t.Context(), text, start.Add(offset)); denied == nil || denied.Code != want {
				t.Errorf("cache %t, after %s: %v", cache, offset, denied)
			}
		}
	}
}

func TestConsumers(t *testing.T) {
	ctx := provisioned(t, "")
	mine := func(pairs ...any) object {
		m := object{"consumer_keys": "iss"}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	rs := jwttest.For("RS256")
	tests := []struct {
		name       string
		config     object
		token      string
		consumer   string // empty: refused, or known and no consumer
		credential string
		status     int
	}{
		{"by name", simple("consumer_claim", "sub"), hs().Sign(claims()), "alice", "jwt:static", 200},
		{"by custom id", simple("consumer_claim", "sub", "consumer_by", "custom_id"), hs().Sign(claims()), "bob", "jwt:static", 200},
		{"custom id is no name", simple("consumer_claim", "sub"), hs().Sign(claims("sub", "alice-ext")), "", "", 403},
		{"deep claim", simple("consumer_claim", "a.b"), hs().Sign(claims("a", object{"b": "alice"})), "alice", "jwt:static", 200},
		{"list leads to nobody", simple("consumer_claim", "sub2"), hs().Sign(claims("sub2", []string{"alice"})), "", "", 403},
		{"no claim", simple("consumer_claim", "email"), hs().Sign(claims()), "", "", 403},
		{"always the same", simple("consumer", "bob"), hs().Sign(claims()), "bob", "jwt:static", 200},
		{"known, no consumer", simple(), hs().Sign(claims()), "", "", 200},
		{"label is the issuer's host", simple("consumer", "bob", "issuers", []string{"https://id.example/realm"}), hs().Sign(claims("iss", "https://id.example/realm")), "bob", "jwt:id.example", 200},
		{"own credential", mine(), hs().Sign(claims("iss", "K1")), "signer", "jwt:K1", 200},
		{"own credential, by default", object{}, hs().Sign(claims("iss", "K1")), "signer", "jwt:K1", 200},
		{"own RSA credential", mine(), rs.Sign(claims("iss", "K2")), "signer-rsa", "jwt:K2", 200},
		{"somebody else's credential", mine(), hs().Sign(claims("iss", "K2")), "", "", 401},
		{"unknown credential", mine(), hs().Sign(claims("iss", "K9")), "", "", 401},
		{"no credential named", mine(), hs().Sign(claims()), "", "", 401},
		{"name in the header", object{"consumer_keys": "kid"}, (&jwttest.Key{Algorithm: "HS256", ID: "K1", Private: hs().Private}).Sign(claims()), "signer", "jwt:K1", 200},
		{"own credential beside an issuer", simple("consumer_keys", "iss", "issuers", []string{"https://id.example"}), hs().Sign(claims("iss", "K1")), "signer", "jwt:K1", 200},
		{"issuer beside own credentials", simple("consumer_keys", "iss", "issuers", []string{"https://id.example"}), hs().Sign(claims("iss", "https://id.example")), "", "", 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := serve(t, ctx, tt.config).show(t, tt.token)
			if a.status != tt.status {
				t.Fatalf("status %d, want %d: %s", a.status, tt.status, a.body)
			}
			if a.up == nil {
				return
			}
			if got := a.up.Header.Get("X-Consumer-Username"); got != tt.consumer {
				t.Errorf("consumer %q, want %q", got, tt.consumer)
			}
			if got := a.up.Header.Get("X-Credential-Identifier"); got != tt.credential {
				t.Errorf("credential %q, want %q", got, tt.credential)
			}
			if want := tt.consumer; want != "" && a.up.User != want {
				t.Errorf("user %q", a.up.User)
			}
		})
	}
}

func TestAnonymous(t *testing.T) {
	ctx := provisioned(t, "")
	g := serve(t, ctx, simple("anonymous", "nobody", "consumer_claim", "sub"))
	if a := g.do(t, call{}); a.status != 200 || a.up.Header.Get("X-Consumer-Username") != "nobody" || a.up.Header.Get("X-Anonymous-Consumer") != "true" {
		t.Errorf("without a token: %d, %+v", a.status, a.up)
	}
	if a := g.show(t, jwttest.Other("HS256").Sign(claims())); a.status != 401 {
		t.Errorf("with a bad token: %d", a.status)
	}
	if a := g.show(t, hs().Sign(claims())); a.status != 200 || a.up.Header.Get("X-Consumer-Username") != "alice" || a.up.Header.Get("X-Anonymous-Consumer") != "" {
		t.Errorf("with a good token: %d, %+v", a.status, a.up)
	}
}

func TestPreflight(t *testing.T) {
	ctx := provisioned(t, "")
	preflight := call{method: http.MethodOptions, header: []string{"Origin: https://app.example", "Access-Control-Request-Method: GET"}}
	for _, tt := range []struct {
		name   string
		config object
		send   call
		status int
	}{
		{"asked for a token", simple(), preflight, 401},
		{"let through", simple("preflight", false), preflight, 200},
		{"other OPTIONS", simple("preflight", false), call{method: http.MethodOptions}, 401},
		{"other method", simple("preflight", false), call{header: preflight.header}, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if a := serve(t, ctx, tt.config).do(t, tt.send); a.status != tt.status {
				t.Errorf("status %d, want %d", a.status, tt.status)
			}
		})
	}
}

// TestAllOf has two handlers in a row, each with a carrier of its own.
func TestAllOf(t *testing.T) {
	ctx := provisioned(t, "")
	second := object{"keys": []object{keyOf(jwttest.For("EdDSA"))}, "bearer": false, "headers": []string{"X-Device"}}
	g := serve(t, ctx, simple(), second)
	user, device := "Authorization: Bearer "+hs().Sign(claims()), "X-Device: "+jwttest.For("EdDSA").Sign(claims("sub", "device"))
	for _, tt := range []struct {
		header []string
		status int
	}{{[]string{user, device}, 200}, {[]string{user}, 401}, {[]string{device}, 401}, {nil, 401}} {
		if a := g.do(t, call{header: tt.header}); a.status != tt.status {
			t.Errorf("%d headers: status %d, want %d", len(tt.header), a.status, tt.status)
		}
	}
}

// TestTokenKeepsTheConsumer has a token that leads to nobody behind one that leads to a
// consumer: whoever has two credentials is no less known, and limited, than with one.
func TestTokenKeepsTheConsumer(t *testing.T) {
	ctx := provisioned(t, "")
	second := object{"keys": []object{keyOf(jwttest.For("EdDSA"))}, "bearer": false, "headers": []string{"X-Device"}}
	g := serve(t, ctx, simple("consumer_claim", "sub"), second)
	a := g.do(t, call{header: []string{
		"Authorization: Bearer " + hs().Sign(claims()), "X-Device: " + jwttest.For("EdDSA").Sign(claims("sub", "device")),
	}})
	if a.status != 200 || a.up.Header.Get("X-Consumer-Username") != "alice" || a.up.User != "alice" || a.up.Subject != "device" {
		t.Errorf("status %d, upstream %+v", a.status, a.up)
	}
}

// TestIssuerOfConsumers: the option issuer holds for tokens that consumers sign, too, unless
// iss is what names their credential.
func TestIssuerOfConsumers(t *testing.T) {
	ctx := provisioned(t, "")
	k := *hs()
	k.ID = "K1"
	for _, tt := range []struct {
		by, issuer string
		status     int
	}{{"kid", "demo", 200}, {"kid", "other", 401}, {"iss", "K1", 200}} {
		g := serve(t, ctx, object{"consumer_keys": tt.by, "issuers": []string{"demo"}})
		if a := g.show(t, k.Sign(claims("iss", tt.issuer))); a.status != tt.status {
			t.Errorf("named by %s, issuer %s: status %d, want %d", tt.by, tt.issuer, a.status, tt.status)
		}
	}
}
