// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latencypolicy

import (
	"net/http/httptrace"
	"net/textproto"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-gateway/tollgate/modules/internal/latency"
)

// attempt is one request to one upstream. Its trace is its own, so that a late event
// of an attempt given up is not taken for one of the next.
type attempt struct {
	latency.Attempt

	policy   *Policy
	upstream *reverseproxy.Upstream
	address  string
	latency  time.Duration // Caddy's figure of the attempt before, see exchange.judge
	trace    httptrace.ClientTrace
	exchange *exchange
	dialled  any         // Caddy's name of the upstream, once traced, see exchange.judge
	traced   atomic.Bool // the transport calls traces
}

// getConn comes first of all events, and again for each connection that is tried.
func (a *attempt) getConn(string) {
	if !a.traced.Load() {
		a.dialled = a.exchange.placeholder(placeholderAddress)
		a.traced.Store(true)
	}
}

func (a *attempt) firstByte() {
	now := clock()
	a.Answered(now)
	a.log("first byte", now)
}

func (a *attempt) interim(int, textproto.MIMEHeader) error {
	a.Informed()
	return nil
}

func (a *attempt) failed(now time.Duration) {
	a.Failed(now)
	a.log("failed", now)
}

// left ends an attempt of which nothing more is to be said. Most have had their answer
// and were logged then.
func (a *attempt) left(now time.Duration) { a.Left(now) }

func (a *attempt) log(what string, now time.Duration) {
	if c := a.policy.logger.Check(zapcore.DebugLevel, what); c != nil {
		c.Write(
			zap.String("upstream", a.address),
			zap.Duration("after", now-a.Started()),
			zap.Duration("estimate", a.Server().Estimate(now)),
		)
	}
}
