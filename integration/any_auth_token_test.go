// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"testing"
	"time"
)

// signedToken is a JWT (HS256) of a subject.
func signedToken(secret, subject string, expires time.Time) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
		encode(fmt.Appendf(nil, `{"sub":%q,"iss":"https://issuer.example","exp":%d}`, subject, expires.Unix()))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

// TestAnyAuthSharesACarrier: Authorization: Bearer holds a key or a token, in whatever order
// the ways are asked, beside passwords in the same header.
func TestAnyAuthSharesACarrier(t *testing.T) {
	const secret = "demo-signing-secret-not-a-secret-0123456789"
	t.Setenv("DEMO_SIGNING_SECRET", secret)
	t.Setenv("DEMO_KEY", aliceReportsKey)
	t.Setenv("DEMO_DIGEST", aliceDigest)
	up := upstream(t, nil)
	const ways = `			jwt {
				secret {env.DEMO_SIGNING_SECRET} HS256
				issuer https://issuer.example
				audience any
				consumer_claim sub
			}
`
	const key, basic = "\t\t\tkey\n", "\t\t\tbasic {\n\t\t\t\talice {env.DEMO_DIGEST}\n\t\t\t}\n"
	site := func(first, second string) string {
		return "{\n\tgateway {\n\t\tconsumer alice {\n\t\t\tkey {env.DEMO_KEY}\n\t\t}\n\t\tconsumer bob\n\t}\n}\n:{{PORT}} {\n\tgateway_auth {\n\t\tany {\n" +
			first + second + basic + "\t\t}\n\t}\n\treverse_proxy " + up.Addr + "\n}\n"
	}
	good := signedToken(secret, "bob", time.Now().Add(time.Hour))
	for order, text := range map[string]string{"key first": site(key, ways), "token first": site(ways, key)} {
		t.Run(order, func(t *testing.T) {
			g := gateway(t, text)
			for name, tc := range map[string]struct {
				header   string
				consumer string
			}{
				"a key":                {"Authorization: Bearer " + aliceReportsKey, "alice"},
				"a token":              {"Authorization: Bearer " + good, "bob"},
				"a password":           {asUser("alice", "demo-password"), "alice"},
				"an expired token":     {"Authorization: Bearer " + signedToken(secret, "bob", time.Now().Add(-time.Hour)), ""},
				"another's signature":  {"Authorization: Bearer " + signedToken("another-secret-not-a-secret-0123456789", "bob", time.Now().Add(time.Hour)), ""},
				"a token with no tail": {"Authorization: Bearer " + good[:len(good)-8], ""},
				"neither":              {"Authorization: Bearer nothing", ""},
			} {
				t.Run(name, func(t *testing.T) {
					before := len(up.Requests())
					got := g.Get("/x", tc.header)
					sent := up.Requests()[before:]
					if tc.consumer == "" {
						if got.Status != 401 || len(sent) != 0 || len(got.Header.Values("Www-Authenticate")) < 3 {
							t.Errorf("answer = %d %v %s", got.Status, got.Header, got.Body)
						}
						return
					}
					if got.Status != 200 || len(sent) != 1 || sent[0].Header.Get("X-Consumer-Username") != tc.consumer || sent[0].Header.Get("Authorization") != "" {
						t.Errorf("answer = %d %s, upstream had %v; want %s", got.Status, got.Body, sent, tc.consumer)
					}
				})
			}
		})
	}
}
