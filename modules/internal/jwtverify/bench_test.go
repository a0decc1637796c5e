// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify_test

import (
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
)

// BenchmarkVerify reads, verifies and checks a token, as it is done for one that is not
// remembered.
func BenchmarkVerify(b *testing.B) {
	for _, name := range []string{"HS256", "RS256", "PS256", "ES256", "ES384", "EdDSA"} {
		b.Run(name, func(b *testing.B) {
			signer := jwttest.For(name)
			keys := []*jwtverify.Key{keyFor(b, signer)}
			compact := signer.Sign(good())
			var rules jwtverify.Rules
			b.ReportAllocs()
			for b.Loop() {
				token := parse(b, compact)
				if _, err := token.Signer(keys); err != nil {
					b.Fatal(err)
				}
				if err := rules.Check(token, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRemembered is what takes the place of that for a token which is remembered.
func BenchmarkRemembered(b *testing.B) {
	compact := jwttest.For("RS256").Sign(good())
	token := parse(b, compact)
	var rules jwtverify.Rules
	c := jwtverify.NewCache[*jwtverify.Token](1 << 20)
	c.Put(jwtverify.DigestOf(compact), token, len(compact), now)
	b.ReportAllocs()
	for b.Loop() {
		t, ok := c.Get(jwtverify.DigestOf(compact), now)
		if !ok || rules.Check(t, now) != nil {
			b.Fatal("not remembered")
		}
	}
}
