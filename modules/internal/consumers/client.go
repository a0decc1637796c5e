// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

// Bounds of what an OAuth 2.0 client may have.
const (
	// MaxClientID is how long the identifier of a client may be, in bytes.
	MaxClientID = 128
	// MaxScope is how long one scope may be, in bytes.
	MaxScope = 128

	maxScopes   = 64
	maxTogether = 2048 // bytes of all scopes of a client, which stand in its tokens
	maxSecrets  = 4

	// clientPrefix begins the identifiers of credentials of clients.
	clientPrefix = "oauth2:"
)

// ClientSpec describes one OAuth 2.0 client of a consumer (RFC 6749, section 2).
type ClientSpec struct {
	// ID is the client identifier: at most 128 letters, digits and "-._~", so that it
	// reads the same whether a library encodes it or not; unique among all consumers.
	ID string `json:"id"`
	// Secrets are the client's secrets, as KeySpec.Key, at most four: one, and the next
	// one while it is replaced. A client without one gets no token from the gateway; it
	// says which consumer tokens of another authorization server belong to.
	Secrets []string `json:"secrets,omitempty"`
	// Scopes are what tokens of the client may be for, at most 64 and 2048 bytes together.
	// A token is for all of them unless the client asks for less.
	Scopes []string `json:"scopes,omitempty"`
}

// Client is an OAuth 2.0 client of a consumer.
type Client struct {
	// ID is the client identifier.
	ID string
	// Scopes are what its tokens may be for.
	Scopes []string
	// Credential is access as the consumer by a token of the client. Its ID is "oauth2:"
	// and that of the client.
	Credential *Credential

	secrets []apikey.Digest
}

// HasSecret says that the client can ask for tokens.
func (c *Client) HasSecret() bool { return len(c.secrets) > 0 }

// SecretIDs are the identifiers of its secrets, which reveal nothing of them (see
// apikey.Digest.ID).
func (c *Client) SecretIDs() []string {
	ids := make([]string, len(c.secrets))
	for i := range c.secrets {
		ids[i] = c.secrets[i].ID()
	}
	return ids
}

// Client returns the OAuth 2.0 client with an identifier, or nil if there is none.
func (t *Table) Client(id string) *Client { return t.clients[id] }

// CheckClient returns the client with an identifier if secret is one of its secrets, and
// nil otherwise. It takes as long for an unknown client as for one with a wrong secret.
func (t *Table) CheckClient(id, secret string) *Client {
	digest := apikey.Hash(secret)
	client := t.clients[id]
	match := 0
	for i := range maxSecrets {
		stored, there := &absent, 0
		if client != nil && i < len(client.secrets) {
			stored, there = &client.secrets[i], 1
		}
		match |= subtle.ConstantTimeCompare(digest[:], stored[:]) & there
	}
	if match != 1 {
		return nil
	}
	return client
}

// Clients yields the OAuth 2.0 clients of all consumers by their identifiers.
func (t *Table) Clients() iter.Seq[*Client] {
	return func(yield func(*Client) bool) {
		for _, id := range slices.Sorted(maps.Keys(t.clients)) {
			if !yield(t.clients[id]) {
				return
			}
		}
	}
}

// CheckScope says what is wrong with a scope (RFC 6749, section 3.3).
func CheckScope(s string) error {
	if s == "" {
		return errors.New("is empty")
	}
	if len(s) > MaxScope {
		return fmt.Errorf("is longer than %d bytes", MaxScope)
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '"' || c == '\\' || c > '~' {
			return errors.New(`holds a space, a quote, a backslash or what is not printable ASCII`)
		}
	}
	return nil
}

func checkClientID(id string) error {
	if id == "" {
		return errors.New("is empty")
	}
	if len(id) > MaxClientID {
		return fmt.Errorf("is longer than %d bytes", MaxClientID)
	}
	for i := range len(id) {
		c := id[i]
		if '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("-._~", c) >= 0 {
			continue
		}
		return errors.New(`holds something else than letters, digits and "-._~"`)
	}
	return nil
}

// client checks one client of c and adds it to the table.
func (b *builder) client(c *Consumer, s *ClientSpec) {
	before := len(b.problems) + b.more
	if err := checkClientID(s.ID); err != nil {
		b.refuse("the oauth_client id %s %w", quote(s.ID), err)
		return
	}
	if other := b.table.clients[s.ID]; other != nil {
		b.refuse("the oauth_client id %s is also that of a client of consumer %s", quote(s.ID), quote(other.Credential.Consumer.Name))
		return
	}
	if len(s.Secrets) > maxSecrets {
		b.refuse("oauth_client %s has more than %d secrets", quote(s.ID), maxSecrets)
	}
	if len(s.Scopes) > maxScopes {
		b.refuse("oauth_client %s has more than %d scopes", quote(s.ID), maxScopes)
	}
	for i, scope := range s.Scopes {
		if err := CheckScope(scope); err != nil {
			b.refuse("oauth_client %s: scope %s %w", quote(s.ID), quote(scope), err)
		} else if slices.Contains(s.Scopes[:i], scope) {
			b.refuse("oauth_client %s: scope %s is listed twice", quote(s.ID), quote(scope))
		}
	}
	if len(strings.Join(s.Scopes, " ")) > maxTogether {
		b.refuse("the scopes of oauth_client %s have more than %d bytes together", quote(s.ID), maxTogether)
	}
	client := &Client{ID: strings.Clone(s.ID), Scopes: b.intern.list(s.Scopes)}
	for _, literal := range s.Secrets {
		if digest, err := b.secret(literal); err != nil {
			b.refuse("oauth_client %s: %w", quote(s.ID), err)
		} else if slices.Contains(client.secrets, digest) {
			b.refuse("oauth_client %s: a secret is listed twice", quote(s.ID))
		} else {
			client.secrets = append(client.secrets, digest)
		}
	}
	if len(b.problems)+b.more > before {
		return
	}
	client.Credential = &Credential{
		Consumer: c, ID: clientPrefix + client.ID,
		Groups: c.Groups, Tags: c.Tags, Plans: c.Plans, TagSet: b.intern.set(c.Tags),
	}
	if b.table.clients == nil {
		b.table.clients = make(map[string]*Client)
	}
	b.table.clients[client.ID] = client
}

// secret resolves the text of a client secret.
func (b *builder) secret(literal string) (apikey.Digest, error) {
	digest, err := b.resolve(literal)
	switch {
	case literal == "" || err == nil && digest == noKey:
		return digest, errors.New("a secret is empty")
	case err != nil:
		return digest, fmt.Errorf("secret: %w", err)
	case apikey.Leaked(digest):
		return digest, errors.New("a secret was published and must not be used; make another")
	}
	return digest, nil
}
