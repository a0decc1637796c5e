// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Wire is a TCP connection to a gateway on which a test writes HTTP/1.1 byte by byte,
// for requests that no well-behaved client sends.
type Wire struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// wire connects to an address such as [Gateway.Addr].
func wire(t *testing.T, addr string) *Wire {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatalf("dial gateway: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatalf("set deadline: %v", err)
	}
	return &Wire{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// Send writes the bytes as they are.
func (w *Wire) Send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w.conn, text); err != nil {
		w.t.Fatalf("write to gateway: %v", err)
	}
}

// SendLines writes the lines with CRLF after each, and the empty line that ends a
// header.
func (w *Wire) SendLines(lines ...string) {
	w.t.Helper()
	w.Send(strings.Join(lines, "\r\n") + "\r\n\r\n")
}

// Response reads one whole response to a request with the given method.
func (w *Wire) Response(method string) *Answer {
	w.t.Helper()
	res, err := http.ReadResponse(w.in, &http.Request{Method: method})
	if err != nil {
		w.t.Fatalf("read response: %v", err)
	}
	return finish(w.t, res)
}

// Rest reads until the gateway closes the connection.
func (w *Wire) Rest() string {
	w.t.Helper()
	rest, err := io.ReadAll(w.in)
	if err != nil {
		w.t.Fatalf("read until end of connection: %v", err)
	}
	return string(rest)
}

// CloseWrite tells the gateway that nothing more will be sent.
func (w *Wire) CloseWrite() {
	w.t.Helper()
	if err := w.conn.(*net.TCPConn).CloseWrite(); err != nil {
		w.t.Fatalf("close writing side: %v", err)
	}
}

// exchange sends the lines of one request without a body on a connection of its own and
// returns the response.
func exchange(t *testing.T, addr string, lines ...string) *Answer {
	t.Helper()
	w := wire(t, addr)
	w.SendLines(lines...)
	method, _, _ := strings.Cut(lines[0], " ")
	return w.Response(method)
}
