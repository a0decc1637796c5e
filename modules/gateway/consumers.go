// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
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
	table, err := consumers.Build(specs, consumers.BuildOptions{
		Groups:  groups,
		Resolve: keyResolver(caddy.NewReplacer()),
	})
	if err != nil {
		return nil, fmt.Errorf("build consumers: %w", err)
	}
	return table, nil
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
// ever holds a key; a placeholder may hold a digest or the key itself.
func keyResolver(repl *caddy.Replacer) func(string) (apikey.Digest, error) {
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
		switch {
		case value == "":
			return apikey.Digest{}, fmt.Errorf("%s is not set or empty", literal)
		case apikey.IsLiteral(value):
			d, err := apikey.Parse(value)
			if err != nil {
				return d, fmt.Errorf("%s holds a malformed sha256: digest", literal)
			}
			return d, nil
		case strings.ContainsFunc(value, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }):
			return apikey.Digest{}, fmt.Errorf("%s holds white space or control characters inside the key", literal)
		}
		return apikey.Hash(value), nil
	}
}

// isPlaceholder says that the whole of s is one {env.*} or {file.*}.
func isPlaceholder(s string) bool {
	return strings.HasSuffix(s, "}") && strings.Count(s, "{") == 1 &&
		(strings.HasPrefix(s, "{env.") || strings.HasPrefix(s, "{file."))
}
