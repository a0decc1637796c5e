// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package boltfile

import "os"

// unlock leaves it to the end of the process to give the lock back.
func unlock(*os.File) {}
