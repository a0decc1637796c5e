// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

func init() { caddy.RegisterModule(new(adminAPI)) }

// adminAPI serves what the running gateway knows, under Caddy's admin
// endpoint and its checks of host and origin:
//
//	GET /gateway/consumers      who may call; key identifiers only
//	GET /gateway/usage          what was used and what it cost
//	GET /gateway/limits         what is used of limits, and when it frees
//	DELETE /gateway/limits      forgets what was counted in them
//	GET /gateway/cache          figures of the response caches
//	DELETE /gateway/cache       forgets responses in them
//	GET /gateway/ledger/backup  a copy of the ledger
//	GET /gateway/records/backup a copy of the small records, secrets included
//	GET /gateway/prices         the prices that are in force for a model
//	GET /gateway/health         the state of each part; 503 if one has failed
//
// But for what forgets it only reads. Each request asks for the app of the running
// config, because Caddy replaces the admin endpoint before it knows whether a new config
// is any good: an app taken at provisioning could be one that was refused.
type adminAPI struct {
	// app returns the gateway app to serve.
	app func() (*App, error)
}

// CaddyModule returns the Caddy module information.
func (*adminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.gateway", New: func() caddy.Module { return &adminAPI{app: running} }}
}

// running returns the gateway app of the config that runs now.
func running() (*App, error) {
	app, err := caddy.ActiveContext().AppIfConfigured("gateway")
	if err != nil {
		return nil, err
	}
	return app.(*App), nil
}

// Routes implements caddy.AdminRouter.
func (a *adminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: "/gateway/", Handler: caddy.AdminHandlerFunc(a.nothing)},
		{Pattern: "/gateway/consumers", Handler: a.endpoint(serveConsumers, "name", "limit", "offset")},
		{Pattern: "/gateway/usage", Handler: a.endpoint(serveUsage, usageParams...)},
		{Pattern: "/gateway/limits", Handler: a.limits()},
		{Pattern: "/gateway/cache", Handler: a.cache()},
		{Pattern: "/gateway/ledger/backup", Handler: a.endpoint(serveLedgerBackup)},
		{Pattern: "/gateway/records/backup", Handler: a.endpoint(serveRecordsBackup)},
		{Pattern: "/gateway/prices", Handler: a.endpoint(servePrices, "model", "provider")},
		{Pattern: "/gateway/health", Handler: a.endpoint(serveHealth)},
	}
}

func (a *adminAPI) nothing(_ http.ResponseWriter, r *http.Request) error {
	return adminError(http.StatusNotFound,
		"nothing at %s; there are /gateway/consumers, /gateway/usage, /gateway/limits, /gateway/cache, /gateway/ledger/backup, /gateway/records/backup, /gateway/prices and /gateway/health", r.URL.Path)
}

// endpoint is a handler that only reads.
func (a *adminAPI) endpoint(serve func(*App, http.ResponseWriter, url.Values) error, params ...string) caddy.AdminHandlerFunc {
	return a.accepting(methods{http.MethodGet, http.MethodHead}, func(app *App, w http.ResponseWriter, _ *http.Request, query url.Values) error {
		return serve(app, w, query)
	}, params...)
}

// repeats ends the name of a parameter that may be given more than once.
const repeats = "..."

// methods are those that an endpoint answers.
type methods []string

// accepting wraps serve with what all endpoints have in common: they answer some
// methods, know their parameters, and need an app.
func (a *adminAPI) accepting(m methods, serve func(*App, http.ResponseWriter, *http.Request, url.Values) error, params ...string) caddy.AdminHandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !slices.Contains(m, r.Method) {
			w.Header().Set("Allow", strings.Join(m, ", "))
			last := len(m) - 1
			return adminError(http.StatusMethodNotAllowed, "%s only answers %s and %s", r.URL.Path, strings.Join(m[:last], ", "), m[last])
		}
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return adminError(http.StatusBadRequest, "read query: %w", err)
		}
		for name, values := range query {
			many := slices.Contains(params, name+repeats)
			if !many && (!slices.Contains(params, name) || strings.HasSuffix(name, repeats)) {
				return adminError(http.StatusBadRequest, "unknown parameter %q; %s takes %s",
					name, r.URL.Path, takes(params))
			}
			if len(values) > 1 && !many {
				return adminError(http.StatusBadRequest, "parameter %s is given twice", name)
			}
		}
		app, err := a.app()
		if errors.Is(err, caddy.ErrNotConfigured) {
			return adminError(http.StatusNotFound, "no gateway is configured")
		}
		if err != nil {
			return adminError(http.StatusServiceUnavailable, "get gateway app: %w", err)
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "no-store")
		if r.Method == http.MethodHead {
			w = headOnly{w}
		}
		return serve(app, w, r, query)
	}
}

func adminError(status int, format string, args ...any) error {
	return caddy.APIError{HTTPStatus: status, Err: fmt.Errorf(format, args...)}
}

// takes says in words which parameters there are.
func takes(params []string) string {
	if len(params) == 0 {
		return "no parameters"
	}
	return strings.Join(params, ", ")
}

// writeAdmin writes v as the body of an answer. Once that has begun, failing
// to write can only mean that the client has left, and is no error of ours.
func writeAdmin(w http.ResponseWriter, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
	return nil
}

// number reads a parameter that is a whole number of at least zero.
func number(query url.Values, name string, otherwise int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, adminError(http.StatusBadRequest, "%s is %q; write a whole number of at least 0", name, text)
	}
	return n, nil
}

// Interface guards
var _ caddy.AdminRouter = (*adminAPI)(nil)
