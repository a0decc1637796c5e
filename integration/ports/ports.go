// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package ports finds ports for servers of tests. Tests of several packages run at the
// same time, each with gateways of its own, and Caddy shares a port with whoever shares it:
// two gateways on one port would each be given some of the requests of both. So a port is
// reserved until its test has ended, and none is one that the kernel gives to others.
package ports

import (
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"testing"
)

// The range is below that from which Linux takes ports of outgoing connections and of
// servers that ask for any.
const (
	first = 12_000
	last  = 32_000
)

// Free returns a port of 127.0.0.1 on which nobody listens, and which no other test is
// given before this one has ended.
func Free(tb testing.TB) string {
	tb.Helper()
	for range 1000 {
		port := strconv.Itoa(first + rand.IntN(last-first))
		if reserve(tb, port) {
			return port
		}
	}
	tb.Fatal("find free port: all that were tried are taken")
	return ""
}

// reserve says whether the port is the test's from now on. The reservation is a socket
// with a name that only processes of this machine see, and that goes with its process.
func reserve(tb testing.TB, port string) bool {
	tb.Helper()
	l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:"+port)
	if err != nil {
		return false
	}
	defer l.Close()
	if runtime.GOOS != "linux" {
		return true
	}
	held, err := new(net.ListenConfig).Listen(tb.Context(), "unix", "@tollgate-test-port-"+port)
	if err != nil {
		return false
	}
	tb.Cleanup(func() { _ = held.Close() })
	return true
}
