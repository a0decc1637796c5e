// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quota

import (
	"strconv"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/quotaspec"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Percentages of a budget at which it is told that they are reached.
const (
	warnFrom = 80
	full     = 100
)

// exceeded tells of a limit that was met, to metrics and to those who listen for
// the event.
func (n *run) exceeded(d *decision, c *limits.Check, o *origin) {
	outcome := gateway.LimitDenied
	switch {
	case c.Rule.Shadow:
		outcome = gateway.LimitShadow
		n.rq.Quota.Shadow = true
	case c.Rule.Soft:
		outcome = gateway.LimitPassed
	case !d.Denied:
		return
	}
	n.app.LimitExceeded(n.limitEvent(c, o), outcome)
}

// spent tells how far a budget is used, now that a call is settled.
func (n *run) spent(d *decision) {
	for i := range d.Checks {
		c, o := &d.Checks[i], &d.from[i]
		if c.Rule.Unit != limits.Cost || c.Rule.Shadow {
			continue
		}
		now := c.Used - c.Weight + c.Actual
		e := n.limitEvent(c, o)
		e.Used = now
		n.app.BudgetUsed(e)
	}
}

// limitEvent describes a check for others.
func (n *run) limitEvent(c *limits.Check, o *origin) gateway.LimitEvent {
	return gateway.LimitEvent{
		Quota: o.l.name, By: o.l.by.String(), Key: c.Key, Unit: c.Rule.Unit, Window: o.l.window(o.rule), Text: o.l.Texts[o.rule],
		Limit: c.Rule.Capacity(), Used: c.Used, Frees: c.Frees, Soft: c.Rule.Soft,
		Consumer: n.rq.ConsumerName(), Route: n.rq.RouteName(), CorrelationID: n.rq.ID(),
		Veiled: o.l.by.Kind == quotaspec.ByHeader || o.l.by.Kind == quotaspec.ByPlaceholder,
	}
}

// warn keeps for the header how far a budget is used, if that is further than
// others and so far that somebody should know.
func (a *answer) warn(c *limits.Check, o *origin) {
	if c.Rule.Unit != limits.Cost || c.Rule.Shadow || o.h.Headers == headersOff {
		return
	}
	if percent := percentage(c.Used, c.Rule.Limit); percent >= warnFrom && percent > a.percent {
		a.percent = percent
		a.budget = `"` + o.l.name + `";percent=` + strconv.FormatInt(percent, 10) + `;window="` + o.l.window(o.rule) + `"`
	}
}

func percentage(used, limit int64) int64 { return int64(float64(used) / float64(limit) * full) }
