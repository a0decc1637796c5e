// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package boltfile

import (
	"os"
	"syscall"
)

// unlock gives back the lock of a file that is still mapped to memory, which closing it
// does not.
func unlock(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) } // the next to open it says why not
