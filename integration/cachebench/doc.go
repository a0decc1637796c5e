// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package cachebench measures what a hit of gateway_cache costs, over real sockets: the
// processor time of a gateway in a process of its own, beside that of Caddy's respond and
// of reverse_proxy in the same process, in many short rounds that take turns. Where nginx
// and Varnish are installed it asks them for the same.
package cachebench
