// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// appConfig has one consumer with a list of models and one without.
const appConfig = `{"ledger":{"memory":true},"consumers":[
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

	registry *prometheus.Registry
	// What a test may set, too.
	next     caddyhttp.HandlerFunc                           // instead of upstream: reads the body itself, returns errors
	between  func(w http.ResponseWriter) http.ResponseWriter // another handler's writer, around the metered one
	client   func(w http.ResponseWriter) http.ResponseWriter // the server's own writer
	context  context.Context                                 // of the request
	broken   bool                                            // the chain ended in a panic that breaks the connection
	waiter   state.Waiter                                    // told of what is known
	tolerant bool                                            // the outermost handler may return an error
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
	return &route{t: t, app: app, handler: h, caller: "free", upstream: upstream, registry: ctx.GetMetricsRegistry()}
}

// Handle identifies the caller, as an authentication handler would.
func (rt *route) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, _ caddyhttp.Handler) error {
	rt.last = rq
	rq.SetID("id-1")
	rq.Route = rt.t.Name()
	if rt.caller != "" {
		rq.Credential = rt.app.ConsumerTable().Consumer(rt.caller).Credentials()[0]
	}
	if rt.waiter != nil {
		rq.Await(rt.waiter)
	}
	if rt.between != nil {
		w = rt.between(w)
	}
	return rt.handler.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if rt.next != nil {
			return rt.next(w, r)
		}
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
	rt.received, rt.broken = nil, false
	recorder := httptest.NewRecorder()
	var w http.ResponseWriter = recorder
	if rt.client != nil {
		w = rt.client(w)
	}
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if rt.context != nil {
		r = r.WithContext(rt.context)
	}
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
			rt.broken = p != nil
		}()
		if err := state.Serve(rt, rt.app, w, r, nil); err != nil && !rt.tolerant {
			rt.t.Errorf("the outermost handler returned %v", err)
		}
	}()
	return recorder
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

// metrics are the counters of this test's route. The sum of one is returned, as far
// as the given label has the given value; of all with an empty label.
func (rt *route) metrics() func(name, label, value string) float64 {
	rt.t.Helper()
	families, err := rt.registry.Gather()
	if err != nil {
		rt.t.Fatal(err)
	}
	type series struct {
		labels map[string]string
		value  float64
	}
	own := make(map[string][]series)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := make(map[string]string)
			for _, pair := range m.GetLabel() {
				labels[pair.GetName()] = pair.GetValue()
			}
			if labels["route"] == rt.t.Name() {
				own[family.GetName()] = append(own[family.GetName()], series{labels, m.GetCounter().GetValue()})
			}
		}
	}
	return func(name, label, value string) (sum float64) {
		for _, s := range own["caddy_gateway_"+name] {
			if label == "" || s.labels[label] == value {
				sum += s.value
			}
		}
		return sum
	}
}

// agreed returns the row after comparing it with what the metrics have.
func (rt *route) agreed() ledger.Row {
	rt.t.Helper()
	row, metric := rt.row(), rt.metrics()
	if n := metric("requests_total", "", ""); n != float64(row.Requests) {
		rt.t.Errorf("%v requests in metrics, %d in the ledger", n, row.Requests)
	}
	for c := range usage.Class(usage.NumClasses) {
		if n := metric("tokens_total", "class", c.String()); n != float64(row.Counts[c]) {
			rt.t.Errorf("%s: %v in metrics, %d in the ledger", c, n, row.Counts[c])
		}
	}
	if n := metric("unpriced_calls_total", "", ""); n != float64(row.PriceUnknown) {
		rt.t.Errorf("%v unpriced calls in metrics, %d in the ledger", n, row.PriceUnknown)
	}
	if n := metric("cost_usd_total", "", ""); math.Abs(n-row.Cost.Float64()) > 1e-12 {
		rt.t.Errorf("cost %v in metrics, %s in the ledger", n, row.Cost)
	}
	return row
}
