// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package budgets holds gateways to their limits while everything around them breaks:
// processes of the program that is built from cmd/caddy, on a real Redis that is
// killed, frozen, emptied and cut off, and in front of an upstream that keeps its own
// account of what it has served.
//
// What a call costs and how it ends is decided by the test and travels in a header, so
// that what a budget has spent can be compared with what was served, to the
// billionth of a dollar.
package budgets
