// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package languagematch matches requests by the language that was decided on.
//
// See docs/matchers.md.
package languagematch

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/langroute"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(MatchLanguage)) }

// MatchLanguage matches requests in any of the languages it names, in any usual form
// ("hi", "hin_Deva", "Hindi"), of which there must be one. A language stands for all
// scripts native to it: "sd" for "sd-Deva", but "hi" not for "hi-Latn". A pair ("hi>ta",
// "*>ta") matches requests that are to be translated from the one into the other.
//
// The language is the one that language_router has decided on, the fallback included.
// Before that handler nothing matches. In CEL expressions it is the function language:
//
//	language('hi', 'ta')
type MatchLanguage struct {
	// Languages are the languages and pairs. In JSON they are the matcher's value,
	// without a name.
	Languages []string `json:"-"`

	patterns []langroute.Pattern
}

// CaddyModule returns the Caddy module information.
func (*MatchLanguage) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.language", New: func() caddy.Module { return new(MatchLanguage) }}
}

// MarshalJSON writes the list of languages.
func (m *MatchLanguage) MarshalJSON() ([]byte, error) { return json.Marshal(m.Languages) }

// UnmarshalJSON reads a list of languages.
func (m *MatchLanguage) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, &m.Languages) }

// UnmarshalCaddyfile sets up the matcher from Caddyfile tokens. Syntax:
//
//	language <language|pair...>
func (m *MatchLanguage) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		for _, name := range d.RemainingArgs() {
			m.Languages = append(m.Languages, name)
			if err := m.compile(); err != nil {
				return d.Errf("language: %w", err)
			}
		}
		if d.NextBlock(0) {
			return d.Err("language takes no block; remove the braces and what is between them")
		}
	}
	if len(m.Languages) == 0 {
		return d.Err("language takes at least 1 argument, not 0; write: language <language|pair>...")
	}
	return nil
}

// Provision reads the languages.
func (m *MatchLanguage) Provision(caddy.Context) error {
	if len(m.Languages) == 0 {
		return errors.New("language matcher: no language is listed")
	}
	if err := m.compile(); err != nil {
		return fmt.Errorf("language matcher: %w", err)
	}
	return nil
}

func (m *MatchLanguage) compile() error {
	m.patterns = m.patterns[:0]
	for _, name := range m.Languages {
		p, err := langroute.ParsePattern(name)
		switch {
		case err != nil:
			return err
		case p == langroute.Pattern{}:
			return fmt.Errorf("%q matches every request; leave the matcher out", name)
		case slices.Contains(m.patterns, p):
			return fmt.Errorf("%s is listed twice", p)
		}
		m.patterns = append(m.patterns, p)
	}
	return nil
}

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m *MatchLanguage) MatchWithError(r *http.Request) (bool, error) { return m.Match(r), nil }

// Match says that the request is in one of the languages.
func (m *MatchLanguage) Match(r *http.Request) bool {
	rq := state.Of(r)
	if rq == nil {
		return false
	}
	for _, p := range m.patterns {
		if p.Matches(rq.Language.Code, rq.Language.Target) {
			return true
		}
	}
	return false
}

// Interface guards
var (
	_ caddy.Provisioner                 = (*MatchLanguage)(nil)
	_ caddyfile.Unmarshaler             = (*MatchLanguage)(nil)
	_ caddyhttp.RequestMatcherWithError = (*MatchLanguage)(nil)
	_ json.Marshaler                    = (*MatchLanguage)(nil)
	_ json.Unmarshaler                  = (*MatchLanguage)(nil)
)
