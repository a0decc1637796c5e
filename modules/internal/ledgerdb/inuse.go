// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

// InUse returns ErrInUse where a process uses the ledger in a directory, and another error
// where it is closed to this one, as Restore would, and replaces nothing. It makes no
// ledger where there is none.
func InUse(dir string) error {
	f, err := lockExisting(dir)
	if err != nil {
		return err
	}
	return f.Close()
}
