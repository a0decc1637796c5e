// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recorddb

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/records"
)

// A backup begins with a mark and the version of its format. Then comes each record, as the
// lengths of key and rest in 2 and 4 bytes, most significant first, the key, and the rest as
// it is in the database, with its checksum. Two bytes of zero, the number of records in 8
// bytes and the SHA-256 of everything before are the end, so that a file which was cut has
// none.
const (
	backupMark    = "tgrecords"
	backupVersion = 1
	lengthsSize   = 2 + 4
)

var errNoBackup = errors.New("it is no backup of records")

// Backup writes all records to w as they are in one moment, each change that was done before
// the call included. It holds nothing up, however slowly w takes what is written: it reads
// the records in memory and not the file, so that it can be made of a damaged file as well.
// What it writes is as secret as the records are.
func (d *DB) Backup(w io.Writer) error {
	select {
	case <-d.stop:
		return fmt.Errorf("back up records: %w", d.gone())
	default:
	}
	if err := writeBackup(w, d.snapshot()); err != nil {
		return fmt.Errorf("back up records: %w", err)
	}
	return nil
}

// keyed is a record with its key.
type keyed struct {
	key string
	*entry
}

// snapshot returns the records of one moment by key, without those that have expired.
func (d *DB) snapshot() []keyed {
	now := d.o.Now().UnixNano()
	d.mu.RLock()
	list := make([]keyed, 0, len(d.t.entries))
	for key, e := range d.t.entries {
		if !e.expired(now) {
			list = append(list, keyed{key, e})
		}
	}
	d.mu.RUnlock()
	slices.SortFunc(list, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	return list
}

func writeBackup(w io.Writer, list []keyed) error {
	hash := sha256.New()
	out := bufio.NewWriterSize(w, 1<<16)
	both := io.MultiWriter(out, hash)
	b := append([]byte(backupMark), backupVersion)
	for _, r := range list {
		rest := r.encode(r.key)
		b = binary.BigEndian.AppendUint16(b, uint16(len(r.key))) //nolint:gosec // At most records.MaxKey.
		b = binary.BigEndian.AppendUint32(b, uint32(len(rest)))  //nolint:gosec // At most records.MaxValue and its head.
		b = append(append(b, r.key...), rest...)
		if _, err := both.Write(b); err != nil {
			return err
		}
		b = b[:0]
	}
	b = binary.BigEndian.AppendUint64(append(b, 0, 0), uint64(len(list)))
	if _, err := both.Write(b); err != nil {
		return err
	}
	if _, err := out.Write(hash.Sum(nil)); err != nil {
		return err
	}
	return out.Flush()
}

// Check verifies that a file is a whole and unaltered backup. The error is ErrDamaged where
// it was one.
func Check(path string) error {
	if err := readBackup(path, func(_, _ []byte) error { return nil }); err != nil {
		return fmt.Errorf("check backup %s: %w", path, err)
	}
	return nil
}

// readBackup calls fn with each record of a backup, as it is in the database. The file was
// whole if the error is nil; fn gets what is before a damage.
func readBackup(path string, fn func(key, rest []byte) error) error {
	f, err := os.Open(path) //nolint:gosec // The operator has named it.
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // Nothing was written.
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errNoBackup
	}
	hash := sha256.New()
	in := bufio.NewReaderSize(f, 1<<16)
	both := io.TeeReader(in, hash)
	head := make([]byte, len(backupMark)+1)
	if _, err := io.ReadFull(both, head); err != nil || string(head[:len(backupMark)]) != backupMark {
		return errNoBackup
	}
	if v := head[len(backupMark)]; v != backupVersion {
		return fmt.Errorf("its format is version %d, which a newer gateway has written", v)
	}
	count, err := readRecords(both, fn)
	if err != nil {
		return err
	}
	var number [8]byte
	if _, err := io.ReadFull(both, number[:]); err != nil {
		return damaged(err)
	}
	want := hash.Sum(nil)
	got, err := io.ReadAll(io.LimitReader(in, int64(len(want)+1))) // and not a byte more
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) || binary.BigEndian.Uint64(number[:]) != count {
		return damaged(nil)
	}
	return nil
}

// readRecords reads up to the two bytes of zero behind the last record.
func readRecords(r io.Reader, fn func(key, rest []byte) error) (count uint64, err error) {
	var lengths [lengthsSize]byte
	var b []byte
	for {
		if _, err := io.ReadFull(r, lengths[:2]); err != nil {
			return 0, damaged(err)
		}
		key := int(binary.BigEndian.Uint16(lengths[:]))
		if key == 0 {
			return count, nil
		}
		if _, err := io.ReadFull(r, lengths[2:]); err != nil {
			return 0, damaged(err)
		}
		rest := int64(binary.BigEndian.Uint32(lengths[2:]))
		if key > records.MaxKey || rest > headSize+records.MaxValue {
			return 0, damaged(nil)
		}
		b = slices.Grow(b[:0], key+int(rest))[:key+int(rest)]
		if _, err := io.ReadFull(r, b); err != nil {
			return 0, damaged(err)
		}
		if _, err := decode(b[:key], b[key:]); err != nil || records.Check(string(b[:key]), nil, 0) != nil {
			return 0, damaged(nil)
		}
		if err := fn(b[:key], b[key:]); err != nil {
			return 0, err
		}
		count++
	}
}

// damaged is ErrDamaged, with what reading has ended in.
func damaged(err error) error {
	switch {
	case err == nil:
		return ErrDamaged
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: its end is missing", ErrDamaged)
	}
	return err
}
