// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package caching is the contract between the gateway and what keeps responses.
//
// A [Store] knows nothing of HTTP: whether an answer may be stored, for how long, for
// whom and under which [Key] is decided before. An [Entry] is some opaque bytes that
// describe a response, its body, and tags by which an operator finds it again.
//
// A store may forget any entry at any time. It never gives an entry under another key,
// in part, mixed with another one, after its time, or after a purge that it is subject
// to. A store that cannot be asked is a miss: every method returns within tens of
// milliseconds, whatever happens to what is behind it.
//
// The package is public because a module in the namespace gateway.stores may come from
// anywhere. An implementation proves itself with package cachingtest.
package caching

import (
	"context"
	"encoding/hex"
	"errors"
	"time"
)

// Key identifies an entry: a digest of all that makes two requests the same.
type Key [32]byte

// String returns the key in hexadecimal.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// Store keeps entries. Implementations are safe for concurrent use and pass the tests
// of package cachingtest.
//
// Gateways that share a store see what each other do: what is said below of before and
// after holds for calls of all of them.
type Store interface {
	// Get returns the entry of a key, or nil if there is none. Nothing of the entry may
	// be changed, now or later; it stays as it is, whatever becomes of the key. An
	// error says that the store could not be asked, and wraps ErrUnavailable where that
	// may pass; the caller takes it for a miss.
	Get(ctx context.Context, key Key) (*Entry, error)

	// Put keeps an entry under a key, in place of the one that may be there. The store
	// keeps e and what it refers to, which nobody may change from then on. Since is when
	// the answer was asked for, as Mark has told: an answer that was asked for before
	// a purge that it is subject to is not kept. With the zero Mark that is when Put is
	// called. An error, but for ErrInvalid, says that the store could not be asked.
	Put(ctx context.Context, key Key, e *Entry, since Mark) (Outcome, error)

	// Delete forgets the entry of a key. Without an error, no Get that begins after it
	// gives what was there before.
	Delete(ctx context.Context, key Key) error

	// Purge forgets all entries that have all of the tags, or all entries if there are no
	// tags. It returns how many there were, or -1 if it does not count. Without an error,
	// no Get that begins after it gives any of them. With an error some of them may still
	// be there, and the purge has to be made again.
	Purge(ctx context.Context, tags ...string) (int64, error)

	// Mark returns this moment in the sequence of purges, as far as the store knows
	// it: never later than it is. It takes some nanoseconds. It is for the key and all
	// others that begin with the same byte, so that entries that belong together can be
	// put with one mark; for other keys it may mean nothing.
	Mark(key Key) Mark

	// Stats returns figures about the store. It waits for nothing.
	Stats() Stats

	// Err returns nil while the store can be asked, otherwise what is wrong.
	Err() error

	// Close ends the use of the store. Methods may be called all the same, during it
	// and afterwards: there is nothing in a closed store, and nothing is put into it.
	// Entries that were got before stay as they are.
	Close() error
}

// Tuner is a store whose options can be changed while it is used.
type Tuner interface {
	// Tune takes over all options but Name and Now. Entries for which there is no room
	// any more go.
	Tune(o Options)
}

// Errors of stores.
var (
	// ErrUnavailable tells that the store cannot be asked at the moment.
	ErrUnavailable = errors.New("the cache cannot be asked now")
	// ErrClosed tells that the store has been closed. It is an ErrUnavailable.
	ErrClosed error = closedError{}
	// ErrInvalid tells that an entry or a tag is none, which is the fault of the caller.
	ErrInvalid = errors.New("not a cache entry")
)

type closedError struct{}

// Error implements error.
func (closedError) Error() string { return "the cache is closed" }

// Is makes it ErrUnavailable.
func (closedError) Is(target error) bool { return target == ErrUnavailable } //nolint:errorlint // This is what errors.Is asks.

// Mark is a moment in the sequence of purges. What it holds is up to the store. The
// zero value is no moment in particular.
type Mark struct {
	// Epoch is the life of the sequence, Seq the place in it.
	Epoch, Seq uint64
}

// Outcome is what has become of an entry that was put.
type Outcome uint8

// Outcomes of Put. All but Stored leave the store as if the key had been deleted, or as
// it was.
const (
	// Stored means that the entry was kept.
	Stored Outcome = iota
	// TooLarge means that the entry takes more than the store allows for one.
	TooLarge
	// Outdated means that the entry had expired, or was purged since it was asked for.
	Outdated
)

// String returns the outcome as it stands in metrics and logs.
func (o Outcome) String() string {
	switch o {
	case Stored:
		return "stored"
	case TooLarge:
		return "too_large"
	default:
		return "outdated"
	}
}

// Stats are figures about a store, as this process knows them.
type Stats struct {
	// Entries are in the store now, and Bytes is what they take with everything
	// about them. Both are -1 where they are not known.
	Entries, Bytes int64
	// MaxBytes bounds Bytes; 0 where somebody else does.
	MaxBytes int64
	// Evicted counts the entries that had to make room for others, Expired those whose
	// time had passed, Purged those that Delete and Purge have taken, and Refused those
	// that were too large or outdated when they were put.
	Evicted, Expired, Purged, Refused uint64
}

// Options say what is expected of a store. Zero means the default of the store.
type Options struct {
	// Name tells the caches of a gateway apart: nothing of one is seen in another.
	Name string
	// MaxBytes bounds what all entries take together. A store that is elsewhere may
	// leave that to its server.
	MaxBytes int64
	// MaxEntryBytes bounds what one entry takes.
	MaxEntryBytes int64
	// OwnerShare is which part of MaxBytes the entries of one owner may take, up to 1.
	// A store that is elsewhere may leave it out.
	OwnerShare float64
	// Compress keeps bodies compressed that become smaller by it. Each hit has to
	// decompress them.
	Compress bool
	// Now tells the time; nil stands for time.Now.
	Now func() time.Time
}
