// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify

import (
	"encoding/base64"
	"errors"
	"strings"
)

// Token is a token that was read. What it says is worth nothing before a key has signed it
// and rules were checked. It is immutable, and prints as nothing of what it holds.
type Token struct {
	// KeyID is the header kid, empty if there is none.
	KeyID string
	// Header are all members of the header.
	Header map[string]any
	// Claims are all claims, with numbers as json.Number.
	Claims map[string]any

	alg     Algorithm
	algName string
	typ     string
	compact string
	decoded int // size of header and claims
}

// Algorithm is the algorithm that the token names; zero if it is none that is known, so
// that no key has signed it.
func (t *Token) Algorithm() Algorithm { return t.alg }

// String tells nothing of the token.
func (*Token) String() string { return "(a token, not shown)" }

// GoString tells nothing of the token.
func (*Token) GoString() string { return "(a token, not shown)" }

// LooksLikeToken says that text has the form of a token: three parts of the base64url
// alphabet, with two dots between them.
func LooksLikeToken(text string) bool {
	dots := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '.':
			dots++
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_':
		default:
			return false
		}
	}
	return dots == 2
}

// strict refuses bits behind the end, so that each token has one spelling.
var strict = base64.RawURLEncoding.Strict()

// Parse reads a token of at most limit bytes, without verifying anything. Its errors are
// *Error with the reasons Malformed, TooLarge and WrongAlgorithm.
func Parse(compact string, limit int) (*Token, error) {
	if len(compact) > limit {
		return nil, refuse(TooLarge, "The token is longer than is accepted")
	}
	if !LooksLikeToken(compact) {
		return nil, refuse(Malformed, "The token does not have three parts in base64url")
	}
	head, rest, _ := strings.Cut(compact, ".")
	body, signature, _ := strings.Cut(rest, ".")
	if head == "" || body == "" {
		return nil, refuse(Malformed, "A part of the token is empty")
	}
	t := &Token{compact: compact}
	var err error
	if t.Header, err = t.part(head); err != nil {
		return nil, refuse(Malformed, "The header of the token "+err.Error())
	}
	if err := t.readHeader(); err != nil {
		return nil, err
	}
	if t.Claims, err = t.part(body); err != nil {
		return nil, refuse(Malformed, "The payload of the token "+err.Error())
	}
	if _, err := strict.DecodeString(signature); err != nil || signature == "" {
		return nil, refuse(Malformed, "The token has no signature, or one that is not base64url")
	}
	return t, t.checkForm()
}

var errEncoding = errors.New("is not base64url")

func (t *Token) part(text string) (map[string]any, error) {
	doc, err := strict.DecodeString(text)
	if err != nil {
		return nil, errEncoding
	}
	t.decoded += DecodedSize(doc)
	return object(doc)
}

// notRead are members of the header with which a token is not one of the kind that is
// read. The locations jku and x5u, and thumbprints, are ignored: nothing is fetched.
var notRead = [...]struct{ name, why string }{
	{"crit", "The token asks for extensions that are not understood"},
	{"b64", "The token has a payload that is not encoded"},
	{"enc", "The token is encrypted"},
	{"zip", "The token is compressed"},
	{"jwk", "The token brings its own key"},
	{"x5c", "The token brings its own certificate"},
}

func (t *Token) readHeader() error {
	var ok bool
	if t.algName, ok = t.Header["alg"].(string); !ok || t.algName == "" {
		return refuse(WrongAlgorithm, "The token names no algorithm")
	}
	t.alg = algorithmOf(t.algName)
	for _, n := range notRead {
		if _, there := t.Header[n.name]; there {
			return refuse(Malformed, n.why)
		}
	}
	if v, there := t.Header["kid"]; there {
		if t.KeyID, ok = v.(string); !ok || len(t.KeyID) > MaxKeyID {
			return refuse(Malformed, "The key identifier of the token is no string, or too long")
		}
	}
	if v, there := t.Header["typ"]; there {
		if t.typ, ok = v.(string); !ok {
			return refuse(Malformed, "The type of the token is no string")
		}
	}
	if cty, _ := t.Header["cty"].(string); strings.EqualFold(mediaType(cty), "jwt") {
		return refuse(Malformed, "The token has another token in it")
	}
	return nil
}

// mediaType takes off what RFC 7515, section 4.1.9, lets be left out.
func mediaType(s string) string {
	const prefix = "application/"
	if len(s) > len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):]
	}
	return s
}

// checkForm checks the types of the registered claims, whether they are looked at or not,
// so that nobody behind the gateway reads them in another way.
func (t *Token) checkForm() error {
	for _, name := range [...]string{"iss", "sub", "jti"} {
		if v, there := t.Claims[name]; there {
			if _, ok := v.(string); !ok {
				return refuseClaim(Malformed, name, "The claim "+name+" is not a string")
			}
		}
	}
	for _, name := range [...]string{"exp", "nbf", "iat"} {
		if v, there := t.Claims[name]; there {
			if _, ok := date(v); !ok {
				return refuseClaim(Malformed, name, "The claim "+name+" is not a plain number of seconds")
			}
		}
	}
	if v, there := t.Claims["aud"]; there {
		if _, ok := texts(v); !ok {
			return refuseClaim(Malformed, "aud", "The claim aud is neither a string nor a list of strings")
		}
	}
	return nil
}

// Issuer returns the claim iss.
func (t *Token) Issuer() string { return t.Text("iss") }

// Text returns a claim that is a string, or empty.
func (t *Token) Text(claim string) string {
	s, _ := t.Claims[claim].(string)
	return s
}
