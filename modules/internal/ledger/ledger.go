// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package ledger sums up what requests used and cost, by consumer, provider,
// model and route.
//
// A ledger believes its caller: it counts every record it is given. That each
// request is recorded exactly once is the duty of the request state, which
// settles once.
//
// Sums are exact. Money is added as integers of 128 bits; other sums stop at
// the largest int64 instead of wrapping.
package ledger

import (
	"cmp"
	"math"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// Ledger keeps records. Implementations are safe for concurrent use.
type Ledger interface {
	// Record adds one settled request. It neither blocks on anything outside
	// the process nor keeps r or memory that r's strings share.
	Record(r *Record)
	// Rows returns a copy of the rows that f lets through, ordered by consumer,
	// provider, model and route. Each row is consistent in itself; requests
	// recorded meanwhile may be in one row and not yet in another.
	Rows(f Filter) []Row
}

// Record is one settled request.
type Record struct {
	// RequestID is the correlation id.
	RequestID string
	// At is the moment of settlement.
	At time.Time
	// Consumer is the consumer's name, empty if nobody was authenticated.
	Consumer string
	// Credential is the id of the key (never the key), empty without one.
	Credential string
	// Provider, Model and Route say what was called; each empty if unknown.
	Provider, Model, Route string
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
}

// Key identifies a row. Fields may be empty (see Record) or Other.
type Key struct {
	Consumer, Provider, Model, Route string
}

// Other stands in a Key for values that were folded together, because there
// were too many of them.
const Other = "_other"

// compare orders keys by consumer, provider, model and route.
func (k Key) compare(o Key) int {
	return cmp.Or(
		cmp.Compare(k.Consumer, o.Consumer),
		cmp.Compare(k.Provider, o.Provider),
		cmp.Compare(k.Model, o.Model),
		cmp.Compare(k.Route, o.Route),
	)
}

// Row is the sum of the records with one key.
type Row struct {
	Key
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
	// First and Last are the moments of the earliest and latest record; zero in
	// an empty row.
	First, Last time.Time
}

// add adds one record, whatever its key.
func (w *Row) add(r *Record) {
	w.Requests = sum(w.Requests, 1)
	if r.Failed {
		w.Failed = sum(w.Failed, 1)
	}
	w.see(r.At)
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

// Add adds the sums of o, whatever its key.
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
