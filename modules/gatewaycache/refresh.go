// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/coalesce"
	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
	"github.com/caddy-gateway/tollgate/modules/internal/pricing"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

const (
	// refreshTimeout bounds a call that nobody waits for, and maxRefreshes how many there
	// are at a time. Beyond that stale answers are given without being refreshed.
	refreshTimeout = 2 * time.Minute
	maxRefreshes   = 256
)

// refreshes are the calls that nobody waits for.
var refreshes = make(chan struct{}, maxRefreshes)

// refresh is a call in the background that gets a new answer in place of a stale one. It
// has a state of its own: it is recorded and metered as a request of the caller who was
// given the stale answer. Limits are not asked about it, so there is none of a model call
// that counts against any.
type refresh struct {
	of      *visit
	stored  *answer
	lead    *coalesce.Lead[any]
	once    sync.Once
	started chan struct{}
}

func (f *refresh) begun() { f.once.Do(func() { close(f.started) }) }

// prepareRefresh makes ready for a refresh of what is stored. It returns nil if there is
// one already, or too many. What it returns waits until the refresh has begun, and not
// for its end.
func (v *visit) prepareRefresh(stored *answer) func() {
	select {
	case refreshes <- struct{}{}:
	default:
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.r.Context()), refreshTimeout)
	done := func() {
		cancel()
		<-refreshes
	}
	lead, follower := v.h.cache.Flights().Join(ctx, v.flightKey())
	if follower != nil {
		follower.Leave()
		done()
		return nil
	}
	w := &nowhere{header: make(http.Header)}
	r := v.detached(ctx, w)
	f := &refresh{of: v, stored: stored, lead: lead, started: make(chan struct{})}
	return func() {
		go func() {
			defer done()
			defer f.begun()
			f.run(w, r)
		}()
		<-f.started
	}
}

// run makes the call.
func (f *refresh) run(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if reason := recover(); reason != nil && reason != http.ErrAbortHandler { //nolint:errorlint // It is a value that was panicked with.
			f.of.h.host.LogPanic(state.Ensure(r), reason)
		}
	}()
	defer f.lead.End(coalesce.ErrAbandoned)
	_ = state.Serve(f, f.of.h.host, w, r, f.of.next) // the stale answer stays
}

// Handle implements state.Handler.
func (f *refresh) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	was := f.of.rq
	rq.Route, rq.Credential, rq.Anonymous, rq.AuthenticatedElsewhere = was.Route, was.Credential, was.Anonymous, was.AuthenticatedElsewhere
	rq.Language, rq.Shape, rq.ShapeSet, rq.KongErrors = was.Language, was.Shape, was.ShapeSet, was.KongErrors
	llm := &was.LLM
	rq.LLM = state.LLM{Provider: llm.Provider, Endpoint: llm.Endpoint, Model: llm.Model, Label: llm.Label, Stream: llm.Stream}
	v := *f.of
	f.begun() // the request before may end from now on
	if rq.Credential != nil {
		rq.AssertIdentity(r)
	}
	v.w, v.r, v.rq, v.next, v.refresh = w, r, rq, next, true
	rq.Cache = state.Cache{Name: v.h.cache.Name()}
	q := &question{
		stored: f.stored, lead: f.lead, reason: reasonRefresh,
		decision: httpcache.Decision{Action: httpcache.ServeStale, Forward: httpcache.ForwardStale},
	}
	if v.call.is && rq.LLM.Provider != "" {
		v.meter = &refreshMeter{prices: v.h.prices}
		rq.OnSettle(v.meter)
	}
	return v.exchange(q)
}

// detached is the request for a call that goes on when the client has been answered. It
// shares nothing with the request that may change.
func (v *visit) detached(ctx context.Context, w http.ResponseWriter) *http.Request {
	r := v.r.Clone(ctx)
	r.Body, r.ContentLength = http.NoBody, 0
	if v.call.is || r.Method == http.MethodPost {
		body := bytes.Clone(v.body)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	httpcache.DropConditions(r.Header)
	server, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	vars, _ := ctx.Value(caddyhttp.VarsCtxKey).(map[string]any)
	original := ctx.Value(caddyhttp.OriginalRequestCtxKey)
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, server)
	own, _ := r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	for name, value := range vars {
		if _, is := value.(*state.Request); !is {
			own[name] = value
		}
	}
	if original != nil {
		r = r.WithContext(context.WithValue(r.Context(), caddyhttp.OriginalRequestCtxKey, original))
	}
	return r
}

// refreshMeter meters a model call that nobody waits for. It stands in the place of
// llm_cost, which is outside.
type refreshMeter struct {
	prices *pricing.Book
	usage  usage.Meter
	on     bool
}

// begin is told the header of the answer.
func (m *refreshMeter) begin(format usage.Format, status int, h http.Header) {
	media := usage.MediaOf(h.Get("Content-Type"))
	if m.on = status >= 200 && status <= 299 && media != usage.MediaNone; m.on {
		m.usage.Reset(format, media)
	}
}

func (m *refreshMeter) write(p []byte) {
	if m.on {
		m.usage.Write(p)
	}
}

// SettleRequest implements state.Settler.
func (m *refreshMeter) SettleRequest(rq *state.Request) {
	if !m.on {
		return
	}
	llm := &rq.LLM
	llm.Metered, llm.Report = true, m.usage.Finish()
	llm.Truncated = rq.Aborted() || !llm.Report.Complete && !llm.Report.Final
	if m.prices == nil || !llm.Report.Found {
		return
	}
	for _, name := range [...]string{llm.Report.Model, llm.Model} {
		model, ok := m.prices.Lookup(llm.Provider, name)
		if name == "" || !ok {
			continue
		}
		quote := model.Price(pricing.Query{Counts: llm.Report.Counts, At: rq.Start, ServiceTier: llm.Report.ServiceTier, Geo: llm.Report.Geo})
		llm.PriceKnown, llm.Cost, llm.Uncached = true, quote.Cost, quote.Uncached
		return
	}
}

// EndRequest implements state.Settler.
func (*refreshMeter) EndRequest() {}

// nowhere takes an answer that nobody waits for.
type nowhere struct{ header http.Header }

// Header implements http.ResponseWriter.
func (w *nowhere) Header() http.Header { return w.header }

// Write implements http.ResponseWriter.
func (*nowhere) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader implements http.ResponseWriter.
func (*nowhere) WriteHeader(int) {}

// FlushError does nothing.
func (*nowhere) FlushError() error { return nil }

// Interface guards
var (
	_ state.Handler       = (*refresh)(nil)
	_ state.Settler       = (*refreshMeter)(nil)
	_ http.ResponseWriter = (*nowhere)(nil)
)
