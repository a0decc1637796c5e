// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger/ledgertest"
)

// filled returns a ledger with some rows.
func filled(t testing.TB, dir string, n int) *DB {
	t.Helper()
	d := mustOpen(t, Options{Dir: dir})
	r := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // The same records each time.
	for range n {
		d.Record(random(r))
	}
	return d
}

// backedUp writes a backup of d to a file.
func backedUp(t testing.TB, d *DB) (path string) {
	t.Helper()
	var b bytes.Buffer
	if err := d.Backup(&b); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "backup")
	put(t, path, b.Bytes())
	return path
}

func TestBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := filled(t, dir, 500)
	want := ledgertest.Rows(t, d, ledgertest.Everything)
	backup := backedUp(t, d)
	if err := Check(backup); err != nil {
		t.Fatal(err)
	}
	if err := Restore(backup, dir); !errors.Is(err, ErrInUse) {
		t.Errorf("a ledger in use is replaced: %v", err)
	}
	d.Record(new(ledgertest.Call("later", "x")))
	mustClose(t, d)
	other := filepath.Join(t.TempDir(), "made", "by", "restore")
	for _, to := range []string{dir, other} {
		if err := Restore(backup, to); err != nil {
			t.Fatal(err)
		}
		restored := mustOpen(t, Options{Dir: to})
		got := ledgertest.Rows(t, restored, ledgertest.Everything)
		if len(got) != len(want) || ledger.Sum(got) != ledger.Sum(want) {
			t.Errorf("the restored ledger has %d rows, want %d", len(got), len(want))
		}
		mustClose(t, restored)
	}
	if _, err := os.Stat(filepath.Join(other, BeforeRestore)); err == nil {
		t.Error("where nothing was, something is kept")
	}
	if _, err := os.Stat(filepath.Join(dir, restoring)); err == nil {
		t.Error("a temporary file is left")
	}
}

// TestRestoreTwice: what was replaced can be put back, with its journal, until the
// next time.
func TestRestoreTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := filled(t, dir, 100)
	backup := backedUp(t, d)
	d.Record(new(ledgertest.Call("in the journal", "x")))
	want := total(t, d)
	killed := copyDir(t, dir)
	if err := Restore(backup, killed); err != nil {
		t.Fatal(err)
	}
	again := mustOpen(t, Options{Dir: killed})
	if got := total(t, again); got.Requests != 100 {
		t.Errorf("the backup has %d requests, want 100: the old journal is not its own", got.Requests)
	}
	again.Record(new(ledgertest.Call("after", "x")))
	mustClose(t, again)
	undone := copyDir(t, killed)
	if err := os.Rename(filepath.Join(undone, BeforeRestore), filepath.Join(undone, fileName)); err != nil {
		t.Fatal(err)
	}
	if got := total(t, mustOpen(t, Options{Dir: undone})); got != want {
		t.Errorf("after putting it back there is %+v, want %+v", got, want)
	}
	if err := Restore(backup, killed); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(killed, defaultJournal)); err == nil {
		t.Error("the journal of the first ledger is left")
	}
	if got := total(t, mustOpen(t, Options{Dir: killed})); got.Requests != 100 {
		t.Errorf("the second time there are %d requests", got.Requests)
	}
}

func TestRestoreOverDamage(t *testing.T) {
	t.Parallel()
	backup := backedUp(t, filled(t, t.TempDir(), 50))
	dir := t.TempDir()
	put(t, filepath.Join(dir, fileName), bytes.Repeat([]byte("?"), 1<<16))
	if err := Restore(backup, dir); err != nil {
		t.Fatal(err)
	}
	if got := total(t, mustOpen(t, Options{Dir: dir})); got.Requests != 50 {
		t.Errorf("there are %d requests", got.Requests)
	}
}

// sealed returns a database file as a backup.
func sealed(database []byte) []byte {
	hash := sha256.Sum256(database)
	b := append(bytes.Clone(database), sealMagic...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(database)))
	return append(b, hash[:]...)
}

// TestCheckRefuses: nothing that is not whole replaces a ledger.
func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	d := filled(t, t.TempDir(), 50)
	path := backedUp(t, d)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	database := good[:len(good)-sealSize]
	flipped := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 0x10
		return b
	}
	files := map[string][]byte{
		"empty":             nil,
		"text":              []byte("not a backup"),
		"without seal":      database,
		"cut":               good[:len(good)-1],
		"cut to a page":     good[:boltfile.Smallest],
		"cut seal":          good[:len(good)-sealSize+8],
		"longer":            append(bytes.Clone(good), 0),
		"something else":    sealed(make([]byte, boltfile.Smallest)),
		"a sealed bit":      sealed(flipped(database, bytes.Index(database, []byte("consumer-1")))),
		"a newer version":   sealed(altered(t, database, bucketMeta, keyVersion, []byte{99})),
		"another database":  sealed(altered(t, database, bucketMeta, nil, nil)),
		"a foreign journal": sealed(altered(t, database, bucketMeta, keyJournal, []byte("../elsewhere"))),
		"a strange row":     sealed(altered(t, database, bucketRows, []byte("key"), []byte("value"))),
	}
	r := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // The same places each time.
	for range 50 {
		at := r.IntN(len(good))
		files["flipped at "+time.Duration(at).String()] = flipped(good, at)
	}
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			bad := filepath.Join(dir, "bad")
			put(t, bad, data)
			if err := Check(bad); err == nil || !strings.Contains(err.Error(), bad) {
				t.Errorf("Check = %v", err)
			}
			if err := Restore(bad, dir); err == nil {
				t.Error("it is restored")
			}
			if _, err := os.Stat(filepath.Join(dir, fileName)); err == nil {
				t.Error("a ledger was made")
			}
		})
	}
	if err := Check(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Check of nothing = %v", err)
	}
}

// altered returns a database with a value replaced, or without a bucket.
func altered(t testing.TB, database, bucket, key, value []byte) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), fileName)
	put(t, path, database)
	db, err := bbolt.Open(path, fileMode, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if key == nil {
			return tx.DeleteBucket(bucket)
		}
		return tx.Bucket(bucket).Put(key, value)
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
