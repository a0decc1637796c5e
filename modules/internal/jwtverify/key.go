// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
)

// Bounds of RSA keys, in bits. RFC 7518 asks for the lower one; the upper one bounds what a
// signature costs.
const (
	minRSA = 2048
	maxRSA = 8192
)

// Key is what verifies signatures, with the algorithms that it is for. It is immutable, and
// prints as its identifier alone.
type Key struct {
	id         string
	algorithms Algorithms
	material   any // []byte, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// ID is the identifier of the key, as tokens name it in kid; empty if it has none, and is
// tried for tokens whatever they name.
func (k *Key) ID() string { return k.id }

// Algorithms are those that the key is for; never empty, and never both symmetric and
// asymmetric.
func (k *Key) Algorithms() Algorithms { return k.algorithms }

// String is the identifier.
func (k *Key) String() string { return k.id }

// GoString is the identifier.
func (k *Key) GoString() string { return k.id }

// NewSecret makes a key from a shared secret. It is for HS256 unless algorithms are given,
// and must be at least as long as the output of each of them (RFC 7518, section 3.2).
func NewSecret(id string, secret []byte, algorithms Algorithms) (*Key, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	if algorithms == 0 {
		algorithms = 1 << HS256
	}
	if other := algorithms &^ Symmetric; other != 0 {
		return nil, fmt.Errorf("a secret is not for %s; write HS256, HS384 or HS512", other)
	}
	need := 32
	if algorithms.Has(HS384) {
		need = 48
	}
	if algorithms.Has(HS512) {
		need = 64
	}
	if bytes.Contains(secret, []byte("-----BEGIN ")) {
		return nil, errors.New("the secret is in PEM: what is public is no secret, and a private key signs nothing here")
	}
	if len(secret) < need {
		return nil, fmt.Errorf("the secret has %d bytes; %s needs at least %d (RFC 7518, section 3.2)", len(secret), algorithms, need)
	}
	return &Key{id: id, algorithms: algorithms, material: append([]byte(nil), secret...)}, nil
}

// NewPublic makes a key from a public one: RSA of 2048 to 8192 bits, EC on the curves P-256,
// P-384 and P-521, or Ed25519. Of the algorithms given it is for those of its kind; there
// must be one. Without any, RSA is for RS256, and the others for the one that they can.
func NewPublic(id string, public crypto.PublicKey, algorithms Algorithms) (*Key, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	able, usual, err := abilities(public)
	if err != nil {
		return nil, err
	}
	chosen := usual
	if algorithms != 0 {
		chosen = algorithms & able
	}
	if chosen == 0 {
		return nil, fmt.Errorf("the key is for %s, and %s is allowed", able, algorithms)
	}
	return &Key{id: id, algorithms: chosen, material: public}, nil
}

// abilities returns the algorithms that a public key can verify, and those that it is for
// where nobody says more.
func abilities(public crypto.PublicKey) (able, usual Algorithms, err error) {
	switch p := public.(type) {
	case *rsa.PublicKey:
		switch n := p.N.BitLen(); {
		case n < minRSA || n > maxRSA:
			return 0, 0, fmt.Errorf("the RSA key has %d bits; %d to %d are accepted", n, minRSA, maxRSA)
		case p.E < 3 || p.E%2 == 0:
			return 0, 0, errors.New("the RSA key has an exponent that is even or less than 3")
		}
		return forRSA, 1 << RS256, nil
	case *ecdsa.PublicKey:
		switch p.Curve {
		case elliptic.P256():
			able = 1 << ES256
		case elliptic.P384():
			able = 1 << ES384
		case elliptic.P521():
			able = 1 << ES512
		default:
			return 0, 0, errors.New("the EC key is on another curve than P-256, P-384 and P-521")
		}
		return able, able, nil
	case ed25519.PublicKey:
		if len(p) != ed25519.PublicKeySize {
			return 0, 0, errors.New("the Ed25519 key has a wrong length")
		}
		return forEd25519, forEd25519, nil
	}
	return 0, 0, errors.New("the key is neither RSA nor EC nor Ed25519")
}

func checkID(id string) error {
	if len(id) > MaxKeyID {
		return fmt.Errorf("the key identifier is longer than %d bytes", MaxKeyID)
	}
	return nil
}
