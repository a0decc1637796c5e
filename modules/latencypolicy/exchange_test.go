// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latencypolicy

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"
	"time"
)

// TestStatusOfAnotherProxyIsNoFailure has a request answered by two reverse proxies, as
// with forward_auth: what the second one says is nothing about the upstream of the first.
func TestStatusOfAnotherProxyIsNoFailure(t *testing.T) {
	rows := []struct {
		name, second string
		fails        bool
	}{
		{"another upstream", "b:1", false},
		{"the same upstream", "a:1", true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p := provisioned(t)
			r, repl, _ := request(t)
			server := p.registry.Get("a:1", 0)
			p.Select(poolOf("a:1"), r, nil)
			answer := func(address string, took time.Duration, status int) {
				repl.Set(placeholderAddress, address)
				if trace := httptrace.ContextClientTrace(r.Context()); took == time.Millisecond {
					trace.GetConn(address)
					trace.GotFirstResponseByte()
				}
				repl.Set(placeholderLatency, took)
				repl.Set(placeholderStatus, status)
				repl.Set(placeholderDuration, took)
			}
			answer("a:1", time.Millisecond, http.StatusOK)
			answer(row.second, 2*time.Millisecond, http.StatusBadGateway)
			exchangeOf(r).end(clock())
			if server.Failing() != row.fails || p.waiting() != 0 {
				t.Errorf("failing is %t, %d wait", server.Failing(), p.waiting())
			}
		})
	}
}

// TestProvidersAreAddedWhileTheClientLeaves is for the race detector: the end of a
// request is noticed by a goroutine of its own, while handlers go on.
func TestProvidersAreAddedWhileTheClientLeaves(t *testing.T) {
	p := provisioned(t)
	for range 50 {
		r, repl, cancel := request(t)
		p.Select(poolOf("a:1"), r, nil)
		cancel()
		for range 20 {
			repl.Map(func(string) (any, bool) { return nil, false })
		}
		eventually(t, "nothing waits", func() bool { return p.waiting() == 0 })
	}
}

// TestDeadlinesEndAttempts has the deadline of a request, which some other module has
// set, be the error that the transport returns.
func TestDeadlinesEndAttempts(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		t.Run(map[bool]string{false: "HTTP/1.1", true: "HTTP/2"}[h2], func(t *testing.T) {
			u := newUpstream(t, time.Minute)
			p := provisioned(t)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, u.URL, nil)
			r.RequestURI = ""
			p.Select(poolOf(u.address()), r, nil)
			if _, ok := r.Context().Deadline(); !ok {
				t.Error("the deadline is gone")
			}
			transport := &http.Transport{Protocols: new(http.Protocols)}
			transport.Protocols.SetHTTP1(!h2)
			transport.Protocols.SetUnencryptedHTTP2(h2)
			defer transport.CloseIdleConnections()
			res, err := transport.RoundTrip(r)
			if err == nil {
				_ = res.Body.Close()
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			eventually(t, "nothing waits", func() bool { return p.waiting() == 0 })
		})
	}
}
