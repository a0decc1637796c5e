// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package ledger sums up what requests used and cost, by consumer, provider,
// model, route, tags and hour, and what response caches saved.
//
// A ledger believes its caller: it counts every record it is given. That each
// request is recorded exactly once is the duty of the request state, which
// settles once.
//
// Sums are exact. Money is added as integers of 128 bits; other sums stop at
// the largest int64 instead of wrapping.
//
// Memory is the ledger that lasts as long as the process. What a durable one
// needs besides a file is here as well: Table, which holds sums within bounds,
// Detail, which is how the bounds are kept, and Groups, which answers a Query.
package ledger

import (
	"math"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// Ledger keeps records. Implementations are safe for concurrent use and pass
// the tests of package ledgertest.
type Ledger interface {
	// Record adds one settled request. It never fails towards the caller (Err
	// tells how the ledger fares), blocks on nothing slower than one write to a
	// file, and keeps neither r nor memory that r's strings share.
	Record(r *Record)
	// Rows returns what q asks for, summed up. Every record made before the
	// call is in it, whatever is recorded meanwhile, and each row is consistent
	// in itself. Rows that come with an error are those that could be read.
	Rows(q Query) ([]Row, error)
	// Err returns nil while every settled record is as durable as the ledger
	// promises, otherwise what is wrong.
	Err() error
}

// Record is one settled request.
type Record struct {
	// RequestID is the correlation id.
	RequestID string
	// At is when the request began: its prices are those of that moment, and a
	// long stream is accounted where it started.
	At time.Time
	// Consumer is the consumer's name, empty if nobody was authenticated.
	Consumer string
	// Credential is the id of the key (never the key), empty without one.
	Credential string
	// Provider, Model and Route say what was called; each empty if unknown.
	Provider, Model, Route string
	// Tags are the names of the caller's tags, sorted, distinct and joined by
	// commas; empty without tags.
	Tags string
	// Counts is the usage by class.
	Counts usage.Counts
	// Cost is what the usage cost, Uncached what it would have cost without the
	// provider's cache. Both mean nothing unless PriceKnown is set.
	Cost, Uncached money.Amount
	// PriceKnown tells that a price was found.
	PriceKnown bool
	// Exact tells that the provider reported the usage; otherwise it was
	// estimated.
	Exact bool
	// Failed tells that the answer had a status of 400 or more, or broke off.
	Failed bool
	// LLM tells that the request went to a model. Other requests are counted as
	// requests alone.
	LLM bool
	// Cached tells that the request is the call of a model which a response cache
	// has answered, so that it did not go to one. Avoided is what the call would
	// have cost; zero if that is not known. It means nothing unless Cached is set.
	Cached  bool
	Avoided money.Amount
}

// Key identifies a row of an hour. Fields may be empty (see Record) or Other.
type Key struct {
	Consumer, Provider, Model, Route string
	// Tags is the whole set, as in a Record; in a row that was grouped by tag,
	// the single tag.
	Tags string
}

// Other stands in a Key for values that were folded together, because there
// were too many of them.
const Other = "_other"

// Row is the sum of the records with one key.
type Row struct {
	Key
	// Hour is the start of the hour or the day that the row is about, in UTC,
	// if rows were grouped by one of them; else zero.
	Hour time.Time
	// Requests counts all requests, Failed those among them that failed.
	Requests, Failed int64
	// Counts is the usage by class.
	Counts usage.Counts
	// Cost is what it all cost, as far as prices were known.
	Cost money.Total
	// Saved is how much more it would have cost without the provider's cache.
	// It is negative where writing the cache cost more than reading it saved.
	Saved money.Total
	// Exact counts the requests to models whose usage the provider reported,
	// Estimated those that used something by our own count. Requests of which
	// no usage is known, such as most failed ones, are in neither.
	Exact, Estimated int64
	// PriceUnknown counts the answered calls of models whose cost is unknown,
	// for want of a price or of a usage, so that Cost is too low.
	PriceUnknown int64
	// CacheHits counts the calls of models that a response cache has answered. They
	// are among Requests, and in none of the other counts of calls.
	CacheHits int64
	// Avoided is what these would have cost, as far as that is known. It is no part
	// of Saved, which is about the caches of providers.
	Avoided money.Total
	// First and Last are the moments of the earliest and latest record, in UTC;
	// zero in a row whose records have no time.
	First, Last time.Time
}

// AddRecord adds one record, whatever its key and hour.
func (w *Row) AddRecord(r *Record) {
	w.Requests = sum(w.Requests, 1)
	if r.Failed {
		w.Failed = sum(w.Failed, 1)
	}
	w.see(r.At.Round(0).UTC()) // without the monotonic clock, which no file keeps
	if r.Cached {
		w.CacheHits = sum(w.CacheHits, 1)
		w.Avoided.Add(r.Avoided)
		return
	}
	if !r.LLM {
		return
	}
	if r.Exact {
		w.Exact = sum(w.Exact, 1)
	}
	if r.PriceKnown {
		// In totals: the difference of two amounts may not fit in an amount.
		w.Cost.Add(r.Cost)
		w.Saved.Add(r.Uncached)
		w.Saved.Add(money.Amount(0).Sub(r.Cost))
	} else {
		w.PriceUnknown = sum(w.PriceUnknown, 1)
	}
	if r.Counts.IsZero() {
		return
	}
	if !r.Exact {
		w.Estimated = sum(w.Estimated, 1)
	}
	for i, n := range r.Counts {
		w.Counts[i] = sum(w.Counts[i], n)
	}
}

// Add adds the sums of o, whatever its key and hour.
func (w *Row) Add(o *Row) {
	w.Requests = sum(w.Requests, o.Requests)
	w.Failed = sum(w.Failed, o.Failed)
	for i, n := range o.Counts {
		w.Counts[i] = sum(w.Counts[i], n)
	}
	w.Cost.AddTotal(o.Cost)
	w.Saved.AddTotal(o.Saved)
	w.Exact = sum(w.Exact, o.Exact)
	w.Estimated = sum(w.Estimated, o.Estimated)
	w.PriceUnknown = sum(w.PriceUnknown, o.PriceUnknown)
	w.CacheHits = sum(w.CacheHits, o.CacheHits)
	w.Avoided.AddTotal(o.Avoided)
	w.see(o.First)
	w.see(o.Last)
}

// see widens the row's span of time to t, unless that is zero.
func (w *Row) see(t time.Time) {
	if t.IsZero() {
		return
	}
	if w.First.IsZero() || t.Before(w.First) {
		w.First = t
	}
	if t.After(w.Last) {
		w.Last = t
	}
}

// Sum adds all rows up into one with an empty key. Of rows grouped by tag it
// is no total: a record with two tags is in two of them.
func Sum(rows []Row) Row {
	var total Row
	for i := range rows {
		total.Add(&rows[i])
	}
	return total
}

// sum adds n to total without wrapping. Counts come from upstreams, which may
// claim anything; what is negative is no usage.
func sum(total, n int64) int64 {
	if n <= 0 {
		return total
	}
	if total > math.MaxInt64-n {
		return math.MaxInt64
	}
	return total + n
}
