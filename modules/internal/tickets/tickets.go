// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package tickets makes tickets and takes them back. A ticket stands for a credential once
// and for a short time, where the credential itself should not appear: in the URL of a
// browser's WebSocket. Records keep a digest of the ticket with what it stands for.
package tickets

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/records"
)

const (
	// Prefix begins each ticket.
	Prefix = "tgt_"
	// Length of a ticket in bytes: the prefix and 256 random bits in base64url.
	Length = len(Prefix) + 43

	// DefaultName is the query parameter in which tickets come.
	DefaultName = "ticket"
	// DefaultTTL is how long a ticket is good by default.
	DefaultTTL = 30 * time.Second
	// MaxTTL is how long it is good at most.
	MaxTTL = 5 * time.Minute

	// kind begins the keys of tickets among records.
	kind = "ticket:"
	// version is that of what is kept.
	version = 1
	// maxOrigin bounds an origin, in bytes.
	maxOrigin = 300
)

// Ticket is what a ticket stands for.
type Ticket struct {
	// Consumer is the name of who has it, and Credential identifies the credential
	// that it was exchanged for.
	Consumer   string `json:"consumer"`
	Credential string `json:"credential,omitempty"`
	// Keyless says that the credential is none that the config lists: the consumer was
	// known by somebody else's token or password.
	Keyless bool `json:"keyless,omitempty"`
	// Token is what the token says that it was exchanged for, if it was one.
	Token *Token `json:"token,omitempty"`
	// Bound says that the ticket is good for a browser at Origin alone, and, where that
	// is empty, for what is no browser.
	Bound  bool   `json:"bound,omitempty"`
	Origin string `json:"origin,omitempty"`
	// Path is the path for which it is good, or what all of them begin with, and an
	// asterisk; empty for any.
	Path string `json:"path,omitempty"`
	// Route is the name of the only route for which it is good; empty for any.
	Route string `json:"route,omitempty"`
}

// Token is a token (RFC 7519) without what makes it one.
type Token struct {
	Issuer  string         `json:"issuer,omitempty"`
	Subject string         `json:"subject,omitempty"`
	ID      string         `json:"id,omitempty"`
	Client  string         `json:"client,omitempty"`
	Scopes  []string       `json:"scopes,omitempty"`
	Expires time.Time      `json:"expires,omitzero"`
	Claims  map[string]any `json:"claims,omitempty"`
}

// stored is what records hold.
type stored struct {
	Version int `json:"v"`
	Ticket
}

// WellFormed says that s has the form of a ticket.
func WellFormed(s string) bool {
	if len(s) != Length || s[:len(Prefix)] != Prefix {
		return false
	}
	for i := len(Prefix); i < len(s); i++ {
		c := s[i]
		if ('0' > c || c > '9') && ('a' > c|0x20 || c|0x20 > 'z') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// keyOf is where records have a ticket: by its digest, so that who sees the store has no
// ticket.
func keyOf(ticket string) string {
	sum := sha256.Sum256([]byte(ticket))
	return kind + hex.EncodeToString(sum[:])
}

// Issue makes a ticket that is good for a time. Its errors are those of the store.
func Issue(ctx context.Context, s records.Store, t *Ticket, ttl time.Duration) (ticket string, err error) {
	if ttl <= 0 || ttl > MaxTTL {
		return "", fmt.Errorf("make ticket: %w: it would be good for %s", records.ErrInvalid, ttl)
	}
	value, err := json.Marshal(stored{version, *t})
	if err != nil {
		return "", fmt.Errorf("make ticket: %w", err)
	}
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	ticket = Prefix + base64.RawURLEncoding.EncodeToString(secret[:])
	added, err := s.Add(ctx, keyOf(ticket), value, ttl)
	if err != nil {
		return "", fmt.Errorf("make ticket: %w", err)
	}
	if !added {
		return "", errors.New("make ticket: there is one like it") // in 2^128 years
	}
	return ticket, nil
}

// Redeem takes a ticket back. It returns nil for one that is unknown, was redeemed or has
// expired. Of several callers at once one gets it.
func Redeem(ctx context.Context, s records.Store, ticket string) (*Ticket, error) {
	if !WellFormed(ticket) {
		return nil, nil //nolint:nilnil // No ticket is no failure.
	}
	value, found, err := s.Take(ctx, keyOf(ticket))
	if err != nil {
		return nil, fmt.Errorf("redeem ticket: %w", err)
	}
	if !found {
		return nil, nil //nolint:nilnil // As above.
	}
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber() // as claims are decoded everywhere
	var t stored
	if err := d.Decode(&t); err != nil || t.Version != version {
		return nil, nil //nolint:nilnil,nilerr // Another version of the gateway has made it: it is not good here.
	}
	return &t.Ticket, nil
}

// GoodFor says that t is good for a request to a path, on a route, with these values of
// the header Origin.
func (t *Ticket) GoodFor(requested, route string, origins []string) bool {
	if t.Path != "" && !MatchPath(t.Path, requested) || t.Route != "" && t.Route != route {
		return false
	}
	if !t.Bound {
		return true
	}
	if t.Origin == "" {
		return len(origins) == 0
	}
	return len(origins) == 1 && origins[0] == t.Origin
}

// MatchPath says that a pattern admits a path: one like it or, where the pattern ends in an
// asterisk, one that begins like it. A path that could mean another one, by dot segments or
// empty segments, is admitted by no such pattern.
func MatchPath(pattern, requested string) bool {
	prefix, open := strings.CutSuffix(pattern, "*")
	if !open {
		return pattern == requested
	}
	clean := path.Clean(requested)
	return strings.HasPrefix(requested, prefix) && (clean == requested || clean+"/" == requested)
}

// CheckOrigin refuses what no browser sends as the origin of a page: it must be scheme and
// host, with a port if that is not the default one, in lower case. The origin null is that
// of many.
func CheckOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || len(origin) > maxOrigin || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != origin ||
		strings.ToLower(origin) != origin || strings.ContainsFunc(origin, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return errors.New("an origin is a scheme and a host such as https://app.example.com")
	}
	return nil
}
