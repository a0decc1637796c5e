// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quota

import (
	"fmt"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/quotaspec"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// LimitsOf implements gateway.Quota.
func (h *Handler) LimitsOf(c *consumers.Consumer) []gateway.LimitOf {
	if h.own != nil {
		return h.own.limitsOf(c, nil)
	}
	var list []gateway.LimitOf
	seen := make(map[string]bool)
	for _, cred := range append([]*consumers.Credential{h.app.ConsumerTable().Anonymous(c.Name)}, c.Credentials()...) {
		for _, p := range h.app.PlansOf(cred) {
			if l := h.plans[p.Name]; l != nil && !seen[p.Name] {
				seen[p.Name] = true
				list = l.limitsOf(c, list)
			}
		}
	}
	if l := h.plans[defaultPlan]; l != nil && len(list) == 0 {
		list = l.limitsOf(c, list)
	}
	return list
}

// limitsOf appends the limits that count c itself, its keys or its groups, or
// everybody. Others depend on the request.
func (l *level) limitsOf(c *consumers.Consumer, list []gateway.LimitOf) []gateway.LimitOf {
	var subjects []string
	switch l.by.Kind {
	case quotaspec.ByConsumer:
		subjects = []string{c.Name}
	case quotaspec.ByCredential:
		for _, cred := range c.Credentials() {
			subjects = append(subjects, cred.ID)
		}
	case quotaspec.ByGroup:
		subjects = c.Groups
	case quotaspec.ByGlobal:
		subjects = []string{""}
	}
	for _, subject := range subjects {
		for i := range l.Rules {
			list = append(list, gateway.LimitOf{
				Quota: l.name, By: l.by.String(), Text: l.Texts[i],
				Check: limits.Check{Rule: &l.Rules[i], Key: limits.Key{Level: l.key, Subject: subject}},
			})
		}
	}
	return list
}

// CheckPlace implements gateway.Quota. Limits of tokens and cost of the quota's own
// would do nothing without an llm_cost, which nobody can want.
func (h *Handler) CheckPlace() error {
	if h.own == nil || !h.own.calls() {
		return nil
	}
	mod, err := h.app.HTTP()
	if err != nil || mod == nil {
		return err
	}
	for _, srv := range mod.Servers {
		if s := look(h, srv); s.found && !s.place.call && !s.before {
			return fmt.Errorf("quota %s: it limits tokens or cost, and its route has no llm_cost, which would know them; add one to the route", h.Name)
		}
	}
	return nil
}

// look searches the routes of a server for h.
func look(h *Handler, srv *caddyhttp.Server) search {
	s := search{target: h, named: srv.NamedRoutes}
	s.routes(srv.Routes, 0)
	if srv.Errors != nil {
		s.routes(srv.Errors.Routes, 0)
	}
	return s
}
