// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"fmt"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// describe writes checks and what came of them, one on a line.
func describe(checks []limits.Check) string {
	var b strings.Builder
	for i := range checks {
		c := &checks[i]
		fmt.Fprintf(&b, "\n  %s of %q in %q limit %d burst %d soft %v shadow %v, weight %d: exceeded %v, used %d, reserved %d, frees %s",
			c.Rule.ID(), short(c.Key.Subject), short(c.Key.Level), c.Rule.Limit, c.Rule.Burst, c.Rule.Soft, c.Rule.Shadow,
			c.Weight, c.Exceeded, c.Used, c.Reserved, wait(c.Frees))
	}
	return b.String()
}

func wait(d time.Duration) string {
	if d == limits.Never {
		return "never"
	}
	return d.String()
}

// short cuts a subject to what is readable in a message.
func short(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

// differs says how a decision differs from the model's, or returns "".
func differs(o Opener, want, got *limits.Decision) string {
	if want.Denied != got.Denied {
		return fmt.Sprintf("denied %v, want %v", got.Denied, want.Denied)
	}
	if o.Recalled && got.Denied {
		return recalls(o, want.Checks, got.Checks)
	}
	for i := range want.Checks {
		if s := checkDiffers(o, &want.Checks[i], &got.Checks[i]); s != "" {
			return fmt.Sprintf("check %d: %s", i, s)
		}
	}
	return ""
}

// recalls compares a denial that may have been remembered: it says less, but
// nothing wrong about what it denies by.
func recalls(o Opener, want, got []limits.Check) string {
	enforcing := false
	for i := range want {
		if !got[i].Exceeded {
			continue
		}
		if s := checkDiffers(o, &want[i], &got[i]); s != "" {
			return fmt.Sprintf("check %d: %s", i, s)
		}
		enforcing = enforcing || got[i].Rule.Enforces()
	}
	if !enforcing {
		return "denied, and no check says why"
	}
	return ""
}

// checkDiffers says how the results of a check differ from the model's.
func checkDiffers(o Opener, want, got *limits.Check) string {
	if got.Exceeded != want.Exceeded {
		return fmt.Sprintf("exceeded %v, want %v", got.Exceeded, want.Exceeded)
	}
	if got.Used != want.Used {
		return fmt.Sprintf("used %d, want %d", got.Used, want.Used)
	}
	if s := freesDiffers(o, want, got); s != "" {
		return s
	}
	return ""
}

// freesDiffers compares how long it takes: it may be rounded up to milliseconds,
// and what a soft check has counted beyond the limit may be left out.
func freesDiffers(o Opener, want, got *limits.Check) string {
	low, high := want.Frees, want.Frees+time.Millisecond
	switch {
	case want.Rule.Window.Kind == limits.Held:
		if got.Frees == 0 || want.Exceeded && got.Frees == want.Frees {
			return ""
		}
	case want.Frees == limits.Never || want.Frees == 0:
		high = low
	case !o.Virtual:
		// Only the order of magnitude is known.
		low, high = 1, want.Frees+time.Minute
	case want.Rule.Soft && want.Exceeded:
		low = 1
	}
	if got.Frees < low || got.Frees >= high && got.Frees != low {
		return fmt.Sprintf("frees in %s, want %s", wait(got.Frees), wait(want.Frees))
	}
	return ""
}
