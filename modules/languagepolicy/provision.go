// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagepolicy

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-gateway/tollgate/modules/internal/langroute"
)

// maxWeight keeps the sum of the weights of any number of upstreams in range.
const maxWeight = 1000

// Provision finds the upstreams of each entry among those of the reverse_proxy.
func (p *Policy) Provision(ctx caddy.Context) error {
	proxy, err := proxyOf(ctx, p)
	if err != nil {
		return err
	}
	if len(p.Languages) == 0 {
		return errors.New(`no language is written; write at least "*" with its upstreams`)
	}
	if len(p.DefaultRaw) == 0 {
		p.DefaultRaw = caddyconfig.JSONModuleObject(struct{}{}, "policy", "round_robin", nil)
	}
	chosen := make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(p.Languages)) {
		pattern, err := langroute.ParsePattern(name)
		if err != nil {
			return fmt.Errorf("read language: %w", err)
		}
		c, err := p.compile(ctx, p.Languages[name], proxy.Upstreams)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := p.table.Add(pattern, c); err != nil {
			return fmt.Errorf("%s: %w, in another form; keep one of them", name, err)
		}
		if pattern == (langroute.Pattern{}) {
			p.all = c
		}
		for _, u := range c.pool {
			chosen[u.Dial] = true
		}
	}
	// Loaded even if nothing goes there, so that a mistake in it is noticed.
	policy, err := load(ctx, p, "DefaultRaw")
	if err != nil {
		return fmt.Errorf("default: %w", err)
	}
	p.unlisted = &choice{proxy.Upstreams, policy}
	if p.all != nil {
		warnUnused(ctx.Logger(), proxy.Upstreams, chosen)
	}
	return nil
}

// proxyOf returns the reverse_proxy in which the policy stands.
func proxyOf(ctx caddy.Context, p *Policy) (*reverseproxy.Handler, error) {
	for _, module := range slices.Backward(ctx.Modules()) {
		switch m := module.(type) {
		case *Policy:
			if m != p {
				return nil, errors.New("language cannot choose among the upstreams of a language; write a pair such as hi>ta, or another policy")
			}
		case *reverseproxy.Handler:
			if m.DynamicUpstreams != nil || len(m.DynamicUpstreamsRaw) > 0 {
				return nil, errors.New("this reverse_proxy finds its upstreams dynamically; write them out, or use a policy other than language")
			}
			return m, nil
		}
	}
	return nil, errors.New("the policy stands in no reverse_proxy")
}

// compile finds the upstreams of an entry in the pool and loads what chooses among them.
func (p *Policy) compile(ctx caddy.Context, e *Entry, pool reverseproxy.UpstreamPool) (*choice, error) {
	if e == nil || len(e.Upstreams) == 0 {
		return nil, errors.New("no upstream is written")
	}
	c := new(choice)
	for i, address := range e.Upstreams {
		if slices.Contains(e.Upstreams[:i], address) {
			return nil, fmt.Errorf("upstream %s is there twice; give it a weight instead", address)
		}
		at := slices.IndexFunc(pool, func(u *reverseproxy.Upstream) bool { return u.Dial == address })
		if at < 0 {
			return nil, notInPool(address, pool)
		}
		c.pool = append(c.pool, pool[at])
	}
	switch {
	case len(e.Weights) > 0 && len(e.PolicyRaw) > 0:
		return nil, errBoth
	case len(e.Weights) > 0:
		if len(e.Weights) != len(e.Upstreams) {
			return nil, fmt.Errorf("there are %d weights for %d upstreams; write one for each", len(e.Weights), len(e.Upstreams))
		}
		for i, weight := range e.Weights {
			if err := checkWeight(weight); err != nil {
				return nil, fmt.Errorf("weight %d of %s: %w", weight, e.Upstreams[i], err)
			}
		}
		c.policy = newWeighted(e.Weights)
		return c, nil
	case len(e.PolicyRaw) == 0:
		e.PolicyRaw = bytes.Clone(p.DefaultRaw)
	}
	var err error
	c.policy, err = load(ctx, e, "PolicyRaw")
	return c, err
}

// errBoth is what is said to somebody who has written weights and a policy.
var errBoth = errors.New("weights and a policy are written for the same upstreams; keep one of them")

func checkWeight(weight int) error {
	switch {
	case weight == 0:
		return errors.New("an upstream without weight is never chosen; remove it from this language")
	case weight < 0 || weight > maxWeight:
		return fmt.Errorf("a weight is a whole number from 1 to %d", maxWeight)
	}
	return nil
}

// load loads the policy of a field.
func load(ctx caddy.Context, from any, field string) (reverseproxy.Selector, error) {
	module, err := ctx.LoadModule(from, field)
	if err != nil {
		return nil, fmt.Errorf("load policy: %w", err)
	}
	policy, ok := module.(reverseproxy.Selector)
	if !ok {
		return nil, fmt.Errorf("load policy: module %T is no selection policy", module)
	}
	return policy, nil
}

// maxNamed is how many upstreams an error names.
const maxNamed = 20

func notInPool(address string, pool reverseproxy.UpstreamPool) error {
	if len(pool) == 0 {
		return fmt.Errorf("%s is no upstream of this reverse_proxy, which has none; add it: to %s", address, address)
	}
	var names []string
	for _, u := range pool[:min(len(pool), maxNamed)] {
		names = append(names, u.Dial)
	}
	more := ""
	if n := len(pool) - len(names); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Errorf("%s is no upstream of this reverse_proxy; write one of those it has, %s%s, or add it: to %s",
		address, strings.Join(names, ", "), more, address)
}

// warnUnused names upstreams to which nothing will be sent.
func warnUnused(log *zap.Logger, pool reverseproxy.UpstreamPool, chosen map[string]bool) {
	for _, u := range pool {
		if !chosen[u.Dial] {
			log.Warn("upstream is written for no language and will never be chosen", zap.String("upstream", u.Dial))
		}
	}
}
