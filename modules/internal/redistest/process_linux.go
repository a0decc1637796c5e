// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redistest

import "syscall"

// dieWithParent has the kernel kill a process with the one that has started it, be
// that killed itself.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
