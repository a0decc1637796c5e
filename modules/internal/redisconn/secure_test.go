// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisconn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
)

// certify writes a certificate for 127.0.0.1 that signs itself, and its key.
func certify(t *testing.T) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "demo"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	write := func(name, kind string, data []byte) string {
		path := filepath.Join(t.TempDir(), name)
		data = pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})
		if kind == "CERTIFICATE" && !roots.AppendCertsFromPEM(data) {
			t.Fatal("the certificate is none")
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", cert), write("key.pem", "EC PRIVATE KEY", encoded), roots
}

// TestTLS: the server's certificate is checked, and a restart is survived.
func TestTLS(t *testing.T) {
	t.Parallel()
	cert, key, roots := certify(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := redistest.Start(t, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no")
	trusting := Options{URLs: []string{"rediss://" + addr}, TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, Timeout: patient, DialTimeout: patient}
	c := connect(t, trusting)
	mustUp(t, c)
	for range 100 {
		if err := set(c, "key"); err != nil {
			t.Fatal(err)
		}
	}
	if n := c.Client().PoolStats().Misses; n > 2 {
		t.Errorf("%d connections were made for one after the other", n)
	}
	s.Restart(true)
	redistest.Within(t, soon(), "it is used again", func() bool { return c.Epoch() > 1 && set(c, "key") == nil })

	for name, o := range map[string]Options{
		"a stranger":        {URLs: trusting.URLs},
		"another name":      {URLs: trusting.URLs, TLS: &tls.Config{RootCAs: roots, ServerName: "demo", MinVersion: tls.VersionTLS12}},
		"without TLS":       {URLs: []string{"redis://" + addr}},
		"TLS where none is": {URLs: []string{"rediss://" + s.Addr}, TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
	} {
		o.Timeout, o.DialTimeout = patient, patient
		if c := connect(t, o); c.Up() {
			t.Errorf("%s is trusted", name)
		} else {
			t.Logf("%s: %v", name, c.Err())
		}
	}
}

func TestSocket(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "redis") // paths of sockets must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	s := redistest.Start(t, "--unixsocket", path)
	c := connect(t, Options{URLs: []string{"unix://" + path + "?db=3"}})
	mustUp(t, c)
	if err := set(c, "key"); err != nil {
		t.Error(err)
	}
	s.Do("SWAPDB", "0", "3")
	if s.Do("GET", "key") != "value" {
		t.Error("it is in another database")
	}
}

// TestFrozenShard: a Cluster of which one master does not answer is down, since those
// whose counters it has would wait for it each time.
func TestFrozenShard(t *testing.T) {
	cluster := redistest.StartCluster(t, false)
	c := connect(t, Options{URLs: cluster.URLs(), Cluster: true, Timeout: patient, DialTimeout: patient})
	mustUp(t, c)
	epoch := c.Epoch()
	cluster.Masters[1].Stop()
	took := redistest.Within(t, 2*soon(), "it is noticed", func() bool { return !c.Up() })
	cluster.Masters[1].Cont()
	back := redistest.Within(t, 2*soon(), "it is back", c.Up)
	t.Logf("noticed after %v, back after %v", took, back)
	if c.Epoch() == epoch {
		t.Error("it comes back as if nothing could be lost")
	}
}
