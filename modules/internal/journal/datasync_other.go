// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

//go:build !linux

package journal

import (
	"errors"
	"os"
	"runtime"
)

// dataSync is the strongest sync that the system offers.
func dataSync(f *os.File) error { return f.Sync() }

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there, and NTFS journals names
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
