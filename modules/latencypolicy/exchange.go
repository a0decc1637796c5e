// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latencypolicy

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// exchange follows one request through its attempts. It is found in the context of the
// request, whichever policy put it there.
type exchange struct {
	repl *caddy.Replacer // to read placeholders by; nil outside Caddy's server
	base context.Context //nolint:containedctx // what each attempt's trace is put on
	took time.Duration   // Caddy's figure of an earlier reverse proxy, see returned

	mu      sync.Mutex
	ctx     context.Context //nolint:containedctx // the request's, with the last trace
	current *attempt
	over    bool
}

type exchangeKey struct{}

func exchangeOf(r *http.Request) *exchange {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange)
	return x
}

// newExchange begins to follow a request, until its context ends.
//
// A context ends both when the client leaves and when the handler has returned, and
// whether the last attempt was the upstream's failure depends on which it was. So that
// the two can be told apart, the context that the transport sees is cancelled only
// after this has looked: if the client left, the handler cannot have returned yet.
func newExchange(r *http.Request) *exchange {
	parent := r.Context()
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	x := new(exchange)
	x.base = &exchangeContext{ctx, parent, x}
	if repl, ok := parent.Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		// A copy: handlers may add providers to theirs while the client leaves.
		x.repl = repl.WithoutFile()
	}
	x.took = x.duration(placeholderDuration)
	context.AfterFunc(parent, func() {
		x.end(clock())
		cancel(context.Cause(parent))
	})
	return x
}

// exchangeContext is the context of a request whose end is put off, and else as it was:
// an end by deadline is one, which Caddy answers otherwise than a client's leaving.
type exchangeContext struct {
	context.Context
	request  context.Context //nolint:containedctx // tells when and why it ends
	exchange *exchange
}

// Deadline implements context.Context.
func (c *exchangeContext) Deadline() (time.Time, bool) { return c.request.Deadline() }

// Err implements context.Context.
func (c *exchangeContext) Err() error {
	if c.Context.Err() == nil {
		return nil
	}
	return c.request.Err()
}

// Value implements context.Context.
func (c *exchangeContext) Value(key any) any {
	if key == (exchangeKey{}) {
		return c.exchange
	}
	return c.Context.Value(key)
}

// begin makes a the current attempt and puts its trace on r. The trace takes the place
// of the attempt's before, unless somebody has added to the context meanwhile.
func (x *exchange) begin(r *http.Request, a *attempt) {
	a.exchange, a.latency = x, x.duration(placeholderLatency)
	a.trace = httptrace.ClientTrace{
		GetConn:              a.getConn,
		GotFirstResponseByte: a.firstByte,
		Got1xxResponse:       a.interim,
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over {
		a.Left(a.Started()) // the transport will not even begin
		return
	}
	base := x.base
	if x.ctx != nil && r.Context() != x.ctx {
		base = r.Context()
	}
	x.ctx = httptrace.WithClientTrace(base, &a.trace)
	x.current = a
	*r = *r.WithContext(x.ctx)
}

// retry ends the current attempt, because another one is wanted.
func (x *exchange) retry(now time.Duration) {
	if a := x.take(false); a != nil {
		a.failed(now)
	}
}

// end ends the last attempt and whatever comes after.
func (x *exchange) end(now time.Duration) {
	a := x.take(true)
	switch {
	case a == nil:
	case !x.returned():
		a.left(now)
	default:
		x.judge(a, now)
	}
}

func (x *exchange) take(last bool) *attempt {
	x.mu.Lock()
	defer x.mu.Unlock()
	a := x.current
	x.current = nil
	x.over = x.over || last
	return a
}

// Placeholders that the reverse proxy sets when it returns, for each attempt, and for
// each answer.
const (
	placeholderDuration = "http.reverse_proxy.duration"
	placeholderAddress  = "http.reverse_proxy.upstream.address"
	placeholderLatency  = "http.reverse_proxy.upstream.latency"
	placeholderStatus   = "http.reverse_proxy.status_code"
)

// returned reports whether the reverse proxy has returned. An earlier one may have set
// the placeholder too, to another value.
func (x *exchange) returned() bool { return x.duration(placeholderDuration) != x.took }

// judge ends the last attempt of a request that is over: as a failure unless it had an
// answer, and one that serves. The time of the answer matters if the trace has not
// seen it: after an interim answer, and with transports that call no traces. Time and
// status are not this attempt's if another reverse proxy has had the request since, such
// as one that handles this one's error or answer.
func (x *exchange) judge(a *attempt, now time.Duration) {
	took, traced := x.duration(placeholderLatency), a.traced.Load()
	switch {
	case took == a.latency || traced && a.Waiting():
		a.failed(now)
		return
	case traced && x.placeholder(placeholderAddress) != a.dialled:
		a.left(now)
		return
	}
	a.Answered(a.Started() + took)
	if status := x.status(); status == http.StatusTooManyRequests || status >= http.StatusInternalServerError {
		a.failed(now)
		return
	}
	a.left(now)
}

// placeholder returns the value of a placeholder, and nil if it has none.
func (x *exchange) placeholder(name string) any {
	if x.repl == nil {
		return nil
	}
	v, _ := x.repl.Get(name)
	return v
}

func (x *exchange) duration(name string) time.Duration {
	d, _ := x.placeholder(name).(time.Duration)
	return d
}

func (x *exchange) status() int {
	status, _ := x.placeholder(placeholderStatus).(int)
	return status
}
