// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// checkOwner returns an error if a directory belongs to another user than this
// process, or if it is missing and the superuser would make it in another user's.
// What is made there would be closed to Caddy.
func checkOwner(dir string) error {
	missing := false
	info, err := os.Stat(dir)
	for ; err != nil && filepath.Dir(dir) != dir; info, err = os.Stat(dir) {
		missing, dir = true, filepath.Dir(dir)
	}
	if err != nil || missing && os.Geteuid() != 0 {
		return nil //nolint:nilerr // Whoever uses the directory will say so.
	}
	if is, ok := info.Sys().(*syscall.Stat_t); ok && int(is.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to the user with the number %d; run this command as that user", dir, is.Uid)
	}
	return nil
}
