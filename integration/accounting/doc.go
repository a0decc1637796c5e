// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package accounting compares what the gateway has charged with what an upstream of
// the test has served and what clients have received: per consumer and model, to the
// token and to the pico-dollar.
//
// Requests go over real connections, to Caddy in the test's own process or, where a
// process has to die, to the program that is built from cmd/caddy. What a request asks
// for and how it ends follows from a number that travels in it, so that the upstream,
// the client and the comparison agree about it without talking to one another.
package accounting
