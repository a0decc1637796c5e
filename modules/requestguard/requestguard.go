// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package requestguard refuses or cleans requests that two parsers could
// understand differently, before anything decides on them.
//
// A gateway decides on a path, a method, a header; a server behind it may
// decode, fold or strip once more and act on something else. Most bypasses of
// gateways are of this kind. What is ambiguous by nature is refused; what is
// merely not a client's business, such as an upgrade to another protocol, is
// removed, and the request goes on.
//
// The rules are pure functions on URL and headers; the handler only calls
// them in order. Framing (Content-Length against Transfer-Encoding, chunks,
// bare line feeds) is the matter of Go's HTTP server, which is strict.
//
// See docs/request_guard.md.
package requestguard

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // places the directive
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Handler)) }

// Defaults and bounds of the limits.
const (
	DefaultMaxQueryParams = 256
	DefaultMaxQuery       = 8 << 10
	DefaultMaxHeaders     = 100

	highestQueryParams = 100_000
	highestQuery       = 1 << 20
	highestHeaders     = 10_000
)

var defaultMethods = [...]string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
	http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// Handler is the first handler of a route to judge a request. Every rule is in
// force unless it is listed in Off.
//
// Refused are: other methods than Methods (405 with Allow); TRACE, TRACK and
// CONNECT always, except the CONNECT by which HTTP/2 and HTTP/3 open a
// WebSocket; paths, queries, hosts and request targets that can be read in two
// ways (400); too many header lines (431); duplicates of headers that decide
// (400, Authorization 401); expectations other than 100-continue (417); and
// TLS early data with a method that is not safe (425).
//
// Removed are: options of Connection that name other headers; upgrades to
// anything but websocket; headers that override method or path; statements
// about the client's address from peers that are not trusted proxies; and
// reserved fields in trailers. Identity headers (X-Consumer-*, X-Credential-*,
// X-Authenticated-*, X-Anonymous-*, X-Detected-*) are removed by whichever
// gateway handler comes first, with or without this one.
//
// It sets no placeholders besides {gateway.error.code} and
// {gateway.error.message} of a refusal, and uses none.
type Handler struct {
	// Methods that are served. Default: GET, HEAD, POST, PUT, PATCH, DELETE,
	// OPTIONS. TRACE, TRACK and CONNECT cannot be listed.
	Methods []string `json:"methods,omitempty"`

	// Off lists the rules that are not in force. Default: none.
	Off []Rule `json:"off,omitempty"`

	// WebSocket says whether a request may become a WebSocket. Default: true.
	// If false, the upgrade is removed and an extended CONNECT is refused.
	WebSocket *bool `json:"websocket,omitempty"`

	// MaxQueryParams is how many parameters a query may have. Default: 256.
	MaxQueryParams int `json:"max_query_params,omitempty"`

	// MaxQuery is how long a query may be, in bytes. Default: 8192.
	MaxQuery int64 `json:"max_query,omitempty"`

	// MaxHeaders is how many header lines a request may have, without Host.
	// Default: 100.
	MaxHeaders int `json:"max_headers,omitempty"`

	app       *gateway.App
	rules     ruleSet
	methods   []string
	allow     string // the methods as the Allow header
	websocket bool
	maxQuery  int
	maxParams int
	maxLines  int
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.request_guard", New: func() caddy.Module { return new(Handler) }}
}

// Provision compiles the rules.
func (h *Handler) Provision(ctx caddy.Context) (err error) {
	if h.app, err = gateway.Get(ctx); err != nil {
		return err
	}
	h.compile()
	return nil
}

func (h *Handler) compile() {
	h.rules = allBut(h.Off)
	h.methods = h.Methods
	if len(h.methods) == 0 {
		h.methods = defaultMethods[:]
	}
	h.allow = strings.Join(h.methods, ", ")
	h.websocket = h.WebSocket == nil || *h.WebSocket
	h.maxParams, h.maxQuery, h.maxLines = DefaultMaxQueryParams, DefaultMaxQuery, DefaultMaxHeaders
	if h.MaxQueryParams > 0 {
		h.maxParams = h.MaxQueryParams
	}
	if h.MaxQuery > 0 {
		h.maxQuery = int(min(h.MaxQuery, highestQuery))
	}
	if h.MaxHeaders > 0 {
		h.maxLines = h.MaxHeaders
	}
}

// Validate checks what a Caddyfile would have refused with file and line.
func (h *Handler) Validate() error {
	var problems []error
	for i, m := range h.Methods {
		if err := checkMethod(m); err != nil {
			problems = append(problems, fmt.Errorf("methods: %w", err))
		}
		if slices.Contains(h.Methods[:i], m) {
			problems = append(problems, fmt.Errorf("methods: %q is listed twice", m))
		}
	}
	for i, rule := range h.Off {
		if !slices.Contains(allRules[:], rule) {
			problems = append(problems, fmt.Errorf("off: %q is not a rule; the rules are: %s", rule, ruleNames()))
		}
		if slices.Contains(h.Off[:i], rule) {
			problems = append(problems, fmt.Errorf("off: %q is listed twice", rule))
		}
	}
	for _, l := range []struct {
		name           string
		value, highest int64
	}{
		{"max_query_params", int64(h.MaxQueryParams), highestQueryParams},
		{"max_query", h.MaxQuery, highestQuery},
		{"max_headers", int64(h.MaxHeaders), highestHeaders},
	} {
		if l.value < 0 || l.value > l.highest {
			problems = append(problems, fmt.Errorf("%s is %d; it must be from 1 to %d", l.name, l.value, l.highest))
		}
	}
	problems = append(problems, h.contradiction())
	return errors.Join(problems...)
}

// contradiction refuses settings of a rule that is switched off.
func (h *Handler) contradiction() error {
	for _, s := range []struct {
		set    bool
		option string
		rule   Rule
	}{
		{len(h.Methods) > 0, "methods", RuleMethods},
		{h.MaxQueryParams != 0, "max_query_params", RuleQuery},
		{h.MaxQuery != 0, "max_query", RuleQuery},
		{h.MaxHeaders != 0, "max_headers", RuleHeaders},
	} {
		if s.set && slices.Contains(h.Off, s.rule) {
			return fmt.Errorf("%s has no effect with off %s; remove one of them", s.option, s.rule)
		}
	}
	return nil
}

// checkMethod refuses methods that a gateway must not forward: CONNECT opens a
// tunnel past every rule, TRACE and TRACK send credentials back.
func checkMethod(m string) error {
	switch upper := strings.ToUpper(m); {
	case neverServed(upper) && upper == http.MethodConnect:
		return errors.New("CONNECT cannot be served; WebSockets over HTTP/2 and HTTP/3 work without listing it")
	case neverServed(upper):
		return fmt.Errorf("%s cannot be served", upper)
	case !httpguts.ValidHeaderFieldName(m):
		return fmt.Errorf("%q is not a method", m)
	case m != upper:
		return fmt.Errorf("%q is not in upper case; methods are case-sensitive, write %s", m, upper)
	}
	return nil
}

func neverServed(method string) bool {
	return method == http.MethodConnect || method == http.MethodTrace || method == "TRACK"
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Handle judges the request and cleans it.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	t := inspect(r.Header)
	if err := h.refuse(w, r, &t); err != nil {
		rq.KongErrors = rq.KongErrors || h.app.Kong()
		return err
	}
	h.clean(r, &t)
	return next.ServeHTTP(w, r)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
)
