// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package correlationid gives every request an id that the client, the logs,
// error bodies and the upstream share.
//
// See docs/correlation_id.md.
package correlationid

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // places the directive
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Handler)) }

// DefaultHeader carries the id where no other header is configured.
const DefaultHeader = "X-Correlation-ID"

// Handler takes the correlation id from a request header or makes one. The id
// stands in the header towards the upstream, in the same header of the answer
// (errors included, and in place of one that the upstream sends), in the
// access log, in error bodies and in {gateway.correlation_id}.
//
// An id of the client's is accepted if the header occurs once and holds 1 to
// 128 visible ASCII characters, without quotation marks and backslashes; single
// spaces between them are allowed. Anything else is replaced as if it were
// missing: the handler never refuses a request. An accepted id is a claim, so
// it may repeat and is no proof of anything.
//
// It is usually the first handler of a route; it uses no placeholders.
type Handler struct {
	// Header that carries the id. Default: X-Correlation-ID.
	Header string `json:"header,omitempty"`

	// Accept says whether a client's own id is used. Default: true.
	Accept *bool `json:"accept,omitempty"`

	// Echo says whether the answer carries the id. Default: true.
	Echo *bool `json:"echo,omitempty"`

	// Generator of ids: "uuid7" (the default; sorts by time), "uuid4", or
	// "uuid#counter", one UUID per loaded handler and a number counting up.
	Generator Generator `json:"generator,omitempty"`

	app      *gateway.App
	header   string // canonical
	accept   bool
	echo     bool
	generate func(at time.Time) string
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.correlation_id", New: func() caddy.Module { return new(Handler) }}
}

// Provision fills in defaults.
func (h *Handler) Provision(ctx caddy.Context) (err error) {
	if h.app, err = gateway.Get(ctx); err != nil {
		return err
	}
	h.compile()
	return nil
}

func (h *Handler) compile() {
	h.header = http.CanonicalHeaderKey(DefaultHeader)
	if h.Header != "" {
		h.header = http.CanonicalHeaderKey(h.Header)
	}
	h.accept = h.Accept == nil || *h.Accept
	h.echo = h.Echo == nil || *h.Echo
	h.generate = h.Generator.compile()
}

// Validate checks the header's name and the generator.
func (h *Handler) Validate() error {
	var problems []error
	if h.Header != "" {
		if err := checkHeader(h.Header); err != nil {
			problems = append(problems, fmt.Errorf("header: %w", err))
		}
	}
	if h.Generator != "" && !slices.Contains(generators[:], h.Generator) {
		problems = append(problems, fmt.Errorf("generator is %q; write uuid7, uuid4 or uuid#counter", h.Generator))
	}
	return errors.Join(problems...)
}

// taken are headers that mean something else, so that an id in them would
// break requests or answers.
var taken = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Apikey": true, "Authorization": true, "Cache-Control": true,
	"Connection": true, "Content-Encoding": true, "Content-Length": true, "Content-Type": true,
	"Cookie": true, "Date": true, "Expect": true, "Forwarded": true, "Host": true, "Keep-Alive": true,
	"Location": true, "Origin": true, "Proxy-Authorization": true, "Range": true, "Set-Cookie": true,
	"Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "Vary": true, "Via": true,
	"X-Api-Key": true, "X-Forwarded-For": true, "X-Forwarded-Host": true, "X-Forwarded-Proto": true,
}

func checkHeader(name string) error {
	if err := options.CheckRequestHeader(name); err != nil {
		return err
	}
	if taken[http.CanonicalHeaderKey(name)] || state.IsIdentityHeader(name) {
		return fmt.Errorf("%q has a meaning of its own; write another, such as X-Request-ID", name)
	}
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Handle settles the id of the request.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	id := ""
	if h.accept {
		id = acceptable(r.Header[h.header])
	}
	if id == "" {
		id = h.generate(rq.Start)
	}
	rq.SetID(id)
	// One array for both headers, capped so that an Add copies. The answer's
	// is its own element because handlers change headers in place.
	v := []string{id, id}
	r.Header[h.header] = v[0:1:1]
	state.ProtectHeaders(r.Header)
	if h.echo {
		rq.Echo(h.header, v[1:2:2])
	}
	return next.ServeHTTP(w, r)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
)
