// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redistest

import (
	"net"
	"os/exec"
	"runtime"
	"sync"
	"testing"
)

// freePort returns a port of 127.0.0.1 that nobody listened on a moment ago.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // It is closed at once.
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // Nothing depends on it.
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// order is a process to be started.
type order struct {
	cmd    *exec.Cmd
	result chan error
}

// launcher takes orders. Linux kills a process with the thread that has started it,
// not with its process, so that all are started by one thread that never ends.
var launcher = sync.OnceValue(func() chan<- order {
	orders := make(chan order)
	go func() {
		runtime.LockOSThread()
		for o := range orders {
			o.result <- o.cmd.Start()
		}
	}()
	return orders
})

// launch starts a process that does not outlive this one.
func launch(cmd *exec.Cmd) error {
	o := order{cmd, make(chan error)}
	launcher() <- o
	return <-o.result
}
