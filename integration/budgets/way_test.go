// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package budgets

import (
	"net"
	"sync"
	"testing"
	"time"
)

// way is the way of one gateway to Redis, which can be slow or lead nowhere.
type way struct {
	addr, target string
	pumps        sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond
	latency time.Duration // of what Redis says
	nowhere bool          // nothing arrives, and nobody is told
	closed  bool
	open    map[net.Conn]bool
}

func newWay(t *testing.T, target string) *way {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // Cleanup closes it.
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	w := &way{addr: l.Addr().String(), target: target, open: make(map[net.Conn]bool)}
	w.changed = sync.NewCond(&w.mu)
	w.pumps.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			w.pumps.Go(func() { w.serve(client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close() // it was open
		w.set(func() {
			w.closed = true
			for c := range w.open {
				_ = c.Close() // which ends its pumps
			}
		})
		w.pumps.Wait()
	})
	return w
}

// set changes how things pass.
func (w *way) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	w.changed.Broadcast()
}

func (w *way) serve(client net.Conn) {
	defer w.drop(client)
	server, err := net.DialTimeout("tcp", w.target, time.Second) //nolint:noctx // It has a timeout.
	if err != nil {
		return
	}
	defer w.drop(server)
	w.mu.Lock()
	w.open[client], w.open[server] = true, true
	closed := w.closed
	w.mu.Unlock()
	if closed {
		return
	}
	w.pumps.Go(func() {
		defer w.drop(client)
		defer w.drop(server)
		w.pump(server, client, false)
	})
	w.pump(client, server, true)
}

func (w *way) drop(c net.Conn) {
	_ = c.Close() // it may be closed
	w.mu.Lock()
	delete(w.open, c)
	w.mu.Unlock()
}

func (w *way) pump(to, from net.Conn, slow bool) {
	room := make([]byte, 32<<10)
	for {
		n, err := from.Read(room)
		if err != nil || !w.pass(slow) {
			return
		}
		if _, err := to.Write(room[:n]); err != nil {
			return
		}
	}
}

// pass waits until something may pass, and returns false when the test is over.
func (w *way) pass(slow bool) bool {
	w.mu.Lock()
	latency := w.latency
	w.mu.Unlock()
	if slow && latency > 0 {
		time.Sleep(latency)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.nowhere && !w.closed {
		w.changed.Wait()
	}
	return !w.closed
}
