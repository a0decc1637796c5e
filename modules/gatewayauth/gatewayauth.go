// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package gatewayauth combines ways to authenticate: any of them, or all.
//
// A way is a module of Caddy's namespace http.authentication.providers. Those of the
// gateway, such as gateway_key, say more than Caddy's interface can: whether a credential
// is absent or wrong, and whose it is. Others, such as http_basic, accept a request or do
// not.
package gatewayauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // places the directive
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Handler)) }

// What a user that another provider has accepted is to the gateway.
const (
	UsersConsumers = "consumers"
	UsersRequired  = "required"
	UsersElsewhere = "elsewhere"
)

// Handler lets a request pass if one of several ways to authenticate accepts it (any), or
// if each does (all). Ways are asked in the order in which they are written.
//
// With any, the first way that accepts decides who calls, and the others are not asked.
// If none accepts, a wrong credential is refused with what its way says about it: an
// authority that cannot be asked (5xx) before missing rights (403) before the rest, and of
// equals the first. If there was no credential at all, the request is given to the
// anonymous consumer, or refused with 401 and the challenges of all ways.
//
// With all, each way must accept, and those that identify a consumer must identify the
// same one. The credential of the first of them holds, with its groups and models.
//
// Credentials are removed before the request goes on, of ways that were not asked too,
// unless a way is told to leave them.
//
// The caller is then known to all later handlers as it is after key_auth: to
// {gateway.consumer.name} and its kin, {gateway.token.*}, {http.auth.user.id}, logs and
// metrics, and to the upstream through X-Consumer-Id and its kin.
//
// Several handlers in a row must all be satisfied, and by the same consumer; where they
// differ, the answer is 401. A handler with an anonymous consumer is content if somebody is
// known already.
type Handler struct {
	// AnyRaw are the ways of which one has to accept.
	AnyRaw []json.RawMessage `json:"any,omitempty" caddy:"namespace=http.authentication.providers inline_key=provider"`

	// AllRaw are the ways of which each has to accept. One of the two lists is given.
	AllRaw []json.RawMessage `json:"all,omitempty" caddy:"namespace=http.authentication.providers inline_key=provider"`

	// Anonymous is the consumer that a request without any credential is given; by
	// default such a request is refused. A wrong credential is refused all the same,
	// unless the profile is kong; one that cannot be judged at the moment is, with either.
	Anonymous string `json:"anonymous,omitempty"`

	// Users says what a user is whom a provider accepts that is not the gateway's own:
	// "consumers", the consumer of that name where there is one, and otherwise known
	// without being a consumer; "required", the same, but a user who is no consumer is
	// refused with 401; "elsewhere", never a consumer. Default: consumers. Where users
	// choose their own names, take elsewhere.
	Users string `json:"users,omitempty"`

	// HideCredentials says whether Authorization is removed where it holds a password
	// (scheme Basic) and http_basic is one of the ways. The gateway's own ways have an
	// option each. Default: true; with the profile kong, false.
	HideCredentials *bool `json:"hide_credentials,omitempty"`

	// Preflight says whether CORS preflight requests (OPTIONS with Origin and
	// Access-Control-Request-Method) need credentials like any other. Default: true.
	// Browsers send none, so with false they pass unidentified. With the profile kong,
	// false lets every OPTIONS request pass. Where gateway_cors answers them, they do
	// not come this far.
	Preflight *bool `json:"preflight,omitempty"`

	// Profile "kong" takes the meaning of anonymous and error bodies from Kong, for
	// this handler alone. Default: the gateway app's profile.
	Profile string `json:"profile,omitempty"`

	app       *gateway.App
	table     *consumers.Table
	logger    *zap.Logger
	kong      bool
	hide      bool
	all       bool
	ways      []way
	anonymous *consumers.Credential
	missing   *state.Denial
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.gateway_auth", New: func() caddy.Module { return new(Handler) }}
}

// Provision loads the ways and checks the options against the gateway app.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	h.app, h.table, h.logger = app, app.ConsumerTable(), ctx.Logger()
	if err := h.check(); err != nil {
		return fmt.Errorf("gateway_auth: %w", err)
	}
	if h.Anonymous != "" {
		if h.anonymous = h.table.Anonymous(h.Anonymous); h.anonymous == nil {
			return fmt.Errorf("gateway_auth: anonymous consumer %q does not exist", h.Anonymous)
		}
	}
	h.kong = app.Kong() || h.Profile == gateway.ProfileKong
	h.hide = h.HideCredentials == nil && !h.kong || h.HideCredentials != nil && *h.HideCredentials
	h.all = len(h.AllRaw) > 0
	list := "AnyRaw"
	if h.all {
		list = "AllRaw"
	}
	loaded, err := ctx.LoadModule(h, list)
	if err != nil {
		return fmt.Errorf("gateway_auth: load ways: %w", err)
	}
	for _, module := range loaded.([]any) {
		w, err := h.wayOf(module)
		if err != nil {
			return fmt.Errorf("gateway_auth: %w", err)
		}
		h.ways = append(h.ways, w)
	}
	h.missing = h.denialOfNothing()
	return nil
}

// check looks at what can be told without the ways.
func (h *Handler) check() error {
	switch {
	case len(h.AnyRaw)+len(h.AllRaw) == 0:
		return errors.New("there is no way to authenticate, so every request would be refused; list some in any or all")
	case len(h.AnyRaw) > 0 && len(h.AllRaw) > 0:
		return errors.New("any and all are both given; keep one, and write a second gateway_auth for the other: handlers in a row must all be satisfied")
	case h.Profile != "" && h.Profile != gateway.ProfileKong:
		return fmt.Errorf("profile is %q; the only profile is kong", h.Profile)
	}
	switch h.Users {
	case "", UsersConsumers, UsersRequired, UsersElsewhere:
		return nil
	default:
		return fmt.Errorf("users is %q; write %s, %s or %s", h.Users, UsersConsumers, UsersRequired, UsersElsewhere)
	}
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Handle implements state.Handler.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	if h.kong {
		rq.KongErrors = true
	}
	if state.Waved(r, h.Preflight, h.kong) || h.anonymous != nil && rq.Known(r) {
		if err := h.hideBut(r, rq, nil); err != nil {
			return err
		}
		return next.ServeHTTP(w, r)
	}
	o, err := h.ask(r, rq)
	if err != nil {
		return err
	}
	if o.uncached {
		w = rq.Uncached(w, r)
		if err := h.serve(w, r, rq, o, next); err != nil {
			return err
		}
		return rq.EndTapped(w)
	}
	return h.serve(w, r, rq, o, next)
}

// serve acts on what the ways have said.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, rq *state.Request, o outcome, next caddyhttp.Handler) error {
	switch {
	case o.accepted():
		if err := h.admit(w, r, rq, o); err != nil {
			return err
		}
	case h.anonymous != nil && (o.nothing() || h.kong && (o.denial == nil || o.denial.Status < http.StatusInternalServerError)):
		if err := rq.AdmitAnonymous(r, h.anonymous); err != nil {
			return err
		}
	default:
		if redirect := o.redirect(); redirect != nil {
			return redirect.replay(w)
		}
		return h.refuse(w, o)
	}
	return next.ServeHTTP(w, r)
}

// admit makes the caller that of the request.
func (h *Handler) admit(w http.ResponseWriter, r *http.Request, rq *state.Request, o outcome) error {
	a := o.merged()
	if rq.Credential != nil && !rq.Anonymous { // a handler before this one has identified a consumer
		if a.Credential != nil && a.Credential.Consumer != rq.Credential.Consumer {
			return h.refuse(w, outcome{denial: state.ErrConsumersDiffer})
		}
		a.Credential = rq.Credential
	}
	if a.Token == nil {
		a.Token = rq.Token
	} else if a.Credential == nil {
		showUser(r, &caddyauth.User{ID: a.Token.Subject})
	}
	for _, f := range o.findings {
		if f.user != nil {
			f.answer.keepHeader(w.Header())
			showUser(r, f.user)
		}
	}
	return rq.Admit(r, &a)
}

// refuse makes the answer of a request that no way has let pass.
func (h *Handler) refuse(w http.ResponseWriter, o outcome) error {
	d := o.denial
	if d == nil {
		d = h.missing
	}
	switch d.Status {
	case http.StatusUnauthorized:
		h.challenge(w.Header(), o)
	case http.StatusForbidden, http.StatusBadRequest: // it is for this way alone to say more (RFC 6750, section 3)
		for i := range o.findings {
			if f := &o.findings[i]; f.Denial == d && f.way.own != nil {
				o.challengeOf(f.way, w.Header())
			}
		}
	}
	return state.DenyWith(d)
}

// TellsCaller implements state.CallerTeller.
func (*Handler) TellsCaller() {}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
	_ state.CallerTeller          = (*Handler)(nil)
)
