// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recorddb

import (
	"errors"
	"os"
	"testing"
)

func TestAskingWhetherItIsInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := InUse(dir); err != nil {
		t.Errorf("without records: %v", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("asking leaves %v, %v", files, err)
	}
	db, err := Open(dir, Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := InUse(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("while they are used: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // asking takes nothing
		if err := InUse(dir); err != nil {
			t.Errorf("when they are used no more: %v", err)
		}
	}
}
