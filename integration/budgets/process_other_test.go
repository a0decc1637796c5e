// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

//go:build !linux

package budgets

import "syscall"

// dieWithParent is what Linux alone can promise.
func dieWithParent() *syscall.SysProcAttr { return nil }
