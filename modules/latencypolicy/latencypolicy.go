// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package latencypolicy is the policy of a reverse proxy that prefers the upstreams
// which answer fastest.
package latencypolicy

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-gateway/tollgate/modules/internal/latency"
)

func init() { caddy.RegisterModule(new(Policy)) }

// Policy selects upstreams by the time they take to the first byte of an answer: of two
// available ones, taken at random if there are more, that with the lower product of its
// load and the square of its estimate. (With the estimate itself, an upstream that takes
// four times as long would keep a fifth of all requests waiting.) The estimate is a
// decaying mean over the attempts seen, raised as soon as unanswered requests are older
// than that on average, so that an upstream that hangs is left before it answers.
//
// The load is the number of requests until they end, streams included, as Caddy counts
// them for the upstream. It is not the number of requests that wait for a first byte:
// what slows an LLM server down is the answers it is generating, for which the next
// request waits, while a first byte says little about how long a stream will last.
//
// An upstream of which nothing is known gets one request before all others. One that
// loses to another, and has had no sample for the time of Explore and eight requests, is
// sent one, so that it is used again once it has recovered; this costs one slow
// request in each such time.
//
// An attempt that fails (no connection, time-out, an answer that lb_retry_match sends
// elsewhere, or, once the request is over, status 429 or 5xx) leaves the upstream
// nothing but probes while there is another one. Its estimate becomes the largest of
// one second, the time the attempt took, twice the mean, and twice the penalty of a
// failure before, up to 16 s, which is also the interval of the probes; the next first
// byte lifts it. A client that leaves early counts as a sample only if it waited for
// longer than the mean. Interim answers (1xx) are no first byte; 101, with which a WebSocket begins, is one.
//
// Estimates belong to addresses, as Caddy's own counts of requests and failures do: all
// reverse proxies with this policy share them, and they survive a load of the
// configuration as long as it has this policy too. At most 1024 addresses are kept;
// beyond, the least recently used is forgotten, which happens only with placeholders
// or dynamic upstreams. Selecting costs about 2 microseconds and 22 allocations, most of
// them for the client trace that sees each attempt's first byte.
//
// Health checks, passive ones included, work as with any policy: only upstreams that
// Caddy takes for available are candidates, and none is selected if there is none.
type Policy struct {
	// Decay is the time in which a sample loses half of its weight, from 1ms to 1h;
	// each counts at least 1/16 of the mean, however soon it comes. Default: 10s.
	Decay caddy.Duration `json:"decay,omitempty"`

	// Explore is the time without a sample after which an upstream that would not be
	// chosen gets one request, from 1ms to 1h. Default: 1s.
	Explore caddy.Duration `json:"explore,omitempty"`

	logger   *zap.Logger
	options  latency.Options
	registry *latency.Registry // nil if never provisioned
}

const (
	defaultDecay   = 10 * time.Second
	defaultExplore = time.Second
	shortest       = time.Millisecond
	longest        = time.Hour
)

// CaddyModule returns the Caddy module information.
func (*Policy) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.selection_policies.latency",
		New: func() caddy.Module { return new(Policy) },
	}
}

// Provision checks the durations and finds the estimates of the configuration before.
func (p *Policy) Provision(ctx caddy.Context) error {
	p.logger = ctx.Logger()
	var errs [2]error
	p.options.Decay, errs[0] = duration("decay", p.Decay, defaultDecay)
	p.options.Explore, errs[1] = duration("explore", p.Explore, defaultExplore)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	var err error
	p.registry, err = acquire()
	return err
}

func duration(name string, d caddy.Duration, fallback time.Duration) (time.Duration, error) {
	switch v := time.Duration(d); {
	case v == 0:
		return fallback, nil
	case v < shortest || v > longest:
		return 0, fmt.Errorf("latency: %s is %s; it must be from %s to %s", name, v, shortest, longest)
	default:
		return v, nil
	}
}

// Cleanup gives the estimates up, which are dropped if nobody else uses them.
func (p *Policy) Cleanup() error {
	if p.registry == nil {
		return nil
	}
	return release()
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Policy)(nil)
	_ caddy.CleanerUpper    = (*Policy)(nil)
	_ reverseproxy.Selector = (*Policy)(nil)
)
