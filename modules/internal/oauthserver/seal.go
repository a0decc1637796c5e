// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// sealedMark begins a record that is encrypted. A plain one begins with a brace.
const sealedMark = 1

// errSealed is that a record and the passphrase do not belong together.
var errSealed = errors.New("a signing key in the store cannot be decrypted; all gateways of an issuer need the same passphrase")

// sealer encrypts records with AES-256-GCM. What a record is called is part of what is
// authenticated, so that no record can take the place of another.
type sealer struct{ aead cipher.AEAD }

// newSealer derives the key with HKDF-SHA-256 (RFC 5869), which is enough for a passphrase
// that was generated and not invented.
func newSealer(passphrase string) (*sealer, error) {
	derived, err := hkdf.Key(sha256.New, []byte(passphrase), nil, "tollgate oauth2 signing keys", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fmt.Errorf("prepare cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("prepare cipher: %w", err)
	}
	return &sealer{aead}, nil
}

// seal encrypts a record. A nil sealer leaves it as it is.
func (s *sealer) seal(name string, record []byte) []byte {
	if s == nil {
		return record
	}
	return s.aead.Seal([]byte{sealedMark}, nil, record, []byte(name)) //nolint:gosec // This cipher makes the nonce itself.
}

// open decrypts a record. With a passphrase a plain one is refused: somebody else may have
// put it there.
func (s *sealer) open(name string, record []byte) ([]byte, error) {
	sealed := len(record) > 0 && record[0] == sealedMark
	switch {
	case s == nil && !sealed:
		return record, nil
	case s == nil || !sealed:
		return nil, errSealed
	}
	plain, err := s.aead.Open(nil, nil, record[1:], []byte(name))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// randomText returns n random bytes, encoded for URLs.
func randomText(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails
	return encode(raw)
}
