// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger/ledgertest"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// records are those that are worth writing and reading.
func records() map[string]ledger.Record {
	all := ledgertest.Call(strings.Repeat("c", 256), "model \x00 é")
	all.Tags, all.Failed, all.Cost, all.Uncached = "ci,prod", true, math.MinInt64, math.MaxInt64
	all.At = time.Date(2026, 6, 1, 12, 59, 59, 999_999_999, time.UTC)
	for i := range all.Counts {
		all.Counts[i] = math.MaxInt64 - int64(i)
	}
	negative := ledgertest.Call("a", "x")
	negative.Counts = usage.Counts{-1, 0, math.MinInt64}
	old := ledgertest.Call("a", "x")
	old.At = time.Unix(-1<<40, 5).UTC()
	plain := ledger.Record{At: ledgertest.Noon}
	rich := ledgertest.Hit("a", "x")
	rich.Avoided = math.MaxInt64
	unknown := ledgertest.Hit("a", "x")
	unknown.Avoided = 0
	return map[string]ledger.Record{
		"nothing": {}, "usual": ledgertest.Call("a", "x"), "everything": all, "negative": negative, "old": old, "no call": plain,
		"hit": ledgertest.Hit("a", "x"), "hit that saved much": rich, "hit that saved nobody knows what": unknown,
	}
}

// kept is what the journal keeps of r.
func kept(r ledger.Record) ledger.Record {
	r.RequestID, r.Credential = "", ""
	return r
}

func TestRecordCodec(t *testing.T) {
	t.Parallel()
	for name, r := range records() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := appendRecord(nil, &r)
			t.Logf("%d bytes", len(b))
			var got ledger.Record
			if err := decodeRecord(b, &got); err != nil || got != kept(r) {
				t.Errorf("read %+v, %v, want %+v", got, err, kept(r))
			}
			for i := range b {
				if err := decodeRecord(b[:i], &got); err == nil {
					t.Errorf("the first %d of %d bytes are a record", i, len(b))
				}
			}
			if err := decodeRecord(append(b, 0), &got); !errors.Is(err, errSurplus) {
				t.Errorf("with another byte: %v", err)
			}
		})
	}
	long := ledgertest.Call("a", strings.Repeat("m", 1<<20))
	long.Tags = strings.Repeat("tag,", 1<<18)
	if n := len(appendRecord(nil, &long)); n > 4096 {
		t.Errorf("a record with long names takes %d bytes", n)
	}
}

func TestRowCodec(t *testing.T) {
	t.Parallel()
	for name, r := range records() {
		for _, times := range []int{1, 2, 1000} {
			var w ledger.Row
			for range times {
				w.AddRecord(&r)
			}
			w.Key = ledger.KeyOf(&r)
			h := ledger.HourOf(r.At)
			key := appendKey(nil, h, &w.Key)
			b := appendRow(nil, key, h, &w)
			var got ledger.Row
			names, err := decodeKey(key[hourSize:])
			if err != nil || names != w.Key {
				t.Errorf("%s: the key is %+v, %v", name, names, err)
			}
			got.Key = names
			if err := decodeRow(b, key, h, &got); err != nil || got != w {
				t.Errorf("%s: read %+v, %v\nwant %+v", name, got, err, w)
			}
			for i := range b {
				flipped := bytes.Clone(b)
				flipped[i] ^= 4
				if err := decodeRow(flipped, key, h, &got); !errors.Is(err, ErrDamaged) {
					t.Errorf("%s: with byte %d flipped: %v", name, i, err)
				}
			}
			if err := decodeRow(b, append(key, 'x'), h, &got); !errors.Is(err, errChecksum) {
				t.Errorf("%s: under another key: %v", name, err)
			}
		}
	}
	var w ledger.Row
	w.Requests = 1
	w.Cost.Add(math.MaxInt64)
	w.Cost.Add(math.MaxInt64)
	w.Saved.Add(math.MinInt64)
	w.Saved.Add(math.MinInt64)
	w.Avoided.Add(math.MaxInt64)
	w.Avoided.Add(1)
	var got ledger.Row
	if err := decodeRow(appendRow(nil, nil, 0, &w), nil, 0, &got); err != nil || got != w {
		t.Errorf("beyond an amount: read %+v, %v", got, err)
	}
	if w.Cost.Amount() != money.Amount(math.MaxInt64) {
		t.Errorf("the cost fits in an amount: %v", w.Cost)
	}
}

// resealed returns a row with a right checksum.
func resealed(b, key []byte) []byte {
	b = bytes.Clone(b)
	if len(b) >= headSize {
		sum := checksum(key, b[headSize:])
		b[1], b[2], b[3], b[4] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
	}
	return b
}

// FuzzDecode: no bytes make a decoder panic, and what one reads it would write so
// that it is read as the same.
func FuzzDecode(f *testing.F) {
	for _, r := range records() {
		f.Add(appendRecord(nil, &r))
		var w ledger.Row
		w.AddRecord(&r)
		f.Add(appendRow(nil, nil, 0, &w))
		key := ledger.KeyOf(&r)
		f.Add(appendNames(nil, &key))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r, again ledger.Record
		if decodeRecord(b, &r) == nil {
			if err := decodeRecord(appendRecord(nil, &r), &again); err == nil && (again.Counts != r.Counts || again.Cached != r.Cached || again.Avoided != r.Avoided) {
				t.Errorf("%+v is read again as %+v", r, again)
			}
		}
		var w, copied ledger.Row
		if decodeRow(resealed(b, nil), nil, 0, &w) == nil {
			if w.Requests < 0 || w.Exact < 0 || w.CacheHits < 0 || slices.Min(w.Counts[:]) < 0 {
				t.Errorf("row %+v has negative sums", w)
			}
			if err := decodeRow(appendRow(nil, nil, 0, &w), nil, 0, &copied); err != nil || copied.Cost != w.Cost || copied.Counts != w.Counts || copied.CacheHits != w.CacheHits || copied.Avoided != w.Avoided {
				t.Errorf("%+v is read again as %+v, %v", w, copied, err)
			}
		}
		if k, err := decodeKey(b); err == nil {
			if got, err := decodeKey(appendNames(nil, &k)); err != nil || got != k {
				t.Errorf("%+v is read again as %+v, %v", k, got, err)
			}
		}
	})
}
