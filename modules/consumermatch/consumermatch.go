// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package consumermatch has request matchers on who the caller is: consumer
// and consumer_group.
//
// A route is matched when the chain reaches it, so these matchers work on
// directives and handle blocks that come after key_auth, and match nobody
// before it. In CEL expressions the placeholder says the same:
//
//	expression {gateway.consumer.name} == "search"
package consumermatch

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() {
	caddy.RegisterModule(new(MatchConsumer))
	caddy.RegisterModule(new(MatchConsumerGroup))
}

// MatchConsumer matches requests of the consumers it names. Without names it
// matches those of every consumer who has shown a key; the anonymous consumer
// matches by name only. A name that does not exist is refused at load.
type MatchConsumer []string

// CaddyModule returns the Caddy module information.
func (*MatchConsumer) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.consumer", New: func() caddy.Module { return new(MatchConsumer) }}
}

// UnmarshalCaddyfile sets up the matcher from Caddyfile tokens. Syntax:
//
//	consumer [<name...>]
func (m *MatchConsumer) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	*m = MatchConsumer{} // an empty list means something; null does not
	return readNames(d, (*[]string)(m))
}

// Provision checks that the consumers exist.
func (m *MatchConsumer) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	for _, name := range *m {
		if app.ConsumerTable().Consumer(name) == nil {
			return fmt.Errorf("consumer matcher: consumer %q does not exist", name)
		}
	}
	return nil
}

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m MatchConsumer) MatchWithError(r *http.Request) (bool, error) { return m.Match(r), nil }

// Match says that the caller is one of the consumers.
func (m MatchConsumer) Match(r *http.Request) bool {
	rq := state.Of(r)
	if rq == nil || rq.Credential == nil {
		return false
	}
	if len(m) == 0 {
		return !rq.Anonymous
	}
	return slices.Contains(m, rq.Credential.Consumer.Name)
}

// MatchConsumerGroup matches requests of consumers in any of the groups it
// names, of which there must be one. Groups of a key take the place of its
// consumer's. A group that does not exist is refused at load.
type MatchConsumerGroup []string

// CaddyModule returns the Caddy module information.
func (*MatchConsumerGroup) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.consumer_group", New: func() caddy.Module { return new(MatchConsumerGroup) }}
}

// UnmarshalCaddyfile sets up the matcher from Caddyfile tokens. Syntax:
//
//	consumer_group <name...>
func (m *MatchConsumerGroup) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	if err := readNames(d, (*[]string)(m)); err != nil {
		return err
	}
	if len(*m) == 0 {
		return d.Err("consumer_group takes at least 1 argument, not 0; write: consumer_group <name>...")
	}
	return nil
}

// Provision checks that the groups exist.
func (m *MatchConsumerGroup) Provision(ctx caddy.Context) error {
	if len(*m) == 0 {
		return errors.New("consumer_group matcher: no group is listed")
	}
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	for _, name := range *m {
		if !app.KnowsGroup(name) {
			return fmt.Errorf("consumer_group matcher: group %q does not exist", name)
		}
	}
	return nil
}

// MatchWithError implements caddyhttp.RequestMatcherWithError.
func (m MatchConsumerGroup) MatchWithError(r *http.Request) (bool, error) { return m.Match(r), nil }

// Match says that the caller is in one of the groups.
func (m MatchConsumerGroup) Match(r *http.Request) bool {
	rq := state.Of(r)
	return rq != nil && rq.Credential != nil && slices.ContainsFunc(m, rq.Credential.InGroup)
}

// readNames reads the names of one or more matchers of one kind in one set,
// which Caddy merges into one.
func readNames(d *caddyfile.Dispenser, into *[]string) error {
	for d.Next() {
		matcher := d.Val()
		for _, name := range d.RemainingArgs() {
			if name == "" || slices.Contains(*into, name) {
				return d.Errf("%s: %q is listed twice or empty", matcher, name)
			}
			*into = append(*into, name)
		}
		if d.NextBlock(0) {
			return d.Errf("%s takes no block; remove the braces and what is between them", matcher)
		}
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner                 = (*MatchConsumer)(nil)
	_ caddyfile.Unmarshaler             = (*MatchConsumer)(nil)
	_ caddyhttp.RequestMatcherWithError = (*MatchConsumer)(nil)
	_ caddy.Provisioner                 = (*MatchConsumerGroup)(nil)
	_ caddyfile.Unmarshaler             = (*MatchConsumerGroup)(nil)
	_ caddyhttp.RequestMatcherWithError = (*MatchConsumerGroup)(nil)
)
