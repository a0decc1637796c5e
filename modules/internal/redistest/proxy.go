// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redistest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy passes connections on to a server, with faults when told.
type Proxy struct {
	// Addr is where it listens, as long as the test takes.
	Addr string

	t        testing.TB
	target   string
	listener net.Listener
	pumps    sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond
	latency time.Duration
	hole    bool // nothing passes
	refuse  bool // connections are closed at once
	closed  bool
	conns   map[net.Conn]struct{}
}

// StartProxy starts a proxy for an address, such as Server.Addr.
func StartProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // Cleanup closes it.
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), t: t, target: target, listener: l, conns: map[net.Conn]struct{}{}}
	p.changed = sync.NewCond(&p.mu)
	p.pumps.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// URL is how clients are told of it.
func (p *Proxy) URL() string { return "redis://" + p.Addr }

// SetLatency makes what the server says arrive later by d.
func (p *Proxy) SetLatency(d time.Duration) { p.set(func() { p.latency = d }) }

// BlackHole makes everything disappear from now on: connections stay, new ones are
// made, and no byte arrives on either side. What is in the hole passes when it ends.
func (p *Proxy) BlackHole(on bool) { p.set(func() { p.hole = on }) }

// Cut closes all connections and, until Mend, every new one.
func (p *Proxy) Cut() {
	p.set(func() { p.refuse = true })
	p.drop(false)
}

// Mend ends what Cut has begun.
func (p *Proxy) Mend() { p.set(func() { p.refuse = false }) }

// Reset breaks all connections with a TCP reset. New ones are served.
func (p *Proxy) Reset() { p.drop(true) }

func (p *Proxy) set(change func()) {
	p.mu.Lock()
	change()
	p.changed.Broadcast()
	p.mu.Unlock()
}

func (p *Proxy) drop(reset bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0) // it is closed in any case
		}
		_ = c.Close() // as is what was closed already
	}
}

func (p *Proxy) close() {
	p.set(func() { p.closed = true })
	_ = p.listener.Close() // once
	p.drop(false)
	p.pumps.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if !p.keep(client) {
			_ = client.Close() // it is refused
			continue
		}
		p.pumps.Go(func() { p.serve(client) })
	}
}

// keep takes note of a connection, unless it is to be refused.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse || p.closed {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) serve(client net.Conn) {
	defer p.forget(client)
	server, err := net.DialTimeout("tcp", p.target, time.Second) //nolint:noctx // It has a timeout.
	if err != nil {
		return
	}
	defer p.forget(server)
	if !p.keep(server) {
		return
	}
	p.pumps.Go(func() {
		defer p.forget(server)
		defer p.forget(client)
		p.pump(server, client, false)
	})
	p.pump(client, server, true)
}

// forget closes a connection.
func (p *Proxy) forget(c net.Conn) {
	_ = c.Close() // it may be closed
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

// pump copies from src to dst until one of them ends.
func (p *Proxy) pump(dst, src net.Conn, slow bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if !p.pass(slow) {
				return
			}
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pass waits as long as the faults ask for, and returns false when the test is over.
func (p *Proxy) pass(slow bool) bool {
	p.mu.Lock()
	latency := p.latency
	p.mu.Unlock()
	if slow && latency > 0 {
		time.Sleep(latency)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.hole && !p.closed {
		p.changed.Wait()
	}
	return !p.closed
}
