// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recorddb

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/records"
	"github.com/caddy-gateway/tollgate/modules/records/recordstest"
)

// backedUp returns a backup as a file and as bytes.
func backedUp(t *testing.T, d *DB) (path string, data []byte) {
	t.Helper()
	var b bytes.Buffer
	if err := d.Backup(&b); err != nil {
		t.Fatal(err)
	}
	return written(t, b.Bytes()), b.Bytes()
}

func written(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backup")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustRestore(t *testing.T, backup, dir string) {
	t.Helper()
	if err := Restore(backup, dir); err != nil {
		t.Fatal(err)
	}
}

func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clock := recordstest.NewClock(time.Now())
	o := Options{Now: clock.Now}
	d := opened(t, dir, o)
	mustPut(t, d, "key:1", "one", 0)
	mustPut(t, d, "gone:1", "over", time.Minute)
	mustPut(t, d, "soon:1", "later", time.Hour)
	mustPut(t, d, "large:1", strings.Repeat("x", records.MaxValue), 0)
	large := "large:1=" + strings.Repeat("x", records.MaxValue) + " "
	clock.Advance(2 * time.Minute)
	backup, data := backedUp(t, d)
	if bytes.Contains(data, []byte("over")) {
		t.Error("what has expired is in the backup")
	}
	mustPut(t, d, "key:2", "after the backup", 0)
	if err := Restore(backup, dir); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("restore of records that are open: %v", err)
	}
	mustClose(t, d)
	if err := d.Backup(&bytes.Buffer{}); !errors.Is(err, records.ErrUnavailable) {
		t.Errorf("backup of closed records: %v", err)
	}

	mustRestore(t, backup, dir)
	d = opened(t, dir, o)
	if got := listed(t, d); got != "key:1=one "+large+"soon:1=later " {
		t.Errorf("after the restore there is %.100s", got)
	}
	mustClose(t, d)
	clock.Advance(time.Hour)
	d = opened(t, dir, o)
	if got := listed(t, d); got != "key:1=one "+large {
		t.Errorf("the ends of records are lost: there is %.100s", got)
	}
	mustClose(t, d)
	// To undo it, what was there has to get its name again.
	if err := os.Rename(filepath.Join(dir, BeforeRestore), filepath.Join(dir, FileName)); err != nil {
		t.Fatal(err)
	}
	d = opened(t, dir, o)
	if got := listed(t, d); !strings.Contains(got, "key:2=after the backup ") {
		t.Errorf("what was replaced has %.100s", got)
	}
	mustClose(t, d)

	fresh := filepath.Join(t.TempDir(), "made", "by", "restore")
	mustRestore(t, backup, fresh)
	for path, mode := range map[string]os.FileMode{fresh: dirMode, filepath.Join(fresh, FileName): fileMode} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s is %v, %v, want mode %o", path, info.Mode(), err, mode)
		}
	}
	if files, err := os.ReadDir(fresh); err != nil || len(files) != 1 {
		t.Errorf("a restore leaves %v, %v", files, err)
	}
	mustRestore(t, backup, fresh)
	mustRestore(t, backup, fresh) // replaces what the one before has kept
}

func TestBackupOfNothing(t *testing.T) {
	t.Parallel()
	d := opened(t, t.TempDir(), Options{})
	backup, _ := backedUp(t, d)
	dir := t.TempDir()
	mustRestore(t, backup, dir)
	if got := listed(t, opened(t, dir, Options{})); got != "" {
		t.Errorf("there is %s", got)
	}
}

// stalled is a reader that takes nothing until it is released.
type stalled struct {
	began, release chan struct{}
	once           sync.Once
	bytes.Buffer
}

// Write implements io.Writer.
func (s *stalled) Write(p []byte) (int, error) {
	s.once.Do(func() { close(s.began) })
	<-s.release
	return s.Buffer.Write(p)
}

// TestBackupUnderWrites: each backup is one moment in which everything is that was done
// before, and nobody who changes something waits for the reader of a backup.
func TestBackupUnderWrites(t *testing.T) {
	t.Parallel()
	d := opened(t, t.TempDir(), Options{})
	var done [4]atomic.Int64
	ended := make(chan struct{})
	var all sync.WaitGroup
	for who := range done {
		all.Go(func() {
			for n := int64(1); ; n++ {
				select {
				case <-ended:
					return
				default:
				}
				if err := d.Put(t.Context(), fmt.Sprintf("w%d:%06d", who, n), bytes.Repeat([]byte("v"), 500), 0); err != nil {
					t.Errorf("Put = %v", err)
					return
				}
				done[who].Store(n)
			}
		})
	}
	for range 10 {
		for done[0].Load() == 0 {
			mustPut(t, d, "a:1", "", 0)
		}
		var before [4]int64
		for who := range done {
			before[who] = done[who].Load()
		}
		backup, _ := backedUp(t, d)
		has := make(map[string]bool)
		if err := readBackup(backup, func(key, _ []byte) error { has[string(key)] = true; return nil }); err != nil {
			t.Fatal(err)
		}
		for who, last := range before {
			for n := int64(1); n <= last; n++ {
				if !has[fmt.Sprintf("w%d:%06d", who, n)] {
					t.Fatalf("the backup lacks record %d of %d", n, who)
				}
			}
			// No gap: what is there of one writer is a beginning of what it wrote.
			n := last
			for has[fmt.Sprintf("w%d:%06d", who, n+1)] {
				n++
			}
			for m := n + 1; m < n+1000; m++ {
				if has[fmt.Sprintf("w%d:%06d", who, m)] {
					t.Fatalf("the backup has record %d of %d and not %d", m, who, n+1)
				}
			}
		}
	}
	slow := &stalled{began: make(chan struct{}), release: make(chan struct{})}
	backup := make(chan error, 1)
	go func() { backup <- d.Backup(slow) }()
	<-slow.began
	for n := range 200 { // enough for the file to grow
		mustPut(t, d, fmt.Sprintf("x:%d", n), strings.Repeat("x", 10_000), 0)
	}
	close(slow.release)
	if err := <-backup; err != nil {
		t.Error(err)
	}
	close(ended)
	all.Wait()
	if err := Check(written(t, slow.Bytes())); err != nil {
		t.Error(err)
	}
}

// TestBackupOfRecordsThatCannotBeWritten: what is in memory can be saved.
func TestBackupOfRecordsThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	d := opened(t, t.TempDir(), Options{})
	mustPut(t, d, "a:1", "one", 0)
	d.fault = ErrDamaged
	if err := d.Put(t.Context(), "a:2", nil, 0); !errors.Is(err, records.ErrUnavailable) {
		t.Fatal(err)
	}
	backup, _ := backedUp(t, d)
	dir := t.TempDir()
	mustRestore(t, backup, dir)
	if got := listed(t, opened(t, dir, Options{})); got != "a:1=one " {
		t.Errorf("there is %s", got)
	}
}

// TestRefusedBackups: what is altered, cut or something else replaces nothing.
func TestRefusedBackups(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := opened(t, dir, Options{})
	mustPut(t, d, "key:1", "demo-signing-key-not-a-secret", 0)
	mustPut(t, d, "key:2", "two", time.Hour)
	_, data := backedUp(t, d)
	mustClose(t, d)
	database, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name string, data []byte, want string) {
		t.Helper()
		err := Restore(written(t, data), dir)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		} else if strings.Contains(err.Error(), "demo-signing") {
			t.Errorf("%s: the error shows a record: %v", name, err)
		}
	}
	newer := bytes.Clone(data)
	newer[len(backupMark)]++
	refused("empty", nil, "no backup of records")
	refused("text", []byte("demo text, long enough to be something"), "no backup of records")
	refused("the database itself", database, "no backup of records")
	refused("a newer format", newer, "a newer gateway")
	refused("something behind the end", append(bytes.Clone(data), 0), "damaged")
	refused("twice", append(bytes.Clone(data), data...), "damaged")
	for n := len(backupMark) + 1; n < len(data); n++ {
		refused(fmt.Sprintf("cut to %d", n), data[:n], "damaged")
	}
	for n := len(backupMark) + 1; n < len(data); n++ {
		altered := bytes.Clone(data)
		altered[n] ^= 0x10
		refused(fmt.Sprintf("altered at %d", n), altered, "damaged")
	}
	if err := Restore(dir, dir); err == nil || !strings.Contains(err.Error(), "no backup of records") {
		t.Errorf("a directory: %v", err)
	}
	if err := Restore(filepath.Join(dir, "missing"), dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("refused backups leave %v, %v", files, err)
	}
	if got := listed(t, opened(t, dir, Options{})); got != "key:1=demo-signing-key-not-a-secret key:2=two " {
		t.Errorf("there is %s", got)
	}
}

// TestRestoreOverDamage: records that cannot be opened are what a backup is for.
func TestRestoreOverDamage(t *testing.T) {
	t.Parallel()
	d := opened(t, t.TempDir(), Options{})
	mustPut(t, d, "a:1", "one", 0)
	backup, _ := backedUp(t, d)
	for name, content := range map[string]string{"empty": "", "short": "x", "long": strings.Repeat("x", 1<<16)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, FileName), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			mustRestore(t, backup, dir)
			if got := listed(t, opened(t, dir, Options{})); got != "a:1=one " {
				t.Errorf("there is %s", got)
			}
		})
	}
}
