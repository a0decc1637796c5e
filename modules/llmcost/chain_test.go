// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// appConfig has one consumer with a list of models and one without.
const appConfig = `{"consumers":[
	{"name":"limited","models":["gpt-4o*","claude-*"],"keys":["sha256:0000000000000000000000000000000000000000000000000000000000000001"]},
	{"name":"free","keys":["sha256:0000000000000000000000000000000000000000000000000000000000000002"]}
]}`

// provisioning is serial: Caddy's module registry and contexts are global.
var provisioning sync.Mutex

// route is an llm_cost handler in front of an upstream of the test, behind a
// handler that says who calls.
type route struct {
	t        *testing.T
	app      *gateway.App
	handler  *Handler
	caller   string
	header   http.Header
	upstream http.HandlerFunc
	last     *state.Request
	received []byte
}

func newRoute(t *testing.T, h *Handler, upstream http.HandlerFunc) *route {
	t.Helper()
	provisioning.Lock()
	defer provisioning.Unlock()
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(appConfig)}})
	if err != nil {
		t.Fatal(err)
	}
	app, err := gateway.Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	if err := h.Validate(); err != nil {
		t.Fatal(err)
	}
	return &route{t: t, app: app, handler: h, caller: "free", upstream: upstream}
}

// Handle identifies the caller, as an authentication handler would.
func (rt *route) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, _ caddyhttp.Handler) error {
	rt.last = rq
	rq.SetID("id-1")
	rq.Route = rt.t.Name()
	if rt.caller != "" {
		rq.Credential = rt.app.ConsumerTable().Consumer(rt.caller).Credentials()[0]
	}
	return rt.handler.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		var err error
		if rt.received, err = io.ReadAll(r.Body); err != nil {
			return err
		}
		rt.upstream(w, r)
		return nil
	}))
}

// post sends a request through the route.
func (rt *route) post(path, contentType, body string) *httptest.ResponseRecorder {
	return rt.do(http.MethodPost, path, contentType, body)
}

func (rt *route) do(method, path, contentType, body string) *httptest.ResponseRecorder {
	rt.t.Helper()
	rt.received = nil
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	maps.Copy(r.Header, rt.header)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, &caddyhttp.Server{})
	func() {
		defer func() {
			p := recover()
			if err, ok := p.(error); p != nil && (!ok || !errors.Is(err, http.ErrAbortHandler)) {
				panic(p)
			}
		}()
		if err := state.Serve(rt, rt.app, w, r, nil); err != nil {
			rt.t.Errorf("the outermost handler returned %v", err)
		}
	}()
	return w
}

// row is what the ledger has of this test's route.
func (rt *route) row() ledger.Row {
	rt.t.Helper()
	rows, err := rt.app.Ledger().Rows(ledger.Query{Filter: ledger.Filter{Route: rt.t.Name()}})
	if err != nil {
		rt.t.Fatal(err)
	}
	return ledger.Sum(rows)
}

// answer makes an upstream that sends body at once.
func answer(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}
}
