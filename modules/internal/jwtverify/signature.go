// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify

import "github.com/go-jose/go-jose/v4"

// SignedBy says that the token is signed with the key, by an algorithm that the key is for.
func (t *Token) SignedBy(k *Key) (signed bool) {
	if !k.algorithms.Has(t.alg) {
		return false
	}
	defer func() {
		if recover() != nil {
			signed = false // a library that gave up has verified nothing
		}
	}()
	jws, err := jose.ParseSignedCompact(t.compact, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(t.algName)})
	if err != nil {
		return false
	}
	_, err = jws.Verify(k.material)
	return err == nil
}

// Signer returns the key of candidates that has signed the token. At most MaxCandidates are
// asked: a token of an issuer with more keys has to name its own. Its errors are *Error with
// the reasons UnknownKey, where there is no candidate, WrongAlgorithm, where none is for the
// token's algorithm, and WrongSignature.
func (t *Token) Signer(candidates []*Key) (*Key, error) {
	if t.alg == 0 {
		return nil, refuse(WrongAlgorithm, "The algorithm of the token is not accepted")
	}
	if len(candidates) > MaxCandidates {
		return nil, refuse(UnknownKey, "The token does not name its key, and there are too many to try")
	}
	fits := false
	for _, k := range candidates {
		fits = fits || k.algorithms.Has(t.alg)
		if t.SignedBy(k) {
			return k, nil
		}
	}
	switch {
	case len(candidates) == 0:
		return nil, refuse(UnknownKey, "The token is signed with a key that is not known")
	case !fits:
		return nil, refuse(WrongAlgorithm, "The algorithm of the token is not that of its key")
	}
	return nil, refuse(WrongSignature, "The signature of the token is wrong")
}
