// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quota

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/quotaspec"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// defaultPlan is the plan of callers that have none.
const defaultPlan = "default"

// compile makes the levels: that of the quota's own limits, or those of all plans.
func (h *Handler) compile() error {
	c, err := h.Compile()
	if err != nil {
		return err
	}
	if len(c.Rules) > 0 {
		h.own = newLevel(h.Name, "quota:"+h.Name, c)
		return nil
	}
	if h.Name != "" || h.By != "" || h.Weight != "" || h.MaxOutput != 0 || h.Shadow {
		return errors.New("name, by, weight, max_output and shadow need limits beside them; those of plans belong into the plan")
	}
	h.plans = make(map[string]*level)
	for _, p := range h.app.AllPlans() {
		h.plans[p.Name] = newLevel(p.Name, "plan:"+p.Name, p.Compiled)
	}
	if len(h.plans) == 0 {
		return errors.New("it has no limits, and the gateway app has no plan; write limits, such as: requests 1000/min, or declare a plan")
	}
	return nil
}

// Validate checks the values of options.
func (h *Handler) Validate() error {
	var problems []error
	if h.Name != "" {
		if err := quotaspec.CheckName(h.Name); err != nil {
			problems = append(problems, fmt.Errorf("name: %w", err))
		}
	}
	if h.Name == "" && h.own != nil {
		problems = append(problems, errors.New("it has limits and no name, so that its counters could not be told from others; give it a name"))
	}
	switch h.Headers {
	case headersIETF, headersKong, headersBoth, headersOff:
	default:
		problems = append(problems, fmt.Errorf("headers is %q; write ietf, kong, both or off", h.Headers))
	}
	if h.BudgetStatus != http.StatusTooManyRequests && h.BudgetStatus != http.StatusPaymentRequired {
		problems = append(problems, fmt.Errorf("budget_status is %d; write 429 or 402", h.BudgetStatus))
	}
	if len(problems) > 0 {
		return fmt.Errorf("quota: %w", errors.Join(problems...))
	}
	return nil
}

// callers returns the levels of the plans that hold for the caller.
func (h *Handler) callers(rq *state.Request) ([]*level, error) {
	var plans []*gateway.Plan
	if rq.Credential != nil {
		plans = h.app.PlansOf(rq.Credential)
	}
	if len(plans) == 0 {
		if l := h.plans[defaultPlan]; l != nil {
			return l.alone, nil
		}
		return nil, state.Deny(http.StatusForbidden, codeNoPlan,
			"No plan holds for this caller, so that nothing would limit it; the gateway refuses it")
	}
	if list, ok := h.sets.Load(&plans[0]); ok {
		return list.([]*level), nil
	}
	list := make([]*level, len(plans))
	for i, p := range plans {
		list[i] = h.plans[p.Name]
	}
	h.sets.Store(&plans[0], list)
	return list, nil
}
