// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"fmt"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
)

// rewrite writes the database to a new file, which takes the place of the old one.
func (d *DB) rewrite() error {
	err := d.file.Rewrite(func(fresh *boltfile.File) {
		d.filing.Lock()
		defer d.filing.Unlock()
		d.file = &file{fresh}
	})
	if err != nil {
		return fmt.Errorf("write ledger in %s anew: %w", d.o.Dir, err)
	}
	d.suspect = false
	return nil
}
