// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quota

import (
	"net/http"
	"strconv"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/quotaspec"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Codes of refusals.
const (
	codeRequests    = "rate_limit_exceeded"
	codeTokens      = "token_limit_exceeded"
	codeBudget      = "budget_exceeded"
	codeConcurrent  = "concurrency_limit_exceeded"
	codeUnbounded   = "cost_not_bounded"
	codeUnavailable = "limits_unavailable"
	codeNoPlan      = "plan_missing"
)

// heldRetry is when to come back for a place among requests in flight, which nobody
// can know.
const heldRetry = time.Second

// denial is the refusal by the tightest limit of a decision.
func (n *run) denial(d *decision) error {
	c := d.Tightest()
	o := &d.from[index(d, c)]
	after := c.Frees
	switch {
	case after == limits.Never:
		after, n.answer.giveUp = 0, true
	case c.Rule.Unit == limits.Concurrent:
		after = heldRetry
	default:
		after = max(after, time.Second)
		n.answer.giveUp = after > longWait
	}
	status := http.StatusTooManyRequests
	if c.Rule.Unit == limits.Cost {
		status = o.h.BudgetStatus
	}
	if n.app.Kong() && c.Rule.Unit == limits.Requests {
		return state.DenyWith(&state.Denial{Status: status, Code: codeRequests, Message: "API rate limit exceeded", RetryAfter: after})
	}
	return state.DenyWith(&state.Denial{
		Status: status, Code: code(c.Rule.Unit), Message: n.explain(c, o), RetryAfter: after,
	})
}

func code(u limits.Unit) string {
	switch u {
	case limits.Requests:
		return codeRequests
	case limits.Cost:
		return codeBudget
	case limits.Concurrent:
		return codeConcurrent
	default:
		return codeTokens
	}
}

// explain says which limit was met, whose it is, and when it frees.
func (n *run) explain(c *limits.Check, o *origin) string {
	text := "Limit exceeded: " + o.l.Texts[o.rule] + " (" + o.l.name + ", " + who(c, o) + ")"
	if c.Rule.Unit != limits.Requests && c.Rule.Unit != limits.Concurrent {
		text += "; this call may use up to " + amount(c.Rule.Unit, c.Weight) + ", and " + amount(c.Rule.Unit, c.Remaining()) + " is left"
	}
	switch {
	case c.Frees == limits.Never && c.Rule.Unit == limits.Requests:
		return text + ". This request counts for " + strconv.FormatInt(c.Weight, 10) + ", which is more than the whole limit"
	case c.Frees == limits.Never:
		return text + ". It is more than the whole limit: ask for fewer output tokens, or a shorter prompt"
	case c.Rule.Unit == limits.Concurrent:
		return text + ". Try again when another request has ended"
	}
	return text + ". Try again in " + strconv.FormatInt(max(1, seconds(c.Frees)), 10) + " s"
}

// who says in whose name a limit counts. What a client has sent is not repeated: it may be a
// secret.
func who(c *limits.Check, o *origin) string {
	switch {
	case c.Key.Level == o.l.byIP, o.l.by.Kind == quotaspec.ByIP:
		return "by client address " + c.Key.Subject
	case c.Key.Level == o.l.byUser:
		return "by user"
	}
	switch o.l.by.Kind {
	case quotaspec.ByGlobal:
		return "for all callers together"
	case quotaspec.ByHeader, quotaspec.ByPlaceholder:
		return "by " + o.l.by.String()
	default:
		return "by " + o.l.by.Kind.String() + " " + c.Key.Subject
	}
}

// amount writes n units in words.
func amount(u limits.Unit, n int64) string {
	if u == limits.Cost {
		return money.Amount(n*1000).String() + " usd"
	}
	return strconv.FormatInt(n, 10) + " tokens"
}
