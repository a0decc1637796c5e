// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latencypolicy

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// wantEstimate waits for an estimate: the end of a request is noticed after its answer.
func wantEstimate(t *testing.T, u *upstream, lowest, highest time.Duration) {
	t.Helper()
	eventually(t, "the estimate is from "+lowest.String()+" to "+highest.String()+", last "+estimate(t, u).String(), func() bool {
		e := estimate(t, u)
		return e >= lowest && e <= highest
	})
}

func TestFirstByteOfAStreamCounts(t *testing.T) {
	u := newUpstream(t, 0)
	p := newProxy(t, "flush_interval -1", u)
	finish := make(chan struct{})
	u.handle(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "data: first\n\n")
		_ = http.NewResponseController(w).Flush()
		<-finish
		_, _ = io.WriteString(w, "data: last\n\n")
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := res.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	// The stream goes on, and its first byte is known already.
	before := estimate(t, u)
	if before == 0 || known(t).Waiting() != 0 {
		t.Errorf("estimate %s, waiting %d", before, known(t).Waiting())
	}
	close(finish)
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	if after := estimate(t, u); after != before {
		t.Errorf("estimate was %s and is %s after the stream", before, after)
	}
}

// TestEachAttemptIsSeen has requests tried on an upstream that is down first, then on
// one that drops connections, then answered.
func TestEachAttemptIsSeen(t *testing.T) {
	down, dropping, sound := newUpstream(t, 0), newUpstream(t, 0), newUpstream(t, time.Millisecond)
	down.stop()
	dropping.handle(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	p := newProxy(t, "lb_retries 9", down, dropping, sound)
	for range 20 {
		p.wantStatus(t, http.StatusOK)
	}
	wantEstimate(t, down, time.Second, time.Minute)
	wantEstimate(t, dropping, time.Second, time.Minute)
	wantEstimate(t, sound, time.Millisecond, 900*time.Millisecond)
	wantNothingWaiting(t)
}

func TestRefusedAnswersAreFailures(t *testing.T) {
	refusing, sound := newUpstream(t, 0), newUpstream(t, time.Millisecond)
	refusing.status.Store(http.StatusConflict) // says nothing by itself
	p := newProxy(t, "lb_retries 3\nlb_retry_match {\nexpression `{rp.status_code} == 409`\n}", refusing, sound)
	for range 10 {
		p.wantStatus(t, http.StatusOK)
	}
	if n := refusing.got.Load(); n == 0 || n > 3 {
		t.Errorf("%d requests went to the upstream whose answers are refused", n)
	}
	wantNothingWaiting(t)
}

func TestFailuresWithoutRetryCount(t *testing.T) {
	tests := []struct {
		name, lines string
		prepare     func(*upstream)
	}{
		{"refused connection", "", (*upstream).stop},
		{"dropped connection", "", func(u *upstream) {
			u.handle(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		}},
		{"no answer in time", "transport http {\nresponse_header_timeout 50ms\n}", func(u *upstream) { u.takes.Store(int64(time.Minute)) }},
		{"no HTTP", "", func(u *upstream) {
			u.handle(func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err == nil {
					_, _ = io.WriteString(conn, "SSH-2.0-x\r\n\r\n")
					_ = conn.Close()
				}
			})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u := newUpstream(t, 0)
			p := newProxy(t, tt.lines, u)
			tt.prepare(u)
			if status, _ := p.get(t.Context()); status < 500 {
				t.Fatalf("status %d", status)
			}
			wantEstimate(t, u, time.Second, 10*time.Second)
			wantNothingWaiting(t)
		})
	}
}

// TestClientsWhoLeaveAreNoFailures has many clients leave while they wait; the time
// they waited counts, since it is longer than the mean was, but as no failure.
func TestClientsWhoLeaveAreNoFailures(t *testing.T) {
	u := newUpstream(t, 0)
	p := newProxy(t, "", u)
	p.wantStatus(t, http.StatusOK)
	u.takes.Store(int64(time.Minute))
	goroutines := runtime.NumGoroutine()
	got := u.got.Load()
	ctx, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { p.get(ctx) })
	}
	eventually(t, "all have arrived", func() bool { return u.got.Load() == got+50 })
	leave()
	wg.Wait()
	wantNothingWaiting(t)
	if now := clock(); known(t).Get(u.address(), now).Failing() {
		t.Errorf("the upstream counts as failing, estimate %s", estimate(t, u))
	}
	p.client.CloseIdleConnections()
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines+5 })
}

// TestInterimAnswersAreNoFirstByte has an upstream send 103 at once and 200 later.
func TestInterimAnswersAreNoFirstByte(t *testing.T) {
	for _, version := range []string{"1.1", "h2c"} {
		t.Run(version, func(t *testing.T) {
			u := newUpstream(t, 0)
			p := newProxy(t, "transport http {\nversions "+version+"\n}", u)
			const takes = 100 * time.Millisecond
			u.handle(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusEarlyHints)
				timer := time.NewTimer(takes)
				defer timer.Stop()
				<-timer.C
			})
			p.wantStatus(t, http.StatusOK)
			wantEstimate(t, u, takes, 30*takes)
			wantNothingWaiting(t)
		})
	}
}

// TestFirstByteOverHTTP2 has the first byte long before the end.
func TestFirstByteOverHTTP2(t *testing.T) {
	u := newUpstream(t, 0)
	p := newProxy(t, "flush_interval -1\ntransport http {\nversions h2c\n}", u)
	finish := make(chan struct{})
	u.handle(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			w.WriteHeader(http.StatusHTTPVersionNotSupported)
		}
		_ = http.NewResponseController(w).Flush()
		<-finish
	})
	done := make(chan int)
	go func() {
		status, _ := p.get(t.Context())
		done <- status
	}()
	eventually(t, "the first byte is seen", func() bool { return estimate(t, u) > 0 && known(t).Waiting() == 0 })
	close(finish)
	if status := <-done; status != http.StatusOK {
		t.Errorf("status %d", status)
	}
}

// TestContinueIsNoFirstByte sends a body that the upstream asks for with 100.
func TestContinueIsNoFirstByte(t *testing.T) {
	u := newUpstream(t, 0)
	p := newProxy(t, "", u)
	const takes = 100 * time.Millisecond
	u.handle(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		timer := time.NewTimer(takes)
		defer timer.Stop()
		<-timer.C
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.address, bytes.NewReader(make([]byte, 100)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Expect", "100-continue")
	res, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	wantEstimate(t, u, takes, 30*takes)
}

// TestUpgradeCounts opens what would be a WebSocket and leaves it open.
func TestUpgradeCounts(t *testing.T) {
	u := newUpstream(t, 0)
	p := newProxy(t, "", u)
	u.handle(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = rw.Flush()
		_, _ = io.Copy(conn, rw)
	})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+p.address+"\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(line, "101") {
		t.Fatalf("answer %q, %v", line, err)
	}
	if e := estimate(t, u); e == 0 || known(t).Waiting() != 0 {
		t.Errorf("estimate %s, waiting %d", e, known(t).Waiting())
	}
}
