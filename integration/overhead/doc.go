// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package overhead measures what the gateway's handlers add to Caddy's bare
// reverse_proxy: in one process, with a transport that answers from memory, so
// that neither sockets nor an upstream blur the figure. Both sides are timed in
// turn, in many short rounds, and compared round by round, which makes the
// ratio steady on a machine with other work.
package overhead
