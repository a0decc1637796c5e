// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
)

// FuzzToken checks that nothing but what was signed is verified, that nothing panics, and
// that a token which is read has one spelling.
func FuzzToken(f *testing.F) {
	signed := map[string]bool{}
	var keys []*jwtverify.Key
	for _, name := range []string{"HS256", "ES256", "EdDSA"} {
		k := jwttest.For(name)
		keys = append(keys, keyFor(f, k))
		token := k.Sign(good())
		signed[token] = true
		f.Add(token)
	}
	f.Add("..")
	f.Add(jwttest.Encode(`{"alg":"none"}`) + "." + jwttest.Encode(`{}`) + ".")
	f.Add(jwttest.For("HS256").SignText(`{"alg":"HS256","jwk":{}}`, `{"exp":1e400}`))
	f.Fuzz(func(t *testing.T, compact string) {
		token, err := jwtverify.Parse(compact, jwtverify.DefaultMaxToken)
		if err != nil {
			return
		}
		for part := range strings.SplitSeq(compact, ".") {
			decoded, err := base64.RawURLEncoding.DecodeString(part)
			if err != nil || base64.RawURLEncoding.EncodeToString(decoded) != part {
				t.Fatalf("%q is not canonical", part)
			}
		}
		if !signed[compact] {
			for _, k := range keys {
				if token.SignedBy(k) {
					t.Fatalf("%q is verified", compact)
				}
			}
		}
		_ = (&jwtverify.Rules{Required: []jwtverify.Requirement{{Claim: "a.b", Values: []string{"c"}}}, Scopes: []string{"x"}}).Check(token, now)
	})
}

// FuzzSet checks that no key set makes it panic, and that each key which is left has
// algorithms of one kind.
func FuzzSet(f *testing.F) {
	f.Add([]byte(jwttest.Set(jwttest.For("RS256"), jwttest.For("ES256"), jwttest.For("EdDSA"))), true)
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""}]}`), false)
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAA"}]}`), true)
	f.Fuzz(func(t *testing.T, doc []byte, secrets bool) {
		set, err := jwtverify.ParseSet(doc, 0, secrets)
		if err != nil {
			return
		}
		for _, k := range set.Keys() {
			a := k.Algorithms()
			if a == 0 || a&jwtverify.Symmetric != 0 && a&jwtverify.Asymmetric != 0 || a&jwtverify.Symmetric != 0 && !secrets {
				t.Fatalf("a key is for %s", a)
			}
		}
	})
}
