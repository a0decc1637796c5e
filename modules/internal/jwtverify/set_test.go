// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
)

func encode(t testing.TB, v any) string {
	t.Helper()
	doc, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// changed returns a key of a set with members in place of others.
func changed(k *jwttest.Key, alg bool, pairs ...any) map[string]any {
	m := k.JWK(alg)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

func TestParseSet(t *testing.T) {
	t.Parallel()
	rs, es, ed, hs := jwttest.For("RS256"), jwttest.For("ES256"), jwttest.For("EdDSA"), jwttest.For("HS256")
	short := &jwttest.Key{Algorithm: "RS256", Private: shortRSA(t)}
	all := jwtverify.Algorithms(0)
	tests := []struct {
		name       string
		key        map[string]any
		algorithms jwtverify.Algorithms
		secrets    bool
		want       string // the algorithms of the key; empty: none is left
	}{
		{"RSA", rs.JWK(true), all, false, "RS256"},
		{"RSA without alg", rs.JWK(false), all, false, "RS256"},
		{"RSA without alg, several allowed", rs.JWK(false), jwtverify.Asymmetric, false, "RS256, RS384, RS512, PS256, PS384, PS512"},
		{"RSA that says PS", changed(rs, true, "alg", "PS256"), all, false, "PS256"},
		{"RSA that says HS", changed(rs, true, "alg", "HS256"), all, false, ""},
		{"RSA that says none", changed(rs, true, "alg", "none"), all, false, ""},
		{"RSA that says what is not allowed", rs.JWK(true), algorithms(t, "ES256"), false, ""},
		{"RSA for encryption", changed(rs, false, "alg", "RSA-OAEP"), all, false, ""},
		{"RSA for encryption by use", changed(rs, true, "use", "enc"), all, false, ""},
		{"RSA for signing only", changed(rs, true, "key_ops", []string{"sign"}), all, false, ""},
		{"RSA for verifying", changed(rs, true, "key_ops", []string{"sign", "verify"}), all, false, "RS256"},
		{"RSA of 1024 bits", short.JWK(true), all, false, ""},
		{"RSA with a private part", changed(rs, true, "d", "AQAB"), all, true, ""},
		{"RSA with an even exponent", changed(rs, true, "e", "Ag"), all, false, ""},
		{"RSA elsewhere", changed(rs, true, "x5u", "https://keys.example/"), all, false, ""},
		{"RSA that is EC", changed(rs, true, "kty", "EC"), all, false, ""},
		{"EC", es.JWK(true), all, false, "ES256"},
		{"EC without alg", es.JWK(false), all, false, "ES256"},
		{"EC on another curve than its algorithm", changed(es, true, "alg", "ES384"), all, false, ""},
		{"EC beside its curve", changed(es, true, "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), all, false, ""},
		{"Ed25519", ed.JWK(true), all, false, "EdDSA"},
		{"Ed25519, too short", changed(ed, true, "x", "AAAA"), all, false, ""},
		{"X25519", changed(ed, false, "crv", "X25519"), all, false, ""},
		{"secret where none may be", hs.JWK(true), all, false, ""},
		{"secret of our own", hs.JWK(true), all, true, "HS256"},
		{"secret that says RS", changed(hs, true, "alg", "RS256"), all, true, ""},
		{"secret that is short", changed(hs, true, "k", "c2hvcnQ"), all, true, ""},
		{"unknown type", map[string]any{"kty": "XYZ"}, all, false, ""},
		{"no type", map[string]any{"alg": "RS256"}, all, false, ""},
		{"kid is a number", changed(rs, true, "kid", 1), all, false, ""},
		{"kid is long", changed(rs, true, "kid", strings.Repeat("x", 129)), all, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set, err := jwtverify.ParseSet([]byte(encode(t, map[string]any{"keys": []any{tt.key}})), tt.algorithms, tt.secrets)
			if tt.want == "" {
				if err == nil {
					t.Fatalf("a key is left, for %s", set.Keys()[0].Algorithms())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := set.Keys()[0].Algorithms().String(); got != tt.want {
				t.Errorf("the key is for %s, want %s", got, tt.want)
			}
			// One that cannot be used beside it makes no difference.
			both := []any{map[string]any{"kty": "XYZ"}, tt.key, map[string]any{"kty": "RSA"}}
			if set, err := jwtverify.ParseSet([]byte(encode(t, map[string]any{"keys": both})), tt.algorithms, tt.secrets); err != nil || set.Len() != 1 {
				t.Errorf("with others: %d keys, %v", set.Len(), err)
			}
		})
	}
}

func shortRSA(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	// Go makes no key as short as this one, so it is put together.
	n, _ := new(big.Int).SetString(strings.Repeat("f", 255)+"1", 16)
	return &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: 65537}}
}

func algorithms(t testing.TB, names ...string) jwtverify.Algorithms {
	t.Helper()
	s, err := jwtverify.ParseAlgorithms(names)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParseSetRefuses(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"empty":              ``,
		"HTML":               `<html>`,
		"list":               `[]`,
		"no keys":            `{}`,
		"keys is null":       `{"keys":null}`,
		"keys is an object":  `{"keys":{}}`,
		"no key":             `{"keys":[]}`,
		"keys twice":         `{"keys":[],"keys":[]}`,
		"keys in other case": `{"Keys":[]}`,
		"numbers":            `{"keys":[1,2]}`,
	} {
		if set, err := jwtverify.ParseSet([]byte(doc), 0, false); err == nil {
			t.Errorf("%s: %d keys", name, set.Len())
		}
	}
}

func TestParseSetIsBounded(t *testing.T) {
	t.Parallel()
	k := jwttest.For("EdDSA").JWK(true)
	list := make([]any, 3*jwtverify.MaxKeys)
	for i := range list {
		list[i] = k
	}
	set, err := jwtverify.ParseSet([]byte(encode(t, map[string]any{"keys": list})), 0, false)
	if err != nil || set.Len() != jwtverify.MaxKeys {
		t.Errorf("%d keys, %v", set.Len(), err)
	}
}

func TestSetFor(t *testing.T) {
	t.Parallel()
	named := &jwttest.Key{Algorithm: "EdDSA", ID: "one", Private: jwttest.For("EdDSA").Private}
	other := &jwttest.Key{Algorithm: "EdDSA", ID: "two", Private: jwttest.For("EdDSA").Private}
	plain := jwttest.For("EdDSA")
	set := jwtverify.NewSet(keyFor(t, named), keyFor(t, other), keyFor(t, plain), keyFor(t, jwttest.For("RS256")))
	for kid, want := range map[string]int{"": 3, "one": 2, "two": 2, "three": 1} {
		signer := &jwttest.Key{Algorithm: "EdDSA", ID: kid, Private: plain.Private}
		if got := set.For(nil, parse(t, signer.Sign(good()))); len(got) != want {
			t.Errorf("kid %q: %d keys, want %d", kid, len(got), want)
		}
	}
	if !set.Names("one") || set.Names("three") || (*jwtverify.Set)(nil).Names("") || (*jwtverify.Set)(nil).Len() != 0 {
		t.Error("Names")
	}
}

func TestParsePEM(t *testing.T) {
	t.Parallel()
	rs, es := jwttest.For("RS256"), jwttest.For("ES256")
	certificate := func() string {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "demo"}, NotAfter: time.Unix(0, 0)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, es.Public(), es.Private)
		if err != nil {
			t.Fatal(err)
		}
		return block("CERTIFICATE", der)
	}()
	private, err := x509.MarshalECPrivateKey(es.Private.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, text string
		algorithms jwtverify.Algorithms
		want       string
		fault      string
	}{
		{"RSA", rs.PEM(), 0, "RS256", ""},
		{"RSA, PKCS 1", block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(rs.Public().(*rsa.PublicKey))), algorithms(t, "PS384"), "PS384", ""},
		{"EC", es.PEM(), 0, "ES256", ""},
		{"Ed25519", jwttest.For("EdDSA").PEM(), 0, "EdDSA", ""},
		{"certificate, long over", certificate, 0, "ES256", ""},
		{"RSA for HS", rs.PEM(), algorithms(t, "HS256"), "", "the key is for RS256"},
		{"RSA for EC", rs.PEM(), algorithms(t, "ES256"), "", "the key is for RS256"},
		{"P-224", (&jwttest.Key{Private: p224}).PEM(), 0, "", "curve"},
		{"private", block("EC PRIVATE KEY", private), 0, "", "private key"},
		{"two", rs.PEM() + es.PEM(), 0, "", "more than one"},
		{"none", "demo", 0, "", "no PEM block"},
		{"something else", block("CERTIFICATE REQUEST", nil), 0, "", "none of"},
		{"broken", block("PUBLIC KEY", []byte("demo")), 0, "", "read PEM block"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			key, err := jwtverify.ParsePEM("id", []byte(tt.text), tt.algorithms)
			switch {
			case tt.fault != "":
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Errorf("error %v, want %q", err, tt.fault)
				}
			case err != nil:
				t.Error(err)
			case key.Algorithms().String() != tt.want || key.ID() != "id":
				t.Errorf("the key %s is for %s", key, key.Algorithms())
			}
		})
	}
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestNewSecret(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		algorithms []string
		length     int
		ok         bool
	}{
		{nil, 31, false},
		{nil, 32, true},
		{[]string{"HS384"}, 47, false},
		{[]string{"HS384"}, 48, true},
		{[]string{"HS256", "HS512"}, 63, false},
		{[]string{"HS256", "HS512"}, 64, true},
		{[]string{"RS256"}, 64, false},
	} {
		_, err := jwtverify.NewSecret("", []byte(strings.Repeat("k", tt.length)), algorithms(t, tt.algorithms...))
		if (err == nil) != tt.ok {
			t.Errorf("%d bytes for %v: %v", tt.length, tt.algorithms, err)
		}
	}
	for _, before := range []string{"", "\n", "the key of demo:\r\n"} {
		if _, err := jwtverify.NewSecret("", []byte(before+jwttest.For("RS256").PEM()), 0); err == nil {
			t.Errorf("a public key behind %q is a secret", before)
		}
	}
}

func TestParseAlgorithms(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"none", "hs256", "", "ES256K"} {
		if _, err := jwtverify.ParseAlgorithm(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if _, err := jwtverify.ParseAlgorithms([]string{"RS256", "RS256"}); err == nil {
		t.Error("one is accepted twice")
	}
	if s := algorithms(t, names...); s.Len() != len(names) || s != jwtverify.Symmetric|jwtverify.Asymmetric {
		t.Errorf("%d algorithms: %s", s.Len(), s)
	}
	if got := fmt.Sprint(jwtverify.Algorithm(0), jwtverify.Algorithm(99)); got != "unknown unknown" {
		t.Error(got)
	}
}
