// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package gatewaycache keeps answers of upstreams and gives them again: of model APIs,
// whose requests are JSON in a POST, and of any other HTTP server as RFC 9111 has it.
//
// See docs/gateway_cache.md.
package gatewaycache

import (
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/gateway"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // the directive's place
	"github.com/caddy-gateway/tollgate/modules/internal/pricing"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Handler)) }

// Handler answers from a cache what it can, and keeps what upstreams answer. It stands
// behind authentication, llm_cost and quota, so that what these refuse is never answered,
// and before the proxy.
//
// A model call (a POST to an endpoint that llm_cost would recognise) is the same as
// another one if its method, host, path, provider, language, the headers that change an
// answer and its JSON are, apart from the order of members, white space and members to be
// ignored. One stored answer serves clients that stream and clients that do not. By
// default only calls with temperature 0 and without tools are cached. Only whole, successful
// answers are stored. A hit costs nothing.
//
// GET and HEAD are cached as RFC 9111 says for a shared cache: with Age, validators, 304,
// Vary, ranges, stale answers and invalidation. Nothing is fresh that is not said to be,
// unless ttl or heuristic says so.
//
// By default nobody is given what another consumer has caused (scope). Requests that are
// the same and come at the same time make one call of the upstream. A cache that cannot be
// asked is a miss.
//
// The headers Cache-Status (RFC 9211), X-Cache-Status and X-Cache-Key say what was done
// and why, and so do the access log, metrics and placeholders.
//
// Placeholders:
//
// Placeholder | Description
// ------------|-------------
// `{gateway.cache.name}` | The name of the cache
// `{gateway.cache.status}` | hit, stale, coalesced, revalidated, miss or bypass
// `{gateway.cache.reason}` | Why it is a miss or was passed by
// `{gateway.cache.key}` | The key, in hexadecimal
// `{gateway.cache.age}` | How old the given answer is, in seconds
// `{gateway.cache.saved}` | What the model call has cost whose answer was given again
type Handler struct {
	// Cache is the name of a cache of the gateway app. Default: default.
	Cache string `json:"cache,omitempty"`

	// TTL is how long answers are fresh that do not say it themselves; those of model
	// calls never do. Default: 5 minutes for model calls, and nothing for others.
	TTL caddy.Duration `json:"ttl,omitempty"`

	// Override has TTL count also where an answer says how long it is fresh, that it is
	// not to be stored or to be validated. Answers that are private, to credentials or set
	// cookies are not stored for that.
	Override bool `json:"override,omitempty"`

	// IgnoreRequestDirectives ignores Cache-Control and Pragma of requests.
	IgnoreRequestDirectives bool `json:"ignore_request_directives,omitempty"`

	// Scope says who is given the same answer: "consumer", "group" (consumers whose
	// groups are the same) or "shared" (everybody). Default: consumer.
	Scope Scope `json:"scope,omitempty"`

	// Methods that are cached: GET, HEAD and POST. POST stands for calls of models; where
	// it is listed here, for every POST with a JSON body. Default: GET, HEAD, and POST for
	// calls of models.
	Methods []string `json:"methods,omitempty"`

	// Status lists the statuses of answers that may be stored. Of model calls it is always
	// 200. Default: 200, 203, 204, 300, 301, 308, 404, 410.
	Status []int `json:"status,omitempty"`

	// ContentType lists the media types of answers that may be stored, as "text/html" or
	// "text/*". Model calls do not go by it. Default: any.
	ContentType []string `json:"content_type,omitempty"`

	// MaxBody is up to how many bytes the body of a POST is read for the key. Longer ones
	// pass by the cache. Default: 1 MiB.
	MaxBody int64 `json:"max_body,omitempty"`

	// MaxAnswer is up to how many bytes an answer is stored, at most 1 GiB. Default: 8 MiB.
	MaxAnswer int64 `json:"max_answer,omitempty"`

	// StaleWhileRevalidate is for how long an answer that is no longer fresh is given
	// while another one is asked for in the background, where it does not say itself. Model
	// calls that count against limits are asked for in the foreground.
	StaleWhileRevalidate caddy.Duration `json:"stale_while_revalidate,omitempty"`

	// StaleIfError is for how long an answer that is no longer fresh is given in place of
	// an error of the upstream, where it does not say itself.
	StaleIfError caddy.Duration `json:"stale_if_error,omitempty"`

	// Heuristic is for how long at most an answer of HTTP is fresh that does not say it
	// itself, by the estimate of RFC 9111 section 4.2.2: a tenth of the time since its
	// Last-Modified. It does not go with TTL, which would count for all of these. Default: 0,
	// nothing is estimated.
	Heuristic caddy.Duration `json:"heuristic,omitempty"`

	// KeyHeaders, KeyQuery and KeyPlaceholders are what else requests have to have in
	// common: headers, and the values of placeholders. With KeyQuery only these
	// parameters of the query count, and not all of it.
	KeyHeaders      []string `json:"key_headers,omitempty"`
	KeyQuery        []string `json:"key_query,omitempty"`
	KeyPlaceholders []string `json:"key_placeholders,omitempty"`

	// BypassRaw are matcher sets of requests that pass by the cache.
	BypassRaw caddyhttp.RawMatcherSets `json:"bypass,omitempty" caddy:"namespace=http.matchers"`

	// IgnoreFields are the members of JSON bodies, with dots between names, that do not
	// tell requests apart. Default: user and metadata of model calls. Of these, stream
	// and stream_options never do.
	IgnoreFields []string `json:"ignore_fields,omitempty"`

	// Sampling says which model calls are cached: "deterministic" (with temperature 0, or
	// top_k 1), "temperature", up to MaxTemperature, or "any". Calls that embed text count
	// as deterministic. Default: deterministic.
	Sampling Sampling `json:"sampling,omitempty"`

	// MaxTemperature is the highest temperature that is cached with Sampling temperature.
	MaxTemperature float64 `json:"max_temperature,omitempty"`

	// Tools caches calls with tools as well.
	Tools bool `json:"tools,omitempty"`

	// Tags that entries get besides those of consumer, route, provider, model, host and
	// path, to be purged by. They may hold placeholders.
	Tags []string `json:"tags,omitempty"`

	// Headers says which headers tell what was done: "all", "standard" (Cache-Status),
	// "kong" (X-Cache-Status, X-Cache-Key) or "off". Age is always told. Default: all.
	Headers Headers `json:"headers,omitempty"`

	// StoreCookies says what becomes of answers that set cookies: "strip" stores them
	// without, "keep" with their cookies. Default: they are not stored. From model calls
	// cookies are always stripped.
	StoreCookies Cookies `json:"store_cookies,omitempty"`

	// CoalesceOff has each of several requests that come at the same time call the
	// upstream.
	CoalesceOff bool `json:"coalesce_off,omitempty"`

	host   state.Host
	prices *pricing.Book
	cache  cache
	rules  rules
	place  *atomic.Pointer[place]
}

// cache is what the handler needs of a named cache.
type cache interface {
	Name() string
	Store() caching.Store
	Flights() *gateway.Flights
}

// Scope says who is given the same answer.
type Scope string

// Scopes.
const (
	ScopeConsumer Scope = "consumer"
	ScopeGroup    Scope = "group"
	ScopeShared   Scope = "shared"
)

// Sampling says which model calls are cached.
type Sampling string

// Samplings.
const (
	SamplingDeterministic Sampling = "deterministic"
	SamplingTemperature   Sampling = "temperature"
	SamplingAny           Sampling = "any"
)

// Headers says which headers tell what was done.
type Headers string

// Choices of headers.
const (
	HeadersAll      Headers = "all"
	HeadersStandard Headers = "standard"
	HeadersKong     Headers = "kong"
	HeadersOff      Headers = "off"
)

// Cookies says what becomes of answers that set cookies.
type Cookies string

// Choices for cookies.
const (
	CookiesRefuse Cookies = "refuse"
	CookiesStrip  Cookies = "strip"
	CookiesKeep   Cookies = "keep"
)

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.gateway_cache", New: func() caddy.Module { return new(Handler) }}
}

// Provision finds the cache and compiles what is configured.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	if err := h.compile(); err != nil {
		return fmt.Errorf("gateway_cache: %w", err)
	}
	if h.BypassRaw != nil {
		mods, err := ctx.LoadModule(h, "BypassRaw")
		if err != nil {
			return fmt.Errorf("gateway_cache: load matchers of bypass: %w", err)
		}
		if err := h.rules.bypass.FromInterface(mods); err != nil {
			return fmt.Errorf("gateway_cache: matchers of bypass: %w", err)
		}
	}
	c, err := app.Cache(h.Cache)
	if err != nil {
		return fmt.Errorf("gateway_cache: %w", err)
	}
	h.host, h.prices, h.cache = app, app.Prices(), c
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.host, w, r, next)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
	_ cache                       = (*gateway.Cache)(nil)
)
