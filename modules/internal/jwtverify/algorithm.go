// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify

import (
	"fmt"
	"math/bits"
	"strings"
)

// Algorithm is a signature algorithm of RFC 7518 or RFC 8037. The zero value is none that
// is known; the algorithm "none" has no value at all.
type Algorithm uint8

// The algorithms.
const (
	HS256 Algorithm = iota + 1
	HS384
	HS512
	RS256
	RS384
	RS512
	PS256
	PS384
	PS512
	ES256
	ES384
	ES512
	EdDSA
)

var algorithmNames = [...]string{
	HS256: "HS256", HS384: "HS384", HS512: "HS512",
	RS256: "RS256", RS384: "RS384", RS512: "RS512",
	PS256: "PS256", PS384: "PS384", PS512: "PS512",
	ES256: "ES256", ES384: "ES384", ES512: "ES512",
	EdDSA: "EdDSA",
}

// String is the name as tokens have it.
func (a Algorithm) String() string {
	if int(a) < len(algorithmNames) && a != 0 {
		return algorithmNames[a]
	}
	return "unknown"
}

// ParseAlgorithm reads a name, in exactly the spelling of RFC 7518.
func ParseAlgorithm(name string) (Algorithm, error) {
	if a := algorithmOf(name); a != 0 {
		return a, nil
	}
	return 0, fmt.Errorf("algorithm %q is unknown; write one of %s", name, strings.Join(algorithmNames[1:], ", "))
}

func algorithmOf(name string) Algorithm {
	for a := HS256; a <= EdDSA; a++ {
		if algorithmNames[a] == name {
			return a
		}
	}
	return 0
}

// Algorithms is a set of algorithms. The zero value is empty.
type Algorithms uint16

// Sets of algorithms by the kind of key that they need.
const (
	Symmetric  = Algorithms(1<<HS256 | 1<<HS384 | 1<<HS512)
	forRSA     = Algorithms(1<<RS256 | 1<<RS384 | 1<<RS512 | 1<<PS256 | 1<<PS384 | 1<<PS512)
	forEC      = Algorithms(1<<ES256 | 1<<ES384 | 1<<ES512)
	forEd25519 = Algorithms(1 << EdDSA)
	Asymmetric = forRSA | forEC | forEd25519
)

// ParseAlgorithms reads a list of names, of which none may occur twice.
func ParseAlgorithms(names []string) (Algorithms, error) {
	var s Algorithms
	for _, name := range names {
		a, err := ParseAlgorithm(name)
		if err != nil {
			return 0, err
		}
		if s.Has(a) {
			return 0, fmt.Errorf("algorithm %s is listed twice", name)
		}
		s |= 1 << a
	}
	return s, nil
}

// Has says that the set contains a.
func (s Algorithms) Has(a Algorithm) bool { return a != 0 && s&(1<<a) != 0 }

// Len is the number of algorithms in the set.
func (s Algorithms) Len() int { return bits.OnesCount16(uint16(s)) }

// String lists the names, with commas.
func (s Algorithms) String() string {
	var names []string
	for a := HS256; a <= EdDSA; a++ {
		if s.Has(a) {
			names = append(names, a.String())
		}
	}
	return strings.Join(names, ", ")
}
