// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package boltfile

import (
	"fmt"
	"runtime/debug"
)

// guard runs a function that uses a database and turns what it does about damage into an
// error: bbolt panics where a page contradicts itself, and follows a damaged page number
// to memory that is not mapped.
func guard(damaged error, fn func() error) (panicked bool, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			panicked, err = true, fmt.Errorf("%w: %v", damaged, p)
		}
	}()
	return false, fn()
}
