// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package quota limits requests, tokens, money and requests in flight: for each
// consumer, key, group, address, route or anything else that a request shows,
// over windows of time.
package quota

import (
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // the directive's place
	"github.com/caddy-gateway/tollgate/modules/internal/quotaspec"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Handler)) }

// Handler holds requests to limits. A request that is within all of them is
// counted in each; one that is not is answered 429, and counted in none.
//
// Without limits of its own it enforces the plans of the caller: that of the
// consumer and those of its groups, else the plan named default. A caller without
// any is refused, since nothing would limit it.
//
// What counts is who calls, by default the consumer. Where nobody is known, and
// no authentication is ahead in the route, limits by consumer, credential and
// group count by client IP. A quota that stands before the authentication
// is decided once that has spoken. Several quotas of one request all apply: what
// an outer one has counted is taken back when an inner one denies. A plan is
// counted once, however many quotas ask for it.
//
// Tokens and cost are reserved before a model is called, as the most that the
// call can come to, and settled to what it came to before its last byte goes out.
// They need an llm_cost in the route. A budget (cost without soft) is
// never exceeded: a call whose cost cannot be bounded is refused with 403,
// and while nothing can be decided reliably, with 503.
//
// Every answer says in RateLimit and RateLimit-Policy
// (draft-ietf-httpapi-ratelimit-headers-10) how things stand with the tightest limit.
//
// Placeholders:
//
// Placeholder | Description
// ------------|-------------
// `{gateway.quota.name}` | The quota or plan of the tightest limit
// `{gateway.quota.unit}` | What it counts: requests, tokens, input_tokens, output_tokens, cost, concurrent
// `{gateway.quota.window}` | Its window, such as 60s or month
// `{gateway.quota.limit}` | The limit; of cost in billionths of a US dollar
// `{gateway.quota.remaining}` | What remains of it
// `{gateway.quota.reset}` | Seconds until something is free again
// `{gateway.quota.denied}` | Whether the request was refused by it
// `{gateway.quota.shadow_denied}` | Whether a limit in the shadow would have refused it
type Handler struct {
	// Name identifies the counters, together with what they count by and the
	// window: up to 64 letters, digits, "_", "." and "-". Quotas of one name share
	// their counters, also across restarts and other changes of the config.
	// In a Caddyfile the default is the name of the route. Needed unless the
	// quota has no limits of its own.
	Name string `json:"name,omitempty"`

	quotaspec.Spec

	// Headers says which headers tell about limits: "ietf" (RateLimit and
	// RateLimit-Policy), "kong" (X-RateLimit-Limit-Minute and the like,
	// RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset), "both" or "off".
	// Default: ietf; with the profile kong: kong.
	Headers string `json:"headers,omitempty"`

	// BudgetStatus is the status of a request that a budget refuses: 429 or 402.
	// Default: 429.
	BudgetStatus int `json:"budget_status,omitempty"`

	app   *gateway.App
	own   *level // nil: the plans of the caller
	plans map[string]*level
	sets  sync.Map // of levels, by the first element of a list of plans, which is shared by all who have it
	place atomic.Pointer[place]
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.quota", New: func() caddy.Module { return new(Handler) }}
}

// Provision compiles the limits.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	h.app = app
	h.setDefaults()
	if err := h.compile(); err != nil {
		return fmt.Errorf("quota: %w", err)
	}
	app.NeedLimits()
	app.AddQuota(h)
	return nil
}

func (h *Handler) setDefaults() {
	if h.BudgetStatus == 0 {
		h.BudgetStatus = http.StatusTooManyRequests
	}
	if h.Headers == "" {
		h.Headers = headersIETF
		if h.app.Kong() {
			h.Headers = headersKong
		}
	}
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Handle implements state.Handler.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	n := runOf(rq, h.app)
	p := h.where(r)
	n.pending = append(n.pending, waiting{h, p})
	if p.next {
		return next.ServeHTTP(w, r)
	}
	if err := n.advance(0, r); err != nil {
		return err
	}
	if len(n.pending) > 0 {
		return h.watch(w, r, n, next)
	}
	return next.ServeHTTP(w, r)
}

// where returns what is ahead of the handler.
func (h *Handler) where(r *http.Request) place {
	if p := h.place.Load(); p != nil {
		return *p
	}
	srv, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	p := find(h, srv)
	h.place.Store(&p)
	return p
}

// refusal is what watch throws through a proxy that must not go on.
type refusal struct{ err error }

// watch passes a request on whose decision is still open. If no handler makes
// known what it waits for, it is made when a proxy asks for a connection to an
// upstream. There is no other way to stop a proxy at that point than a
// panic, which it must expect anyway; it is caught here. Where there is no
// connection, the writer of the answer asks for the decision.
func (h *Handler) watch(w http.ResponseWriter, r *http.Request, n *run, next caddyhttp.Handler) (err error) {
	ctx := httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{GetConn: func(string) {
		if err := n.advance(state.Answering, nil); err != nil {
			panic(refusal{err})
		}
	}})
	defer func() {
		if thrown := recover(); thrown != nil {
			refused, ours := thrown.(refusal)
			if !ours {
				panic(thrown)
			}
			err = refused.err
		}
	}()
	return next.ServeHTTP(w, r.WithContext(ctx))
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
)
