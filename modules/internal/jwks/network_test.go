// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwks

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
)

// served starts a server that answers with keys, and counts.
func served(t *testing.T, tls bool, handler http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		handler(w, r)
	})
	server := httptest.NewUnstartedServer(h)
	if tls {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server, &asked
}

func keySet(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, jwttest.Set(named("a"))) }

func fetched(t *testing.T, o Options) error {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		return err
	}
	t.Cleanup(s.Close)
	_, _, err = s.Keys(t.Context(), "a", time.Now())
	return err
}

func TestFetchOverTLS(t *testing.T) {
	t.Parallel()
	server, _ := served(t, true, keySet)
	if err := fetched(t, Options{URL: server.URL + "/keys"}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("with a certificate that nobody knows: %v", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	if err := fetched(t, Options{URL: server.URL + "/keys", Roots: roots}); err != nil {
		t.Error(err)
	}
}

// TestRedirectIsNotFollowed sends the gateway to where clouds have credentials, and to a
// server that would answer well.
func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	other, asked := served(t, false, keySet)
	for _, target := range []string{"http://169.254.169.254/latest/meta-data/", other.URL} {
		server, _ := served(t, false, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target, http.StatusFound)
		})
		if err := fetched(t, Options{URL: server.URL}); !errors.Is(err, ErrUnavailable) {
			t.Errorf("to %s: %v", target, err)
		}
	}
	if asked.Load() != 0 {
		t.Error("the redirect was followed")
	}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	elsewhere, asked := served(t, false, keySet)
	var issuer, keys, path string
	server, _ := served(t, false, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			keySet(w, r)
			return
		}
		path = r.URL.Path
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, issuer, keys)
	})
	// The name is another host than the address, though both are this one.
	_, port, _ := strings.Cut(strings.TrimPrefix(elsewhere.URL, "http://"), ":")
	tests := []struct {
		name, issuer, keys string
		ok                 bool
	}{
		{"itself", server.URL, server.URL + "/keys", true},
		{"another issuer", server.URL + "/", server.URL + "/keys", false},
		{"no keys", server.URL, "", false},
		{"a file", server.URL, "file:///etc/passwd", false},
		{"plain http elsewhere", server.URL, "http://keys.example/", false},
		{"another host on a private address", server.URL, "http://localhost:" + port, false},
		{"metadata of a cloud", server.URL, "https://169.254.169.254/keys", false},
	}
	for _, tt := range tests {
		issuer, keys = tt.issuer, tt.keys
		err := fetched(t, Options{Issuer: server.URL})
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if path != "/.well-known/openid-configuration" {
		t.Errorf("metadata are looked for at %s", path)
	}
	if asked.Load() != 0 {
		t.Error("a host that is not configured was asked on a private address")
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		o    Options
		ok   bool
	}{
		{"https", Options{URL: "https://id.example/keys"}, true},
		{"http", Options{URL: "http://id.example/keys"}, false},
		{"http, permitted", Options{URL: "http://id.example/keys", Insecure: true}, true},
		{"http on this host", Options{URL: "http://localhost:8080/keys"}, true},
		{"http on this host, by address", Options{URL: "http://[::1]/keys"}, true},
		{"http on what begins like this host", Options{URL: "http://localhost.example/keys"}, false},
		{"http on what begins like its address", Options{URL: "http://127.0.0.1.example/keys"}, false},
		{"user", Options{URL: "https://user:demo@id.example/keys"}, false},
		{"fragment", Options{URL: "https://id.example/keys#a"}, false},
		{"file", Options{URL: "file:///keys", Insecure: true}, false},
		{"no host", Options{URL: "https:///keys"}, false},
		{"relative", Options{URL: "/keys"}, false},
		{"issuer", Options{Issuer: "https://id.example"}, true},
		{"issuer over http", Options{Issuer: "http://id.example"}, false},
		{"both", Options{URL: "https://id.example/keys", Issuer: "https://id.example"}, false},
		{"none", Options{}, false},
	}
	for _, tt := range tests {
		if err := tt.o.Check(); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestPermitted(t *testing.T) {
	t.Parallel()
	const configured = "id.example"
	tests := []struct {
		addr, host, configured string
		ok                     bool
	}{
		{"203.0.113.7", configured, configured, true},
		{"203.0.113.7", "keys.example", configured, true},
		{"2001:db8::1", "keys.example", configured, true},
		{"10.0.0.1", configured, configured, true},
		{"10.0.0.1", "keys.example", configured, false},
		{"::ffff:10.0.0.1", "keys.example", configured, false},
		{"127.0.0.1", "keys.example", configured, false},
		{"127.0.0.1", configured, configured, true},
		{"::1", "keys.example", configured, false},
		{"fd00::1", "keys.example", configured, false},
		{"100.64.1.1", "keys.example", configured, false},
		{"64:ff9b::a00:1", "keys.example", configured, false},
		{"64:ff9b::a00:1", configured, configured, true},
		{"64:ff9b::a9fe:a9fe", configured, configured, false},
		{"64:ff9b:1::a00:1", "keys.example", configured, false},
		{"64:ff9b:1:a00:0:100::", "keys.example", configured, false},
		{"64:ff9b:1::a00:1", configured, configured, true},
		{"64:ff9b:1::a9fe:a9fe", configured, configured, false},
		{"64:ff9b:1:a9fe:a9:fe00::", configured, configured, false},
		{"2002:a00:1::1", "keys.example", configured, false},
		{"2002:7f00:1::1", "keys.example", configured, false},
		{"2002:a9fe:a9fe::", configured, configured, false},
		{"2002:a00:1::1", configured, configured, true},
		{"2001:0:a00:1::f5ff:fffe", "keys.example", configured, false},
		{"2001:0:cb00:7107::5601:5601", configured, configured, false}, // its client is 169.254.169.254
		{"2001:0:a9fe:a9fe::1", configured, configured, false},
		{"2001:db8::1", "keys.example", configured, true},
		{"2001:4860:4860::8888", "keys.example", configured, true},
		{"2a00:1450:4001::1", "keys.example", configured, true},
		{"::a00:1", "keys.example", configured, false},
		{"::ffff:0:a00:1", "keys.example", configured, false},
		{"::a9fe:a9fe", configured, configured, false},
		{"::1", configured, configured, true},
		{"::", configured, configured, false},
		{"fec0::1", "keys.example", configured, false},
		{"192.0.0.8", "keys.example", configured, false},
		{"192.0.0.192", configured, configured, false},
		{"198.18.0.1", "keys.example", configured, false},
		{"198.19.255.255", "keys.example", configured, false},
		{"198.20.0.1", "keys.example", configured, true},
		{"100.127.255.255", "keys.example", configured, false},
		{"100.128.0.1", "keys.example", configured, true},
		{"100.100.100.200", configured, configured, false},
		{"168.63.129.16", configured, configured, false},
		{"fd00:ec2::254", configured, configured, false},
		{"fd00:ec2::254", "fd00:ec2::254", "fd00:ec2::254", true},
		{"0.1.2.3", configured, configured, false},
		{"240.0.0.1", "keys.example", configured, false},
		{"255.255.255.255", "keys.example", configured, false},
		{"169.254.169.254", configured, configured, false},
		{"169.254.169.254", "169.254.169.254", "169.254.169.254", true},
		{"169.254.169.254", "169.254.169.254", configured, false},
		{"fe80::1", configured, configured, false},
		{"0.0.0.0", configured, configured, false},
		{"224.0.0.1", configured, configured, false},
	}
	for _, tt := range tests {
		if got := permitted(netip.MustParseAddr(tt.addr), tt.host, tt.configured); got != tt.ok {
			t.Errorf("%s for %s: %t", tt.addr, tt.host, got)
		}
	}
}
