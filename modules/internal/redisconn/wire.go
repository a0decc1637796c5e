// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisconn

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// wires knows the connections of a client, so that all of them can be closed at once:
// when Redis is found not to answer, nobody has to wait for it any longer, and none
// of what has become of them is met again later.
type wires struct {
	mu   sync.Mutex
	open map[*wire]struct{}
	last int // how many were cut
}

func newWires() *wires { return &wires{open: map[*wire]struct{}{}} }

// DialHook implements redis.Hook. A connection that cannot be made is handed out all
// the same, and fails when it is used. The client counts failures to connect, and
// after some would try but once a second, which is too seldom.
func (w *wires) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err != nil {
			return unmade{err: err}, nil
		}
		c := &wire{Conn: conn, wires: w}
		w.mu.Lock()
		w.open[c] = struct{}{}
		w.mu.Unlock()
		return c, nil
	}
}

// ProcessHook implements redis.Hook.
func (w *wires) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook implements redis.Hook.
func (w *wires) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// cut closes all connections.
func (w *wires) cut() {
	w.mu.Lock()
	all := w.open
	w.open = map[*wire]struct{}{}
	w.last = len(all)
	w.mu.Unlock()
	for c := range all {
		_ = c.Close() // none is used again
	}
}

// lost is how many connections were cut the last time.
func (w *wires) lost() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// wire is a connection that its wires know.
type wire struct {
	net.Conn
	wires  *wires
	closed atomic.Bool
}

// Close implements net.Conn. It does not say goodbye, as TLS would, because that may
// take seconds. Closing again is no error: the client does not know of the first time.
func (c *wire) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return nil
	}
	c.wires.mu.Lock()
	delete(c.wires.open, c)
	c.wires.mu.Unlock()
	if encrypted, ok := c.Conn.(*tls.Conn); ok {
		return encrypted.NetConn().Close()
	}
	return c.Conn.Close()
}

// SyscallConn implements syscall.Conn, by which the client looks whether an idle
// connection is still one.
func (c *wire) SyscallConn() (syscall.RawConn, error) {
	if encrypted, ok := c.Conn.(*tls.Conn); ok {
		raw, ok := encrypted.NetConn().(syscall.Conn)
		if !ok {
			return nil, net.ErrClosed
		}
		// It may hold a message of TLS that nobody asked for, which is no fault.
		if r, err := raw.SyscallConn(); err != nil || r.Control(func(uintptr) {}) != nil {
			return nil, net.ErrClosed
		}
		return unseen{}, nil
	}
	raw, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, net.ErrClosed
	}
	return raw.SyscallConn()
}

// unseen is an open connection into which nobody looks.
type unseen struct{}

func (unseen) Control(func(uintptr)) error    { return nil }
func (unseen) Read(func(uintptr) bool) error  { return nil }
func (unseen) Write(func(uintptr) bool) error { return nil }

// unmade stands for a connection that could not be made.
type unmade struct{ err error }

func (c unmade) Read([]byte) (int, error)              { return 0, c.err }
func (c unmade) Write([]byte) (int, error)             { return 0, c.err }
func (c unmade) SyscallConn() (syscall.RawConn, error) { return nil, c.err }
func (unmade) Close() error                            { return nil }
func (unmade) LocalAddr() net.Addr                     { return &net.TCPAddr{} }
func (unmade) RemoteAddr() net.Addr                    { return &net.TCPAddr{} }
func (unmade) SetDeadline(time.Time) error             { return nil }
func (unmade) SetReadDeadline(time.Time) error         { return nil }
func (unmade) SetWriteDeadline(time.Time) error        { return nil }

// Interface guards
var (
	_ redis.Hook   = (*wires)(nil)
	_ redis.Hook   = once{}
	_ syscall.Conn = (*wire)(nil)
	_ syscall.Conn = unmade{}
)
