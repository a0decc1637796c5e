// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify

import (
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// Set is a number of keys. It is immutable; the zero value is empty.
type Set struct {
	keys []*Key
}

// NewSet returns the set of some keys.
func NewSet(keys ...*Key) *Set { return &Set{keys: keys} }

// Len is the number of keys.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.keys)
}

// Keys are the keys of the set, which the caller must not change.
func (s *Set) Keys() []*Key {
	if s == nil {
		return nil
	}
	return s.keys
}

// For appends to list the keys that can have signed a token, by its algorithm and by the key
// that it names: keys without identifier, those with the same one, and all if the token names
// none.
func (s *Set) For(list []*Key, t *Token) []*Key {
	if s == nil {
		return list
	}
	for _, k := range s.keys {
		if k.algorithms.Has(t.alg) && (k.id == "" || t.KeyID == "" || k.id == t.KeyID) {
			list = append(list, k)
		}
	}
	return list
}

// Names says that a key of the set has the identifier id.
func (s *Set) Names(id string) bool {
	if s != nil {
		for _, k := range s.keys {
			if k.id == id {
				return true
			}
		}
	}
	return false
}

// setMembers are what is read of a set, and of each of its keys by ourselves.
var (
	setMembers = jsonpeek.NewNames("keys")
	jwkMembers = jsonpeek.NewNames("kty", "use", "alg", "kid", "key_ops", "d", "k", "x5u")
)

const (
	jwkType = iota
	jwkUse
	jwkAlg
	jwkID
	jwkOps
	jwkD
	jwkK
	jwkX5u
	numJWK
)

// ParseSet reads a JWK Set (RFC 7517). As that document asks, keys that are not understood,
// or are not for signatures, are passed over. So are private keys, secrets unless they are
// allowed, as they are in a file of the operator's own, and keys that the algorithms do not
// allow. Without algorithms a key is for the one that it names, or see [NewPublic]. A set of
// which no key is left is an error, which says why for the last of them. At most MaxKeys are
// looked at.
func ParseSet(doc []byte, algorithms Algorithms, secrets bool) (*Set, error) {
	var members [1][]byte
	if err := jsonpeek.Scan(doc, setMembers, members[:]); err != nil {
		return nil, fmt.Errorf("read key set: %w", err)
	}
	if len(members[0]) == 0 || members[0][0] != '[' {
		return nil, errors.New("the key set has no array keys")
	}
	set, seen := new(Set), 0
	var why error
	err := jsonpeek.Array(members[0], func(raw []byte) bool {
		if seen++; seen > MaxKeys {
			return false
		}
		key, err := parseJWK(raw, algorithms, secrets)
		if err != nil {
			why = err
			return true
		}
		set.keys = append(set.keys, key)
		return true
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("read key set: %w", err)
	case len(set.keys) == 0 && why != nil:
		return nil, fmt.Errorf("the key set holds no key that can be used: %w", why)
	case len(set.keys) == 0:
		return nil, errors.New("the key set holds no key")
	}
	return set, nil
}

// parseJWK reads one key.
func parseJWK(raw []byte, algorithms Algorithms, secrets bool) (*Key, error) {
	var m [numJWK][]byte
	if err := jsonpeek.Scan(raw, jwkMembers, m[:]); err != nil {
		return nil, err
	}
	kty, _ := jsonpeek.String(m[jwkType])
	id, ok := jsonpeek.String(m[jwkID])
	if !ok && m[jwkID] != nil {
		return nil, errors.New("kid is not a string")
	}
	if use, _ := jsonpeek.String(m[jwkUse]); m[jwkUse] != nil && use != "sig" {
		return nil, errors.New("the key is not for signatures")
	}
	if m[jwkOps] != nil && !verifies(m[jwkOps]) {
		return nil, errors.New("the key is not for verifying")
	}
	if m[jwkD] != nil || m[jwkX5u] != nil || m[jwkK] != nil && !(secrets && kty == "oct") {
		return nil, errors.New("the key is a private one, a secret, or elsewhere")
	}
	if m[jwkAlg] != nil {
		name, _ := jsonpeek.String(m[jwkAlg])
		alg := algorithmOf(name)
		if alg == 0 || algorithms != 0 && !algorithms.Has(alg) {
			return nil, errors.New("the key is for an algorithm that is not allowed")
		}
		algorithms = 1 << alg
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(raw); err != nil {
		return nil, err
	}
	if secret, ok := jwk.Key.([]byte); ok {
		if algorithms != 0 && algorithms&Symmetric == 0 {
			return nil, errors.New("the key is a secret, and no algorithm for secrets is allowed")
		}
		return NewSecret(id, secret, algorithms&Symmetric)
	}
	return NewPublic(id, jwk.Key, algorithms)
}

func verifies(ops []byte) bool {
	found := false
	_ = jsonpeek.Array(ops, func(op []byte) bool { // Scan has validated it
		name, _ := jsonpeek.String(op)
		found = found || name == "verify"
		return !found
	})
	return found
}
