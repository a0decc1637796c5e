// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// ParsePEM makes a key from the only block of a PEM text: PUBLIC KEY, RSA PUBLIC KEY, or
// CERTIFICATE, of which nothing but the key counts: neither its time nor who has issued it.
// See [NewPublic] for the algorithms. A private key is refused, since it has no business in
// a gateway; no error quotes the text.
func ParsePEM(id string, text []byte, algorithms Algorithms) (*Key, error) {
	block, rest := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the text holds no PEM block")
	}
	if next, _ := pem.Decode(rest); next != nil {
		return nil, errors.New("the text holds more than one PEM block; give each key an entry of its own")
	}
	var public crypto.PublicKey
	var err error
	switch {
	case block.Type == "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case block.Type == "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case block.Type == "CERTIFICATE":
		var cert *x509.Certificate
		if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
			public = cert.PublicKey
		}
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return nil, errors.New("this is a private key; the gateway needs the public one (openssl pkey -pubout)")
	default:
		return nil, errors.New("the PEM block is none of PUBLIC KEY, RSA PUBLIC KEY and CERTIFICATE")
	}
	if err != nil {
		return nil, fmt.Errorf("read PEM block: %w", err)
	}
	return NewPublic(id, public, algorithms)
}
