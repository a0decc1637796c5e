// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package oauth2server has the endpoints of the gateway's authorization server.
package oauth2server

import (
	"context"
	"errors"
	"net/http"
	"net/netip"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/oauthserver"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // places the directive
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Handler)) }

// Handler answers at the endpoints of the authorization server that the gateway app
// declares (oauth2_server), and passes all other requests on:
//
//   - POST /oauth2/token gives a client of a consumer an access token for its identifier
//     and secret (RFC 6749, section 4.4);
//   - POST /oauth2/revoke takes one back (RFC 7009);
//   - GET /oauth2/jwks shows the public keys (RFC 7517);
//   - GET /.well-known/oauth-authorization-server shows all that (RFC 8414).
//
// The paths are below that of the issuer. Errors are those of RFC 6749, section 5.2,
// whatever the rest of the server answers with. Where the store of the gateway cannot be
// asked, the answer is 503, temporarily_unavailable.
//
// Secrets must not travel in clear: a form over plain HTTP is refused, unless the client
// is on this machine, or a trusted proxy says that it has terminated TLS.
type Handler struct {
	// AllowHTTP accepts forms over plain HTTP, for networks that encrypt by themselves.
	AllowHTTP bool `json:"allow_http,omitempty"`

	app    *gateway.App
	server *oauthserver.Server
	logger *zap.Logger
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.oauth2_token", New: func() caddy.Module { return new(Handler) }}
}

// Provision finds the server.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	h.app, h.server, h.logger = app, app.OAuthServer(), ctx.Logger()
	if h.server == nil {
		return errors.New("oauth2_token: the gateway is no authorization server; declare it in the gateway option with: oauth2_server https://api.example.com")
	}
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Handle implements state.Handler.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	e := h.server.EndpointAt(r.URL.Path)
	if e == oauthserver.NoEndpoint {
		return next.ServeHTTP(w, r)
	}
	if allow := methods(e); !allowed(r.Method, e) {
		return state.DenyWith(&state.Denial{
			Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Message: "This endpoint takes " + allow, Allow: allow,
		})
	}
	var outcome oauthserver.Outcome
	var err error
	if !e.Posts() {
		outcome, err = h.server.Serve(w, r, e, nil)
	} else {
		outcome, err = h.serveForm(w, r, rq, e)
	}
	if outcome.Code != "" {
		h.app.CountOAuth(e.String(), outcome.Code)
	}
	if outcome.Err != nil && !errors.Is(outcome.Err, context.Canceled) {
		h.logger.Error("the authorization server cannot answer", zap.String("endpoint", e.String()), zap.Error(outcome.Err))
	}
	return err
}

func (h *Handler) serveForm(w http.ResponseWriter, r *http.Request, rq *state.Request, e oauthserver.Endpoint) (oauthserver.Outcome, error) {
	if !h.AllowHTTP && !confidential(r) {
		return oauthserver.Refuse(w, "Secrets are sent here, so the request must come over HTTPS")
	}
	body, err := rq.Body(r, oauthserver.MaxBody)
	if err != nil {
		return oauthserver.Outcome{}, err
	}
	return h.server.Serve(w, r, e, body)
}

// confidential says that nobody on the way could read the request.
func confidential(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool); trusted {
		return r.Header.Get("X-Forwarded-Proto") == "https"
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

func methods(e oauthserver.Endpoint) string {
	if e.Posts() {
		return "POST"
	}
	return "GET, HEAD"
}

func allowed(method string, e oauthserver.Endpoint) bool {
	if e.Posts() {
		return method == http.MethodPost
	}
	return method == http.MethodGet || method == http.MethodHead
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
)
