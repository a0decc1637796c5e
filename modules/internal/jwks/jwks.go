// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package jwks keeps the keys of an issuer of tokens, which publishes them at a URL (RFC 7517)
// that is configured, or that its metadata name (OpenID Connect Discovery, RFC 8414).
//
// Keys are fetched when the first token has to be verified, and again from time to time
// behind requests, which meanwhile go on with the keys there are. A token that names a key
// that is not among them makes one fetch, and no other for a cooldown, however many such
// tokens there are. Through an outage of the issuer its keys stay good for a time.
//
// Only what is configured is ever fetched: nothing that a token says decides on an address.
// Redirects are not followed. Addresses of private networks are not connected to, unless the
// configured host has one, and those under which clouds have their metadata only where the URL
// itself spells them out; IPv6 addresses that lead to an IPv4 address are taken for what they
// lead to. Answers are bounded in size and time.
package jwks

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
)

// Defaults and bounds.
const (
	// DefaultRefresh is how old keys become before they are fetched again.
	DefaultRefresh = 15 * time.Minute
	// DefaultKeep is how old keys become at most, while they cannot be fetched.
	DefaultKeep = 24 * time.Hour
	// Cooldown is how long after a fetch for an unknown key, and after one that has
	// failed, there is no other.
	Cooldown = time.Minute
	// Timeout bounds one fetch, metadata included.
	Timeout = 5 * time.Second
	// MaxAnswer is how large an answer may be, in bytes.
	MaxAnswer = 1 << 20
)

// ErrUnavailable is that no keys are known and that they cannot be fetched now.
var ErrUnavailable = errors.New("the keys of the issuer cannot be fetched")

// Options say where keys are and how long they are good.
type Options struct {
	// URL is that of the key set, or empty with Issuer.
	URL string
	// Issuer is the issuer whose metadata name the URL of the key set.
	Issuer string
	// Algorithms are those which keys may be for; see jwtverify.ParseSet.
	Algorithms jwtverify.Algorithms
	// Insecure permits http to other hosts than this one.
	Insecure bool
	// Roots are whom the certificate of the host must come from; nil for those of
	// the system.
	Roots *x509.CertPool
	// Refresh and Keep replace the defaults if they are above 0.
	Refresh, Keep time.Duration
	// Report is told of each fetch that has failed, and of the first that has not
	// after one that had. It may be nil, and runs in a goroutine of its own fetch.
	Report func(error)
	// Transport replaces the network, for tests; nil for the real one.
	Transport http.RoundTripper
}

// Check returns an error unless the URL, or that of the issuer, may be fetched.
func (o *Options) Check() error {
	if (o.URL == "") == (o.Issuer == "") {
		return errors.New("either a URL or an issuer is needed")
	}
	_, err := o.parse(o.address())
	return err
}

func (o *Options) address() string {
	if o.URL != "" {
		return o.URL
	}
	return o.Issuer
}

// parse reads a URL that is to be fetched. Plain http is for this host, or where it is
// permitted; with anybody in between, keys are his who changes them.
func (o *Options) parse(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, fmt.Errorf("%q is not an absolute URL", text)
	case u.User != nil || u.Fragment != "":
		return nil, errors.New("the URL has a user or a fragment; leave these out")
	case u.Scheme == "https" || u.Scheme == "http" && (o.Insecure || isLoopback(u.Hostname())):
		return u, nil
	}
	return nil, fmt.Errorf("%q must be https: whoever can change keys on their way can sign tokens", text)
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// transport returns what fetches: without proxy, keep-alive or redirects, and with a look at
// each address before a connection is made, which names cannot get around.
func (o *Options) transport() http.RoundTripper {
	if o.Transport != nil {
		return o.Transport
	}
	configured := ""
	if u, err := url.Parse(o.address()); err == nil {
		configured = u.Hostname()
	}
	t := &http.Transport{
		DialContext:            dialer(configured),
		DisableKeepAlives:      true,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: 64 << 10,
		TLSHandshakeTimeout:    Timeout,
	}
	if o.Roots != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12}
	}
	return t
}
