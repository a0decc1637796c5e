// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package budgets

import "syscall"

// dieWithParent has the kernel kill a process with the one that has started it.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
