// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latencypolicy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/caddy-gateway/tollgate/modules/internal/latency"
)

// upstream is a server that takes its time before it answers.
type upstream struct {
	*httptest.Server
	takes   atomic.Int64 // nanoseconds to the first byte
	status  atomic.Int64 // 0: 200
	got     atomic.Int64
	handler atomic.Pointer[http.HandlerFunc] // instead, if set
}

func newUpstream(t *testing.T, takes time.Duration) *upstream {
	t.Helper()
	u := upstreamAt(t, "127.0.0.1:0", takes)
	return u
}

// upstreamAt starts an upstream at an address.
func upstreamAt(t *testing.T, address string, takes time.Duration) *upstream {
	t.Helper()
	u := new(upstream)
	u.takes.Store(int64(takes))
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	u.Server = httptest.NewUnstartedServer(http.HandlerFunc(u.serve))
	_ = u.Listener.Close()
	u.Listener = l
	u.Config.Protocols = new(http.Protocols)
	u.Config.Protocols.SetHTTP1(true)
	u.Config.Protocols.SetUnencryptedHTTP2(true)
	u.Start()
	t.Cleanup(u.stop)
	return u
}

func (u *upstream) stop() {
	u.CloseClientConnections()
	u.Close()
}

func (u *upstream) address() string { return u.Listener.Addr().String() }

func (u *upstream) serve(w http.ResponseWriter, r *http.Request) {
	u.got.Add(1)
	if h := u.handler.Load(); h != nil {
		(*h)(w, r)
		return
	}
	timer := time.NewTimer(time.Duration(u.takes.Load()))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		return
	}
	if status := u.status.Load(); status != 0 {
		w.WriteHeader(int(status))
	}
	_, _ = io.WriteString(w, u.address())
}

func (u *upstream) handle(h http.HandlerFunc) { u.handler.Store(&h) }

// proxy is a Caddy in this process with one reverse proxy.
type proxy struct {
	address string
	client  *http.Client
}

// newProxy runs a reverse proxy with lines of its Caddyfile block, before which the
// policy is set, and a holder of the shared registry, so that tests can look at it.
func newProxy(t *testing.T, lines string, upstreams ...*upstream) *proxy {
	t.Helper()
	p := &proxy{address: unused(t), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Cleanup(func() {
		p.client.CloseIdleConnections()
		if err := caddy.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if n, ok := registries.References(registryKey{}); ok {
			t.Errorf("%d references to the registry are left", n)
		}
	})
	p.load(t, lines, upstreams...)
	return p
}

func (p *proxy) load(t *testing.T, lines string, upstreams ...*upstream) {
	t.Helper()
	var to strings.Builder
	for _, u := range upstreams {
		fmt.Fprintf(&to, " %s", u.address())
	}
	if err := load(fmt.Sprintf(`{
		admin off
		persist_config off
		grace_period 1ms
		log {
			output discard
			level DEBUG
		}
	}
	http://%s {
		log
		reverse_proxy%s {
			lb_policy latency
			%s
		}
	}`, p.address, to.String(), lines)); err != nil {
		t.Fatal(err)
	}
}

func load(caddyfile string) error {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return fmt.Errorf("adapt: %w", err)
	}
	if !json.Valid(config) {
		return fmt.Errorf("adapted to %s", config)
	}
	return caddy.Load(config, true)
}

// unused returns an address at which nobody listens.
func unused(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// get sends a request and returns status and body; status 0 is an error.
func (p *proxy) get(ctx context.Context) (int, string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+"/", nil)
	if err != nil {
		return 0, err.Error()
	}
	res, err := p.client.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(body)
}

// wantStatus sends a request and checks its status.
func (p *proxy) wantStatus(t *testing.T, want int) string {
	t.Helper()
	status, body := p.get(t.Context())
	if status != want {
		t.Fatalf("status %d, want %d: %s", status, want, body)
	}
	return body
}

// during keeps a number of requests in flight for a time and returns how many were
// answered by each address, "" for those that were not answered 200.
func (p *proxy) during(t *testing.T, clients int, length time.Duration) map[string]int {
	t.Helper()
	end := time.Now().Add(length)
	counts := make(map[string]int)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for time.Now().Before(end) {
				status, body := p.get(t.Context())
				if status != http.StatusOK {
					body = ""
				}
				mu.Lock()
				counts[body]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return counts
}

// known returns the registry of the running configuration.
func known(t *testing.T) *latency.Registry {
	t.Helper()
	r, err := acquire()
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	return r
}

func estimate(t *testing.T, u *upstream) time.Duration {
	t.Helper()
	now := clock()
	return known(t).Get(u.address(), now).Estimate(now)
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(10 * time.Second); !holds(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func wantNothingWaiting(t *testing.T) {
	t.Helper()
	r := known(t)
	eventually(t, "no attempt waits", func() bool { return r.Waiting() == 0 })
}
