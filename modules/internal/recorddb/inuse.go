// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recorddb

import (
	"fmt"
	"path/filepath"
)

// InUse returns ErrInUse where a process uses the records in a directory, and another error
// where they are closed to this one, as Restore would, and replaces nothing. It makes no
// records where there are none.
func InUse(dir string) error {
	release, err := lockExisting(filepath.Join(dir, FileName))
	if err != nil {
		return fmt.Errorf("open records in %s: %w", dir, err)
	}
	return release()
}
