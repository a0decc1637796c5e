// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagepolicy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-gateway/tollgate/modules/internal/langroute"
)

// UnmarshalCaddyfile reads the policy. Syntax, inside reverse_proxy:
//
//	lb_policy language {
//		<language> <upstream>[=<weight>]...
//		<language> <upstream>... {
//			policy <name> ...
//		}
//		policy <name> ...
//	}
//
// A language is a code or name ("hi"), a pair ("hi>ta", "*>ta") or "*" for all others.
// Upstreams are written as for the reverse_proxy itself; a range of ports stands for
// several, each with the weight. Where one upstream of a line has a weight, those
// without have 1. The policy outside of a language is that of the lines which have
// neither weights nor a policy.
func (p *Policy) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the policy's name
	if d.NextArg() {
		return d.Errf("lb_policy language: nothing can stand before the block, but %q does; write the languages between the braces", d.Val())
	}
	lines := make(map[langroute.Pattern]int)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		if d.Val() == "policy" {
			err = readPolicy(d, &p.DefaultRaw)
		} else {
			err = p.readLanguage(d, lines)
		}
		if err != nil {
			return fmt.Errorf("lb_policy language: %w", err)
		}
	}
	if len(p.Languages) == 0 {
		return d.Err("lb_policy language: no language is written; write { * <upstream>... } at least")
	}
	return nil
}

// readLanguage reads a line, on whose language d stands, and the block behind it.
func (p *Policy) readLanguage(d *caddyfile.Dispenser, lines map[langroute.Pattern]int) error {
	name := d.Val()
	pattern, err := langroute.ParsePattern(name)
	if err != nil {
		return d.WrapErr(err)
	}
	if line, twice := lines[pattern]; twice {
		return d.Errf("%s is there twice, first on line %d; write its upstreams on one line", pattern, line)
	}
	lines[pattern] = d.Line()

	e := new(Entry)
	weighted := false
	for d.NextArg() {
		given, err := e.readUpstreams(d)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		weighted = weighted || given
	}
	if len(e.Upstreams) == 0 {
		return d.Errf("%s: no upstream is written; write: %s <upstream>[=<weight>]...", name, name)
	}
	if !weighted {
		e.Weights = nil
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if d.Val() != "policy" {
			return d.Errf("%s: unknown option %q; the only one is: policy <name>", name, d.Val())
		}
		if weighted {
			return d.WrapErr(fmt.Errorf("%s: %w", name, errBoth))
		}
		if err := readPolicy(d, &e.PolicyRaw); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if p.Languages == nil {
		p.Languages = make(map[string]*Entry)
	}
	p.Languages[pattern.String()] = e
	return nil
}

// readUpstreams reads the argument on which d stands, and reports whether it has a
// weight.
func (e *Entry) readUpstreams(d *caddyfile.Dispenser) (weighted bool, err error) {
	address, weight := d.Val(), 1
	// In placeholders an equals sign may stand for something else.
	if at := strings.LastIndexByte(address, '='); at > strings.LastIndexByte(address, '}') {
		text := address[at+1:]
		address, weighted = address[:at], true
		if weight, err = strconv.Atoi(text); err != nil {
			weight = -1
		}
		if err = checkWeight(weight); err != nil {
			return false, d.Errf("weight %q of %q: %w", text, address, err)
		}
	}
	dials, err := dialsOf(d, address)
	if err != nil {
		return false, err
	}
	for _, dial := range dials {
		if slices.Contains(e.Upstreams, dial) {
			return false, d.Errf("upstream %s is there twice; give it a weight instead: %s=2", dial, dial)
		}
		e.Upstreams = append(e.Upstreams, dial)
		e.Weights = append(e.Weights, weight)
	}
	return weighted, nil
}

// dialsOf returns what Caddy dials for an upstream address: whatever reverse_proxy makes
// of it. It is read at the place of the token on which d stands.
func dialsOf(d *caddyfile.Dispenser, address string) ([]string, error) {
	directive, argument := d.Token(), d.Token()
	directive.Text, argument.Text = "reverse_proxy", address
	var proxy reverseproxy.Handler
	if err := proxy.UnmarshalCaddyfile(caddyfile.NewDispenser([]caddyfile.Token{directive, argument})); err != nil {
		return nil, err
	}
	var dials []string
	for _, u := range proxy.Upstreams {
		dials = append(dials, u.Dial)
	}
	if len(dials) == 0 || address == "" {
		return nil, d.Errf("%q is no address of an upstream; write one such as asr-hi:8087", d.Val())
	}
	return dials, nil
}

// readPolicy reads a policy line, on whose first word d stands, into raw.
func readPolicy(d *caddyfile.Dispenser, raw *json.RawMessage) error {
	if len(*raw) > 0 {
		return d.Err("policy is there twice; keep one of them")
	}
	if !d.NextArg() {
		return d.Errf("policy takes the name of one; write one of: %s", policyNames())
	}
	name := d.Val()
	id := namespace + "." + name
	if _, err := caddy.GetModule(id); err != nil || name == policyName {
		return d.Errf("policy %q cannot choose here; write one of: %s", name, policyNames())
	}
	module, err := caddyfile.UnmarshalModule(d, id)
	if err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	policy, ok := module.(reverseproxy.Selector)
	if !ok {
		return d.Errf("module %s is %T, which is no selection policy", id, module)
	}
	*raw = caddyconfig.JSONModuleObject(policy, "policy", name, nil)
	return nil
}

// policyNames lists the policies of this build besides this one.
func policyNames() string {
	var names []string
	for _, info := range caddy.GetModules(namespace) {
		if name := info.ID.Name(); name != policyName {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
