// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
)

// These tests hold jwt_auth with the profile kong to what Kong's jwt shows a client and an
// upstream. All rows run with the profile, because without it the defaults differ: no query,
// tokens removed, other texts, statuses and error bodies, a leeway of 30 seconds, the
// audience and the type looked at, and a bad token refused although there is an anonymous
// consumer.
//
// What is different on purpose, also with the profile:
//   - exp is asked for, and exp and nbf are checked, without claims_to_verify;
//   - secrets shorter than RFC 7518 asks for are refused at load;
//   - of the tokens that are not JSON at all, Kong tells apart in which way;
//   - of several claims that are wrong the first is named, where Kong names all.
func TestKongAnswers(t *testing.T) {
	ctx := provisioned(t, `"profile": "kong", `)
	now := time.Now().Unix()
	good := hs().Sign(claims("iss", "K1", "nbf", now))
	bearer := func(token string) []string { return []string{"Authorization: Bearer " + token} }
	bad, no := `Bearer error="invalid_token"`, "Bearer"
	expires := func(in int64) string {
		return hs().Sign(claims("iss", "K1", "exp", now+in, "nbf", now))
	}
	bounded := object{"max_lifetime": "300s"}
	rows := []struct {
		name, config string
		object       object
		send         call
		status       int
		message      string
		challenge    string
	}{
		{name: "no token", send: call{}, status: 401, message: "Unauthorized", challenge: no},
		{name: "no token, with a realm", object: object{"realm": "demo"}, send: call{}, status: 401, message: "Unauthorized", challenge: `Bearer realm="demo"`},
		{name: "bad token, with a realm", object: object{"realm": "demo"}, send: call{uri: "/?jwt=abc"}, status: 401, message: "Bad token; invalid JSON", challenge: `Bearer realm="demo", error="invalid_token"`},
		{name: "preflight", send: call{method: http.MethodOptions}, status: 401, message: "Unauthorized", challenge: no},
		{name: "preflight off", object: object{"preflight": false}, send: call{method: http.MethodOptions}, status: 200},
		{name: "expires too late", object: bounded, send: call{header: bearer(expires(3600))}, status: 401, message: "exp: exceeds maximum allowed expiration", challenge: bad},
		{name: "expires in time", object: bounded, send: call{header: bearer(expires(270))}, status: 200},
		{name: "expired", send: call{header: bearer(expires(-10))}, status: 401, message: "exp: token expired", challenge: bad},
		{name: "not yet", send: call{header: bearer(hs().Sign(claims("iss", "K1", "nbf", now+100)))}, status: 401, message: "nbf: token not valid yet", challenge: bad},
		{name: "exp is no number", send: call{header: bearer(hs().Sign(claims("iss", "K1", "exp", "x")))}, status: 401, message: "exp: must be a number", challenge: bad},
		{name: "query and header differ", send: call{uri: "/?jwt=" + good, header: bearer("invalid.jwt.token")}, status: 401, message: "Multiple tokens provided", challenge: bad},
		{name: "query and header are the same", send: call{uri: "/?jwt=" + good, header: bearer(good)}, status: 200},
		{name: "cookie behind junk", object: object{"cookies": []string{"silly"}}, send: call{header: []string{"Cookie: silly=junk" + good}}, status: 401, message: "Bad token; invalid JSON", challenge: bad},
		{name: "cookie", object: object{"cookies": []string{"silly"}}, send: call{header: []string{"Cookie: silly=" + good}}, status: 200},
		{name: "query", send: call{uri: "/request?jwt=" + good}, status: 200},
		{name: "header", send: call{header: bearer(good)}, status: 200},
		{name: "no iss", send: call{header: bearer(hs().Sign(claims()))}, status: 401, message: "No mandatory 'iss' in claims", challenge: bad},
		{name: "unknown iss", send: call{header: bearer(hs().Sign(claims("iss", "K9")))}, status: 401, message: "No credentials found for given 'iss'", challenge: bad},
		{name: "algorithm of another credential", send: call{header: bearer(hs().Sign(claims("iss", "K2")))}, status: 401, message: "Invalid algorithm", challenge: bad},
		{name: "signature", send: call{header: bearer(jwttest.Other("HS256").Sign(claims("iss", "K1")))}, status: 401, message: "Invalid signature", challenge: bad},
		{name: "RSA", send: call{header: bearer(jwttest.For("RS256").Sign(claims("iss", "K2")))}, status: 200},
		{name: "other claim", object: object{"consumer_keys": "aud"}, send: call{header: bearer(hs().Sign(claims("aud", "K1")))}, status: 200},
		{name: "claim in the header", object: object{"consumer_keys": "kid"}, send: call{header: bearer(hs().SignWith(map[string]any{"alg": "HS256", "kid": "K1"}, claims()))}, status: 200},
		{name: "anonymous and a good token", object: object{"anonymous": "nobody"}, send: call{header: bearer(good)}, status: 200},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			config := row.object
			if config == nil {
				config = object{}
			}
			a := serve(t, ctx, config).do(t, row.send)
			if a.status != row.status || (a.up != nil) != (row.status == 200) {
				t.Fatalf("status %d, want %d: %s", a.status, row.status, a.body)
			}
			if row.status == 200 {
				if got := a.up.Header.Get("X-Consumer-Username"); row.send.method != http.MethodOptions && !strings.HasPrefix(got, "signer") {
					t.Errorf("consumer %q", got)
				}
				if a.up.Header.Get("X-Anonymous-Consumer") != "" {
					t.Error("the consumer is anonymous")
				}
				return
			}
			want := `{"message":"` + row.message + `"}`
			if claim, why, ok := strings.Cut(row.message, ": "); ok {
				want = `{"` + claim + `":"` + why + `"}`
			}
			if a.body != want {
				t.Errorf("body %s, want %s", a.body, want)
			}
			if got := a.header.Values("WWW-Authenticate"); len(got) != 1 || got[0] != row.challenge {
				t.Errorf("WWW-Authenticate %q, want %q", got, row.challenge)
			}
			if got := a.header.Get("Content-Type"); got != "application/json; charset=utf-8" {
				t.Errorf("Content-Type %q", got)
			}
		})
	}
}

// TestKongBase64 has a secret that the credential holds in base64, as Kong's secret_is_base64.
func TestKongBase64(t *testing.T) {
	t.Setenv("JWT_DEMO_BASE64", "ZGVtby1zZWNyZXQtb2YtMzItYnl0ZXMtaW4tYmFzZTY0")
	ctx := provisioned(t, `"profile": "kong", `)
	g := serve(t, ctx, object{"keys": []object{{"secret": "{env.JWT_DEMO_BASE64}", "base64": true}}})
	k := &jwttest.Key{Algorithm: "HS256", Private: []byte("demo-secret-of-32-bytes-in-base64")}
	if a := g.show(t, k.Sign(claims())); a.status != 200 {
		t.Errorf("status %d: %s", a.status, a.body)
	}
}

// TestKongRowsOfTwo combines two handlers: without anonymous consumers both must be satisfied,
// with them each is enough, and none is needed.
func TestKongRowsOfTwo(t *testing.T) {
	ctx := provisioned(t, `"profile": "kong", `)
	second := object{"bearer": false, "query": []string{}, "headers": []string{"X-Second"}}
	good := hs().Sign(claims("iss", "K1"))
	both := []string{"Authorization: Bearer " + good, "X-Second: " + good}
	for _, tt := range []struct {
		name      string
		anonymous bool
		header    []string
		status    int
		someone   bool
	}{
		{"all of: both", false, both, 200, true},
		{"all of: first", false, both[:1], 401, false},
		{"all of: second", false, both[1:], 401, false},
		{"all of: none", false, nil, 401, false},
		{"any of: both", true, both, 200, true},
		{"any of: first", true, both[:1], 200, true},
		{"any of: second", true, both[1:], 200, true},
		{"any of: none", true, nil, 200, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			one, two := object{}, object{}
			maps.Copy(two, second)
			if tt.anonymous {
				one["anonymous"], two["anonymous"] = "nobody", "nobody"
			}
			a := serve(t, ctx, one, two).do(t, call{header: tt.header})
			if a.status != tt.status {
				t.Fatalf("status %d, want %d: %s", a.status, tt.status, a.body)
			}
			if tt.status != 200 {
				return
			}
			if got := a.up.Header.Get("X-Anonymous-Consumer") == ""; got != tt.someone {
				t.Errorf("somebody is known: %t", got)
			}
		})
	}
}
