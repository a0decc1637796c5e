// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// ACME is a certificate authority that runs in the test's process and believes that
// every name is at 127.0.0.1.
type ACME struct {
	// Directory is its directory URL, for acme_ca.
	Directory string

	// RootFile is the certificate of the server at Directory, for acme_ca_root.
	RootFile string

	// Roots verify the certificates that it issues.
	Roots *x509.CertPool
}

// acme starts a certificate authority that looks for its challenges on the given ports.
func acme(t *testing.T, httpPort, tlsPort string) *ACME {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	quiet := log.New(io.Discard, "", 0)

	resolver := loopbackNames(t)
	store := db.NewMemoryStore()
	authority := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "for tests"}})
	validator := va.New(quiet, number(t, httpPort), number(t, tlsPort), true, resolver, store)
	front := wfe.New(quiet, store, validator, authority, []string{"authority.example"}, true, false, 1, 1)

	server := httptest.NewTLSServer(front.Handler())
	server.Config.ErrorLog = quiet
	t.Cleanup(server.Close)
	management := httptest.NewServer(front.ManagementHandler())
	t.Cleanup(management.Close)

	a := &ACME{
		Directory: server.URL + wfe.DirectoryPath,
		RootFile:  filepath.Join(t.TempDir(), "root.pem"),
		Roots:     x509.NewCertPool(),
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(a.RootFile, block, 0o600); err != nil {
		t.Fatalf("write certificate: %v", err)
	}
	root := finish(t, open(t, newClient(t, "", ""), http.MethodGet, management.URL+wfe.RootCertPath+"0", "", nil))
	if !a.Roots.AppendCertsFromPEM([]byte(root.Body)) {
		t.Fatalf("read root certificate: no PEM in %q", root.Body)
	}
	return a
}

// loopbackNames starts a DNS server, over TCP, for which every name has the one address
// 127.0.0.1. It returns the server's address.
func loopbackNames(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen for DNS queries: %v", err)
	}
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		answer := new(dns.Msg).SetReply(query)
		for _, q := range query.Question {
			if q.Qtype == dns.TypeA {
				answer.Answer = append(answer.Answer, &dns.A{
					Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET},
					A:   net.IPv4(127, 0, 0, 1),
				})
			}
		}
		_ = w.WriteMsg(answer) // a querier that has gone needs no answer
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ActivateAndServe() // ends when the listener is closed
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String()
}

func number(t *testing.T, port string) int {
	t.Helper()
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatalf("read port: %v", err)
	}
	return n
}

// client returns a client that trusts the authority and finds every name at address.
func (a *ACME) client(t *testing.T, address string) *http.Client {
	t.Helper()
	client := newClient(t, "tcp", address)
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: a.Roots}
	return client
}

func TestCertificateIsObtained(t *testing.T) {
	httpPort, httpsPort := freePort(t), freePort(t)
	authority := acme(t, httpPort, httpsPort)
	g := gateway(t, `{
	debug
	http_port {{HTTP}}
	https_port {{PORT}}
	acme_ca {{DIRECTORY}}
	acme_ca_root {{ROOT}}
}

site.example.com {
	respond "over TLS"
}
`, with("HTTP", httpPort), with("PORT", httpsPort), with("DIRECTORY", authority.Directory), with("ROOT", authority.RootFile))

	g.Logs().Wait(t, "added certificate to cache", "site.example.com") // logged with debug on
	res := finish(t, open(t, authority.client(t, g.Addr), http.MethodGet, "https://site.example.com/", "", nil))
	if res.Status != 200 || res.Body != "over TLS" {
		t.Errorf("GET https://site.example.com/ = %d %q", res.Status, res.Body)
	}
}
