// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLS says how Redis proves who it is, and the gateway to it. There is no option that
// skips the proof.
type TLS struct {
	// CA is a PEM file of the authorities that certificates of Redis are checked
	// by. Default: those that the system trusts.
	CA string `json:"ca,omitempty"`

	// ClientCertificate and ClientKey are PEM files with which the gateway proves
	// who it is, if Redis asks for it.
	ClientCertificate string `json:"client_certificate,omitempty"`
	ClientKey         string `json:"client_key,omitempty"`

	// ServerName is the name that certificates of Redis must have. Default: the
	// host of each URL.
	ServerName string `json:"server_name,omitempty"`
}

func (t *TLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("read tls ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read tls ca: %s holds no certificate in PEM", t.CA)
		}
	}
	if (t.ClientCertificate == "") != (t.ClientKey == "") {
		return nil, errors.New("a client certificate needs its key, and a key its certificate; give both")
	}
	if t.ClientCertificate != "" {
		pair, err := tls.LoadX509KeyPair(t.ClientCertificate, t.ClientKey)
		if err != nil {
			return nil, fmt.Errorf("read client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
