// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latencypolicy

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// provisioned returns a policy with a registry of its own.
func provisioned(tb testing.TB) *Policy {
	tb.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	tb.Cleanup(cancel)
	mod, err := ctx.LoadModuleByID("http.reverse_proxy.selection_policies.latency", json.RawMessage(`{}`))
	if err != nil {
		tb.Fatal(err)
	}
	p := mod.(*Policy)
	p.logger = zap.NewNop()
	return p
}

// poolOf returns upstreams that are available.
func poolOf(addresses ...string) reverseproxy.UpstreamPool {
	var pool reverseproxy.UpstreamPool
	for _, a := range addresses {
		pool = append(pool, &reverseproxy.Upstream{Host: new(reverseproxy.Host), Dial: a})
	}
	return pool
}

// request is one as the reverse proxy gives it to Select, until its context ends.
func request(tb testing.TB) (*http.Request, *caddy.Replacer, context.CancelFunc) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	tb.Cleanup(cancel)
	repl := caddy.NewReplacer()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	return caddyhttp.PrepareRequest(r, repl, httptest.NewRecorder(), new(caddyhttp.Server)), repl, cancel
}

func (p *Policy) waiting() int { return p.registry.Waiting() }

func TestSelectFromNothing(t *testing.T) {
	p := provisioned(t)
	full := poolOf("a:1", "b:1")
	for _, u := range full {
		u.MaxRequests = -1
	}
	r, _, _ := request(t)
	if u := p.Select(nil, r, nil); u != nil {
		t.Errorf("selected %s of none", u)
	}
	if p.waiting() != 0 {
		t.Errorf("%d attempts wait", p.waiting())
	}
	if u := p.Select(full[:1], r, nil); u != full[0] || p.waiting() != 1 {
		t.Errorf("selected %v of one, %d wait", u, p.waiting())
	}
}

// TestPairsAreUniform counts how often each of five upstreams is among the two.
func TestPairsAreUniform(t *testing.T) {
	pool := poolOf("a:1", "b:1", "c:1", "d:1", "e:1")
	firsts, seen := make(map[string]int), make(map[string]int)
	const rounds = 20000
	for range rounds {
		x, y := twoOf(pool)
		if x == y {
			t.Fatal("the same twice")
		}
		firsts[x.Dial]++
		seen[x.Dial]++
		seen[y.Dial]++
	}
	for _, u := range pool {
		if n := seen[u.Dial]; n < rounds*2/5*9/10 || n > rounds*2/5*11/10 {
			t.Errorf("%s is among the two %d times of %d", u, n, rounds)
		}
		if n := firsts[u.Dial]; n < rounds/5*9/10 || n > rounds/5*11/10 {
			t.Errorf("%s is the first %d times of %d", u, n, rounds)
		}
	}
}

// TestTracesAreNotStacked selects for one request many times.
func TestTracesAreNotStacked(t *testing.T) {
	p := provisioned(t)
	pool := poolOf("a:1", "b:1")
	r, _, _ := request(t)
	var traces []*httptrace.ClientTrace
	for range 5 {
		p.Select(pool, r, nil)
		traces = append(traces, httptrace.ContextClientTrace(r.Context()))
	}
	if n := p.waiting(); n != 1 {
		t.Errorf("%d attempts wait, want the last", n)
	}
	if chain := fmt.Sprint(r.Context()); strings.Count(chain, "clientEventContextKey") != 1 {
		t.Errorf("want one trace in %s", chain)
	}
	for _, old := range traces[:4] {
		old.GotFirstResponseByte() // late, of attempts that have ended
	}
	if n := p.waiting(); n != 1 {
		t.Errorf("%d attempts wait after late events, want the last", n)
	}
	traces[4].GotFirstResponseByte()
	if n := p.waiting(); n != 0 {
		t.Errorf("%d attempts wait after the last answer", n)
	}
}

// TestForeignTracesAreKept has somebody else trace the request, before and in between.
func TestForeignTracesAreKept(t *testing.T) {
	p := provisioned(t)
	pool := poolOf("a:1")
	r, _, _ := request(t)
	outer, inner := 0, 0
	*r = *r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{GotFirstResponseByte: func() { outer++ }}))
	p.Select(pool, r, nil)
	*r = *r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{GotFirstResponseByte: func() { inner++ }}))
	p.Select(pool, r, nil)
	httptrace.ContextClientTrace(r.Context()).GotFirstResponseByte()
	if outer != 1 || inner != 1 || p.waiting() != 0 {
		t.Errorf("outer %d, inner %d, waiting %d", outer, inner, p.waiting())
	}
}

// TestPoliciesShareARequest has two policies select for it in turn, as the policies of
// two languages do.
func TestPoliciesShareARequest(t *testing.T) {
	p, q := provisioned(t), provisioned(t)
	if p.registry != q.registry {
		t.Fatal("two policies have two registries")
	}
	r, _, cancel := request(t)
	p.Select(poolOf("a:1"), r, nil)
	q.Select(poolOf("b:1"), r, nil)
	if !p.registry.Get("a:1", 0).Failing() || p.waiting() != 1 {
		t.Errorf("the first attempt is not ended as failed, %d wait", p.waiting())
	}
	cancel()
	eventually(t, "nothing waits", func() bool { return p.waiting() == 0 })
	if p.registry.Get("b:1", 0).Failing() {
		t.Error("a client that left counts as a failure")
	}
	if err := context.Cause(r.Context()); err == nil {
		eventually(t, "the request is cancelled", func() bool { return r.Context().Err() != nil })
	}
}

func TestSelectAfterTheClientHasLeft(t *testing.T) {
	p := provisioned(t)
	r, _, cancel := request(t)
	p.Select(poolOf("a:1"), r, nil)
	cancel()
	<-r.Context().Done()
	if u := p.Select(poolOf("b:1"), r, nil); u == nil || p.waiting() != 0 {
		t.Errorf("selected %v, %d wait for ever", u, p.waiting())
	}
	if r.Context().Err() == nil {
		t.Error("the request is alive again")
	}
}

// TestOtherTransports has no client trace called, as with FastCGI.
func TestOtherTransports(t *testing.T) {
	p := provisioned(t)
	r, repl, cancel := request(t)
	p.Select(poolOf("a:1"), r, nil)
	repl.Set(placeholderLatency, 123*time.Millisecond)
	repl.Set(placeholderStatus, http.StatusOK)
	repl.Set(placeholderDuration, time.Hour)
	cancel()
	eventually(t, "nothing waits", func() bool { return p.waiting() == 0 })
	if e := p.registry.Get("a:1", 0).Estimate(0); e != 123*time.Millisecond {
		t.Errorf("estimate %s", e)
	}
}

func TestPlaceholdersAreResolved(t *testing.T) {
	p := provisioned(t)
	for _, host := range []string{"one", "two"} {
		r, repl, _ := request(t)
		repl.Set("where", host)
		p.Select(poolOf("{where}:80"), r, nil)
	}
	if n := p.registry.Len(); n != 2 {
		t.Errorf("%d addresses, want 2", n)
	}
}

func TestConcurrentSelects(t *testing.T) {
	p := provisioned(t)
	pool := poolOf("a:1", "b:1", "c:1")
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for i := range 50 {
				r, _, cancel := request(t)
				p.Select(pool, r, nil)
				trace := httptrace.ContextClientTrace(r.Context())
				if i%3 == 0 {
					go cancel()
				}
				trace.GotFirstResponseByte()
				if i%5 == 0 {
					_ = trace.Got1xxResponse(103, nil)
				}
				p.Select(pool, r, nil)
				cancel()
			}
		})
	}
	wg.Wait()
	eventually(t, "nothing waits", func() bool { return p.waiting() == 0 })
}

// BenchmarkSelect is one request, from the choice to its end, with the trace that the
// reverse proxy puts on top.
func BenchmarkSelect(b *testing.B) {
	p := provisioned(b)
	pool := poolOf("127.0.0.1:8081", "127.0.0.1:8082")
	exchangeLoop(b, func(r *http.Request) { p.Select(pool, r, nil) })
}

// BenchmarkWithoutSelect is what BenchmarkSelect does besides.
func BenchmarkWithoutSelect(b *testing.B) { exchangeLoop(b, func(*http.Request) {}) }

func exchangeLoop(b *testing.B, selects func(*http.Request)) {
	r, _, _ := request(b)
	parent := r.Context()
	b.ReportAllocs()
	for b.Loop() {
		ctx, cancel := context.WithCancel(parent)
		*r = *r.WithContext(ctx)
		selects(r)
		ctx = httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(int, textproto.MIMEHeader) error { return nil },
		})
		if trace := httptrace.ContextClientTrace(ctx); trace.GotFirstResponseByte != nil {
			trace.GotFirstResponseByte()
		}
		cancel()
	}
}
