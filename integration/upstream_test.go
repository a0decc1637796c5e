// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Upstream is a server behind the gateway that remembers what reached it. It speaks
// HTTP/1.1 and HTTP/2 without TLS.
type Upstream struct {
	// Addr is its host and port, URL the same with http://.
	Addr, URL string

	t       *testing.T
	handler http.HandlerFunc
	server  *httptest.Server

	mu       sync.Mutex
	requests []Recorded
	wire     bytes.Buffer
}

// Recorded is one request as an upstream read it.
type Recorded struct {
	Method, URI, Host, Proto string
	Header, Trailer          http.Header
	Body                     string
}

// upstream starts a server that records each request and then lets handler answer it;
// handler may read the body again. A nil handler answers 200 and "ok".
func upstream(t *testing.T, handler http.HandlerFunc) *Upstream {
	t.Helper()
	if handler == nil {
		handler = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }
	}
	u := &Upstream{t: t, handler: handler}
	u.start("127.0.0.1:0")
	t.Cleanup(func() { u.server.Close() })
	return u
}

// start serves on an address.
func (u *Upstream) start(address string) {
	u.t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		u.t.Fatalf("start upstream: %v", err)
	}
	u.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			// The gateway broke off: there is no request to speak of, nor anybody to answer.
			panic(http.ErrAbortHandler)
		}
		u.record(r, body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		u.handler(w, r)
	}))
	_ = u.server.Listener.Close() // it has one of its own
	u.server.Listener = recordingListener{listener, u}
	u.server.Config.Protocols = new(http.Protocols)
	u.server.Config.Protocols.SetHTTP1(true)
	u.server.Config.Protocols.SetUnencryptedHTTP2(true)
	u.server.Start()
	u.Addr, u.URL = u.server.Listener.Addr().String(), u.server.URL
}

// Kill has the upstream break its connections and accept no more.
func (u *Upstream) Kill() {
	u.server.CloseClientConnections()
	u.server.Close()
}

// Restart has an upstream that was killed serve again, where it was.
func (u *Upstream) Restart() {
	u.t.Helper()
	u.start(u.Addr)
}

func (u *Upstream) record(r *http.Request, body []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.requests = append(u.requests, Recorded{
		Method: r.Method, URI: r.RequestURI, Host: r.Host, Proto: r.Proto,
		Header: r.Header.Clone(), Trailer: r.Trailer.Clone(), Body: string(body),
	})
}

// Requests returns the requests so far, in the order in which their bodies ended.
func (u *Upstream) Requests() []Recorded {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Recorded(nil), u.requests...)
}

// Only returns the single request that the upstream has had, and fails the test when
// there was none or were several.
func (u *Upstream) Only() Recorded {
	u.t.Helper()
	requests := u.Requests()
	if len(requests) != 1 {
		u.t.Fatalf("upstream had %d requests, want 1: %+v", len(requests), requests)
	}
	return requests[0]
}

// Wire returns every byte that reached the upstream, of all its connections.
func (u *Upstream) Wire() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.wire.String()
}

// recordingListener copies to the upstream what its connections read.
type recordingListener struct {
	net.Listener
	upstream *Upstream
}

func (l recordingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return recordingConn{c, l.upstream}, nil
}

type recordingConn struct {
	net.Conn
	upstream *Upstream
}

func (c recordingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.upstream.mu.Lock()
	defer c.upstream.mu.Unlock()
	c.upstream.wire.Write(p[:n])
	return n, err
}
