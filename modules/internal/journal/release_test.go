// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// TestRelease checks that exactly the segments go whose records are all applied.
func TestRelease(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		seq  uint64
		left int // of three segments with three records each, and the current one
	}{
		{name: "nothing", seq: 0, left: 4},
		{name: "part of the first", seq: 2, left: 4},
		{name: "the first", seq: 3, left: 3},
		{name: "part of the second", seq: 5, left: 3},
		{name: "all", seq: 9, left: 1},
		{name: "more than there is", seq: 100, left: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, want := segments(t, 3)
			j, _, _ := opened(t, Options{FS: m}, 0)
			if err := j.Release(tt.seq); err != nil {
				t.Errorf("Release() = %v", err)
			}
			if names := m.list(); len(names) != tt.left {
				t.Errorf("files = %v, want %d", names, tt.left)
			}
			want = append(want, appended(t, j, "next"))
			if want[9].seq != 10 {
				t.Errorf("next number = %d, want 10", want[9].seq)
			}
			_ = j.Close()
			if _, rec, got := opened(t, Options{FS: m}, min(tt.seq, 9)); !slices.Equal(got, want[min(tt.seq, 9):]) || len(rec.Damaged) != 0 {
				t.Errorf("replayed %v (%v), want all above %d", got, rec, tt.seq)
			}
		})
	}
}

// TestReleaseRotates checks that a journal whose records are all applied gives its
// space back although nothing new comes.
func TestReleaseRotates(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		records int
		release uint64
		rotates bool
		fail    string
	}{
		{name: "applied", records: 20, release: 20, rotates: true},
		{name: "applied, with a spare", records: 60, release: 60, rotates: true},
		{name: "one is not applied", records: 20, release: 19},
		{name: "not worth it", records: 2, release: 2},
		{name: "no segment can be made", records: 20, release: 20, fail: "create"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMemFS()
				j, _, _ := opened(t, Options{FS: m, SegmentSize: 10_000}, 0)
				for range tt.records {
					appended(t, j, strings.Repeat("x", 100))
				}
				synctest.Wait()
				first := m.list()[0]
				m.failing(tt.fail, fs.ErrPermission)
				for range 2 {
					if err := j.Release(tt.release); err != nil {
						t.Errorf("Release() = %v", err)
					}
					synctest.Wait() // the old one is closed
				}
				if gone := m.names[first] == nil; gone != tt.rotates {
					t.Errorf("files = %v, want the first one deleted: %v", m.list(), tt.rotates)
				}
				if err := j.Err(); err != nil {
					t.Errorf("Err() = %v", err)
				}
				r := appended(t, j, "next")
				_ = j.Close()
				if _, rec, got := opened(t, Options{FS: m}, r.seq-1); !slices.Equal(got, []record{r}) || len(rec.Damaged) != 0 {
					t.Errorf("replayed %v (%v), want %v", got, rec, r)
				}
			})
		})
	}
}

// TestReleaseTriesAgain checks that a file that could not be deleted is not forgotten.
func TestReleaseTriesAgain(t *testing.T) {
	t.Parallel()
	m, _ := segments(t, 2)
	j, _, _ := opened(t, Options{FS: m}, 0)
	m.failing("remove", fs.ErrPermission)
	if err := j.Release(6); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Release() = %v, want the reason", err)
	}
	m.healed()
	if err := j.Release(6); err != nil || len(m.list()) != 1 {
		t.Errorf("Release() = %v, files = %v, want one", err, m.list())
	}
}
