// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recorddb

import (
	"testing"

	"github.com/caddy-gateway/tollgate/modules/records"
	"github.com/caddy-gateway/tollgate/modules/records/recordstest"
)

// same returns a store n times, since only one process can have it.
func same(s records.Store, n int) []records.Store {
	list := make([]records.Store, n)
	for i := range list {
		list[i] = s
	}
	return list
}

func TestMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	recordstest.Run(t, recordstest.Opener{
		Open: func(_ testing.TB, n int, o recordstest.Options) []records.Store {
			return same(NewMemory(Options{MaxRecords: o.MaxRecords, Now: o.Now}), n)
		},
	})
}

func TestDBKeepsTheContract(t *testing.T) {
	t.Parallel()
	recordstest.Run(t, recordstest.Opener{
		Open: func(t testing.TB, n int, o recordstest.Options) []records.Store {
			t.Helper()
			return same(opened(t, t.TempDir(), Options{MaxRecords: o.MaxRecords, Now: o.Now}), n)
		},
		Rounds: 60,
	})
}

// opened opens a store that is closed with the test.
func opened(t testing.TB, dir string, o Options) *DB {
	t.Helper()
	d, err := Open(dir, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}
