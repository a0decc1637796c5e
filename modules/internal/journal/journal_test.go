// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// TestRoundTrip appends over several segments of real files and reads them back.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := Options{Dir: filepath.Join(t.TempDir(), "a", "b"), SegmentSize: 1000}
		var want []record
		for round := range 3 {
			j, rec, got := opened(t, o, 0)
			if !slices.Equal(got, want) {
				t.Fatalf("round %d replayed %d records, want %d with the same payloads", round, len(got), len(want))
			}
			if rec.Records != len(want) || rec.Torn != 0 || len(rec.Damaged) != 0 {
				t.Errorf("Recovery = %+v, want %d records and nothing wrong", rec, len(want))
			}
			for i := range 100 {
				want = append(want, appended(t, j, strings.Repeat("x", i)))
				synctest.Wait() // lets the next segment be made
			}
			if err := j.Close(); err != nil {
				t.Fatalf("Close() = %v", err)
			}
		}
		names, err := osFS{}.ReadDir(o.Dir)
		if err != nil || len(names) < 9 {
			t.Errorf("%d files (%v), want several segments", len(names), err)
		}
		info, err := os.Stat(filepath.Join(o.Dir, names[0]))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode of a segment = %v (%v), want 0600", info.Mode(), err)
		}
	})
}

func TestReplayBeginsAfter(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	j, _, _ := opened(t, Options{FS: m}, 0)
	for i := range 10 {
		appended(t, j, fmt.Sprint(i))
	}
	_ = j.Close()
	tests := []struct {
		name  string
		after uint64
		want  int
		next  uint64
	}{
		{name: "nothing applied", after: 0, want: 10, next: 11},
		{name: "some applied", after: 7, want: 3, next: 11},
		{name: "all applied", after: 10, want: 0, next: 11},
		{name: "applied beyond the journal", after: 20, want: 0, next: 21},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			j, rec, got := opened(t, Options{FS: m.clone()}, tt.after)
			if len(got) != tt.want || rec.Records != tt.want || rec.Last != 10 {
				t.Errorf("replayed %d records, Recovery = %+v, want %d and Last 10", len(got), rec, tt.want)
			}
			if j.Synced() != tt.next-1 || j.Last() != tt.next-1 {
				t.Errorf("Synced() = %d, Last() = %d, want %d", j.Synced(), j.Last(), tt.next-1)
			}
			if r := appended(t, j, "new"); r.seq != tt.next {
				t.Errorf("next number = %d, want %d", r.seq, tt.next)
			}
		})
	}
}

func TestReplayErrorStopsOpen(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	j, _, _ := opened(t, Options{FS: m}, 0)
	appended(t, j, "a")
	_ = j.Close()
	refusal := errors.New("no")
	_, _, err := Open(Options{FS: m}, 0, func(uint64, []byte) error { return refusal })
	if !errors.Is(err, refusal) {
		t.Errorf("Open() = %v, want replay's error", err)
	}
}

func TestAppendDoesNotKeepThePayload(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	j, _, _ := opened(t, Options{FS: m}, 0)
	payload := []byte("first")
	if _, err := j.Append(payload); err != nil {
		t.Fatal(err)
	}
	copy(payload, "other")
	_ = j.Close()
	if _, _, got := opened(t, Options{FS: m}, 0); len(got) != 1 || got[0].payload != "first" {
		t.Errorf("replayed %v, want what was appended", got)
	}
}

// TestConcurrentAppend is worth most under the race detector.
func TestConcurrentAppend(t *testing.T) {
	t.Parallel()
	o := Options{Dir: t.TempDir(), SegmentSize: 10_000}
	j, _, _ := opened(t, o, 0)
	var mu sync.Mutex
	want := make(map[uint64]string)
	var appenders sync.WaitGroup
	for a := range 8 {
		appenders.Go(func() {
			for i := range 200 {
				payload := fmt.Sprintf("appender %d record %d", a, i)
				seq, err := j.Append([]byte(payload))
				if err != nil {
					t.Errorf("Append() = %v", err)
					return
				}
				mu.Lock()
				want[seq] = payload
				mu.Unlock()
				if i%50 == 0 {
					if err := j.Sync(); err != nil || j.Synced() < seq {
						t.Errorf("Sync() = %v, Synced() = %d, want at least %d", err, j.Synced(), seq)
					}
				}
			}
		})
	}
	appenders.Wait()
	if err := j.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	_, rec, got := opened(t, o, 0)
	if len(got) != len(want) {
		t.Fatalf("replayed %d of %d records: %v", len(got), len(want), rec)
	}
	for _, r := range got {
		if want[r.seq] != r.payload {
			t.Errorf("record %d = %q, want %q", r.seq, r.payload, want[r.seq])
		}
	}
}

func TestClosedJournal(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	j, _, _ := opened(t, Options{FS: m}, 0)
	appended(t, j, "a")
	if err := j.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	if j.Synced() != 1 {
		t.Errorf("Synced() = %d, want 1", j.Synced())
	}
	writes := m.count("write")
	if seq, err := j.Append([]byte("b")); seq != 2 || !errors.Is(err, ErrClosed) {
		t.Errorf("Append() = %d, %v, want 2 and ErrClosed", seq, err)
	}
	if err := j.Sync(); !errors.Is(err, ErrClosed) {
		t.Errorf("Sync() = %v, want ErrClosed", err)
	}
	if err := j.Retry(); !errors.Is(err, ErrClosed) {
		t.Errorf("Retry() = %v, want ErrClosed", err)
	}
	if err := j.Close(); err != nil {
		t.Errorf("second Close() = %v, want nil", err)
	}
	if m.count("write") != writes {
		t.Error("something was written after Close")
	}
}

// TestFilesOfOthersAreLeftAlone guards the database that shares the directory.
func TestFilesOfOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	names := []string{
		"usage.db", "00000001.journal", "1-00000000.journal", "00000001-0000000g.journal",
		"00000001-00000000.journal.damaged", "+0000001-00000000.journal", "00000001-ABCDEF00.journal",
	}
	m := newMemFS()
	for _, name := range names {
		m.names[name] = &inode{data: []byte("not ours")}
	}
	j, rec, got := opened(t, Options{FS: m}, 0)
	appended(t, j, "a")
	_ = j.Release(1)
	_ = j.Close()
	if len(got) != 0 || rec.Torn != 0 || len(rec.Damaged) != 0 {
		t.Errorf("replayed %v, Recovery = %+v, want nothing", got, rec)
	}
	for _, name := range names {
		if n := m.names[name]; n == nil || string(n.data) != "not ours" {
			t.Errorf("%s was touched", name)
		}
	}
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, op string }{
		{name: "directory cannot be made", op: "mkdir"},
		{name: "directory cannot be listed", op: "readdir"},
		{name: "segment cannot be opened", op: "open"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := newMemFS()
			j, _, _ := opened(t, Options{FS: m}, 0)
			appended(t, j, "a")
			_ = j.Close()
			m.fault = func(op, _ string) error {
				if op == tt.op {
					return os.ErrPermission
				}
				return nil
			}
			if _, _, err := Open(Options{FS: m}, 0, nil); !errors.Is(err, os.ErrPermission) {
				t.Errorf("Open() = %v, want the reason", err)
			}
		})
	}
	t.Run("a file is in the directory's place", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(Options{Dir: file}, 0, nil); err == nil {
			t.Error("Open() = nil, want an error")
		}
	})
	t.Run("a directory is in a segment's place", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, segmentName(1, 2)), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(Options{Dir: dir}, 0, nil); err == nil {
			t.Error("Open() = nil, want an error")
		}
	})
	t.Run("a newer format", func(t *testing.T) {
		t.Parallel()
		m := newMemFS()
		h := appendHeader(nil, header{first: 1})
		h[len(magic)] = version + 1
		h = append(h[:28], le32(crcOf(h[:28]))...)
		m.names[segmentName(1, 0)] = &inode{data: h}
		_, _, err := Open(Options{FS: m}, 0, nil)
		if err == nil || !strings.Contains(err.Error(), "version is 2") {
			t.Errorf("Open() = %v, want one that names the version", err)
		}
	})
}
