// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify_test

import (
	"slices"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
)

func TestRules(t *testing.T) {
	t.Parallel()
	type rules = jwtverify.Rules
	minute := rules{Leeway: time.Minute}
	s := now.Unix()
	tests := []struct {
		name   string
		rules  rules
		typ    any
		claims jwttest.Claims
		want   jwtverify.Reason
	}{
		{"good", rules{}, "JWT", good(), 0},
		{"no expiry", rules{}, nil, with("exp", nil), jwtverify.NoExpiry},
		{"no expiry, allowed", rules{NoExpiry: true}, nil, with("exp", nil), 0},
		{"no expiry, allowed, and a bound", rules{NoExpiry: true, MaxLifetime: time.Hour}, nil, with("exp", nil), jwtverify.NoExpiry},
		{"expires now", rules{}, nil, with("exp", s), jwtverify.Expired},
		{"expires in a second", rules{}, nil, with("exp", s+1), 0},
		{"expired, allowed to have none", rules{NoExpiry: true}, nil, with("exp", s-1), jwtverify.Expired},
		{"expired 59 s ago", minute, nil, with("exp", s-59), 0},
		{"expired 60 s ago", minute, nil, with("exp", s-60), jwtverify.Expired},
		{"expired 301 s ago", minute, nil, with("exp", s-301), jwtverify.Expired},
		{"expired, with a fraction", rules{}, nil, with("exp", float64(s)-0.5), jwtverify.Expired},
		{"good, with a fraction", rules{}, nil, with("exp", float64(s)+1.5), 0},
		{"negative", rules{}, nil, with("exp", -1), jwtverify.Expired},
		{"not yet", rules{}, nil, with("nbf", s+1), jwtverify.NotYet},
		{"from now", rules{}, nil, with("nbf", s), 0},
		{"not yet for 60 s", minute, nil, with("nbf", s+60), 0},
		{"not yet for 61 s", minute, nil, with("nbf", s+61), jwtverify.NotYet},
		{"issued in the future", rules{}, nil, with("iat", s+10), jwtverify.NotYet},
		{"issued 60 s ahead", minute, nil, with("iat", s+60), 0},
		{"good for too long", rules{MaxLifetime: 5 * time.Minute}, nil, with("exp", s+301), jwtverify.TooLong},
		{"good for long enough", rules{MaxLifetime: 5 * time.Minute}, nil, with("exp", s+300), 0},

		{"issuer", rules{Issuers: []string{"https://id.example"}}, nil, good(), 0},
		{"one of two issuers", rules{Issuers: []string{"a", "https://id.example"}}, nil, good(), 0},
		{"another issuer", rules{Issuers: []string{"https://id.example/"}}, nil, good(), jwtverify.WrongIssuer},
		{"no issuer", rules{Issuers: []string{"https://id.example"}}, nil, with("iss", nil), jwtverify.WrongIssuer},

		{"audience", rules{Audiences: []string{"api"}}, nil, with("aud", "api"), 0},
		{"audience in a list", rules{Audiences: []string{"api"}}, nil, with("aud", []string{"x", "api"}), 0},
		{"another audience", rules{Audiences: []string{"api"}}, nil, with("aud", "api2"), jwtverify.WrongAudience},
		{"other audiences", rules{Audiences: []string{"api"}}, nil, with("aud", []string{"x", "apis"}), jwtverify.WrongAudience},
		{"no audience", rules{Audiences: []string{"api"}}, nil, good(), jwtverify.WrongAudience},
		{"empty list", rules{Audiences: []string{"api"}}, nil, with("aud", []string{}), jwtverify.WrongAudience},
		{"an audience, and none is configured", rules{}, nil, with("aud", "api"), jwtverify.WrongAudience},
		{"any audience", rules{AnyAudience: true}, nil, with("aud", "api"), 0},

		{"access token", rules{}, "at+jwt", good(), 0},
		{"as a media type", rules{}, "application/at+JWT", good(), 0},
		{"for something else", rules{}, "logout+jwt", good(), jwtverify.WrongType},
		{"access token asked for", rules{Types: []string{"at+jwt"}}, "application/at+jwt", good(), 0},
		{"access token asked for, other", rules{Types: []string{"at+jwt"}}, "JWT", good(), jwtverify.WrongType},
		{"access token asked for, none", rules{Types: []string{"at+jwt"}}, nil, good(), jwtverify.WrongType},
		{"any type", rules{AnyType: true}, "dpop+jwt", good(), 0},

		{"claim there", need("sub"), nil, good(), 0},
		{"claim absent", need("email"), nil, good(), jwtverify.MissingClaim},
		{"claim null", need("email"), nil, jwttest.Claims{"exp": s + 9, "email": nil}, jwtverify.MissingClaim},
		{"claim has the value", need("sub", "bob", "alice"), nil, good(), 0},
		{"claim has another value", need("sub", "bob"), nil, good(), jwtverify.MissingClaim},
		{"boolean", need("email_verified", "true"), nil, with("email_verified", true), 0},
		{"text that reads like a boolean", need("email_verified", "true"), nil, with("email_verified", "false"), jwtverify.MissingClaim},
		{"number", need("level", "3"), nil, with("level", 3), 0},
		{"in a list", need("realm.roles", "admin"), nil, with("realm", map[string]any{"roles": []string{"user", "admin"}}), 0},
		{"not in the list", need("realm.roles", "admin"), nil, with("realm", map[string]any{"roles": []string{"user"}}), jwtverify.MissingClaim},
		{"part of an element", need("realm.roles", "admin"), nil, with("realm", map[string]any{"roles": []string{"administrator"}}), jwtverify.MissingClaim},
		{"object in place of a value", need("realm", "admin"), nil, with("realm", map[string]any{"admin": true}), jwtverify.MissingClaim},
		{"name with dots", need("https://x.example/role", "a"), nil, with("https://x.example/role", "a"), 0},

		{"scopes", rules{Scopes: []string{"read", "write"}}, nil, with("scope", "write read more"), 0},
		{"scope missing", rules{Scopes: []string{"read", "write"}}, nil, with("scope", "read"), jwtverify.MissingScope},
		{"part of a scope", rules{Scopes: []string{"read"}}, nil, with("scope", "readwrite"), jwtverify.MissingScope},
		{"no scope", rules{Scopes: []string{"read"}}, nil, good(), jwtverify.MissingScope},
		{"scp as a list", rules{Scopes: []string{"read"}}, nil, with("scp", []string{"read"}), 0},
		{"scp as a text", rules{Scopes: []string{"read"}}, nil, with("scp", "a read"), 0},
		{"scope is a number", rules{Scopes: []string{"read"}}, nil, with("scope", 1), jwtverify.MissingScope},
		{"scope of an expired token", rules{Scopes: []string{"read"}}, nil, with("exp", s-1), jwtverify.Expired},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			header := map[string]any{"alg": "HS256"}
			if tt.typ != nil {
				header["typ"] = tt.typ
			}
			token := parse(t, jwttest.For("HS256").SignWith(header, tt.claims))
			if err := tt.rules.Check(token, now); reason(err) != tt.want || (err == nil) != (tt.want == 0) {
				t.Errorf("Check = %v, want reason %d", err, tt.want)
			}
		})
	}
}

func need(claim string, values ...string) jwtverify.Rules {
	return jwtverify.Rules{Required: []jwtverify.Requirement{{Claim: claim, Values: values}}}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	for _, c := range []jwttest.Claims{
		{"scope": " a  b "}, {"scope": []string{"a", "b"}}, {"scp": []string{"a", "b"}}, {"scope": 1, "scp": "a b"},
	} {
		if got := parse(t, jwttest.For("HS256").Sign(c)).Scopes(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("%v: scopes %q", c, got)
		}
	}
}
