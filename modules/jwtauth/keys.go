// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/jwks"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
)

// maxFile is how large a file of keys may be, in bytes.
const maxFile = 1 << 20

// KeyConfig is a key that the config holds: a secret, or a public key.
type KeyConfig struct {
	// Secret is what the issuer and the gateway both know, as {env.NAME} or {file.PATH}:
	// at least 32, 48 or 64 bytes for HS256, HS384 or HS512.
	Secret string `json:"secret,omitempty"`

	// Base64 says that Secret is in base64, of either alphabet, padded or not.
	Base64 bool `json:"base64,omitempty"`

	// PublicKey is a public key or a certificate in PEM, as {env.NAME}, {file.PATH} or
	// the text itself.
	PublicKey string `json:"public_key,omitempty"`

	// Algorithms are those that the key is for. Default: HS256 for a secret, RS256 for
	// RSA, and for others the one that they can.
	Algorithms []string `json:"algorithms,omitempty"`

	// ID is the identifier by which tokens name the key in kid. Default: none; the key
	// is tried whatever a token names.
	ID string `json:"id,omitempty"`

	// Issuer is the only one whose tokens the key verifies. Default: those of Issuers; without
	// any, all but those whom another key names.
	Issuer string `json:"issuer,omitempty"`
}

// KeySetConfig is a set of keys (RFC 7517). Exactly one of File, URL and Discover is given.
type KeySetConfig struct {
	// File is a file with a key set, read at load. Secrets in it count, too.
	File string `json:"file,omitempty"`

	// URL is where an issuer publishes its key set: https, or http on this host.
	URL string `json:"url,omitempty"`

	// Discover is an issuer whose metadata (OpenID Connect Discovery) name that URL. It is
	// the issuer of the keys as well.
	Discover string `json:"discover,omitempty"`

	// Algorithms are those which keys may be for. Default: what the keys say; RS256 for
	// RSA keys that say nothing.
	Algorithms []string `json:"algorithms,omitempty"`

	// Issuer is the only one whose tokens the keys verify. Default: those of Issuers; without
	// any, all but those whom another key names.
	Issuer string `json:"issuer,omitempty"`

	// Insecure permits http to other hosts.
	Insecure bool `json:"insecure,omitempty"`

	// CA is a file in PEM with the certificates of those who certify the host. Default:
	// the system's.
	CA string `json:"ca,omitempty"`

	// Refresh is after what time keys are fetched again. Default: 15m.
	Refresh caddy.Duration `json:"refresh,omitempty"`

	// Keep is how long keys stay good while they cannot be fetched. Default: 24h.
	Keep caddy.Duration `json:"keep,omitempty"`
}

// source is some keys, with the issuers for whose tokens they count.
type source struct {
	issuers []string // empty: all
	others  []string // whose tokens are for keys of their own alone, if issuers is empty
	static  *jwtverify.Set
	remote  *jwks.Source // nil if static
}

// accepts says that the keys count for tokens of an issuer.
func (s *source) accepts(issuer string) bool {
	if len(s.issuers) == 0 {
		return !slices.Contains(s.others, issuer)
	}
	return slices.Contains(s.issuers, issuer)
}

// loadKeys makes the sources. What is fetched is fetched when the first token comes.
func (t *Tokens) loadKeys() error {
	for i := range t.Keys {
		key, err := t.Keys[i].load()
		if err != nil {
			return fmt.Errorf("key %d: %w", i+1, err)
		}
		t.sources = append(t.sources, &source{issuers: t.issuersOf(t.Keys[i].Issuer), static: jwtverify.NewSet(key)})
	}
	for i := range t.KeySets {
		s, err := t.openSet(&t.KeySets[i])
		if err != nil {
			return errors.Join(fmt.Errorf("key set %d: %w", i+1, err), t.cleanup())
		}
		t.sources = append(t.sources, s)
	}
	if err := t.checkSources(); err != nil {
		return errors.Join(err, t.cleanup())
	}
	return nil
}

func (t *Tokens) checkSources() error {
	if len(t.sources) == 0 && t.ConsumerKeys == "" {
		t.ConsumerKeys = "iss"
	}
	if t.ConsumerKeys != "" && t.table.JWTs() == 0 {
		if len(t.sources) == 0 {
			return errors.New("there is no key, so every request would be refused: write secret, public_key, jwks or discover here, " +
				"or jwt in the consumer block of the gateway option")
		}
		return errors.New("consumer_keys: no consumer has a jwt; write one in the consumer block of the gateway option")
	}
	if len(t.Issuers) > 1 {
		for _, s := range t.sources {
			if len(s.issuers) > 1 {
				return errors.New("there are several issuers, and a key that does not say whose it is; write issuer in its block")
			}
		}
	}
	var named []string
	for _, s := range t.sources {
		named = append(named, s.issuers...)
	}
	for _, s := range t.sources {
		s.others = named
	}
	t.label = "jwt:" + t.labelOf()
	if t.Consumer != "" {
		c := t.table.Consumer(t.Consumer)
		if c == nil {
			return fmt.Errorf("consumer %q does not exist", t.Consumer)
		}
		t.fixed = c.Keyless(t.label)
	}
	return nil
}

// labelOf is what stands for the keys in logs, records and headers: the host of the issuer,
// or its name.
func (t *Tokens) labelOf() string {
	names := slices.Clone(t.Issuers)
	for i := range t.KeySets {
		names = append(names, t.KeySets[i].Discover, t.KeySets[i].Issuer, t.KeySets[i].URL)
	}
	for i := range t.Keys {
		names = append(names, t.Keys[i].Issuer, t.Keys[i].ID)
	}
	for _, name := range names {
		if u, err := url.Parse(name); err == nil && u.Host != "" {
			name = u.Host
		}
		name = strings.Map(func(c rune) rune {
			if c <= ' ' || c > '~' || c == ',' {
				return -1
			}
			return c
		}, name)
		if name != "" {
			return name[:min(len(name), 64)]
		}
	}
	return "static"
}

func (t *Tokens) issuersOf(own string) []string {
	if own != "" {
		return []string{own}
	}
	return t.Issuers
}

// load makes the key.
func (k *KeyConfig) load() (*jwtverify.Key, error) {
	algorithms, err := jwtverify.ParseAlgorithms(k.Algorithms)
	switch {
	case err != nil:
		return nil, err
	case (k.Secret == "") == (k.PublicKey == ""):
		return nil, errors.New("a key is either a secret or a public_key")
	case k.PublicKey != "" && k.Base64:
		return nil, errors.New("base64 is for a secret")
	}
	text, err := gateway.ResolveSecret(k.Secret + k.PublicKey)
	if err != nil {
		return nil, err
	}
	if k.PublicKey != "" {
		return jwtverify.ParsePEM(k.ID, []byte(text), algorithms)
	}
	secret := []byte(text)
	if k.Base64 {
		text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		if secret, err = base64.RawStdEncoding.DecodeString(text); err != nil {
			return nil, errors.New("the secret is not base64")
		}
	}
	return jwtverify.NewSecret(k.ID, secret, algorithms)
}

// openSet reads a file, or takes the keys of an issuer from the pool.
func (t *Tokens) openSet(k *KeySetConfig) (*source, error) {
	algorithms, err := jwtverify.ParseAlgorithms(k.Algorithms)
	if err != nil {
		return nil, err
	}
	given := 0
	for _, v := range []string{k.File, k.URL, k.Discover} {
		if v != "" {
			given++
		}
	}
	if given != 1 {
		return nil, errors.New("a key set has exactly one of file, url and discover")
	}
	if k.File != "" {
		if k.Insecure || k.CA != "" || k.Refresh != 0 || k.Keep != 0 {
			return nil, errors.New("insecure, ca, refresh and keep are for keys that are fetched")
		}
		doc, err := readFile(k.File)
		if err != nil {
			return nil, err
		}
		set, err := jwtverify.ParseSet(doc, algorithms, true)
		return &source{issuers: t.issuersOf(k.Issuer), static: set}, err
	}
	own := k.Issuer
	if k.Discover != "" {
		if own != "" && own != k.Discover {
			return nil, errors.New("discover names the issuer already; leave issuer out")
		}
		own = k.Discover
	}
	remote, err := t.takeRemote(k, algorithms)
	return &source{issuers: t.issuersOf(own), remote: remote}, err
}

func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(name)
}
