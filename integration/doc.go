// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package integration tests Tollgate from the outside: real Caddyfiles, loaded
// into a real Caddy, spoken to over real connections, by clients that know nothing
// of the gateway's insides.
//
// It is a Go module of its own, so that provider SDKs and test servers never reach
// the dependencies of somebody who builds a gateway. It may use only what such a
// person may use: the package github.com/caddy-gateway/tollgate/modules, Caddy, and
// other public packages.
//
// A running Caddy is global to its process. The tests of this package therefore run
// one after another; [gateway] makes a test that calls t.Parallel panic.
package integration
