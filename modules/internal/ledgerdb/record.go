// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// The first byte of a record in the journal. A call that a response cache has
// answered is of the second version, which earlier gateways refuse to open instead
// of leaving it out; whoever has no such call can go back to them.
const (
	recordVersion       = 1
	recordVersionCached = 2 // of which the last number is what was avoided
)

// The flags of a record.
const (
	flagPriceKnown = 1 << iota
	flagExact
	flagFailed
	flagLLM
	flagTime // the record has one
	flagCached
)

// errNewer tells that a newer version has written the journal. Unlike damage
// it must not be skipped.
var errNewer = errors.New("written by a newer version of the gateway, which this one cannot read")

// appendRecord appends what the ledger keeps of r: version, flags, time, names,
// a set of the token classes that are not zero, their counts, the cost, and what a
// response cache has avoided if it was one that answered. The names are cut as in ledger.KeyOf, so that the result is bounded. What
// identifies a single request is left out, because sums are all that is kept.
func appendRecord(dst []byte, r *ledger.Record) []byte {
	version, flags := byte(recordVersion), byte(0)
	for i, set := range [...]bool{r.PriceKnown, r.Exact, r.Failed, r.LLM, !r.At.IsZero(), r.Cached} {
		if set {
			flags |= 1 << i
		}
	}
	if r.Cached {
		version = recordVersionCached
	}
	dst = append(dst, version, flags)
	if flags&flagTime != 0 {
		dst = appendTime(dst, r.At, 0)
	}
	k := ledger.KeyOf(r)
	dst = appendNames(dst, &k)
	var classes uint64
	for i, n := range r.Counts {
		if n != 0 {
			classes |= 1 << i
		}
	}
	dst = binary.AppendUvarint(dst, classes)
	for _, n := range r.Counts {
		if n != 0 {
			dst = binary.AppendVarint(dst, n)
		}
	}
	dst = binary.AppendVarint(dst, int64(r.Cost))
	dst = binary.AppendVarint(dst, int64(r.Uncached))
	if r.Cached {
		dst = binary.AppendVarint(dst, int64(r.Avoided))
	}
	return dst
}

// decodeRecord reads what appendRecord has written.
func decodeRecord(b []byte, rec *ledger.Record) error {
	*rec = ledger.Record{}
	r := reader{b: b}
	version := r.byte()
	if r.err == nil && version != recordVersion && version != recordVersionCached {
		return fmt.Errorf("record of version %d: %w", version, errNewer)
	}
	flags := r.byte()
	rec.Cached = flags&flagCached != 0
	if flags >= flagCached<<1 || rec.Cached != (version == recordVersionCached) {
		r.fail(errUnknown)
	}
	if flags&flagTime != 0 {
		rec.At = r.time(0)
	}
	k := r.names()
	rec.Consumer, rec.Provider, rec.Model, rec.Route, rec.Tags = k.Consumer, k.Provider, k.Model, k.Route, k.Tags
	classes := r.uvarint()
	if bits.Len64(classes) > usage.NumClasses {
		r.fail(errUnknown)
	}
	for i := range rec.Counts {
		if classes>>i&1 != 0 {
			rec.Counts[i] = r.varint()
		}
	}
	rec.Cost, rec.Uncached = money.Amount(r.varint()), money.Amount(r.varint())
	if rec.Cached {
		rec.Avoided = money.Amount(r.varint())
	}
	rec.PriceKnown, rec.Exact = flags&flagPriceKnown != 0, flags&flagExact != 0
	rec.Failed, rec.LLM = flags&flagFailed != 0, flags&flagLLM != 0
	return r.end()
}

// appendTime appends a moment by the second, counted from base in seconds since
// the Unix epoch, and the nanosecond.
func appendTime(dst []byte, t time.Time, base int64) []byte {
	dst = binary.AppendVarint(dst, t.Unix()-base)
	return binary.AppendUvarint(dst, uint64(t.Nanosecond())) //nolint:gosec // Never negative.
}

// time reads a moment, in UTC.
func (r *reader) time(base int64) time.Time {
	seconds, nanoseconds := r.varint(), r.uvarint()
	if nanoseconds >= uint64(time.Second) {
		r.fail(errOverflow)
	}
	if r.err != nil {
		return time.Time{}
	}
	return time.Unix(base+seconds, int64(nanoseconds)).UTC() //nolint:gosec // Less than a second.
}

// appendNames appends the fields of a key.
func appendNames(dst []byte, k *ledger.Key) []byte {
	dst = appendString(dst, k.Consumer)
	dst = appendString(dst, k.Provider)
	dst = appendString(dst, k.Model)
	dst = appendString(dst, k.Route)
	return appendString(dst, k.Tags)
}

// names reads the fields of a key. They share one piece of memory.
func (r *reader) names() ledger.Key {
	whole, start := r.b, len(r.b)
	var ends [5][2]int
	for i := range ends {
		n := len(r.bytes())
		end := start - len(r.b)
		ends[i] = [2]int{end - n, end}
	}
	if r.err != nil {
		return ledger.Key{}
	}
	s := string(whole[:ends[4][1]])
	name := func(i int) string { return s[ends[i][0]:ends[i][1]] }
	return ledger.Key{Consumer: name(0), Provider: name(1), Model: name(2), Route: name(3), Tags: name(4)}
}
