// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
)

func TestCaddyfile(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"nothing", `jwt_auth`, `{}`},
		{"empty block", "jwt_auth {\n}", `{}`},
		{"everything", `jwt_auth {
			secret {env.A} HS256 HS512 {
				id one
				issuer https://a.example
				base64
			}
			secret {file./run/secrets/b}
			public_key {file./etc/keys/c.pem} RS256 PS256 {
				id two
				issuer https://c.example
			}
			jwks https://id.example/keys ES256 {
				issuer https://id.example
				ca /etc/ca.pem
				refresh 5m
				keep 2h
			}
			jwks http://keys.internal/ {
				insecure
			}
			jwks /etc/keys/set.json
			discover https://login.example RS256 {
				refresh 1h
			}
			consumer_keys
			issuer https://b.example
			audience api web
			types at+jwt
			require email
			require realm.roles admin operator
			scopes read write
			leeway 5s
			max_lifetime 24h
			no_expiry
			consumer_claim sub custom_id
			unknown_consumer allow
			header X-User-Email email
			header x-roles realm.roles
			bearer off
			headers X-Token
			cookies session
			query access_token
			hide_credentials off
			max_token 16KiB
			cache off
			realm "my place"
			profile kong
			anonymous nobody
			preflight off
		}`, `{
			"keys": [
				{"secret": "{env.A}", "algorithms": ["HS256", "HS512"], "id": "one", "issuer": "https://a.example", "base64": true},
				{"secret": "{file./run/secrets/b}"},
				{"public_key": "{file./etc/keys/c.pem}", "algorithms": ["RS256", "PS256"], "id": "two", "issuer": "https://c.example"}
			],
			"key_sets": [
				{"url": "https://id.example/keys", "algorithms": ["ES256"], "issuer": "https://id.example", "ca": "/etc/ca.pem", "refresh": 300000000000, "keep": 7200000000000},
				{"url": "http://keys.internal/", "insecure": true},
				{"file": "/etc/keys/set.json"},
				{"discover": "https://login.example", "algorithms": ["RS256"], "refresh": 3600000000000}
			],
			"consumer_keys": "iss",
			"issuers": ["https://b.example"], "audiences": ["api", "web"], "types": ["at+jwt"],
			"require": [{"claim": "email"}, {"claim": "realm.roles", "values": ["admin", "operator"]}],
			"scopes": ["read", "write"], "leeway": 5000000000, "max_lifetime": 86400000000000, "no_expiry": true,
			"consumer_claim": "sub", "consumer_by": "custom_id", "unknown_consumer": "allow",
			"claim_headers": [{"header": "X-User-Email", "claim": "email"}, {"header": "X-Roles", "claim": "realm.roles"}],
			"bearer": false, "headers": ["X-Token"], "cookies": ["session"], "query": ["access_token"],
			"hide_credentials": false, "max_token": 16384, "cache": false, "realm": "my place", "profile": "kong",
			"anonymous": "nobody", "preflight": false
		}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := new(Handler)
			if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(tt.text)); err != nil {
				t.Fatal(err)
			}
			doc, err := json.Marshal(h)
			if err != nil {
				t.Fatal(err)
			}
			var got, want any
			if err := json.Unmarshal(doc, &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %s\nwant %s", doc, tt.want)
			}
		})
	}
}

func TestCaddyfileRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ option, fault string }{
		{"jwt", "jwt"},
		{"secret", "secret"},
		{"secret demo-secret-not-a-secret", "placeholder"},
		{"secret {env.A} RS256", "RS256 is not for such a key"},
		{"secret {env.A} none", `algorithm "none" is unknown`},
		{"secret {env.A} HS256 HS256", "listed twice"},
		{"secret {env.A} {\nkid x\n}", "kid"},
		{"public_key {file.k} HS256", "HS256 is not for such a key"},
		{"public_key {file.k} {\nbase64\n}", "base64"},
		{"jwks http://id.example/keys", "must be https"},
		{"jwks ftp://id.example/keys", "neither an https URL"},
		{"jwks https://id.example/keys {\nrefresh 1s\n}", "refresh"},
		{"jwks keys.json {\nrefresh 1h\n}", "refresh"},
		{"jwks https://user:demo@id.example/", "user"},
		{"discover id.example", "not an absolute URL"},
		{"discover https://id.example {\nissuer x\n}", "issuer"},
		{"consumer_keys a b", "consumer_keys"},
		{"audience any api", "any"},
		{"audience api api", "twice"},
		{"types any JWT", "any"},
		{"require", "require"},
		{"require a\nrequire a b", "required twice"},
		{"leeway 61s", "leeway"},
		{"max_lifetime 0s", "max_lifetime"},
		{"consumer_claim sub email", "consumer_by"},
		{"consumer bob\nconsumer_claim sub", "keep one of the two"},
		{"unknown_consumer allow", "need a consumer_claim"},
		{"unknown_consumer perhaps", "allow"},
		{"header X-User", "header"},
		{"header X-Consumer-Username sub", "sets headers of that name itself"},
		{"header Authorization sub", "means something else"},
		{"header Host sub", "means something else"},
		{"header X-A a\nheader x-a b", "set twice"},
		{"header X:A a", "X:A"},
		{"max_token 1MiB", "max_token"},
		{"cache yes", "cache"},
		{"realm \"\"", "realm"},
		{"profile native", "kong"},
		{"no_expiry on", "no_expiry"},
	}
	for _, tt := range tests {
		t.Run(tt.option, func(t *testing.T) {
			t.Parallel()
			err := new(Handler).UnmarshalCaddyfile(caddyfile.NewTestDispenser("jwt_auth {\n" + tt.option + "\n}"))
			if err == nil || !strings.Contains(err.Error(), tt.fault) || !strings.Contains(err.Error(), "Testfile:") {
				t.Errorf("error %v, want %q with file and line", err, tt.fault)
			}
		})
	}
	for _, text := range []string{"jwt_auth bob", "jwt_auth {\nrealm a\nrealm b\n}"} {
		if err := new(Handler).UnmarshalCaddyfile(caddyfile.NewTestDispenser(text)); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestProvisionRefuses(t *testing.T) {
	ctx := provisioned(t, "")
	t.Setenv("JWT_DEMO_SHORT", "demo")
	k := jwttest.For("RS256")
	with := func(pairs ...any) object { return simple(pairs...) }
	tests := []struct {
		name   string
		config object
		fault  string
	}{
		{"secret in clear", object{"keys": []object{{"secret": jwttest.Secret}}}, "placeholder"},
		{"secret that is not set", object{"keys": []object{{"secret": "{env.JWT_DEMO_NOT_SET}"}}}, "not set or empty"},
		{"short secret", object{"keys": []object{{"secret": "{env.JWT_DEMO_SHORT}"}}}, "needs at least 32"},
		{"secret and public key", object{"keys": []object{{"secret": "{env.A}", "public_key": k.PEM()}}}, "either"},
		{"neither", object{"keys": []object{{"id": "one"}}}, "either"},
		{"secret for RS", object{"keys": []object{{"secret": "{env.JWT_DEMO_SECRET}", "algorithms": []string{"RS256"}}}}, "not for RS256"},
		{"public key for HS", object{"keys": []object{{"public_key": k.PEM(), "algorithms": []string{"HS256"}}}}, "the key is for"},
		{"unknown algorithm", object{"keys": []object{{"public_key": k.PEM(), "algorithms": []string{"none"}}}}, "unknown"},
		{"file that is not there", object{"key_sets": []object{{"file": "/demo/not/there.json"}}}, "there.json"},
		{"file without a key", object{"key_sets": []object{{"file": file(t, "a.json", `{"keys":[]}`)}}}, "no key"},
		{"file and URL", object{"key_sets": []object{{"file": "a", "url": "https://id.example/"}}}, "exactly one"},
		{"plain http", object{"key_sets": []object{{"url": "http://id.example/"}}}, "must be https"},
		{"CA that is none", object{"key_sets": []object{{"url": "https://id.example/", "ca": file(t, "ca.pem", "demo")}}}, "no certificate"},
		{"several issuers for one key", with("issuers", []string{"https://a.example", "https://b.example"}), "several issuers"},
		{"unknown consumer", with("consumer", "mallory"), `"mallory" does not exist`},
		{"unknown anonymous", with("anonymous", "mallory"), `"mallory" does not exist`},
		{"no carrier", with("bearer", false), "no carrier"},
		{"header that Caddy drops", with("headers", []string{"X_Token"}), `write "X-Token"`},
		{"header that is bearer", with("headers", []string{"Authorization"}), "bearer"},
		{"cookie with a space", with("cookies", []string{"a b"}), "cookie"},
		{"query twice", with("query", []string{"a", "a"}), "twice"},
		{"leeway", with("leeway", "2m"), "leeway"},
		{"leeway below zero", with("leeway", "-1s"), "leeway"},
		{"max_token", with("max_token", 1<<20), "max_token"},
		{"realm", with("realm", "a\nb"), "realm"},
		{"profile", with("profile", "native"), "profile"},
		{"unknown by", with("consumer_claim", "sub", "consumer_by", "email"), "consumer_by"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(ctx, tt.config)
			if err == nil || !strings.Contains(err.Error(), tt.fault) || !strings.Contains(err.Error(), "jwt_auth: ") {
				t.Errorf("error %v, want %q", err, tt.fault)
			}
			if err != nil && strings.Contains(err.Error(), jwttest.Secret) {
				t.Error("the error quotes the secret")
			}
		})
	}
}
