// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachebench

import (
	"bufio"
	"net"
	"net/http"
	"os"
	"strconv"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// BenchmarkMemory serves each site over a connection in memory, from the first byte of a
// request to the last one of its answer, for profiles, allocations and counts of
// instructions. "client" answers without a server: what it counts, all others count as well.
func BenchmarkMemory(b *testing.B) {
	servers, groups := inProcess(b)
	for _, group := range []string{"1k", "20k", "chat"} {
		list := groups[group]
		b.Run(group+"/client", func(b *testing.B) { askAll(b, canned(b, list[0]), list[0]) })
		for _, g := range list {
			b.Run(group+"/"+g.name, func(b *testing.B) { askAll(b, served(b, servers[g.name]), g) })
		}
	}
}

func askAll(b *testing.B, c *connection, g *target) {
	b.Helper()
	for range 8 { // the first of which is stored
		if size, err := c.ask(g.request, nil); err != nil || size != g.size {
			b.Fatalf("%s: %d bytes of %d: %v", g.name, size, g.size, err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if size, err := c.ask(g.request, nil); err != nil || size != g.size {
			b.Fatalf("%s: %d bytes of %d: %v", g.name, size, g.size, err)
		}
	}
}

// inProcess runs the gateway in this process and returns the handlers of its sites.
func inProcess(tb testing.TB) (map[string]http.Handler, map[string][]*target) {
	tb.Helper()
	name, addresses := configured(tb, origin(tb))
	text, err := os.ReadFile(name)
	if err != nil {
		tb.Fatalf("read Caddyfile: %v", err)
	}
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, map[string]any{"filename": name})
	if err != nil {
		tb.Fatalf("adapt Caddyfile: %v", err)
	}
	if err := caddy.Load(config, true); err != nil {
		tb.Fatalf("run gateway: %v", err)
	}
	tb.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			tb.Errorf("stop gateway: %v", err)
		}
	})
	app, err := caddy.ActiveContext().App("http")
	if err != nil {
		tb.Fatalf("get http app: %v", err)
	}
	servers := make(map[string]http.Handler)
	for _, server := range app.(*caddyhttp.App).Servers {
		for site, address := range addresses {
			if server.Listen[0] == "tcp/"+address || server.Listen[0] == address {
				servers[site] = server
			}
		}
	}
	if len(servers) != len(sites) {
		tb.Fatalf("%d servers of %d", len(servers), len(sites))
	}
	return servers, targets(tb, 0, addresses)
}

// oneConnection is a listener that has one connection.
type oneConnection struct{ net.Conn }

func (l *oneConnection) Accept() (net.Conn, error) {
	if l.Conn == nil {
		return nil, net.ErrClosed
	}
	c := l.Conn
	l.Conn = nil
	return c, nil
}

func (*oneConnection) Close() error   { return nil }
func (*oneConnection) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// remote has an address like those of sockets.
type remote struct{ net.Conn }

func (remote) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1234} }
func (remote) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// served returns a connection to a server with a handler.
func served(tb testing.TB, h http.Handler) *connection {
	tb.Helper()
	near, far := net.Pipe()
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(&oneConnection{remote{far}}) }() // which ends with the connection
	tb.Cleanup(func() { _ = near.Close() })
	return &connection{near, bufio.NewReaderSize(near, 64<<10)}
}

// canned returns a connection to somebody who gives one answer to whatever is asked.
func canned(tb testing.TB, g *target) *connection {
	tb.Helper()
	near, far := net.Pipe()
	answer := append([]byte("HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(g.size)+"\r\n\r\n"), make([]byte, g.size)...)
	go func() {
		question := make([]byte, 4<<10)
		for {
			if _, err := far.Read(question); err != nil {
				return
			}
			if _, err := far.Write(answer); err != nil {
				return
			}
		}
	}()
	tb.Cleanup(func() { _ = near.Close() })
	return &connection{near, bufio.NewReaderSize(near, 64<<10)}
}
