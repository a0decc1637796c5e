// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

//go:build !race

package consumers_test

import "time"

// many is the number of consumers in tests of scale, loadBound the time in
// which they must load. It is generous, so that a busy machine does not fail
// it; BenchmarkLoad has the figure.
const (
	many      = 100_000
	loadBound = 5 * time.Second
)
