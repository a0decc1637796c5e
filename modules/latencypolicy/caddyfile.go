// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latencypolicy

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

// UnmarshalCaddyfile sets up the policy from Caddyfile tokens. Syntax:
//
//	lb_policy latency {
//		decay   <duration>
//		explore <duration>
//	}
//
// Both options may be missing, and so may the block.
func (p *Policy) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the name of the policy
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	return options.Parse(d, "latency", options.Set{
		"decay":   options.DurationBetween(&p.Decay, shortest, longest),
		"explore": options.DurationBetween(&p.Explore, shortest, longest),
	})
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Policy)(nil)
