// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

const (
	// shortKey is how many characters a key has at least that nobody need be
	// warned of.
	shortKey = 16
	// maxKeyWarnings bounds what one load logs about single keys.
	maxKeyWarnings = 20
)

// loadConsumers builds the table from the config and its files: all of it or
// nothing, with every problem named.
func (a *App) loadConsumers() (*consumers.Table, error) {
	specs := a.Consumers
	for _, name := range a.ConsumersFiles {
		more, err := readConsumersFile(name)
		if err != nil {
			return nil, err
		}
		specs = append(slices.Clip(specs), more...)
	}
	groups := make([]string, 0, len(a.Groups))
	for _, g := range a.Groups {
		if g.Name == "" {
			return nil, errors.New("a group has no name")
		}
		groups = append(groups, g.Name)
	}
	short := map[string]bool{}
	table, err := consumers.Build(specs, a.planOptions(consumers.BuildOptions{
		Groups:  groups,
		Resolve: a.keyResolver(caddy.NewReplacer(), short),

		JWTSecret: ResolveSecret,
	}))
	if err != nil {
		return nil, fmt.Errorf("build consumers: %w", err)
	}
	a.resolvePlans(table)
	a.warnAboutKeys(table, short, time.Now())
	return table, nil
}

// warnAboutKeys names keys that work badly or no more: those in short, by their
// identifiers, and those that have ended. Neither is refused: an operator may
// have no say in the form of a key, and must be able to reload on the day after
// one has ended.
func (a *App) warnAboutKeys(table *consumers.Table, short map[string]bool, now time.Time) {
	warned := 0
	warn := func(text string, c *consumers.Credential, more ...zap.Field) {
		if warned++; warned <= maxKeyWarnings {
			a.logger.Warn(text, append(more, zap.String("consumer", c.Consumer.Name), zap.String("credential", c.ID))...)
		}
	}
	for consumer := range table.All() {
		for _, c := range consumer.Credentials() {
			if short[c.ID] {
				warn(fmt.Sprintf("this key has fewer than %d characters and can be guessed; "+
					"make another with: caddy gateway key new", shortKey), c)
			}
			if end := c.Until(); !end.IsZero() && !now.Before(end) {
				warn("this key has ended and works no more; take it out of the config or give it a later until", c, zap.Time("until", end))
			}
		}
	}
	for client := range table.Clients() {
		for _, id := range client.SecretIDs() {
			if short[id] {
				warn(fmt.Sprintf("a secret of this OAuth client has fewer than %d characters and can be guessed; "+
					"make another with: caddy gateway key new", shortKey), client.Credential)
			}
		}
	}
	if warned > maxKeyWarnings {
		a.logger.Warn("more keys are short or have ended", zap.Int("more", warned-maxKeyWarnings))
	}
}

func readConsumersFile(name string) ([]consumers.Spec, error) {
	name, err := caddy.NewReplacer().ReplaceOrErr(name, true, true)
	if err != nil {
		return nil, fmt.Errorf("read consumers file: %w", err)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read consumers file: %w", err)
	}
	defer f.Close()
	specs, err := consumers.ReadFile(name, f)
	if err != nil {
		return nil, fmt.Errorf("read consumers file: %w", err)
	}
	return specs, nil
}

// keyResolver turns what the config says for a key into its digest. A literal
// must be a digest already, so that no config, backup or /config/ endpoint
// ever holds a key; a placeholder may hold a digest or the key itself. The
// identifiers of keys that can be guessed are added to short; of a digest
// nobody can tell.
func (a *App) keyResolver(repl *caddy.Replacer, short map[string]bool) func(string) (apikey.Digest, error) {
	return func(literal string) (apikey.Digest, error) {
		if !isPlaceholder(literal) {
			d, err := apikey.Parse(literal)
			if err != nil {
				return d, errors.New("a key stands in the config as sha256:<64 hex digits> " +
					"(caddy gateway key hash prints it) or as a placeholder such as {env.NAME} or {file.PATH}")
			}
			return d, nil
		}
		value, err := repl.ReplaceOrErr(literal, true, true)
		if err != nil {
			return apikey.Digest{}, fmt.Errorf("%s is not set or empty", literal)
		}
		value = strings.TrimSpace(value)
		if value == "" {
			return apikey.Digest{}, fmt.Errorf("%s is not set or empty", literal)
		}
		if apikey.IsLiteral(value) {
			d, err := apikey.Parse(value)
			if err != nil {
				return d, fmt.Errorf("%s holds a malformed sha256: digest", literal)
			}
			return d, nil
		}
		if err := a.checkKey(value); err != nil {
			return apikey.Digest{}, fmt.Errorf("%s %w", literal, err)
		}
		d := apikey.Hash(value)
		if utf8.RuneCountInString(value) < shortKey {
			short[d.ID()] = true
		}
		return d, nil
	}
}

// checkKey refuses a key in clear that no request could show. With the profile
// kong a comma is part of the key.
func (a *App) checkKey(key string) error {
	if strings.ContainsFunc(key, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }) {
		return errors.New("holds white space or control characters inside the key")
	}
	if err := apikey.Check(key); err != nil && (!a.Kong() || errors.Is(err, apikey.ErrTooLong)) {
		return fmt.Errorf("can never work: %w", err)
	}
	return nil
}

// isPlaceholder says that the whole of s is one {env.*} or {file.*}.
func isPlaceholder(s string) bool {
	return strings.HasSuffix(s, "}") && strings.Count(s, "{") == 1 &&
		(strings.HasPrefix(s, "{env.") || strings.HasPrefix(s, "{file."))
}
