// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

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
	add := func(plan string) {
		if l := h.plans[plan]; l != nil && !seen[plan] {
			seen[plan] = true
			list = l.limitsOf(c, list)
		}
	}
	for _, cred := range append([]*consumers.Credential{h.app.ConsumerTable().Anonymous(c.Name)}, c.Credentials()...) {
		plans := h.app.PlansOf(cred)
		for _, p := range plans {
			add(p.Name)
		}
		if len(plans) == 0 {
			add(defaultPlan)
		}
	}
	return list
}

// limitsOf appends the limits that count c itself, its keys or its groups, or
// everybody. Others depend on the request.
func (l *level) limitsOf(c *consumers.Consumer, list []gateway.LimitOf) []gateway.LimitOf {
	switch l.by.Kind {
	case quotaspec.ByConsumer:
		return l.limitsAt(list, l.key, c.Name, "", false)
	case quotaspec.ByCredential:
		for _, cred := range c.Credentials() {
			list = l.limitsAt(list, l.key, cred.ID, "", false)
		}
	case quotaspec.ByGroup:
		for _, g := range c.Groups {
			list = l.limitsAt(list, l.key, g, "", g != c.Name)
		}
	case quotaspec.ByGlobal:
		return l.limitsAt(list, l.key, "", "", true)
	default: // nothing that a consumer is
	}
	return list
}

// limitsAt appends the limits as they count a subject. An empty by is the level's.
func (l *level) limitsAt(list []gateway.LimitOf, key, subject, by string, shared bool) []gateway.LimitOf {
	if by == "" {
		by = l.by.String()
	}
	for i := range l.Rules {
		list = append(list, gateway.LimitOf{
			Quota: l.name, By: by, Text: l.Texts[i], Shared: shared,
			Check: limits.Check{Rule: &l.Rules[i], Key: limits.Key{Level: key, Subject: subject}},
		})
	}
	return list
}

// Levels implements gateway.Quota.
func (h *Handler) Levels() []gateway.Level {
	if h.own != nil {
		return []gateway.Level{h.shown(h.own)}
	}
	list := make([]gateway.Level, 0, len(h.plans))
	for _, p := range h.app.AllPlans() {
		list = append(list, h.shown(h.plans[p.Name]))
	}
	return list
}

func (h *Handler) shown(l *level) gateway.Level {
	return gateway.Level{
		Quota: l.name, By: l.by.String(), Rules: l.Rules, Texts: l.Texts,
		Of: func(subject string) ([]gateway.LimitOf, error) { return h.limitsFor(l, subject) },
	}
}

// limitsFor returns the limits of a level as they count a subject. Who is not known
// is counted as level.keys does it.
func (h *Handler) limitsFor(l *level, subject string) ([]gateway.LimitOf, error) {
	switch {
	case l.by.Kind == quotaspec.ByGlobal && subject == "":
		return l.limitsAt(nil, l.key, "", "", true), nil
	case l.by.Kind == quotaspec.ByGlobal:
		return nil, fmt.Errorf("quota %s counts all callers together; leave out the subject", l.name)
	case subject == "":
		return nil, fmt.Errorf("quota %s counts by %s; say whose limits are meant with the subject", l.name, l.by)
	}
	address, isAddress := addressIn(subject)
	switch l.by.Kind {
	case quotaspec.ByRoute:
		return l.limitsAt(nil, l.key, subject, "", false), nil
	case quotaspec.ByIP:
		if !isAddress {
			return nil, fmt.Errorf("quota %s counts by %s, and the subject is no address; write one such as 192.0.2.1 or 2001:db8::1", l.name, l.by)
		}
		return l.limitsAt(nil, l.key, networkOf(address, l.by.IPv4, l.by.IPv6), "", false), nil
	default:
	}
	switch {
	case l.by.Kind == quotaspec.ByHeader, l.by.Kind == quotaspec.ByPlaceholder:
		list := l.limitsAt(nil, l.key, veiled(subject), "", false)
		if isAddress { // of callers without the header
			list = l.limitsAt(list, l.byIP, networkOf(address, 32, 64), "ip", false)
		}
		return list, nil
	case h.knows(l.by.Kind, subject):
		return l.limitsAt(nil, l.key, subject, "", false), nil
	case isAddress:
		return l.limitsAt(nil, l.byIP, networkOf(address, 32, 64), "ip", false), nil
	}
	return l.limitsAt(nil, l.byUser, subject, "user", false), nil
}

// knows says that subject is a consumer, a key or a group.
func (h *Handler) knows(by quotaspec.ByKind, subject string) bool {
	switch by {
	case quotaspec.ByGroup:
		return h.app.KnowsGroup(subject)
	case quotaspec.ByConsumer:
		return h.app.ConsumerTable().Consumer(subject) != nil
	default:
	}
	for c := range h.app.ConsumerTable().All() {
		for _, cred := range c.Credentials() {
			if cred.ID == subject {
				return true
			}
		}
	}
	return false
}

// addressIn returns the address in a text that holds one, or a network.
func addressIn(text string) (string, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Addr().String(), true
	}
	_, err := netip.ParseAddr(text)
	return text, err == nil
}

// networkOf is what a request from an address is counted under.
func networkOf(address string, bits4, bits6 int) string {
	vars := map[string]any{caddyhttp.ClientIPVarKey: address}
	ctx := context.WithValue(context.Background(), caddyhttp.VarsCtxKey, vars)
	return network(new(http.Request).WithContext(ctx), bits4, bits6)
}

// veiled is veil for a value or for "sha256:" and its digest, so that who asks need
// not show the value.
func veiled(subject string) string {
	if digest, ok := strings.CutPrefix(subject, "sha256:"); ok {
		if sum, err := hex.DecodeString(digest); err == nil && len(sum) == sha256.Size {
			return base64.RawURLEncoding.EncodeToString(sum[:16])
		}
	}
	return veil(subject)
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
			return fmt.Errorf("quota %s: it limits tokens, cost or answers, and its route has no llm_cost, which would know them; add one to the route", h.Name)
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
