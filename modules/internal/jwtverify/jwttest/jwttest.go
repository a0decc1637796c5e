// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package jwttest signs tokens for tests, good ones and bad ones, with nothing but the
// standard library, so that what verifies them is tested against another implementation. It
// checks nothing.
package jwttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // hashes of the algorithms
	_ "crypto/sha512" // likewise
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"sync"
)

// Secret is a shared secret that is long enough for every algorithm.
const Secret = "demo-secret-not-a-secret-0123456789-0123456789-0123456789-0123456789"

// Key signs tokens by one algorithm.
type Key struct {
	// Algorithm is the name of the algorithm, which Sign puts into the header.
	Algorithm string
	// ID goes into the header as kid unless it is empty.
	ID string
	// Private is a []byte, an *rsa.PrivateKey, an *ecdsa.PrivateKey or an
	// ed25519.PrivateKey.
	Private any
}

var (
	rsaKey  = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	rsaKey2 = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKeys  sync.Map
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// For returns a key for an algorithm: for the same one always the same key.
func For(algorithm string) *Key {
	k := &Key{Algorithm: algorithm}
	switch algorithm[:2] {
	case "HS":
		k.Private = []byte(Secret)
	case "RS", "PS":
		k.Private = rsaKey()
	case "ES":
		k.Private = ecKey(algorithm)
	default:
		seed := make([]byte, ed25519.SeedSize)
		k.Private = ed25519.NewKeyFromSeed(seed)
	}
	return k
}

// Other returns a key for an algorithm that is not the one of For.
func Other(algorithm string) *Key {
	k := &Key{Algorithm: algorithm}
	switch algorithm[:2] {
	case "HS":
		k.Private = []byte("demo-secret-of-somebody-else-0123456789-0123456789-0123456789-012345")
	case "RS", "PS":
		k.Private = rsaKey2()
	case "ES":
		k.Private = must(ecdsa.GenerateKey(curve(algorithm), rand.Reader))
	default:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		k.Private = must(private, err)
	}
	return k
}

func curve(algorithm string) elliptic.Curve {
	switch algorithm {
	case "ES384":
		return elliptic.P384()
	case "ES512":
		return elliptic.P521()
	}
	return elliptic.P256()
}

func ecKey(algorithm string) *ecdsa.PrivateKey {
	k, _ := ecKeys.LoadOrStore(algorithm, must(ecdsa.GenerateKey(curve(algorithm), rand.Reader)))
	return k.(*ecdsa.PrivateKey)
}

// Claims are the claims of a token.
type Claims map[string]any

// Sign returns a token with a usual header.
func (k *Key) Sign(claims Claims) string {
	header := map[string]any{"alg": k.Algorithm, "typ": "JWT"}
	if k.ID != "" {
		header["kid"] = k.ID
	}
	return k.SignWith(header, claims)
}

// SignWith returns a token with a header of one's own.
func (k *Key) SignWith(header, claims map[string]any) string {
	return k.SignText(string(must(json.Marshal(header))), string(must(json.Marshal(claims))))
}

// SignText returns a token with parts that need not be JSON.
func (k *Key) SignText(header, claims string) string {
	return k.SignInput(Encode(header) + "." + Encode(claims))
}

// SignInput signs what stands before the second dot, as it is.
func (k *Key) SignInput(input string) string {
	return input + "." + base64.RawURLEncoding.EncodeToString(k.signature(input))
}

// Encode is base64url without padding.
func Encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func (k *Key) hash() crypto.Hash {
	switch k.Algorithm[2:] {
	case "384":
		return crypto.SHA384
	case "512":
		return crypto.SHA512
	}
	return crypto.SHA256
}

func (k *Key) signature(input string) []byte {
	hash := k.hash()
	h := hash.New()
	h.Write([]byte(input))
	sum := h.Sum(nil)
	switch p := k.Private.(type) {
	case []byte:
		mac := hmac.New(hash.New, p)
		mac.Write([]byte(input))
		return mac.Sum(nil)
	case *rsa.PrivateKey:
		if k.Algorithm[:2] == "PS" {
			return must(rsa.SignPSS(rand.Reader, p, hash, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
		}
		return must(rsa.SignPKCS1v15(rand.Reader, p, hash, sum))
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, p, sum)
		size := (p.Curve.Params().BitSize + 7) / 8
		return append(must(r, err).FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	case ed25519.PrivateKey:
		return ed25519.Sign(p, []byte(input))
	}
	panic(fmt.Sprintf("no key: %T", k.Private))
}

// Public is the public key.
func (k *Key) Public() crypto.PublicKey {
	if signer, ok := k.Private.(crypto.Signer); ok {
		return signer.Public()
	}
	return nil
}

// PEM is the public key in PEM.
func (k *Key) PEM() string {
	der := must(x509.MarshalPKIXPublicKey(k.Public()))
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// JWK is the public key, or the secret, as a member of a key set. It names its algorithm if
// alg is set, and its identifier if it has one.
func (k *Key) JWK(alg bool) map[string]any {
	m := map[string]any{"use": "sig"}
	if alg {
		m["alg"] = k.Algorithm
	}
	if k.ID != "" {
		m["kid"] = k.ID
	}
	encode := base64.RawURLEncoding.EncodeToString
	switch p := k.Private.(type) {
	case []byte:
		m["kty"], m["k"] = "oct", encode(p)
	case *rsa.PrivateKey:
		m["kty"], m["n"], m["e"] = "RSA", encode(p.N.Bytes()), encode(big.NewInt(int64(p.E)).Bytes())
	case *ecdsa.PrivateKey:
		point := must(p.PublicKey.Bytes())[1:] // without the mark of the uncompressed form
		half := len(point) / 2
		m["kty"], m["crv"] = "EC", p.Curve.Params().Name
		m["x"], m["y"] = encode(point[:half]), encode(point[half:])
	case ed25519.PrivateKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", encode(p.Public().(ed25519.PublicKey))
	}
	return m
}

// Set is a key set of some keys, which name their algorithms.
func Set(keys ...*Key) string {
	list := make([]any, len(keys))
	for i, k := range keys {
		list[i] = k.JWK(true)
	}
	return string(must(json.Marshal(map[string]any{"keys": list})))
}
