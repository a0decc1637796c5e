// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package languagepolicy chooses the upstream of a reverse proxy by the language of the
// request, which something before has decided on.
package languagepolicy

import (
	"encoding/json"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-gateway/tollgate/modules/internal/langroute"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/languages"
)

// namespace holds Caddy's selection policies, this one among them.
const namespace = "http.reverse_proxy.selection_policies"

// policyName is the policy's own name there.
const policyName = "language"

func init() {
	caddy.RegisterModule(Policy{})
}

// Policy is a load balancing policy of Caddy's reverse_proxy. It chooses among the
// upstreams that are written for the language of the request, as language_router or
// whatever else stands before has decided on it, and leaves the choice among several to
// their weights or to another policy.
//
// Of the entries the most specific one counts: that of the pair of languages, that of
// the target from any language, that of the language, that of all ("*"). Where none of
// its upstreams is available, by whatever health checks, limits and circuit breakers
// the reverse_proxy has, the choice is among those of "*" instead, and where none of
// these is either, there is no upstream (503, unless the reverse_proxy tries again).
//
// Without an entry for "*", requests in no language or in one that has no entry may go
// to any upstream of the reverse_proxy, and a language that has one has no fallback.
//
// All upstreams must be static ones of the reverse_proxy in which the policy stands.
// The policy has no state besides the position of round robins, which begins anew when
// the configuration is loaded.
type Policy struct {
	// Languages holds the upstreams of each language ("hi"), pair of languages ("hi>ta",
	// "*>ta") or of all others ("*"). Languages may be written in any form that is
	// known, none twice. Required.
	Languages map[string]*Entry `json:"languages,omitempty"`

	// DefaultRaw is the policy that chooses among the upstreams of an entry which has
	// neither weights nor a policy of its own. Default: round_robin. Each entry has an
	// instance of its own.
	DefaultRaw json.RawMessage `json:"default,omitempty" caddy:"namespace=http.reverse_proxy.selection_policies inline_key=policy"`

	table langroute.Table[*choice]
	// unlisted serves what the table has nothing for; all is the fallback of what it
	// has something for, nil without an entry for "*".
	unlisted, all *choice
}

// Entry is which upstreams serve a language, and how one of them is chosen.
type Entry struct {
	// Upstreams are the addresses, each as in the dial of one of the reverse_proxy's
	// upstreams. Required.
	Upstreams []string `json:"upstreams,omitempty"`

	// Weights are the shares of the upstreams, 1 to 1000, in the same order: with 3 and
	// 1, three requests of four go to the first one. Default: none, a policy chooses.
	Weights []int `json:"weights,omitempty"`

	// PolicyRaw is the policy that chooses among the upstreams, if they have no weights:
	// any of Caddy's or a plugin's besides language. Default: the policy's own default.
	PolicyRaw json.RawMessage `json:"policy,omitempty" caddy:"namespace=http.reverse_proxy.selection_policies inline_key=policy"`
}

// choice is a compiled entry.
type choice struct {
	pool   reverseproxy.UpstreamPool
	policy reverseproxy.Selector
}

func (c *choice) pick(r *http.Request, w http.ResponseWriter) *reverseproxy.Upstream {
	return c.policy.Select(c.pool, r, w)
}

// CaddyModule returns the Caddy module information.
func (Policy) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  namespace + "." + policyName,
		New: func() caddy.Module { return new(Policy) },
	}
}

// Select returns an available upstream for the language of the request, or nil. It
// chooses among the static upstreams of the reverse_proxy, which were sorted by language
// when the configuration was loaded; the pool, which is the same ones, is not read.
func (p *Policy) Select(_ reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter) *reverseproxy.Upstream {
	var source, target languages.Code
	if rq := state.Of(r); rq != nil {
		source, target = rq.Language.Code, rq.Language.Target
	}
	c, listed := p.table.Find(source, target)
	if !listed {
		return p.unlisted.pick(r, w)
	}
	if u := c.pick(r, w); u != nil || p.all == nil || p.all == c {
		return u
	}
	return p.all.pick(r, w)
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Policy)(nil)
	_ caddyfile.Unmarshaler = (*Policy)(nil)
	_ reverseproxy.Selector = (*Policy)(nil)
)
