// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package acl admits or refuses consumers by the groups they are in.
package acl

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // places the directive
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Handler)) }

// Handler admits consumers who are in one of the allowed groups, or all but
// those in one of the denied. The groups are those of the key that was shown,
// where it has its own, else the consumer's. There is no group that is admitted
// everywhere: list it where it is.
//
// It comes after whatever identifies the consumer and fails closed. Nobody
// known: 401. Known to another authentication, such as basic_auth, but no
// consumer: 403. A consumer without an admitted group: 403, code
// group_not_allowed; but 401 if that is the anonymous consumer without any
// group, for whom a key is the way in.
//
// An admitted request carries the groups to the upstream in X-Consumer-Groups,
// separated by a comma and a space.
type Handler struct {
	// Allow lists the groups that are admitted. Exactly one of Allow and Deny
	// must be given.
	Allow []string `json:"allow,omitempty"`

	// Deny lists the groups that are refused; consumers in none of them are
	// admitted, also those in no group at all.
	Deny []string `json:"deny,omitempty"`

	// HideGroupsHeader keeps X-Consumer-Groups from the upstream. Default:
	// false.
	HideGroupsHeader bool `json:"hide_groups_header,omitempty"`

	app *gateway.App
	// joined holds the header value of each list of groups, by the address of
	// its first element: consumers with equal lists share them. It cannot grow
	// beyond the lists of the consumer table, which it lives as long as.
	joined sync.Map
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.acl", New: func() caddy.Module { return new(Handler) }}
}

// Provision checks the groups against those of the gateway app.
func (h *Handler) Provision(ctx caddy.Context) error {
	if err := h.check(); err != nil {
		return fmt.Errorf("acl: %w", err)
	}
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	h.app = app
	for _, name := range h.groups() {
		if !app.KnowsGroup(name) {
			return fmt.Errorf("acl: group %q does not exist; declare it in the gateway app", name)
		}
	}
	return nil
}

// check looks at the options by themselves.
func (h *Handler) check() error {
	switch {
	case len(h.Allow) == 0 && len(h.Deny) == 0:
		return errors.New("no group is listed; write acl allow or acl deny with the groups behind it")
	case len(h.Allow) > 0 && len(h.Deny) > 0:
		return errors.New("allow and deny exclude each other; keep one of them")
	}
	for i, name := range h.groups() {
		if name == "" || slices.Contains(h.groups()[:i], name) {
			return fmt.Errorf("group %q is listed twice or empty", name)
		}
	}
	return nil
}

// groups is the one list that is given.
func (h *Handler) groups() []string {
	if len(h.Allow) > 0 {
		return h.Allow
	}
	return h.Deny
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Handle implements state.Handler.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	if h.app.Kong() {
		rq.KongErrors = true
	}
	c := rq.Credential
	if c == nil {
		if rq.KnownElsewhere(r) {
			return forbidden()
		}
		return unauthorized(rq)
	}
	if !h.admits(c) {
		if rq.Anonymous && len(c.Groups) == 0 {
			return unauthorized(rq)
		}
		return forbidden()
	}
	if len(c.Groups) > 0 && !h.HideGroupsHeader {
		r.Header[state.HeaderConsumerGroups] = []string{h.headerValue(c.Groups)}
	} else {
		delete(r.Header, state.HeaderConsumerGroups)
	}
	return next.ServeHTTP(w, r)
}

// admits says that the lists let c pass.
func (h *Handler) admits(c *consumers.Credential) bool {
	return slices.ContainsFunc(h.groups(), c.InGroup) == (len(h.Allow) > 0)
}

// headerValue joins groups, which must not be empty.
func (h *Handler) headerValue(groups []string) string {
	if len(groups) == 1 {
		return groups[0]
	}
	if v, ok := h.joined.Load(&groups[0]); ok {
		return v.(string)
	}
	v := strings.Join(groups, ", ")
	h.joined.Store(&groups[0], v)
	return v
}

// unauthorized has no WWW-Authenticate: this handler takes no credentials.
func unauthorized(rq *state.Request) error {
	message := "Unauthorized"
	if !rq.KongErrors {
		message = "This route is for known consumers only, and nobody has identified the caller"
	}
	return state.Deny(http.StatusUnauthorized, "consumer_unknown", message)
}

// forbidden does not say which groups there are.
func forbidden() error {
	return state.Deny(http.StatusForbidden, "group_not_allowed", "You cannot consume this service")
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
)
