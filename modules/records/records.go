// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package records is the contract between the gateway and what keeps its small records:
// signing keys of its authorization server, tokens that were revoked, tickets that are good
// for one use. They are few and small, must not be forgotten before their time, and are
// shared by all gateways that share a store.
//
// A store that has lost a revocation admits who was shut out. So a store never drops a
// record to make room, and refuses a new one where it is full; and who asks treats an error
// as a refusal.
package records

import (
	"context"
	"errors"
	"time"
)

// Bounds of what a store takes.
const (
	// MaxKey is how long a key may be, in bytes. Keys are printable ASCII without
	// spaces, and begin with the kind of the record and a colon.
	MaxKey = 512
	// MaxValue is how large a value may be, in bytes.
	MaxValue = 64 << 10
)

var (
	// ErrUnavailable is that the store cannot be asked now, or did not answer in time.
	ErrUnavailable = errors.New("records are not available")
	// ErrFull is that the store has no room for another record.
	ErrFull = errors.New("there is no room for another record")
	// ErrInvalid is that a key or a value is beyond the bounds.
	ErrInvalid = errors.New("the record is not valid")
)

// Record is one entry of a list.
type Record struct {
	// Key is the whole key.
	Key string
	// Value is the caller's own copy.
	Value []byte
	// Expires is the moment from which the record is gone; zero if it stays.
	Expires time.Time
}

// Store keeps records by their keys. It is safe for concurrent use. What a method has
// reported as done has reached what survives a crash of the gateway, or of whatever part of
// the store answers for it. A call waits no longer than tens of milliseconds for a store
// that others reach through a network, or as long as its context allows if that is less.
//
// Expired records are gone for all methods, at the latest a second after their time by the
// store's clock.
type Store interface {
	// Put keeps a value for a time, in place of another one if there is one. A ttl of 0
	// is for ever; a negative one is ErrInvalid.
	Put(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// Add is Put where there is no such record. It says whether it has added it: of
	// several callers at once exactly one has.
	Add(ctx context.Context, key string, value []byte, ttl time.Duration) (added bool, err error)
	// Get returns the value, as the caller's own copy, and whether there is one.
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	// Take is Get and Delete in one step: of several callers at once exactly one finds
	// the record.
	Take(ctx context.Context, key string) (value []byte, found bool, err error)
	// Delete makes that there is no such record.
	Delete(ctx context.Context, key string) error
	// List returns the records whose keys begin with prefix, by key. It is for kinds
	// of which there are few, and for administration.
	List(ctx context.Context, prefix string) ([]Record, error)
}

// Check returns ErrInvalid where a store must not take a record.
func Check(key string, value []byte, ttl time.Duration) error {
	if key == "" || len(key) > MaxKey || len(value) > MaxValue || ttl < 0 {
		return ErrInvalid
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return ErrInvalid
		}
	}
	return nil
}
