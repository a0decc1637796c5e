// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
)

func crcOf(b []byte) uint32    { return crc32.Checksum(b, castagnoli) }
func le32(n uint32) []byte     { return binary.LittleEndian.AppendUint32(nil, n) }
func (n *inode) flip(i int)    { n.data[i] ^= 0x40 }
func (m *memFS) first() *inode { return m.names[m.list()[0]] }

// segments returns a file system with so many segments of three records each, and
// the records.
func segments(t *testing.T, n int) (*memFS, []record) {
	t.Helper()
	m := newMemFS()
	var want []record
	for i := range n {
		j, _, _ := opened(t, Options{FS: m}, 0)
		for k := range 3 {
			want = append(want, appended(t, j, strings.Repeat(fmt.Sprintf("%d.%d ", i, k), 1+k)))
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.names) != n {
		t.Fatalf("files = %v, want %d", m.list(), n)
	}
	return m, want
}

// subset reports whether got holds some of want, in order and unaltered.
func subset(got, want []record) bool {
	i := 0
	for _, r := range got {
		for i < len(want) && want[i] != r {
			i++
		}
		if i == len(want) {
			return false
		}
		i++
	}
	return true
}

// goesOn checks that a journal takes records after what was found, and keeps both.
func goesOn(t *testing.T, m *memFS, after uint64, got []record, j *Journal) {
	t.Helper()
	r := []record{appended(t, j, "after the damage"), appended(t, j, "and on")}
	if len(got) > 0 && r[0].seq <= got[len(got)-1].seq || r[1].seq <= r[0].seq {
		t.Errorf("numbers %d and %d are given out after %v", r[0].seq, r[1].seq, got)
	}
	if err := j.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	_, rec, again := opened(t, Options{FS: m}, after)
	if !slices.Equal(again, slices.Concat(got, r)) {
		t.Errorf("second replay = %v, want %v and %v", again, got, r)
	}
	if rec.Torn > 0 {
		t.Errorf("second replay = %v, want what is torn to be cut off the first time", rec)
	}
}

// TestEveryTruncation cuts the first and the last of two segments at every byte.
func TestEveryTruncation(t *testing.T) {
	t.Parallel()
	source, want := segments(t, 2)
	for file, name := range source.list() {
		for size := range source.names[name].data {
			m := source.clone()
			m.names[name].data = m.names[name].data[:size]
			j, rec, got := opened(t, Options{FS: m}, 0)
			if !subset(got, want) {
				t.Fatalf("file %d cut to %d bytes: replayed %v", file, size, got)
			}
			whole := 3 // records of the other file
			for end, i := headerSize, 3*file; i < 3*file+3; i++ {
				if end += recordHeader + len(want[i].payload); end <= size {
					whole++
				}
			}
			if len(got) != whole {
				t.Errorf("file %d cut to %d bytes: %d records replayed, want %d", file, size, len(got), whole)
			}
			if file == 0 && (len(rec.Damaged) != 1 || rec.Damaged[0].Lost != uint64(6-whole)) {
				t.Errorf("file 0 cut to %d bytes: %+v, want %d records reported lost", size, rec, 6-whole)
			}
			if file == 1 && len(rec.Damaged) != 0 {
				t.Errorf("file 1 cut to %d bytes: %+v, want a torn tail only", size, rec)
			}
			goesOn(t, m, 0, got, j)
		}
	}
}

// TestEveryFlip alters every byte of two segments.
func TestEveryFlip(t *testing.T) {
	t.Parallel()
	source, want := segments(t, 2)
	for file, name := range source.list() {
		for at := range source.names[name].data {
			for _, mask := range []byte{0x01, 0x80, 0xff} {
				m := source.clone()
				m.names[name].data[at] ^= mask
				j, rec, got := opened(t, Options{FS: m}, 0)
				if !subset(got, want) {
					t.Fatalf("file %d byte %d ^ %#x: replayed %v", file, at, mask, got)
				}
				if lost := len(want) - len(got); lost > 1 || at < headerSize && lost > 0 {
					t.Errorf("file %d byte %d ^ %#x: %d records lost", file, at, mask, lost)
				}
				if rec.Torn == 0 && len(rec.Damaged) == 0 {
					t.Errorf("file %d byte %d ^ %#x: nothing reported", file, at, mask)
				}
				if s := rec.String(); !strings.Contains(s, "cut off") && !strings.Contains(s, "damaged in "+name) {
					t.Errorf("file %d byte %d ^ %#x: message is %q", file, at, mask, s)
				}
				goesOn(t, m, 0, got, j)
			}
		}
	}
}

// TestDamageInTheMiddle checks what is reported, and that the file is kept.
func TestDamageInTheMiddle(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		damage func(n *inode) // of the first of three segments
		lost   []int          // which records
		want   Damage         // without File
	}{
		{name: "header", damage: func(n *inode) { clear(n.data[:headerSize]) }, want: Damage{Bytes: 32}},
		{name: "first record", damage: func(n *inode) { n.flip(50) }, lost: []int{0}, want: Damage{Offset: 32, Bytes: 20, Lost: 1}},
		{name: "middle record", damage: func(n *inode) { n.flip(52) }, lost: []int{1}, want: Damage{Offset: 52, Bytes: 24, Lost: 1}},
		{name: "last record", damage: func(n *inode) { n.flip(103) }, lost: []int{2}, want: Damage{Offset: 76, Bytes: 28, Lost: 1}},
		{name: "two records", damage: func(n *inode) { clear(n.data[40:60]) }, lost: []int{0, 1}, want: Damage{Offset: 32, Bytes: 44, Lost: 2}},
		{name: "all", damage: func(n *inode) { clear(n.data[:len(n.data)-1]) }, lost: []int{0, 1, 2}, want: Damage{Bytes: 104, Lost: 3}},
		{name: "inserted bytes", damage: func(n *inode) { n.data = slices.Insert(n.data, 52, []byte("lorem ipsum")...) }, want: Damage{Offset: 52, Bytes: 11}},
		{name: "removed bytes", damage: func(n *inode) { n.data = slices.Delete(n.data, 60, 61) }, lost: []int{1}, want: Damage{Offset: 52, Bytes: 23, Lost: 1}},
		{name: "appended bytes", damage: func(n *inode) { n.data = append(n.data, "lorem ipsum dolor sit"...) }, want: Damage{Offset: 104, Bytes: 21}},
		{name: "record too early", damage: func(n *inode) { n.data = slices.Insert(n.data, 52, n.data[76:104]...) }, want: Damage{Offset: 52, Bytes: 28}},
		{name: "record twice", damage: func(n *inode) { n.data = append(n.data, n.data[52:76]...) }, want: Damage{Offset: 104, Bytes: 24}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, want := segments(t, 3)
			name := m.list()[0]
			tt.damage(m.names[name])
			left := slices.Clone(m.names[name].data)
			for _, i := range slices.Backward(tt.lost) {
				want = slices.Delete(want, i, i+1)
			}
			tt.want.File = name

			j, rec, got := opened(t, Options{FS: m}, 0)
			if !slices.Equal(got, want) {
				t.Errorf("replayed %v, want %v", got, want)
			}
			if len(rec.Damaged) != 1 || rec.Damaged[0] != tt.want || rec.Torn != 0 {
				t.Errorf("Recovery = %+v, want %+v", rec, tt.want)
			}
			if err := j.Release(j.Last()); err != nil {
				t.Errorf("Release() = %v", err)
			}
			kept := m.names[name+damagedSuffix]
			if kept == nil || !bytes.Equal(kept.data, left) {
				t.Errorf("files = %v, want the damaged one kept as it was", m.list())
			}
			if len(m.names) != 2 {
				t.Errorf("files = %v, want the damaged one and the current one", m.list())
			}
		})
	}
}

// TestDamagedFileIsNotCut checks that a damaged file is kept as it was found, be its
// end torn, too.
func TestDamagedFileIsNotCut(t *testing.T) {
	t.Parallel()
	m, want := segments(t, 1)
	n := m.first()
	n.flip(50)
	n.data = n.data[:len(n.data)-3]
	left := slices.Clone(n.data)
	_, rec, got := opened(t, Options{FS: m}, 0)
	if !slices.Equal(got, want[1:2]) || rec.Torn != 0 || len(rec.Damaged) != 2 {
		t.Errorf("replayed %v (%v), want the second record and two damages", got, rec)
	}
	if !bytes.Equal(n.data, left) {
		t.Error("the file has been altered")
	}
}

// TestNothingIsInvented puts whole records where a search for records comes by.
func TestNothingIsInvented(t *testing.T) {
	t.Parallel()
	for name, salt := range map[string]uint32{"without salt": 0, "with another salt": 0x12345678} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMemFS()
			j, _, _ := opened(t, Options{FS: m}, 0)
			appended(t, j, "real")
			var fakes []byte
			for seq := range uint64(10) {
				fakes = appendRecord(fakes, salt, seq, []byte("a fortune"))
			}
			appended(t, j, string(fakes))
			real := appended(t, j, "real")
			_ = j.Close()
			m.first().flip(headerSize + recordHeader + len("real")) // the checksum of the second
			_, rec, got := opened(t, Options{FS: m}, 0)
			if !slices.Equal(got, []record{{1, "real"}, real}) || rec.Damaged[0].Lost != 1 {
				t.Errorf("replayed %v (%v), want the real records", got, rec)
			}
		})
	}
}

func TestGapBetweenSegments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		after uint64
		lost  uint64
	}{
		{name: "records were lost", after: 3, lost: 3},
		{name: "some had been applied", after: 5, lost: 1},
		{name: "all had been applied", after: 6, lost: 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, want := segments(t, 3)
			names := m.list()
			delete(m.names, names[1])
			j, rec, got := opened(t, Options{FS: m}, tt.after)
			if !slices.Equal(got, want[6:]) {
				t.Errorf("replayed %v, want %v", got, want[6:])
			}
			switch {
			case tt.lost == 0 && len(rec.Damaged) == 0:
			case len(rec.Damaged) == 1 && rec.Damaged[0] == Damage{File: names[2], Lost: tt.lost}:
			default:
				t.Errorf("Recovery = %v, want %d records lost", rec, tt.lost)
			}
			goesOn(t, m, tt.after, got, j)
		})
	}
}

// TestSegmentTwice is an old copy of a file that somebody put back under a new name.
func TestSegmentTwice(t *testing.T) {
	t.Parallel()
	m, want := segments(t, 2)
	m.names[segmentName(9, 0)] = &inode{data: slices.Clone(m.first().data)}
	_, rec, got := opened(t, Options{FS: m}, 0)
	if !slices.Equal(got, want) {
		t.Errorf("replayed %v, want each record once", got)
	}
	if len(rec.Damaged) != 1 || rec.Damaged[0].File != segmentName(9, 0) {
		t.Errorf("Recovery = %v, want the copy reported", rec)
	}
}

// TestEmptySegments are what a crash leaves when a segment had just been made.
func TestEmptySegments(t *testing.T) {
	t.Parallel()
	h := appendHeader(nil, header{first: 7, prev: 6})
	tests := []struct {
		name string
		data []byte
		next uint64
	}{
		{name: "no byte", next: 7},
		{name: "half a header", data: h[:20], next: 8},
		{name: "header only", data: h, next: 7},
		{name: "header for later records", data: appendHeader(nil, header{first: 100, prev: 6}), next: 100},
		{name: "zeros", data: make([]byte, 5000), next: 319},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, want := segments(t, 2)
			m.names[segmentName(3, 0)] = &inode{data: tt.data}
			j, rec, got := opened(t, Options{FS: m}, 0)
			if !slices.Equal(got, want) || len(rec.Damaged) != 0 {
				t.Errorf("replayed %v, %v", got, rec)
			}
			if m.names[segmentName(3, 0)] != nil {
				t.Errorf("files = %v, want the empty one deleted", m.list())
			}
			if r := appended(t, j, "next"); r.seq != tt.next {
				t.Errorf("next number = %d, want %d", r.seq, tt.next)
			}
		})
	}
}

// TestUnreadableBlock is a disk that returns an error for one block.
func TestUnreadableBlock(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	j, _, _ := opened(t, Options{FS: m}, 0)
	var want []record
	for i := range 300 {
		want = append(want, appended(t, j, strings.Repeat("x", i)))
	}
	_ = j.Close()
	const bad = 3 * badBlock
	name := m.list()[0]
	_, rec, got := opened(t, Options{FS: badBlockFS{m}}, 0)
	if !subset(got, want) || len(got) < len(want)-50 || len(got) == len(want) {
		t.Errorf("%d of %d records replayed", len(got), len(want))
	}
	if len(rec.Damaged) != 1 || !errors.Is(rec.Damaged[0].Err, syscall.EIO) || rec.Damaged[0].Lost != uint64(len(want)-len(got)) {
		t.Fatalf("Recovery = %v, want one damage in %s", rec, name)
	}
	if d := rec.Damaged[0]; d.Offset > bad || d.Offset+d.Bytes < bad+badBlock || d.Bytes > 2*badBlock {
		t.Errorf("Damage = %+v, want little more than the block at %d", d, bad)
	}
}

// badBlockFS cannot read the fourth block of any file.
type badBlockFS struct{ *memFS }

func (b badBlockFS) Open(name string) (File, error) {
	f, err := b.memFS.Open(name)
	return badBlockFile{f}, err
}

type badBlockFile struct{ File }

func (f badBlockFile) ReadAt(p []byte, off int64) (int, error) {
	const from, to = 3 * badBlock, 4 * badBlock
	switch end := off + int64(len(p)); {
	case off >= to || end <= from:
		return f.File.ReadAt(p, off)
	case off >= from:
		return 0, syscall.EIO
	default:
		n, err := f.File.ReadAt(p[:from-off], off)
		return n, errors.Join(err, syscall.EIO)
	}
}

// TestDamagedStaysUntilReleased checks that salvaged records outlive another crash.
func TestDamagedStaysUntilReleased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, want := segments(t, 1)
		m.first().flip(60)
		for range 3 {
			j, _, got := opened(t, Options{FS: m}, 0)
			if !slices.Equal(got, []record{want[0], want[2]}) {
				t.Errorf("replayed %v", got)
			}
			_ = j.Close()
		}
		m.fault = func(op, _ string) error {
			if op == "rename" {
				return fs.ErrPermission
			}
			return nil
		}
		j, _, _ := opened(t, Options{FS: m}, 0)
		if err := j.Release(3); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("Release() = %v, want the reason", err)
		}
		m.fault = nil
		if err := j.Release(3); err != nil {
			t.Errorf("Release() = %v", err)
		}
		if names := m.list(); !strings.HasSuffix(names[0], damagedSuffix) {
			t.Errorf("files = %v, want the damaged one renamed", names)
		}
	})
}

func TestRecoveryString(t *testing.T) {
	t.Parallel()
	many := make([]Damage, 7)
	for i := range many {
		many[i] = Damage{File: "f", Offset: int64(i), Bytes: 1}
	}
	tests := []struct {
		name string
		rec  Recovery
		want string
	}{
		{name: "empty", want: "0 records replayed"},
		{name: "sound", rec: Recovery{Records: 1, Last: 5}, want: "1 record replayed, the last one found is number 5"},
		{name: "torn", rec: Recovery{Torn: 9}, want: "0 records replayed; 9 bytes of an unfinished write cut off"},
		{
			name: "damaged",
			rec: Recovery{Records: 2, Last: 4, Damaged: []Damage{
				{File: "f", Offset: 7, Bytes: 8, Lost: 1, Err: syscall.EIO}, {File: "g", Lost: 2},
			}},
			want: "2 records replayed, the last one found is number 4; 8 bytes damaged in f at offset 7 (1 record lost): input/output error; 2 records lost before g",
		},
		{
			name: "much damaged", rec: Recovery{Damaged: many},
			want: "0 records replayed; 1 byte damaged in f at offset 0; 1 byte damaged in f at offset 1; 1 byte damaged in f at offset 2; " +
				"1 byte damaged in f at offset 3; 1 byte damaged in f at offset 4; and 2 damages more",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.rec.String(); got != tt.want {
				t.Errorf("String() = %q, want %q", got, tt.want)
			}
		})
	}
}
