// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

import "golang.org/x/sys/unix"

// limitFiles sets how long a file of a process may become. Longer ones get an error
// when they are written to.
func limitFiles(process int, size uint64) error {
	var now unix.Rlimit
	if err := unix.Prlimit(process, unix.RLIMIT_FSIZE, nil, &now); err != nil {
		return err
	}
	now.Cur = min(size, now.Max)
	return unix.Prlimit(process, unix.RLIMIT_FSIZE, &now, nil)
}
