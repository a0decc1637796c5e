// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Handler is the body of a gateway handler: ServeHTTP of the module only
// calls [Serve], which calls Handle with the request state.
type Handler interface {
	Handle(w http.ResponseWriter, r *http.Request, rq *Request, next caddyhttp.Handler) error
}

// Serve runs h with the state of r. The first gateway handler that a request
// meets is the outermost: it creates the state, strips identity headers that
// only the gateway may assert, wraps the writer, and, when the rest of the
// chain is done, renders an error and settles. Inner handlers just run.
//
// The end is in a defer because a broken upstream stream panics through the
// chain (http.ErrAbortHandler); the panic passes on.
func Serve(h Handler, host Host, w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if own, ok := w.(*Writer); ok {
		// No other handler's writer in between: the state is at hand.
		return h.Handle(w, r, own.rq, next)
	}
	vars := varsOf(r)
	rq := stateIn(vars)
	if rq != nil && rq.entered {
		return h.Handle(w, r, rq, next)
	}
	if rq == nil {
		rq = &Request{Start: time.Now()}
		rq.attach(r, vars)
	}
	rq.entered = true
	rq.host = host
	if rq.Credential == nil {
		StripIdentity(r.Header)
		rq.stripped = true
	} else {
		rq.AssertIdentity(r) // an authentication provider was here before us
	}
	rq.writer.init(rq, w, r)
	if r.ContentLength > 0 {
		rq.in.Store(r.ContentLength)
	} else if r.ContentLength < 0 && r.Body != nil {
		r.Body = countedBody{r.Body, &rq.in}
	}
	rq.logTo(r)
	host.Live().enter(rq)

	done := false
	defer func() {
		rq.close(!done)
	}()
	err := rq.refused(h.Handle(&rq.writer, r, rq, next))
	switch {
	case err != nil:
		err = rq.renderError(r, err)
	case rq.writer.status == StatusClientClosed && rq.Failure.Status == 0 && r.Context().Err() != nil:
		// reverse_proxy says so by itself, without an error.
		rq.Failure = clientClosed
	}
	if err == nil {
		err = rq.writer.end()
	}
	done = true
	return err
}

// attach puts the state where handlers, matchers and placeholders find it.
func (rq *Request) attach(r *http.Request, vars map[string]any) {
	if vars != nil {
		vars[varKey] = rq
	}
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		rq.repl = repl
		repl.Map(rq.placeholder)
	}
}

// logTo adds the state to the access log as one object, built only when a
// line is written. Servers without access logs skip the bookkeeping.
func (rq *Request) logTo(r *http.Request) {
	ctx := r.Context()
	if srv, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok && srv != nil && srv.Logs == nil {
		return
	}
	if extra, ok := ctx.Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		extra.Set(zap.Object("gateway", logObject{rq}))
	}
}

// close ends the request: what was not settled is settled as it stands, then
// the request is counted and its body buffer given back.
func (rq *Request) close(broken bool) {
	defer rq.live.leave()
	if !rq.account.isHeld() {
		rq.account.hold()
	}
	rq.aborted = rq.aborted || broken || rq.writer.writeErr != nil || rq.broken && !rq.settled
	rq.settle()
	if rq.switched() {
		rq.settleLast()
	}
	rq.account.release()
	if rq.host != nil {
		rq.host.Observe(rq, rq.outcome())
	}
	rq.closed = true
	for w := &rq.writer; w != nil; w = w.next {
		w.release()
	}
	rq.releaseBody()
	if rq.waiter != nil {
		rq.waiter.Done()
		rq.waiter = nil
	}
	for i, s := range rq.settlers[:rq.nsettle] {
		rq.settlers[i] = nil
		s.EndRequest()
	}
	if rq.last != nil {
		rq.last.EndRequest()
		rq.last = nil
	}
}

func (rq *Request) outcome() Outcome {
	return Outcome{
		Status:    rq.writer.status,
		Duration:  time.Since(rq.Start),
		FirstByte: rq.writer.firstByte,
		BytesIn:   rq.in.Load(),
		BytesOut:  rq.writer.bytes,
		Attempts:  rq.upstreamAttempts(),
		Aborted:   rq.aborted,
	}
}

// OnSettle registers s to be told when the answer is complete or broken, which may be
// from now on, and by another goroutine: what s reads must not change without that.
// Settlers run in the order of registration; at most four are kept, one per
// kind of handler that meters.
func (rq *Request) OnSettle(s Settler) {
	rq.account.hold()
	defer rq.account.release()
	rq.ready = true
	if rq.nsettle < len(rq.settlers) {
		rq.settlers[rq.nsettle] = s
		rq.nsettle++
	}
}

// OnSettleLast registers s, of which there is one, to be told after all whom OnSettle
// has registered, whoever came first: it reads what they have metered. Where the
// protocol is switched, that is when the connection ends.
func (rq *Request) OnSettleLast(s Settler) {
	rq.account.hold()
	defer rq.account.release()
	rq.last = s
}

// Settle closes the account of the request. It is idempotent: the first call
// counts. The response writer calls it before the write that completes the
// answer; [Serve] calls it at the end for whatever never got there.
func (rq *Request) Settle() {
	rq.account.hold()
	rq.settle()
	rq.account.release()
}

// settle is Settle for whoever holds the account.
func (rq *Request) settle() {
	if rq.settled {
		return
	}
	rq.settled = true
	for _, s := range rq.settlers[:rq.nsettle] {
		rq.guarded(func() { s.SettleRequest(rq) })
	}
	if !rq.switched() {
		rq.settleLast()
	}
	if rq.host != nil {
		rq.guarded(func() { rq.host.Record(rq) })
	}
}

// switched says that the connection speaks another protocol from the answer on, so
// that the request is in flight until it is closed.
func (rq *Request) switched() bool { return rq.writer.status == http.StatusSwitchingProtocols }

func (rq *Request) settleLast() {
	if rq.last != nil {
		rq.guarded(func() { rq.last.SettleRequest(rq) })
	}
}

// guarded runs a step of settlement. Whatever goes wrong in it, the others are made,
// so that a call which cannot be counted is at least recorded.
func (rq *Request) guarded(step func()) {
	defer func() {
		if reason := recover(); reason != nil && rq.host != nil {
			rq.host.LogPanic(rq, reason)
		}
	}()
	step()
}
