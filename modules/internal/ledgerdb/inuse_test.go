// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"errors"
	"os"
	"testing"
)

func TestAskingWhetherItIsInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := InUse(dir); err != nil {
		t.Errorf("without a ledger: %v", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("asking leaves %v, %v", files, err)
	}
	db, _, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := InUse(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("while it is used: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // asking takes nothing
		if err := InUse(dir); err != nil {
			t.Errorf("when it is used no more: %v", err)
		}
	}
}
