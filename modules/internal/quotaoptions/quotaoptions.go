// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package quotaoptions reads limits from a Caddyfile: the options of a block,
// which quotas and plans have in common, and the form of one line.
//
//	requests   <amount>/<window>... [sliding|fixed|calendar|bucket] [burst <amount>] [timezone <name>]
//	tokens     [input|output|total] <amount>/<window>... [sliding|fixed|calendar|bucket] [burst <amount>] [timezone <name>]
//	cost       <amount>usd/<window>... [sliding|fixed|calendar|bucket] [burst <amount>usd] [timezone <name>] [soft]
//	concurrent <number>
//	by         consumer|credential|group|ip [<IPv4 bits> [<IPv6 bits>]]|route|header <name>|<placeholder>|global
//	weight     <number>|<placeholder>
//	max_output <tokens>
//	shadow
//
// Package quotaspec says what they mean.
package quotaoptions

import (
	"fmt"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/internal/quotaspec"
)

// Set returns the options that fill s. The lines of limits may repeat. Limits that
// contradict one another are refused where the second of them stands.
func Set(s *quotaspec.Spec) options.Set {
	set := options.Set{
		"by": options.Func("consumer|credential|group|ip|route|header|<placeholder>|global...", func(args []string) error {
			by, err := quotaspec.ParseBy(args)
			s.By = by.String()
			return err
		}),
		"weight": options.Func("<number>|<placeholder>", func(args []string) error {
			if args[0] == "" {
				return fmt.Errorf("the weight is empty; write a number from 0 to %d", quotaspec.MaxWeight)
			}
			w, err := quotaspec.ParseWeight(args[0])
			s.Weight = w.String()
			return err
		}),
		"max_output": options.Int(&s.MaxOutput, 1, quotaspec.MaxOutputTokens),
		"shadow":     options.Flag(&s.Shadow),
	}
	for _, unit := range quotaspec.Units {
		set[unit] = options.Func(form(unit), func(args []string) error { return add(s, unit, args) }).Repeat()
	}
	return set
}

func form(unit string) string {
	switch unit {
	case "cost":
		return "<amount>usd/<window>..."
	case "concurrent":
		return "<number>"
	default:
		return "<amount>/<window>..."
	}
}

// add appends one line of limits to s.
func add(s *quotaspec.Spec, unit string, args []string) error {
	it, err := quotaspec.ParseItem(unit, args)
	if err != nil {
		return err
	}
	s.Items = append(s.Items, it)
	_, err = s.Compile()
	return err
}

// Line reads the arguments that follow the directive on which d stands, if there
// are any, as one line of limits such as "requests 100/min 1000/hour". A block, if
// there is one, is left for options.Parse.
func Line(d *caddyfile.Dispenser, s *quotaspec.Spec) error {
	directive := d.Val()
	args := d.RemainingArgs()
	if len(args) == 0 {
		return nil
	}
	if err := add(s, args[0], args[1:]); err != nil {
		return d.Errf("%s: %w", directive, err)
	}
	return nil
}
