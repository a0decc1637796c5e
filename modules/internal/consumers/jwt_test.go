// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
)

// clearText stands for the resolution of secrets: what is written is what is meant.
func clearText(literal string) (string, error) {
	if literal == "unset" {
		return "", errors.New("unset is not set")
	}
	return literal, nil
}

func TestJWT(t *testing.T) {
	t.Parallel()
	rs := jwttest.For("RS256")
	specs := []consumers.Spec{
		{Name: "a", JWTs: []consumers.JWTSpec{{Key: "one", Secret: jwttest.Secret}, {Key: "two", Secret: "ZGVtby1zZWNyZXQtb2YtMzItYnl0ZXMtaW4tYmFzZTY0", SecretBase64: true}}},
		{Name: "b", JWTs: []consumers.JWTSpec{{Key: "three", Algorithm: "RS384", PublicKey: rs.PEM()}}},
	}
	table, err := consumers.Build(specs, consumers.BuildOptions{JWTSecret: clearText})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string][2]string{"one": {"a", "HS256"}, "two": {"a", "HS256"}, "three": {"b", "RS384"}} {
		j := table.JWT(key)
		if j == nil || j.Credential.Consumer.Name != want[0] || j.Credential.ID != "jwt:"+key || j.Key.Algorithms().String() != want[1] {
			t.Errorf("%s: %+v", key, j)
		}
	}
	if table.Access("jwt:three") != table.JWT("three").Credential || table.Access("jwt:four") != nil || table.Access("three") != nil || table.Access("oauth2:one") != nil {
		t.Error("access by identifier")
	}
	if table.JWT("four") != nil || table.JWTs() != 3 {
		t.Errorf("there are %d credentials", table.JWTs())
	}
	if _, err := consumers.Build(specs, consumers.BuildOptions{}); err != nil {
		t.Errorf("without leave to resolve: %v", err)
	}
}

func TestJWTRefuses(t *testing.T) {
	t.Parallel()
	type jwt = consumers.JWTSpec
	for _, tt := range []struct {
		name  string
		specs []jwt
		fault string
	}{
		{"no name", []jwt{{Secret: jwttest.Secret}}, "is empty"},
		{"name with a comma", []jwt{{Key: "a,b", Secret: jwttest.Secret}}, "comma"},
		{"twice", []jwt{{Key: "a", Secret: jwttest.Secret}, {Key: "a", Secret: jwttest.Secret}}, "also one of consumer"},
		{"nothing", []jwt{{Key: "a"}}, "either a secret or a public_key"},
		{"both", []jwt{{Key: "a", Secret: "x", PublicKey: "y"}}, "either a secret or a public_key"},
		{"unknown algorithm", []jwt{{Key: "a", Algorithm: "none", Secret: jwttest.Secret}}, "unknown"},
		{"secret for RS", []jwt{{Key: "a", Algorithm: "RS256", Secret: jwttest.Secret}}, "needs a public_key"},
		{"public key for HS", []jwt{{Key: "a", Algorithm: "HS256", PublicKey: "x"}}, "needs a secret"},
		{"base64 of a public key", []jwt{{Key: "a", PublicKey: "x", SecretBase64: true}}, "secret_base64"},
		{"unset", []jwt{{Key: "a", Secret: "unset"}}, "not set"},
		{"short", []jwt{{Key: "a", Secret: "demo"}}, "needs at least 32"},
		{"short in base64", []jwt{{Key: "a", Secret: "ZGVtbw==", SecretBase64: true}}, "has 4 bytes"},
		{"not base64", []jwt{{Key: "a", Secret: "!", SecretBase64: true}}, "not base64"},
		{"not PEM", []jwt{{Key: "a", PublicKey: "demo"}}, "no PEM block"},
		{"public key as a secret", []jwt{{Key: "a", Secret: jwttest.For("RS256").PEM()}}, "PEM"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := consumers.Build([]consumers.Spec{{Name: "bob", JWTs: tt.specs}}, consumers.BuildOptions{JWTSecret: clearText})
			if err == nil || !strings.Contains(err.Error(), tt.fault) || !strings.Contains(err.Error(), `consumer "bob"`) {
				t.Errorf("error %v, want %q", err, tt.fault)
			}
			if err != nil && strings.Contains(err.Error(), jwttest.Secret) {
				t.Error("the error quotes the secret")
			}
		})
	}
}

func TestJWTInJSON(t *testing.T) {
	t.Parallel()
	const doc = `[{"name":"a","jwts":[{"key":"k","algorithm":"HS512","secret":"{env.A}","secret_base64":true},{"key":"l","public_key":"p","secret_base64":false}]},{"name":"b","jwts":null}]`
	specs, err := consumers.ReadJSON(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	want := []consumers.JWTSpec{{Key: "k", Algorithm: "HS512", Secret: "{env.A}", SecretBase64: true}, {Key: "l", PublicKey: "p"}}
	if len(specs[0].JWTs) != 2 || specs[0].JWTs[0] != want[0] || specs[0].JWTs[1] != want[1] || specs[1].JWTs != nil {
		t.Errorf("%+v", specs)
	}
	written, err := json.Marshal(specs[0])
	if err != nil {
		t.Fatal(err)
	}
	var again consumers.Spec
	if err := json.Unmarshal(written, &again); err != nil || len(again.JWTs) != 2 || again.JWTs[0] != want[0] {
		t.Errorf("%+v, %v", again, err)
	}
	for _, bad := range []string{`[{"name":"a","jwts":[{"kid":"k"}]}]`, `[{"name":"a","jwts":[{"key":"k","key":"l"}]}]`, `[{"name":"a","jwts":[{"secret_base64":"yes"}]}]`} {
		if _, err := consumers.ReadJSON(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), "jwt 1") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
