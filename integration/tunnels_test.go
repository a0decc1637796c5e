// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"runtime"
	"testing"
)

// awaitTunnels waits until Caddy's proxy is done with all connections that have switched
// protocols, which their clients have to have closed. A proxy that is stopped, also by a
// reload, takes its leave of those that are open and counts the bytes of that, while one
// that is just ending counts its own: a data race that is in Caddy, and counts for its logs
// alone.
func awaitTunnels(t *testing.T) {
	t.Helper()
	eventually(t, "Caddy is done with what has switched protocols", func() bool { return !tunnels() })
}

// tunnels says whether a proxy of this process holds a connection that has switched protocols.
func tunnels() bool {
	stacks := make([]byte, 1<<20)
	n := runtime.Stack(stacks, true)
	for n == len(stacks) {
		stacks = make([]byte, 2*n)
		n = runtime.Stack(stacks, true)
	}
	return bytes.Contains(stacks[:n], []byte("reverseproxy.(*Handler).handleUpgradeResponse("))
}
