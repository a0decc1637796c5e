// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// awaitHandover returns when one socket alone listens on each of the ports. Caddy opens
// a second one for the new configuration and closes the first while it is already
// answering from the second. The kernel shares new connections between both, and those
// that the first has not accepted when it closes are reset. Where there is no list of
// sockets to read it returns at once.
func awaitHandover(t *testing.T, ports []string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		table, err := os.ReadFile("/proc/net/tcp")
		if err != nil {
			return
		}
		shared := ""
		for _, port := range ports {
			if listeners(string(table), port) > 1 {
				shared = port
			}
		}
		if shared == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("several sockets listen on port %s", shared)
		}
		time.Sleep(time.Millisecond)
	}
}

// listeners counts the sockets that listen on a port of any address, in the form in
// which Linux lists them: the address in hexadecimal, and the state 0A.
func listeners(table, port string) int {
	n, err := strconv.Atoi(port)
	if err != nil {
		return 0
	}
	suffix, count := fmt.Sprintf(":%04X", n), 0
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) > 3 && strings.HasSuffix(f[1], suffix) && f[3] == "0A" {
			count++
		}
	}
	return count
}

func TestListenersAreCounted(t *testing.T) {
	if _, err := os.Stat("/proc/net/tcp"); err != nil {
		t.Logf("this system does not list its sockets: %v", err)
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	count := func() int {
		table, err := os.ReadFile("/proc/net/tcp")
		if err != nil {
			t.Fatal(err)
		}
		return listeners(string(table), port)
	}
	if got := count(); got != 1 {
		t.Errorf("%d sockets listen, want 1", got)
	}
	_ = l.Close()
	if got := count(); got != 0 {
		t.Errorf("%d sockets listen after the end, want 0", got)
	}
}
