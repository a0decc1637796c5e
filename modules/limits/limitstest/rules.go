// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"fmt"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// zone returns a time zone. The database is linked in, so that it is always there.
func zone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		panic(fmt.Errorf("load zone of a test: %w", err))
	}
	return z
}

func sliding(u limits.Unit, limit int64, length time.Duration) *limits.Rule {
	return &limits.Rule{Unit: u, Limit: limit, Window: limits.Window{Kind: limits.Sliding, Length: length}}
}

func fixed(u limits.Unit, limit int64, length time.Duration) *limits.Rule {
	return &limits.Rule{Unit: u, Limit: limit, Window: limits.Window{Kind: limits.Fixed, Length: length}}
}

func calendar(u limits.Unit, limit int64, p limits.Period, in string) *limits.Rule {
	w := limits.Window{Kind: limits.Calendar, Period: p}
	if in != "" {
		w.Zone = zone(in)
	}
	return &limits.Rule{Unit: u, Limit: limit, Window: w}
}

func bucket(u limits.Unit, limit, burst int64, length time.Duration) *limits.Rule {
	return &limits.Rule{Unit: u, Limit: limit, Burst: burst, Window: limits.Window{Kind: limits.Bucket, Length: length}}
}

func held(limit int64) *limits.Rule {
	return &limits.Rule{Unit: limits.Concurrent, Limit: limit, Window: limits.Window{Kind: limits.Held}}
}

const day = 24 * time.Hour

// lasting returns rules of a limit, of every kind and unit, whose windows do not
// pass while a test runs, even in real time.
func lasting(limit int64) []*limits.Rule {
	return []*limits.Rule{
		sliding(limits.Requests, limit, day),
		sliding(limits.Tokens, limit, 7*day),
		sliding(limits.Cost, limit, 30*day),
		fixed(limits.Requests, limit, 366*day),
		fixed(limits.InputTokens, limit, 366*day),
		fixed(limits.Cost, limit, 366*day),
		calendar(limits.Requests, limit, limits.Year, ""),
		calendar(limits.OutputTokens, limit, limits.Year, "Asia/Kolkata"),
		calendar(limits.Cost, limit, limits.Year, "America/New_York"),
		bucket(limits.Requests, limit, 0, day),
		bucket(limits.Tokens, 1, limit, day),
		bucket(limits.Cost, limit, limit, day),
		held(limit),
	}
}

// with returns a copy of a rule, changed.
func with(r *limits.Rule, change func(r *limits.Rule)) *limits.Rule {
	c := *r
	change(&c)
	return &c
}

func soft(r *limits.Rule) *limits.Rule   { return with(r, func(r *limits.Rule) { r.Soft = true }) }
func shadow(r *limits.Rule) *limits.Rule { return with(r, func(r *limits.Rule) { r.Shadow = true }) }

// limited returns a copy of a rule with another limit, or burst if it has one.
func limited(r *limits.Rule, limit int64) *limits.Rule {
	return with(r, func(r *limits.Rule) {
		if r.Burst > 0 {
			r.Burst = limit
		} else {
			r.Limit = limit
		}
	})
}
