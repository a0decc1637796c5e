// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotas

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// upgraded asks for a WebSocket, and returns the connection and the status.
func upgraded(t *testing.T, address string) (net.Conn, int) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn, answer.StatusCode
}

func TestWebSocketIsInFlightUntilItIsClosed(t *testing.T) {
	address, _ := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
	})
	s := serve(t, "", "quota {\n\t\tconcurrent 1\n\t\tby global\n\t}\n\treverse_proxy "+address)
	served := make(chan struct{}, 3)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.srv.ServeHTTP(w, r)
		served <- struct{}{}
	}))
	t.Cleanup(gateway.Close)
	front := gateway.Listener.Addr().String()

	conn, status := upgraded(t, front)
	if status != http.StatusSwitchingProtocols {
		t.Fatalf("the first is answered %d", status)
	}
	if _, status := upgraded(t, front); status != http.StatusTooManyRequests {
		t.Fatalf("a second is answered %d while the first is open", status)
	}
	<-served
	_ = conn.Close()
	<-served
	conn, status = upgraded(t, front)
	if status != http.StatusSwitchingProtocols {
		t.Fatalf("one after the first is closed is answered %d", status)
	}
	_ = conn.Close()
	<-served // a Caddy that stops meanwhile counts the bytes of both ends at once
}
