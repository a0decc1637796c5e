// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apiversion

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/versioning"
)

func init() { caddy.RegisterModule(new(MatchAPIVersion)) }

// MatchAPIVersion matches requests for any of the versions it names, of which there must
// be one, as api_version has decided. Before that handler, and where it has nothing to
// do, nothing matches. In expressions, compare the placeholder {gateway.api_version}.
type MatchAPIVersion struct {
	// Versions are the versions. In JSON they are the matcher's value, without a name.
	Versions []string `json:"-"`
}

// CaddyModule returns the Caddy module information.
func (*MatchAPIVersion) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.api_version", New: func() caddy.Module { return new(MatchAPIVersion) }}
}

// MarshalJSON writes the list of versions.
func (m *MatchAPIVersion) MarshalJSON() ([]byte, error) { return json.Marshal(m.Versions) }

// UnmarshalJSON reads a list of versions.
func (m *MatchAPIVersion) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, &m.Versions) }

// UnmarshalCaddyfile sets up the matcher from Caddyfile tokens. Syntax:
//
//	api_version <version...>
func (m *MatchAPIVersion) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		m.Versions = append(m.Versions, d.RemainingArgs()...)
		if d.NextBlock(0) {
			return d.Err("api_version takes no block; remove the braces and what is between them")
		}
	}
	if len(m.Versions) == 0 {
		return d.Err("api_version takes at least 1 argument, not 0; write: api_version <version>...")
	}
	if err := m.check(); err != nil {
		return d.Errf("api_version: %w", err)
	}
	return nil
}

// Validate checks the list.
func (m *MatchAPIVersion) Validate() error {
	if len(m.Versions) == 0 {
		return errors.New("api_version matcher: no version is listed")
	}
	if err := m.check(); err != nil {
		return fmt.Errorf("api_version matcher: %w", err)
	}
	return nil
}

func (m *MatchAPIVersion) check() error {
	for i, v := range m.Versions {
		if err := versioning.CheckName(v); err != nil {
			return err
		}
		if slices.Contains(m.Versions[:i], v) {
			return fmt.Errorf("%s is listed twice", v)
		}
	}
	return nil
}

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m *MatchAPIVersion) MatchWithError(r *http.Request) (bool, error) { return m.Match(r), nil }

// Match says that the request is for one of the versions.
func (m *MatchAPIVersion) Match(r *http.Request) bool {
	rq := state.Of(r)
	return rq != nil && rq.APIVersion.Name != "" && slices.Contains(m.Versions, rq.APIVersion.Name)
}

// Interface guards
var (
	_ caddy.Validator                   = (*MatchAPIVersion)(nil)
	_ caddyfile.Unmarshaler             = (*MatchAPIVersion)(nil)
	_ caddyhttp.RequestMatcherWithError = (*MatchAPIVersion)(nil)
	_ json.Marshaler                    = (*MatchAPIVersion)(nil)
	_ json.Unmarshaler                  = (*MatchAPIVersion)(nil)
)
