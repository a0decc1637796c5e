// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

//go:build !linux

package redistest

import "syscall"

// dieWithParent is what Linux alone can promise. Elsewhere a server outlives a test
// binary that is killed.
func dieWithParent() *syscall.SysProcAttr { return nil }
