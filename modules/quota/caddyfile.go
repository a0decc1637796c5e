// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quota

import (
	"fmt"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/internal/quotaoptions"
	"github.com/caddy-gateway/tollgate/modules/internal/quotaspec"
)

func init() { httpcaddyfile.RegisterHandlerDirective("quota", parseHandler) }

func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	q := new(Handler)
	file, line := h.File(), h.Line()
	if h.Next() {
		file, line = h.File(), h.Line()
		h.Prev()
	}
	if err := q.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	if len(q.Items) == 0 {
		if !gateway.DeclaredIn(h).AnyPlan() {
			return nil, fmt.Errorf("quota: it has no limits, and the gateway option has no plan; write limits, such as: quota requests 1000/min, "+
				"or declare a plan, at %s:%d", file, line)
		}
		return q, nil
	}
	return q, q.identify(h, fmt.Sprintf("%s:%d", file, line))
}

// unnamedKey is where an adaptation keeps which counters unnamed quotas have, and
// where those stand.
const unnamedKey = "gateway.quota.unnamed"

// identify names a quota that was given no name after its route. What would share
// its counters with another unnamed one is refused: it is hardly meant.
func (h *Handler) identify(helper httpcaddyfile.Helper, at string) error {
	if h.Name != "" {
		return nil
	}
	if h.Name = gateway.BlockOf(helper).RouteName(at); h.Name == "" {
		h.Name = unnamed
	}
	seen, _ := helper.State[unnamedKey].(map[string]string)
	if seen == nil {
		seen = make(map[string]string)
		helper.State[unnamedKey] = seen
	}
	c, err := h.Compile()
	if err != nil {
		return err // it was compiled before
	}
	l := newLevel(h.Name, "quota:"+h.Name, c)
	for i := range c.Rules {
		id := l.key + " " + l.ids[i]
		if first := seen[id]; first != "" {
			return fmt.Errorf("quota: it would count %q in the same counter as the quota at %s, because neither has a name and they stand in one route; "+
				"give it one with the option: name <name>, or name the routes with gateway_route, at %s", c.Texts[i], first, at)
		}
		seen[id] = at
	}
	return nil
}

// unnamed is the name of quotas without one in routes without one.
const unnamed = "site"

// UnmarshalCaddyfile sets up the handler:
//
//	quota [<matcher>] [requests|tokens|cost|concurrent <limit>...] {
//		requests      <amount>/<window>... [sliding|fixed|calendar|bucket] [burst <amount>] [timezone <name>]
//		tokens        [input|output|total] <amount>/<window>... [sliding|fixed|calendar|bucket] [burst <amount>] [timezone <name>]
//		cost          <amount>usd/<window>... [sliding|fixed|calendar|bucket] [burst <amount>usd] [timezone <name>] [soft]
//		concurrent    <number>
//		by            consumer|credential|group|ip [<IPv4 bits> [<IPv6 bits>]]|route|header <name>|<placeholder>|global
//		weight        <number>|<placeholder>
//		max_output    <tokens>
//		name          <name>
//		shadow
//		headers       ietf|kong|both|off
//		budget_status 429|402
//	}
//
// The lines of limits may repeat. Without any, the plans of the caller are
// enforced.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if err := quotaoptions.Line(d, &h.Spec); err != nil {
		return err
	}
	set := quotaoptions.Set(&h.Spec)
	set["name"] = options.Func("<name>", func(args []string) error {
		h.Name = args[0]
		return quotaspec.CheckName(h.Name)
	})
	set["headers"] = options.Enum(&h.Headers, headersIETF, headersKong, headersBoth, headersOff)
	set["budget_status"] = options.Func("429|402", func(args []string) (err error) {
		switch args[0] {
		case "429", "402":
			var n int64
			n, err = options.ParseInt(args[0], 402, 429)
			h.BudgetStatus = int(n)
			return err
		}
		return fmt.Errorf("%q is neither 429 nor 402", args[0])
	})
	if err := options.Parse(d, "quota", set); err != nil {
		return err
	}
	if len(h.Items) == 0 && (h.By != "" || h.Weight != "" || h.MaxOutput != 0 || h.Shadow || h.Name != "") {
		return d.Err("quota: by, weight, max_output, name and shadow need limits beside them, such as: requests 1000/min; " +
			"what concerns a plan is written in the plan")
	}
	return nil
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
