// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// testIdentity counts something else for each of many keys, units and windows that
// are nearly the same, and looks whether any of them have met.
func testIdentity(t *testing.T, o Opener) {
	long := strings.Repeat("x", 10_000)
	keys := []limits.Key{
		{Level: "", Subject: ""},
		{Level: "a", Subject: "bc"},
		{Level: "ab", Subject: "c"},
		{Level: "abc", Subject: ""},
		{Level: "", Subject: "abc"},
		{Level: "plan:a/consumer", Subject: "x"},
		{Level: "plan:a/credential", Subject: "x"},
		{Level: "plan:A/consumer", Subject: "x"},
		{Level: "q", Subject: "x"},
		{Level: "q", Subject: "X"},
		{Level: "q", Subject: "x "},
		{Level: "q", Subject: "{x}"},
		{Level: "q", Subject: "{x}y"},
		{Level: "q", Subject: "}{"},
		{Level: "q", Subject: "x:y"},
		{Level: "q", Subject: "x/requests/60s"},
		{Level: "q", Subject: "x\n"},
		{Level: "q", Subject: "x\r\nFLUSHALL\r\n"},
		{Level: "q", Subject: "x\x00"},
		{Level: "q", Subject: "x\x00y"},
		{Level: "q", Subject: "\x00"},
		{Level: "q", Subject: "\x00\x00"},
		{Level: "q", Subject: "\xff\xfe"},
		{Level: "q", Subject: "\xff"},
		{Level: "q", Subject: "उपभोक्ता"},
		{Level: "q", Subject: "é"},
		{Level: "q", Subject: "e\u0301"},
		{Level: "q", Subject: "*"},
		{Level: "q", Subject: "192.0.2.1"},
		{Level: "q", Subject: long + "a"},
		{Level: "q", Subject: long + "b"},
		{Level: "q", Subject: long},
		{Level: "q\x00", Subject: "x"},
		{Level: "q:x", Subject: ""},
		{Level: long, Subject: "x"},
	}
	rules := []*limits.Rule{fixed(limits.Requests, limits.MaxCount, 366*day)}
	var wide []*limits.Rule
	for _, u := range []limits.Unit{limits.Requests, limits.Tokens, limits.InputTokens, limits.OutputTokens, limits.Cost} {
		for _, length := range []time.Duration{time.Hour, day, 60 * day, 366 * day} {
			wide = append(wide, sliding(u, limits.MaxSliding, length), fixed(u, 100_000, length))
			if length <= day {
				wide = append(wide, bucket(u, 100_000, 0, length))
			}
		}
		wide = append(wide, sliding(u, limits.MaxSliding, time.Hour+time.Millisecond))
		for _, in := range []string{"", "Asia/Kolkata", "America/New_York"} {
			for _, period := range []limits.Period{limits.Hour, limits.Day, limits.Month, limits.Year} {
				wide = append(wide, calendar(u, 100_000, period, in))
			}
		}
	}
	wide = append(wide, held(100_000))

	t.Run("keys", func(t *testing.T) { countApart(t, o, keys, rules) })
	t.Run("rules", func(t *testing.T) {
		// Not while an hour passes, when the shorter windows start anew.
		if !o.Virtual {
			wide = slices.DeleteFunc(wide, func(r *limits.Rule) bool {
				return r.Window.Kind != limits.Held && (r.Window.Seconds() < 366*86400 || r.Window.Kind == limits.Bucket)
			})
		}
		countApart(t, o, keys[5:7], wide)
	})
	t.Run("checks of one decision", func(t *testing.T) {
		p := open(t, o)
		checks := make([]limits.Check, 0, len(keys))
		for i, k := range keys {
			checks = append(checks, limits.Check{Rule: rules[0], Key: k, Weight: int64(i + 1)})
		}
		d := p.admit(checks...)
		for i := range d.Checks {
			if d.Checks[i].Used != int64(i+1) {
				t.Errorf("%q: %d used, want %d", short(fmt.Sprint(keys[i])), d.Checks[i].Used, i+1)
			}
		}
	})
}

// countApart counts another weight for each key and rule, and looks at them all.
func countApart(t *testing.T, o Opener, keys []limits.Key, rules []*limits.Rule) {
	t.Helper()
	p := open(t, o)
	checks := make([]limits.Check, 0, len(keys)*len(rules))
	for _, k := range keys {
		for _, r := range rules {
			c := limits.Check{Rule: r, Key: k, Weight: int64(len(checks) + 1)}
			checks = append(checks, c)
			if d := p.admit(c); d.Checks[0].Used != c.Weight {
				t.Errorf("%s of level %q, subject %q is not empty: %d used after %d", r.ID(),
					short(k.Level), short(k.Subject), d.Checks[0].Used, c.Weight)
			}
		}
	}
	for _, c := range checks {
		p.holds(c, c.Weight)
	}
}
