// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package gatewayerrors gives the errors of a route an operator's own words.
package gatewayerrors

import (
	"fmt"
	"net/http"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/apierror"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // places the directive
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Handler)) }

// Formats of errors.
const (
	FormatAuto    = "auto"
	FormatProblem = "problem"
	FormatHTML    = "html"
	FormatPlain   = "plain"
)

// Handler chooses the form of the errors of a route, and replaces the bodies by pages of
// one's own. It stands before what refuses: errors of handlers before it are not its.
//
// It has a say where the client speaks no API whose libraries expect an error object of
// their own: those get it whatever is configured here, and so do clients of a route with
// the profile kong. Otherwise the form is what Accept prefers (RFC 9110, section 12.5.1):
// a problem object (RFC 9457), which is the default, a page, or plain text.
//
// Status, headers and codes stay as they are. A page is a template with {{.Status}},
// {{.Title}}, {{.Code}}, {{.Message}} and {{.RequestID}}. Those of HTML escape by what
// surrounds a value (html/template). They are read and tried when the configuration is
// loaded; where one fails later, the answer is the standard body.
//
// Of several handlers on a route the innermost decides, and what it has no page for is left
// to the one around it. The error routes of the server (handle_errors) come before all.
type Handler struct {
	// Format is the form of all errors: auto, by Accept; problem; html; plain. Default:
	// auto.
	Format string `json:"format,omitempty"`

	// Pages are the bodies, by status. Of those that fit the most specific holds: a
	// status before 4xx and 5xx before any.
	Pages []Page `json:"pages,omitempty"`

	app    *gateway.App
	logger *zap.Logger
	form   apierror.Form
	forced bool
	pages  []page
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.gateway_errors", New: func() caddy.Module { return new(Handler) }}
}

// Provision reads the pages.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	h.app, h.logger = app, ctx.Logger()
	switch h.Format {
	case "", FormatAuto:
	case FormatProblem:
		h.form, h.forced = apierror.JSON, true
	case FormatHTML:
		h.form, h.forced = apierror.HTML, true
	case FormatPlain:
		h.form, h.forced = apierror.Plain, true
	default:
		return fmt.Errorf("gateway_errors: format is %q; write %s, %s, %s or %s", h.Format, FormatAuto, FormatProblem, FormatHTML, FormatPlain)
	}
	if h.pages, err = compile(h.Pages); err != nil {
		return fmt.Errorf("gateway_errors: %w", err)
	}
	for i := range h.pages {
		if p := &h.pages[i]; h.forced && p.form != h.form {
			return fmt.Errorf("gateway_errors: no error has the form of the page for %v, because format is %s; remove one of them", p.on, h.Format)
		}
	}
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Handle implements state.Handler.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	rq.OfferPages(h)
	return next.ServeHTTP(w, r)
}

// Form implements state.ErrorPages.
func (h *Handler) Form() (apierror.Form, bool) { return h.form, h.forced }

// Page implements state.ErrorPages.
func (h *Handler) Page(f apierror.Form, e apierror.Error) (state.ErrorPage, bool) {
	for i := range h.pages {
		p := &h.pages[i]
		if p.form != f || !p.fits(e.Status) {
			continue
		}
		body, err := p.execute(e)
		if err != nil {
			h.logger.Error("a page of an error cannot be made; another one, or the standard body, takes its place",
				zap.Int("status", e.Status), zap.String("page", p.name), zap.Error(err))
			return state.ErrorPage{}, false
		}
		return state.ErrorPage{Body: body, ContentType: p.contentType, Policy: p.policy}, true
	}
	return state.ErrorPage{}, false
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
	_ state.ErrorPages            = (*Handler)(nil)
)
