// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
	"github.com/caddy-gateway/tollgate/modules/internal/journal"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger/ledgertest"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
)

// What gateways have written that knew nothing of response caches.
const (
	oldCall = "011b80d1eba10d0005616c696365066f70656e6169066770742d346f04636861740763692c70726f6443c8016414d8048407"
	oldFail = "011480d1eba10d0003626f6200000000000000"
	// three calls of alice's
	oldKey = "00078bc405616c696365066f70656e6169066770742d346f04636861740763692c70726f64"
	oldRow = "01408c334ae5bc080303880e840700000000ac0296011e"
	// three calls of bob's that cost more than an amount holds
	oldWideKey = "00078bc403626f62066f70656e6169066770742d346f04636861740763692c70726f64"
	oldWideRow = "013a960e539bbf08030303011531383434363734342e303733373039353531363134162d31383434363734342e30373337303935353037313400000000ac0296011e"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// oldLedger writes a directory as gateways did that knew nothing of response caches:
// two rows in the database, two records in the journal.
func oldLedger(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	db, err := bbolt.Open(filepath.Join(dir, fileName), fileMode, &bbolt.Options{PageSize: boltfile.PageSize})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		meta, err := tx.CreateBucket(bucketMeta)
		if err != nil {
			return err
		}
		rows, err := tx.CreateBucket(bucketRows)
		return errors.Join(err,
			meta.Put([]byte("version"), []byte{1}),
			meta.Put([]byte("applied"), binary.BigEndian.AppendUint64(nil, 6)),
			meta.Put([]byte("journal"), []byte("journal")),
			rows.Put(unhex(t, oldKey), unhex(t, oldRow)),
			rows.Put(unhex(t, oldWideKey), unhex(t, oldWideRow)))
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	j, _, err := journal.Open(journal.Options{Dir: filepath.Join(dir, "journal")}, 6, func(uint64, []byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{oldCall, oldFail} {
		if _, err := j.Append(unhex(t, payload)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// format is the version that a database gives itself.
func format(t testing.TB, d *DB) (version byte) {
	t.Helper()
	err := d.file.DB.View(func(tx *bbolt.Tx) error {
		version = tx.Bucket(bucketMeta).Get(keyVersion)[0]
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// oldSums are what is in an oldLedger.
func oldSums() (sums ledger.Row) {
	call := ledgertest.Call("alice", "gpt-4o")
	for range 3 {
		sums.AddRecord(&call)
	}
	call.Cost, call.Exact, call.Failed = math.MaxInt64, false, true
	sums.AddRecord(&call)
	sums.AddRecord(&call)
	call.PriceKnown = false
	sums.AddRecord(&call)
	sums.AddRecord(new(ledgertest.Call("alice", "gpt-4o")))
	sums.AddRecord(&ledger.Record{At: ledgertest.Noon, Failed: true})
	return sums
}

// TestOldFiles: a directory of an earlier gateway is opened, added to, backed up and
// restored, and earlier gateways can read it as long as no cache has answered.
func TestOldFiles(t *testing.T) {
	t.Parallel()
	dir := oldLedger(t)
	d, recovery, err := Open(Options{Dir: dir, CheckpointEvery: seldom})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // It is closed below.
	want := oldSums()
	if got := total(t, d); got != want || recovery.Lossy() || recovery.Records != 2 {
		t.Errorf("it has %+v, %v\nwant %+v", got, recovery, want)
	}
	call, hit := ledgertest.Call("alice", "gpt-4o"), ledgertest.Hit("alice", "gpt-4o")
	call.Tags, hit.Tags = "ci,prod", "ci,prod"
	d.Record(&call)
	want.AddRecord(&call)
	if err := d.checkpoint(); err != nil || format(t, d) != formatVersion {
		t.Errorf("the format is %d before there is a hit, %v", format(t, d), err)
	}
	old := backedUp(t, d)
	d.Record(&hit)
	want.AddRecord(&hit)
	killed := mustOpen(t, Options{Dir: copyDir(t, dir)})
	if got := total(t, killed); got != want {
		t.Errorf("after a kill it has %+v\nwant %+v", got, want)
	}
	mustClose(t, killed)
	if err := d.checkpoint(); err != nil || format(t, d) != formatCached {
		t.Errorf("the format is %d with a hit, %v", format(t, d), err)
	}
	backup := backedUp(t, d)
	mustClose(t, d)
	for path, sums := range map[string]ledger.Row{backup: want, old: func() ledger.Row { s := oldSums(); s.AddRecord(&call); return s }()} {
		if err := Check(path); err != nil {
			t.Error(err)
		}
		to := t.TempDir()
		if err := Restore(path, to); err != nil {
			t.Fatal(err)
		}
		restored := mustOpen(t, Options{Dir: to})
		if got := total(t, restored); got != sums {
			t.Errorf("restored it has %+v\nwant %+v", got, sums)
		}
		restored.Record(&hit)
		if err := restored.checkpoint(); err != nil || total(t, restored).CacheHits != sums.CacheHits+1 {
			t.Errorf("after another hit it has %+v, %v", total(t, restored), err)
		}
	}
	reopened := mustOpen(t, Options{Dir: dir})
	if got := total(t, reopened); got != want {
		t.Errorf("opened again it has %+v\nwant %+v", got, want)
	}
	reopened.Record(&call)
	if err := reopened.checkpoint(); err != nil || format(t, reopened) != formatCached {
		t.Errorf("the format is %d again, %v", format(t, reopened), err)
	}
}

// TestOldEncoding: what has nothing to do with a response cache is written as it always
// was, so that earlier gateways can read it.
func TestOldEncoding(t *testing.T) {
	t.Parallel()
	call := ledgertest.Call("alice", "gpt-4o")
	call.Tags = "ci,prod"
	if got := hex.EncodeToString(appendRecord(nil, &call)); got != oldCall {
		t.Errorf("a call is written as %s", got)
	}
	failed := ledger.Record{At: ledgertest.Noon, Consumer: "bob", Failed: true}
	if got := hex.EncodeToString(appendRecord(nil, &failed)); got != oldFail {
		t.Errorf("a refused request is written as %s", got)
	}
	for key, value := range map[string]string{oldKey: oldRow, oldWideKey: oldWideRow} {
		_, w, err := DecodeRow(unhex(t, key), unhex(t, value))
		if err != nil || w.Requests != 3 || w.Tags != "ci,prod" || w.CacheHits != 0 || w.Avoided != (money.Total{}) {
			t.Errorf("read %+v, %v", w, err)
		}
		again, err := AppendRow(nil, unhex(t, key), &w)
		if err != nil || hex.EncodeToString(again) != value {
			t.Errorf("written again it is %x, %v", again, err)
		}
	}
}

// TestCachedEncoding: what is about a response cache says so in its first byte, by
// which earlier gateways refuse it, and what is newer still is refused likewise.
func TestCachedEncoding(t *testing.T) {
	t.Parallel()
	hit := ledgertest.Hit("a", "x")
	record := appendRecord(nil, &hit)
	if record[0] != recordVersionCached {
		t.Errorf("a hit is written as version %d", record[0])
	}
	var got ledger.Record
	for name, tc := range map[string]struct {
		at   int
		to   byte
		want error
	}{
		"a hit in the old version":    {0, recordVersion, errUnknown},
		"a hit in a newer version":    {0, 3, errNewer},
		"a flag of a newer version":   {1, record[1] | 1<<6, errUnknown},
		"the new version and no flag": {1, record[1] &^ flagCached, errUnknown},
	} {
		changed := append([]byte{}, record...)
		changed[tc.at] = tc.to
		if err := decodeRecord(changed, &got); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var w ledger.Row
	w.AddRecord(&hit)
	row := appendRow(nil, nil, 0, &w)
	if row[0] != rowVersionCached {
		t.Errorf("a row of hits is written as version %d", row[0])
	}
	for name, change := range map[string]func(b []byte) []byte{
		"in the old version":      func(b []byte) []byte { b[0] = rowVersion; return b },
		"in a newer version":      func(b []byte) []byte { b[0] = 3; return b },
		"with an unknown field":   func(b []byte) []byte { b[len(b)-4] |= 8; return b },
		"with bytes beyond":       func(b []byte) []byte { return append(b, 0) },
		"without its last number": func(b []byte) []byte { return b[:len(b)-2] },
	} {
		var read ledger.Row
		b := change(append([]byte{}, row...))
		if err := decodeRow(resealed(b, nil), nil, 0, &read); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNewerFormat: a database of a later gateway is refused and not altered.
func TestNewerFormat(t *testing.T) {
	t.Parallel()
	dir := oldLedger(t)
	path := filepath.Join(dir, fileName)
	db, err := bbolt.Open(path, fileMode, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyVersion, []byte{3}) })
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(Options{Dir: dir}); !errors.Is(err, errNewer) || !strings.Contains(err.Error(), "format version 3") {
		t.Errorf("it is opened: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(before) {
		t.Errorf("the file has changed, %v", err)
	}
}
