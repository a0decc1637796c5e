// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"fmt"
	"runtime/debug"
)

// guard runs a function that reads the database and turns what it does about
// damage into an error: bbolt panics where a page contradicts itself, and
// follows a damaged page number to memory that is not mapped.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	return fn()
}
