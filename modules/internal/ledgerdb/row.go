// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// The first byte of a row in the database.
const (
	rowVersion       = 1
	rowVersionCached = 2 // followed by what response caches did
)

// The fields of a row that are written, unless they are zero. Counts by class
// follow them.
const (
	fieldRequests = 1 << iota
	fieldFailed
	fieldExact
	fieldEstimated
	fieldPriceUnknown
	fieldCost
	fieldSaved
	fieldCostWide // as a decimal, because it does not fit in an amount
	fieldSavedWide
	fieldFirst
	fieldLast
	fieldCounts
)

// The fields behind the counts of a row of the second version.
const (
	fieldHits = 1 << iota
	fieldAvoided
	fieldAvoidedWide
	fieldsCached = fieldHits | fieldAvoided | fieldAvoidedWide
)

// countsAt is the place of the first count among the fields.
const countsAt = 11

var (
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
	errChecksum = errors.New("does not match its checksum")
)

const (
	hourSize = 4           // bytes of the hour in a key
	headSize = 1 + 4       // version and checksum of a row
	secondsH = int64(3600) // of an hour
)

// appendKey appends the key of a row in the database: the hour, most
// significant byte first, so that rows are in order of time, and the names.
func appendKey(dst []byte, h ledger.Hour, k *ledger.Key) []byte {
	return appendNames(binary.BigEndian.AppendUint32(dst, uint32(h)), k)
}

// hourOf returns the hour in the key of a row.
func hourOf(key []byte) (ledger.Hour, error) {
	if len(key) < hourSize {
		return 0, fmt.Errorf("key %w: %w", errCut, ErrDamaged)
	}
	return ledger.Hour(binary.BigEndian.Uint32(key)), nil
}

// decodeKey reads the part of a key behind the hour.
func decodeKey(names []byte) (ledger.Key, error) {
	r := reader{b: names}
	k := r.names()
	if err := r.end(); err != nil {
		return ledger.Key{}, fmt.Errorf("key %w: %w", err, ErrDamaged)
	}
	return k, nil
}

// appendRow appends the sums of w, which are kept under key in the hour h:
// version, a CRC-32C of key and what follows, a set of the fields that are not
// zero, and the fields. What response caches did follows in the same way, if they
// did something.
func appendRow(dst, key []byte, h ledger.Hour, w *ledger.Row) []byte {
	start := len(dst)
	dst = append(dst, rowVersion, 0, 0, 0, 0)
	if isCached(w) {
		dst[start] = rowVersionCached
	}
	counts := [...]int64{w.Requests, w.Failed, w.Exact, w.Estimated, w.PriceUnknown}
	totals := [...]money.Total{w.Cost, w.Saved}
	var fields uint64
	for i, n := range counts {
		if n != 0 {
			fields |= fieldRequests << i
		}
	}
	for i, t := range totals {
		fields |= widthOf(t, fieldCost, fieldCostWide) << i
	}
	if !w.First.IsZero() {
		fields |= fieldFirst | fieldLast
	}
	for i, n := range w.Counts {
		if n != 0 {
			fields |= fieldCounts << i
		}
	}
	dst = binary.AppendUvarint(dst, fields)
	for _, n := range counts {
		dst = appendCount(dst, n)
	}
	for _, t := range totals {
		dst = appendTotal(dst, t)
	}
	if !w.First.IsZero() {
		dst = appendTime(dst, w.First, int64(h)*secondsH)
		dst = appendTime(dst, w.Last, int64(h)*secondsH)
	}
	for _, n := range w.Counts {
		dst = appendCount(dst, n)
	}
	if isCached(w) {
		dst = appendCached(dst, w)
	}
	binary.BigEndian.PutUint32(dst[start+1:], checksum(key, dst[start+headSize:]))
	return dst
}

// isCached tells rows that need the second version.
func isCached(w *ledger.Row) bool { return w.CacheHits != 0 || w.Avoided != money.Total{} }

func appendCached(dst []byte, w *ledger.Row) []byte {
	fields := widthOf(w.Avoided, fieldAvoided, fieldAvoidedWide)
	if w.CacheHits != 0 {
		fields |= fieldHits
	}
	dst = binary.AppendUvarint(dst, fields)
	dst = appendCount(dst, w.CacheHits)
	return appendTotal(dst, w.Avoided)
}

// widthOf returns the one of two fields in which a total is written, or none.
func widthOf(t money.Total, narrow, wide uint64) uint64 {
	switch {
	case t != money.TotalOf(t.Amount()):
		return wide
	case t != money.Total{}:
		return narrow
	}
	return 0
}

func appendTotal(dst []byte, t money.Total) []byte {
	switch widthOf(t, 1, 2) {
	case 1:
		return binary.AppendVarint(dst, int64(t.Amount()))
	case 2:
		return appendString(dst, t.String())
	}
	return dst
}

// total reads what appendTotal has written, given the field that it is in.
func (r *reader) total(narrow, wide bool) (t money.Total) {
	switch {
	case wide:
		if err := t.UnmarshalJSON(r.bytes()); err != nil {
			r.fail(err)
		}
	case narrow:
		t = money.TotalOf(money.Amount(r.varint()))
	}
	return t
}

func appendCount(dst []byte, n int64) []byte {
	if n == 0 {
		return dst
	}
	return binary.AppendUvarint(dst, uint64(n)) //nolint:gosec // Sums are never negative.
}

func checksum(key, fields []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, fields)
}

// decodeRow reads what appendRow has written. The key of w stays as it is.
func decodeRow(value, key []byte, h ledger.Hour, w *ledger.Row) error {
	if err := readRow(value, key, h, w); err != nil {
		return fmt.Errorf("row of %s %w: %w", h.Start().Format("2006-01-02T15"), err, ErrDamaged)
	}
	return nil
}

func readRow(value, key []byte, h ledger.Hour, w *ledger.Row) error {
	*w = ledger.Row{Key: w.Key}
	if len(value) < headSize {
		return errCut
	}
	version := value[0]
	if version != rowVersion && version != rowVersionCached {
		return errUnknown
	}
	if binary.BigEndian.Uint32(value[1:]) != checksum(key, value[headSize:]) {
		return errChecksum
	}
	r := reader{b: value[headSize:]}
	fields := r.uvarint()
	if bits.Len64(fields) > countsAt+usage.NumClasses {
		r.fail(errUnknown)
	}
	for i, n := range [...]*int64{&w.Requests, &w.Failed, &w.Exact, &w.Estimated, &w.PriceUnknown} {
		if fields&(fieldRequests<<i) != 0 {
			*n = r.count()
		}
	}
	for i, t := range [...]*money.Total{&w.Cost, &w.Saved} {
		*t = r.total(fields&(fieldCost<<i) != 0, fields&(fieldCostWide<<i) != 0)
	}
	if fields&fieldFirst != 0 {
		w.First = r.time(int64(h) * secondsH)
	}
	if fields&fieldLast != 0 {
		w.Last = r.time(int64(h) * secondsH)
	}
	for i := range w.Counts {
		if fields&(fieldCounts<<i) != 0 {
			w.Counts[i] = r.count()
		}
	}
	if version == rowVersionCached {
		fields := r.uvarint()
		if fields&^fieldsCached != 0 {
			r.fail(errUnknown)
		}
		if fields&fieldHits != 0 {
			w.CacheHits = r.count()
		}
		w.Avoided = r.total(fields&fieldAvoided != 0, fields&fieldAvoidedWide != 0)
	}
	return r.end()
}
