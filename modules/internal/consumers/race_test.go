// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

//go:build race

package consumers_test

import "time"

// The race detector makes everything about ten times as slow, which says
// nothing about scale.
const (
	many      = 20_000
	loadBound = 30 * time.Second
)
