// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// memFS is a file system in memory that remembers what was written and synced when,
// and fails when told to.
type memFS struct {
	mu     sync.Mutex
	names  map[string]*inode
	cached []dirState // names as they were after each SyncDir

	// slow is how long a sync takes, if set.
	slow func() time.Duration
	// fault is asked before each operation ("read", "write", "sync", "syncdir",
	// "create", "open", "rename", "remove", "truncate", "readdir", "mkdir").
	fault func(op, name string) error
	// space is how many bytes more can be written, if set.
	space *int64
	// calls counts operations.
	calls map[string]int
	// lies are files that were synced again after a sync had failed.
	lies []string
}

type dirState struct {
	at    time.Time
	names map[string]*inode
}

type inode struct {
	data       []byte
	writes     []write
	syncs      []syncState
	failedSync bool
	open       int // handles
}

type write struct {
	at   time.Time
	off  int64
	data []byte
}

type syncState struct {
	at     time.Time // when it ended
	writes int       // how many writes had begun when it began
}

func newMemFS() *memFS {
	return &memFS{names: make(map[string]*inode), calls: make(map[string]int)}
}

// before counts an operation and returns what it is to fail with. The caller holds mu.
func (m *memFS) before(op, name string) error {
	m.calls[op]++
	if m.fault != nil {
		if err := m.fault(op, filepath.Base(name)); err != nil {
			return &fs.PathError{Op: op, Path: name, Err: err}
		}
	}
	return nil
}

// set changes faults while the file system is in use.
func (m *memFS) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

func (m *memFS) count(op string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[op]
}

func (m *memFS) list() []string {
	names, _ := m.ReadDir("")
	return names
}

func (m *memFS) MkdirAll(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.before("mkdir", dir)
}

func (m *memFS) ReadDir(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.before("readdir", dir); err != nil {
		return nil, err
	}
	var names []string
	for name := range m.names {
		names = append(names, filepath.Base(name))
	}
	slices.Sort(names)
	return names, nil
}

func (m *memFS) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.before("open", name); err != nil {
		return nil, err
	}
	n, ok := m.names[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	n.open++
	return &memFile{fs: m, inode: n, name: name}, nil
}

func (m *memFS) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.before("create", name); err != nil {
		return nil, err
	}
	if _, ok := m.names[name]; ok {
		return nil, fs.ErrExist
	}
	m.names[name] = &inode{open: 1}
	return &memFile{fs: m, inode: m.names[name], name: name}, nil
}

func (m *memFS) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.before("rename", from); err != nil {
		return err
	}
	m.names[to] = m.names[from]
	delete(m.names, from)
	return nil
}

func (m *memFS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.before("remove", name); err != nil {
		return err
	}
	if n := m.names[name]; n != nil && n.open > 0 {
		return errors.New("remove " + name + ": file is open") // as on Windows
	}
	delete(m.names, name)
	return nil
}

// handles returns how many files are open.
func (m *memFS) handles() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	open := 0
	for _, n := range m.names {
		open += n.open
	}
	return open
}

func (m *memFS) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.before("syncdir", dir); err != nil {
		return err
	}
	names := maps.Clone(m.names)
	m.sleepLocked()
	m.cached = append(m.cached, dirState{time.Now(), names})
	return nil
}

func (m *memFS) sleepLocked() {
	if m.slow == nil {
		return
	}
	d := m.slow()
	m.mu.Unlock()
	time.Sleep(d)
	m.mu.Lock()
}

// cut returns what is on the disk after a power loss at an instant: what was synced
// by then and, if extra is not nil, a random part of what was not.
func (m *memFS) cut(at time.Time, extra *rand.Rand) *memFS {
	after := newMemFS()
	var names map[string]*inode
	for _, state := range m.cached {
		if !state.at.After(at) {
			names = state.names
		}
	}
	for name, n := range names {
		synced := 0
		for _, s := range n.syncs {
			if !s.at.After(at) {
				synced = max(synced, s.writes)
			}
		}
		file := &inode{}
		for i, w := range n.writes {
			switch {
			case i < synced:
				file.apply(w)
			case extra != nil && w.at.Before(at) && extra.IntN(2) == 0:
				w.data = w.data[:extra.IntN(len(w.data)+1)]
				file.apply(w)
			}
		}
		after.names[name] = file
	}
	return after
}

// clone returns a file system with the same files.
func (m *memFS) clone() *memFS {
	c := newMemFS()
	for name, n := range m.names {
		c.names[name] = &inode{data: slices.Clone(n.data)}
	}
	return c
}

func (n *inode) apply(w write) {
	if end := int(w.off) + len(w.data); end > len(n.data) {
		n.data = append(n.data, make([]byte, end-len(n.data))...)
	}
	copy(n.data[w.off:], w.data)
}

// memFile is an open file of a memFS.
type memFile struct {
	fs     *memFS
	inode  *inode
	name   string
	closed bool
}

func (f *memFile) before(op string) error {
	if f.closed {
		return fs.ErrClosed
	}
	return f.fs.before(op, f.name)
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.before("read"); err != nil {
		return 0, err
	}
	if off >= int64(len(f.inode.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.inode.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	err := f.before("write")
	if err == nil && f.fs.space != nil && int64(len(p)) > *f.fs.space {
		p, err = p[:*f.fs.space], syscall.ENOSPC
	}
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		return 0, err
	}
	if f.fs.space != nil {
		*f.fs.space -= int64(len(p))
	}
	w := write{time.Now(), off, slices.Clone(p)}
	f.inode.writes = append(f.inode.writes, w)
	f.inode.apply(w)
	return len(p), err
}

func (f *memFile) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.inode.data)), nil
}

func (f *memFile) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.before("truncate"); err != nil {
		return err
	}
	if f.fs.space != nil {
		*f.fs.space += int64(len(f.inode.data)) - size
	}
	f.inode.data = f.inode.data[:size]
	return nil
}

func (f *memFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.inode.failedSync {
		f.fs.lies = append(f.fs.lies, f.name)
	}
	if err := f.before("sync"); err != nil {
		f.inode.failedSync = true
		return err
	}
	writes := len(f.inode.writes)
	f.fs.sleepLocked()
	f.inode.syncs = append(f.inode.syncs, syncState{time.Now(), writes})
	return nil
}

func (f *memFile) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return fs.ErrClosed
	}
	f.closed = true
	f.inode.open--
	return nil
}

// record is what a test has appended or replayed.
type record struct {
	seq     uint64
	payload string
}

// opened opens a journal, which is closed with the test, and returns what it replays.
func opened(t testing.TB, o Options, after uint64) (*Journal, Recovery, []record) {
	t.Helper()
	var got []record
	j, rec, err := Open(o, after, func(seq uint64, payload []byte) error {
		got = append(got, record{seq, string(payload)})
		return nil
	})
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j, rec, got
}

// appended appends a payload and demands success.
func appended(t testing.TB, j *Journal, payload string) record {
	t.Helper()
	seq, err := j.Append([]byte(payload))
	if err != nil {
		t.Fatalf("Append(%.20q) = %d, %v", payload, seq, err)
	}
	return record{seq, payload}
}
