// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
)

// failing makes an operation fail.
func (m *memFS) failing(op string, err error) {
	m.set(func() {
		m.fault = func(o, _ string) error {
			if o == op {
				return err
			}
			return nil
		}
	})
}

func (m *memFS) healed() { m.set(func() { m.fault, m.space = nil, nil }) }

// TestWriteFails walks through a failed write: the record in question is the only
// one lost, nothing is tried until Retry, and Err tells what is not on the disk.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fail  func(m *memFS)
		cause error
	}{
		{name: "disk full", cause: syscall.ENOSPC, fail: func(m *memFS) { m.space = new(int64) }},
		{name: "disk full in the middle of a record", cause: syscall.ENOSPC, fail: func(m *memFS) { m.space = new(int64(9)) }},
		{
			name: "and it cannot be cut", cause: syscall.ENOSPC,
			fail: func(m *memFS) {
				m.space = new(int64(20))
				m.fault = func(op, _ string) error {
					if op == "truncate" {
						return syscall.EIO
					}
					return nil
				}
			},
		},
		{name: "read-only", cause: syscall.EROFS, fail: func(m *memFS) {
			m.fault = func(op, _ string) error {
				if op == "write" || op == "truncate" || op == "create" {
					return syscall.EROFS
				}
				return nil
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMemFS()
				j, _, _ := opened(t, Options{FS: m}, 0)
				appended(t, j, "a")
				m.set(func() { tt.fail(m) })
				for want := uint64(2); want <= 4; want++ {
					seq, err := j.Append([]byte("too long for the space that is left"))
					if seq != want || !errors.Is(err, tt.cause) {
						t.Fatalf("Append() = %d, %v, want %d and %v", seq, err, want, tt.cause)
					}
				}
				if n := m.count("write"); n != 3 { // header, a, one failure
					t.Errorf("%d writes, want none after the failed one", n)
				}
				if err := j.Err(); !errors.Is(err, tt.cause) {
					t.Errorf("Err() = %v, want %v", err, tt.cause)
				}
				if err := j.Retry(); !errors.Is(err, tt.cause) {
					t.Errorf("Retry() on a bad disk = %v, want %v", err, tt.cause)
				}
				synctest.Wait()
				if j.Synced() != 1 {
					t.Errorf("Synced() = %d, want 1: what was written before is synced all the same", j.Synced())
				}

				m.healed()
				if err := j.Release(3); err != nil { // as if 4 came too late to be applied
					t.Errorf("Release() = %v", err)
				}
				if err := j.Retry(); err != nil {
					t.Fatalf("Retry() = %v", err)
				}
				b := appended(t, j, "b")
				if err := j.Sync(); !errors.Is(err, tt.cause) || j.Synced() != 3 {
					t.Errorf("Sync() = %v, Synced() = %d: want to be told that 4 is not on disk", err, j.Synced())
				}
				if err := j.Release(4); err != nil {
					t.Errorf("Release() = %v", err)
				}
				if err := j.Err(); err != nil || j.Synced() != 5 {
					t.Errorf("Err() = %v, Synced() = %d, want all to be well", err, j.Synced())
				}
				_ = j.Close()

				_, rec, got := opened(t, Options{FS: m.clone()}, 4)
				if !slices.Equal(got, []record{b}) || len(rec.Damaged) != 0 {
					t.Errorf("replayed %v (%v), want %v and no loss reported", got, rec, b)
				}
			})
		})
	}
}

// TestFailedWriteLeavesNothing checks the file after a write that was cut off.
func TestFailedWriteLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, cut := range []bool{true, false} {
		t.Run(fmt.Sprintf("truncation works %v", cut), func(t *testing.T) {
			t.Parallel()
			m := newMemFS()
			j, _, _ := opened(t, Options{FS: m}, 0)
			a := appended(t, j, "a")
			m.set(func() {
				m.space = new(int64(20))
				if !cut {
					m.fault = func(op, _ string) error {
						if op == "truncate" {
							return syscall.EIO
						}
						return nil
					}
				}
			})
			if _, err := j.Append([]byte("long enough not to fit")); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("Append() = %v", err)
			}
			m.healed()
			if err := j.Retry(); err != nil {
				t.Fatalf("Retry() = %v", err)
			}
			if _, rec, got := opened(t, Options{FS: m.clone()}, 0); len(got) != 1 || len(rec.Damaged) != 0 {
				t.Errorf("after Retry, %d records replayed (%v), want one and no loss", len(got), rec)
			}
			c := appended(t, j, "c")
			_ = j.Close()
			_, rec, got := opened(t, Options{FS: m}, 0)
			if want := []record{a, c}; !slices.Equal(got, want) || len(rec.Damaged) != 0 || (rec.Torn == 0) != cut {
				t.Errorf("replayed %v (%+v), want %v and no damage", got, rec, want)
			}
		})
	}
}

// TestSyncFails checks that a failed sync is never repeated on the same file, because
// it would lie.
func TestSyncFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemFS()
		j, _, _ := opened(t, Options{FS: m}, 0)
		appended(t, j, "a")
		if err := j.Sync(); err != nil {
			t.Fatalf("Sync() = %v", err)
		}
		m.failing("sync", syscall.EIO)
		appended(t, j, "b")
		if err := j.Sync(); !errors.Is(err, syscall.EIO) {
			t.Errorf("Sync() = %v, want EIO", err)
		}
		if seq, err := j.Append([]byte("c")); seq != 3 || !errors.Is(err, syscall.EIO) {
			t.Errorf("Append() = %d, %v, want 3 and EIO", seq, err)
		}
		if err := j.Retry(); !errors.Is(err, syscall.EIO) {
			t.Errorf("Retry() on a bad disk = %v, want EIO", err)
		}
		m.healed()
		if err := j.Sync(); !errors.Is(err, syscall.EIO) {
			t.Errorf("Sync() after the failure = %v, want EIO", err)
		}
		if err := j.Retry(); err != nil {
			t.Fatalf("Retry() = %v", err)
		}
		if err := j.Err(); !errors.Is(err, syscall.EIO) || j.Synced() != 1 {
			t.Errorf("Err() = %v, Synced() = %d: b and c are not on the disk", err, j.Synced())
		}
		d := appended(t, j, "d")
		if err := j.Release(3); err != nil {
			t.Errorf("Release() = %v", err)
		}
		if err := j.Sync(); err != nil || j.Synced() != 4 {
			t.Errorf("Sync() = %v, Synced() = %d, want all to be well", err, j.Synced())
		}
		_ = j.Close()
		if len(m.lies) > 0 {
			t.Errorf("synced again after a failure: %v", m.lies)
		}
		_, rec, got := opened(t, Options{FS: m}, 3)
		if !slices.Equal(got, []record{d}) || len(rec.Damaged) != 0 {
			t.Errorf("replayed %v (%v), want %v", got, rec, d)
		}
	})
}

// TestSyncFailsAcrossSegments has records in two files when the sync fails.
func TestSyncFailsAcrossSegments(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemFS()
		j, _, _ := opened(t, Options{FS: m, SegmentSize: 100}, 0)
		for range 3 { // the second one is over the size, and a spare is made
			appended(t, j, strings.Repeat("x", 60))
			synctest.Wait()
		}
		first := m.list()[0]
		m.set(func() {
			m.fault = func(op, name string) error {
				if op == "sync" && name == first {
					return syscall.EIO
				}
				return nil
			}
		})
		if err := j.Sync(); !errors.Is(err, syscall.EIO) || j.Synced() != 0 {
			t.Errorf("Sync() = %v, Synced() = %d, want EIO and nothing synced", err, j.Synced())
		}
		if err := j.Release(3); err != nil {
			t.Errorf("Release() = %v", err)
		}
		if err := j.Retry(); err != nil || j.Err() != nil {
			t.Errorf("Retry() = %v, Err() = %v, want none", err, j.Err())
		}
		appended(t, j, "y")
		_ = j.Close()
		if _, _, got := opened(t, Options{FS: m}, 3); len(got) != 1 || got[0].payload != "y" || len(m.lies) > 0 {
			t.Errorf("replayed %v, want y alone; synced again: %v", got, m.lies)
		}
	})
}

func demandSpare(t *testing.T, j *Journal) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.spare == nil {
		t.Fatal("there is no spare")
	}
}

// TestRetryKeepsOrder fails where a spare is there, whose number is too low afterwards.
func TestRetryKeepsOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemFS()
		j, _, _ := opened(t, Options{FS: m, SegmentSize: 200}, 0)
		var want []record
		fill := func(n int) {
			for range n {
				want = append(want, appended(t, j, "0123456789"))
				synctest.Wait()
			}
		}
		fill(5)
		demandSpare(t, j)
		m.failing("write", syscall.ENOSPC)
		_, _ = j.Append(nil)
		m.healed()
		if err := j.Retry(); err != nil {
			t.Fatalf("Retry() = %v", err)
		}
		fill(40) // leaves a spare again
		demandSpare(t, j)
		_ = j.Close()
		if n := m.handles(); n != 0 {
			t.Errorf("%d files are open after Close", n)
		}
		for name, n := range m.names {
			if len(n.data) == 0 {
				t.Errorf("%s is empty and left over", name)
			}
		}
		if _, rec, got := opened(t, Options{FS: m}, 0); !slices.Equal(got, want) || len(rec.Damaged) != 0 {
			t.Errorf("%d records replayed (%v), want %d", len(got), rec, len(want))
		}
	})
}

// TestCloseTellsAboutAFailedSync is the last sync of all.
func TestCloseTellsAboutAFailedSync(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	j, _, _ := opened(t, Options{FS: m}, 0)
	m.failing("sync", syscall.EIO)
	_, _ = j.Append([]byte("a"))
	if err := j.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Close() = %v, want EIO", err)
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	j, _, _ := opened(t, Options{FS: m}, 0)
	a := appended(t, j, strings.Repeat("x", MaxPayload))
	if seq, err := j.Append(make([]byte, MaxPayload+1)); seq != 2 || !errors.Is(err, ErrTooLarge) {
		t.Errorf("Append() = %d, %v, want 2 and ErrTooLarge", seq, err)
	}
	if err := j.Retry(); err != nil {
		t.Errorf("Retry() = %v", err)
	}
	c := appended(t, j, "c")
	if err := j.Err(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Err() = %v, want ErrTooLarge: the record is nowhere yet", err)
	}
	if err := j.Close(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Close() = %v, want what Err says", err)
	}
	j, rec, got := opened(t, Options{FS: m}, 0)
	if !slices.Equal(got, []record{a, c}) || len(rec.Damaged) != 0 || j.Err() != nil {
		t.Errorf("%d records replayed (%v), want 1 and 3", len(got), rec)
	}
}

// TestOpenOnABadDisk checks that a journal that can be read but not written opens.
func TestOpenOnABadDisk(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, op string
		cause    error
	}{
		{name: "no inode", op: "create", cause: syscall.ENOSPC},
		{name: "no space for a header", op: "write", cause: syscall.ENOSPC},
		{name: "no directory sync", op: "syncdir", cause: syscall.EIO},
		{name: "no sync", op: "sync", cause: syscall.EIO},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, want := segments(t, 1)
			m.failing(tt.op, tt.cause)
			j, _, got := opened(t, Options{FS: m}, 0)
			if !slices.Equal(got, want) {
				t.Errorf("replayed %v, want %v", got, want)
			}
			if err := j.Err(); !errors.Is(err, tt.cause) {
				t.Errorf("Err() = %v, want %v", err, tt.cause)
			}
			if seq, err := j.Append(nil); seq != 4 || !errors.Is(err, tt.cause) {
				t.Errorf("Append() = %d, %v, want 4 and %v", seq, err, tt.cause)
			}
			m.healed()
			_ = j.Release(4)
			if err := j.Retry(); err != nil || j.Err() != nil {
				t.Errorf("Retry() = %v, Err() = %v, want nil", err, j.Err())
			}
			if r := appended(t, j, "b"); r.seq != 5 {
				t.Errorf("next number = %d, want 5", r.seq)
			}
		})
	}
}

// TestSpareFails checks that the old segment grows where no new one can be made.
func TestSpareFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemFS()
		j, _, _ := opened(t, Options{FS: m, SegmentSize: 800}, 0)
		m.failing("create", syscall.EMFILE)
		var want []record
		for range 100 {
			want = append(want, appended(t, j, "0123456789"))
			synctest.Wait()
		}
		if n := m.count("create"); len(m.names) != 1 || n < 5 || n > 30 {
			t.Errorf("%d files, %d attempts: want one file, and an attempt now and then", len(m.names), n)
		}
		m.healed()
		for range 100 {
			want = append(want, appended(t, j, "0123456789"))
			synctest.Wait()
		}
		if len(m.names) < 3 {
			t.Errorf("files = %v, want rotation to have resumed", m.list())
		}
		_ = j.Close()
		if _, _, got := opened(t, Options{FS: m}, 0); !slices.Equal(got, want) {
			t.Errorf("%d records replayed, want %d", len(got), len(want))
		}
	})
}

// TestRetryUnderLoad has appenders, releases, failures and retries at once.
func TestRetryUnderLoad(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	j, _, _ := opened(t, Options{FS: m, SegmentSize: 2000}, 0)
	var (
		mu        sync.Mutex
		kept      = make(map[uint64]string) // by the journal
		parties   sync.WaitGroup
		appending sync.WaitGroup
	)
	done := make(chan struct{})
	for a := range 4 {
		appending.Go(func() {
			for i := range 500 {
				payload := fmt.Sprint(a, ".", i)
				if seq, err := j.Append([]byte(payload)); err == nil {
					mu.Lock()
					kept[seq] = payload
					mu.Unlock()
				}
			}
		})
	}
	parties.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			if i%2 == 0 {
				m.set(func() { m.space = new(int64(100)) })
			} else {
				m.healed()
				_ = j.Retry()
			}
			_ = j.Sync()
		}
	})
	appending.Wait()
	close(done)
	parties.Wait()
	m.healed()
	_ = j.Close()
	_, rec, got := opened(t, Options{FS: m}, 0)
	for _, r := range got {
		if kept[r.seq] != r.payload {
			t.Errorf("record %d = %q, want %q", r.seq, r.payload, kept[r.seq])
		}
	}
	if len(got) != len(kept) || len(rec.Damaged) != 0 {
		t.Errorf("%d records replayed, want %d (%v)", len(got), len(kept), rec)
	}
}
