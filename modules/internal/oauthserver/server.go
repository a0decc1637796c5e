// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package oauthserver is a small OAuth 2.0 authorization server for machines. It knows the
// client-credentials grant (RFC 6749, section 4.4) and nothing else, so there is no
// browser, no redirect, no refresh token and no consent in it. Clients are those of the
// gateway's consumers.
//
// Access tokens are JWTs (RFC 9068), signed with keys that gateways share through their
// store of records, where revoked tokens are remembered until they would have expired
// (RFC 7009). Keys are published (RFC 7517), and so is what the server can do (RFC 8414).
//
// The grant itself, from the parameters of a request to the answer or the error, is that
// of github.com/go-oauth2/oauth2. ory/fosite, the larger library, brings tracing, gRPC,
// protocol buffers and a cache with it, 150 packages in all, for flows that are not wanted
// here; of the smaller one, three packages without dependencies of their own are linked.
package oauthserver

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	lib "github.com/go-oauth2/oauth2/v4/server"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/records"
)

// Defaults and bounds of Config.
const (
	DefaultLifetime = time.Hour
	MinLifetime     = time.Minute
	MaxLifetime     = 24 * time.Hour
	DefaultRotate   = 30 * 24 * time.Hour
	MinRotate       = time.Hour
	MaxRotate       = 400 * 24 * time.Hour
	DefaultPath     = "/oauth2"

	maxAudiences = 16
	maxAudience  = 256
)

// RevocationDelay is how long another gateway may take a revoked token for a good one: for
// so long each remembers that a token was not revoked.
const RevocationDelay = 2 * time.Second

// Config says what the server issues.
type Config struct {
	// Issuer is the identity of the server and where clients find it: a URL with https,
	// or with http on a loopback host, without query, fragment and slash at its end.
	Issuer string
	// Audience are the values of the claim aud. Default: the issuer.
	Audience []string
	// Lifetime is how long tokens are good for. Default: DefaultLifetime.
	Lifetime time.Duration
	// Algorithm signs the tokens: ES256 (the default), EdDSA or RS256.
	Algorithm string
	// Rotate is how long one key signs. Default: DefaultRotate.
	Rotate time.Duration
	// Path is where the endpoints are below the issuer. Default: DefaultPath.
	Path string
	// MandatoryScope refuses requests that name no scope.
	MandatoryScope bool
	// Passphrase encrypts keys in the store, so that who can read or write there can
	// neither sign nor plant a key. Empty: keys are kept as they are.
	Passphrase string
}

// Server is an authorization server. It is safe for concurrent use.
type Server struct {
	config  Config
	store   func() records.Store
	clients *consumers.Table
	now     func() time.Time
	sealer  *sealer
	prefix  string // of the keys of its records
	paths   [numEndpoints]string
	grants  *lib.Server
	revoked revocations

	tokenRules jwtverify.Rules
	verified   *jwtverify.Cache[*Verified]

	ring     atomic.Pointer[ring]
	readings attempts[*ring]
	mu       sync.Mutex // never held while the store is asked
	looked   time.Time  // when keys were last read because one was not known

	makings attempts[*key]
	refused time.Time // when the store has refused a new key, for who makes one, and
	refusal error     // with what

	askings  attempts[bool] // whether a token was revoked, by its id
	revoking attempts[bool] // by id
}

// New makes a server. The store is asked for when it is needed, because it may not be open
// yet.
func New(c Config, clients *consumers.Table, store func() records.Store) (*Server, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	s := &Server{config: c, store: store, clients: clients, now: time.Now, prefix: recordPrefix(c.Issuer)}
	if c.Passphrase != "" {
		var err error
		if s.sealer, err = newSealer(c.Passphrase); err != nil {
			return nil, err
		}
	}
	issuer, err := url.Parse(c.Issuer)
	if err != nil {
		return nil, err
	}
	s.paths = [numEndpoints]string{
		TokenEndpoint:    issuer.Path + c.Path + "/token",
		RevokeEndpoint:   issuer.Path + c.Path + "/revoke",
		KeysEndpoint:     issuer.Path + c.Path + "/jwks",
		MetadataEndpoint: "/.well-known/oauth-authorization-server" + issuer.Path,
	}
	s.grants = newGrants(s)
	s.tokenRules = s.rules()
	s.verified = jwtverify.NewCache[*Verified](verifiedBytes)
	return s, nil
}

// complete checks the config and fills in what is missing.
func (c *Config) complete() error {
	if err := CheckIssuer(c.Issuer); err != nil {
		return err
	}
	if len(c.Audience) == 0 {
		c.Audience = []string{c.Issuer}
	}
	if len(c.Audience) > maxAudiences || slices.ContainsFunc(c.Audience, func(s string) bool { return s == "" || len(s) > maxAudience }) {
		return errors.New("there are more than 16 audiences, or one is empty or longer than 256 bytes")
	}
	if c.Lifetime == 0 {
		c.Lifetime = DefaultLifetime
	}
	if c.Lifetime < MinLifetime || c.Lifetime > MaxLifetime {
		return errors.New("the lifetime of tokens is not between 1m and 24h")
	}
	if c.Rotate == 0 {
		c.Rotate = DefaultRotate
	}
	if c.Rotate < MinRotate || c.Rotate > MaxRotate {
		return errors.New("the time for which a key signs is not between 1h and 400d")
	}
	if c.Algorithm == "" {
		c.Algorithm = ES256
	}
	if c.Algorithm != ES256 && c.Algorithm != EdDSA && c.Algorithm != RS256 {
		return errors.New("the algorithm is not ES256, EdDSA or RS256")
	}
	if c.Path == "" {
		c.Path = DefaultPath
	}
	return CheckPath(c.Path)
}

// CheckIssuer says what is wrong with the URL of an issuer (RFC 8414, section 2).
func CheckIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case issuer == "":
		return errors.New("there is no issuer; write the URL under which clients reach the server")
	case err != nil || u.Host == "" || u.User != nil:
		return errors.New("the issuer is not a URL such as https://api.example.com")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(issuer, "#"):
		return errors.New("the issuer has a query or a fragment")
	case strings.HasSuffix(issuer, "/"):
		return errors.New("the issuer ends with a slash; leave it out, since issuers are compared letter by letter")
	case u.EscapedPath() != u.Path || strings.Contains(u.Path, "//") || strings.Contains(u.Path, "/."):
		return errors.New("the path of the issuer is not a plain one")
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http" || !isLoopback(u.Hostname()):
		return errors.New("the issuer is not a URL with https; http is for loopback hosts alone")
	}
	return nil
}

// CheckPath says what is wrong with a path below which endpoints are.
func CheckPath(path string) error {
	u, err := url.Parse(path)
	if err != nil || path == "" || u.Path != path || u.EscapedPath() != path || path[0] != '/' || path != "/" && strings.HasSuffix(path, "/") ||
		strings.Contains(path, "//") || strings.Contains(path, "/.") {
		return errors.New("the path is not a plain one such as /oauth2")
	}
	return nil
}

// Issuer is the identity of the server.
func (s *Server) Issuer() string { return s.config.Issuer }

// Audience are the values of the claim aud in its tokens.
func (s *Server) Audience() []string { return s.config.Audience }

// records is the store, which is nil to nobody.
func (s *Server) records() records.Store {
	if store := s.store(); store != nil {
		return store
	}
	return noRecords{}
}

// noRecords stands in for a store that is not there.
type noRecords struct{}

func (noRecords) Put(context.Context, string, []byte, time.Duration) error {
	return records.ErrUnavailable
}

func (noRecords) Add(context.Context, string, []byte, time.Duration) (bool, error) {
	return false, records.ErrUnavailable
}

func (noRecords) Get(context.Context, string) ([]byte, bool, error) {
	return nil, false, records.ErrUnavailable
}

func (noRecords) Take(context.Context, string) ([]byte, bool, error) {
	return nil, false, records.ErrUnavailable
}

func (noRecords) Delete(context.Context, string) error { return records.ErrUnavailable }

func (noRecords) List(context.Context, string) ([]records.Record, error) {
	return nil, records.ErrUnavailable
}
