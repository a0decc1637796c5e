// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
)

// JWTSpec describes a credential with which a consumer signs tokens (RFC 7519) itself.
type JWTSpec struct {
	// Key names the credential: a token says it in its claim iss, or in its header kid
	// (see jwt_auth). It is unique among all consumers, follows the rules of a name, and is
	// no secret.
	Key string `json:"key"`
	// Algorithm is the only one that the credential is for: HS256, HS384, HS512, RS256,
	// RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA. Default: HS256 with
	// a secret; RS256, or what a key of another kind can, with a public key.
	Algorithm string `json:"algorithm,omitempty"`
	// Secret is what both sides know, for HS algorithms: as long as the output of the
	// algorithm or longer. It is what BuildOptions.JWTSecret makes of it.
	Secret string `json:"secret,omitempty"`
	// SecretBase64 says that Secret is in base64, of either alphabet, padded or not.
	SecretBase64 bool `json:"secret_base64,omitempty"`
	// PublicKey is a public key or a certificate in PEM, for all other algorithms, or what
	// BuildOptions.JWTSecret makes of it.
	PublicKey string `json:"public_key,omitempty"`
}

// jwtPrefix begins the identifiers of JWT credentials.
const jwtPrefix = "jwt:"

// JWT is a credential with which a consumer signs tokens. It is immutable.
type JWT struct {
	// Credential is what the caller is known by: access as the consumer itself.
	Credential *Credential
	// Key verifies the tokens.
	Key *jwtverify.Key
}

// JWT returns the credential called key, or nil if there is none.
func (t *Table) JWT(key string) *JWT { return t.jwts[key] }

// JWTs returns the number of credentials with which consumers sign tokens.
func (t *Table) JWTs() int { return len(t.jwts) }

// jwt checks one credential and adds it to the table.
func (b *builder) jwt(c *Consumer, s *JWTSpec) {
	if err := checkLabel(s.Key); err != nil {
		b.refuse("the jwt key %w", err)
		return
	}
	if other, taken := b.table.jwts[s.Key]; taken {
		b.refuse("the jwt key %s is also one of consumer %s", quote(s.Key), quote(other.Credential.Consumer.Name))
		return
	}
	key, err := b.jwtKey(s)
	if err != nil {
		b.refuse("jwt %s: %w", quote(s.Key), err)
		return
	}
	if b.table.jwts == nil {
		b.table.jwts = make(map[string]*JWT)
	}
	name := strings.Clone(s.Key)
	b.table.jwts[name] = &JWT{Credential: c.Keyless(jwtPrefix + name), Key: key}
}

// jwtKey makes the key of a credential; without leave to resolve secrets it only checks what
// can be seen, and makes none.
func (b *builder) jwtKey(s *JWTSpec) (*jwtverify.Key, error) {
	var algorithms jwtverify.Algorithms
	if s.Algorithm != "" {
		var err error
		if algorithms, err = jwtverify.ParseAlgorithms([]string{s.Algorithm}); err != nil {
			return nil, err
		}
	}
	symmetric := algorithms&jwtverify.Symmetric != 0
	switch {
	case (s.Secret == "") == (s.PublicKey == ""):
		return nil, errors.New("a credential has either a secret or a public_key")
	case s.Secret != "" && algorithms != 0 && !symmetric:
		return nil, errors.New(s.Algorithm + " needs a public_key, not a secret")
	case s.PublicKey != "" && symmetric:
		return nil, errors.New(s.Algorithm + " needs a secret, not a public_key")
	case s.PublicKey != "" && s.SecretBase64:
		return nil, errors.New("secret_base64 is for a secret")
	case b.jwtSecret == nil:
		return nil, nil // nothing is wrong, and nothing can be made
	}
	text, err := b.jwtSecret(s.Secret + s.PublicKey)
	if err != nil {
		return nil, err
	}
	if s.PublicKey != "" {
		return jwtverify.ParsePEM("", []byte(text), algorithms)
	}
	secret := []byte(text)
	if s.SecretBase64 {
		if secret, err = decodeBase64(text); err != nil {
			return nil, errors.New("the secret is not base64")
		}
	}
	return jwtverify.NewSecret("", secret, algorithms)
}

// decodeBase64 reads either alphabet, padded or not.
func decodeBase64(s string) ([]byte, error) {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	return base64.RawStdEncoding.DecodeString(s)
}
