// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
)

// Algorithms that sign tokens (RFC 7518, section 3.1; RFC 8037).
const (
	ES256 = "ES256"
	EdDSA = "EdDSA"
	RS256 = "RS256"
)

const rsaBits = 3072

// key is one signing key.
type key struct {
	id       string // kid: its thumbprint (RFC 7638)
	alg      string
	number   int
	from     time.Time // from when it signs
	public   jose.JSONWebKey
	verifier *jwtverify.Key
	signer   jose.Signer
}

// storedKey is a key as a record.
type storedKey struct {
	Version int    `json:"v"`
	From    int64  `json:"from"` // seconds since the Unix epoch
	PKCS8   []byte `json:"pkcs8"`
}

// generate makes the record of a new key.
func generate(alg string, from time.Time) ([]byte, error) {
	var private any
	var err error
	switch alg {
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case RS256:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	default:
		err = errors.New("unknown algorithm")
	}
	if err != nil {
		return nil, fmt.Errorf("generate signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("encode signing key: %w", err)
	}
	return json.Marshal(storedKey{Version: 1, From: from.Unix(), PKCS8: der})
}

// parseKey reads a record. Its errors tell nothing of the key.
func parseKey(alg string, number int, record []byte) (*key, error) {
	var stored storedKey
	if err := json.Unmarshal(record, &stored); err != nil || stored.Version != 1 {
		return nil, errors.New("the record of a signing key cannot be read")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(stored.PKCS8)
	if err != nil {
		return nil, errors.New("the record of a signing key holds no key")
	}
	private, ok := parsed.(crypto.Signer)
	if !ok || !fits(alg, private) {
		return nil, fmt.Errorf("the record of a signing key holds none for %s", alg)
	}
	k := &key{alg: alg, number: number, from: time.Unix(stored.From, 0)}
	k.public = jose.JSONWebKey{Key: private.Public(), Algorithm: alg, Use: "sig"}
	thumbprint, err := k.public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("name signing key: %w", err)
	}
	k.id = base64.RawURLEncoding.EncodeToString(thumbprint)
	k.public.KeyID = k.id
	algorithms, err := jwtverify.ParseAlgorithms([]string{alg})
	if err != nil {
		return nil, err
	}
	if k.verifier, err = jwtverify.NewPublic(k.id, private.Public(), algorithms); err != nil {
		return nil, fmt.Errorf("read signing key: %w", err)
	}
	k.signer, err = jose.NewSigner(
		jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: jose.JSONWebKey{Key: private, KeyID: k.id, Algorithm: alg}},
		new(jose.SignerOptions).WithType(tokenType))
	if err != nil {
		return nil, fmt.Errorf("prepare signing key: %w", err)
	}
	return k, nil
}

// fits says that a private key is one for an algorithm.
func fits(alg string, private crypto.Signer) bool {
	switch k := private.(type) {
	case *ecdsa.PrivateKey:
		return alg == ES256 && k.Curve == elliptic.P256()
	case ed25519.PrivateKey:
		return alg == EdDSA
	case *rsa.PrivateKey:
		return alg == RS256 && k.N.BitLen() >= 2048
	default:
		return false
	}
}
