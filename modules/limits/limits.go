// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package limits is the contract between the gateway and what keeps its
// counters. Requests, tokens, money and requests in flight are all weights
// against limits; a [Store] decides about all limits of a request at once.
//
// A request that is admitted is counted in every one of its limits, and a
// request that is denied in none. What a request will use may not be known
// before: then an upper bound is reserved, and settled to the actual figure
// later. A reservation counts from the moment it is made, so a limit holds for
// what is in flight as well, and so a reservation whose owner has crashed is
// charged rather than forgotten.
//
// The identity of a counter is its [Key] (who counts, and who is counted) and
// the unit and the window of its [Rule], never the limit: raising a limit keeps
// the count.
//
// The package is public, unlike the rest of the gateway's domain, because a
// module in the namespace gateway.stores may come from anywhere. An
// implementation proves itself with package limitstest.
package limits

import (
	"context"
	"errors"
	"time"
)

// Store keeps counters. Implementations are safe for concurrent use and pass the
// tests of package limitstest. The clock of the store decides: gateways that
// share one need not agree about the time.
type Store interface {
	// Decide admits or denies a request by all its checks in one step. If none
	// of those that enforce is exceeded, the weights of all checks are counted,
	// but for exceeded ones in the shadow; otherwise nothing is. It sets the
	// results in d and in its checks, and keeps nothing of d.
	//
	// An error means that there is no decision and nothing is counted, as far as
	// can be known. It wraps ErrUnavailable where that may pass.
	//
	// It returns within tens of milliseconds, whatever happens to the store.
	Decide(ctx context.Context, d *Decision) error

	// Settle replaces what each check has counted by Check.Actual, and ends what
	// is held. It is idempotent where something was reserved: of several calls
	// with one Decision.ID the first counts; others are settled once at most. A
	// check whose window has passed is left alone. It does not wait for anything
	// slower than one write to a file: a store elsewhere is told in the
	// background, again and again until it has understood or the window has
	// passed. It keeps nothing of d. Decisions that were denied need not be
	// settled, nor those without a reservation whose weights stay as they are
	// (see Decision.Open).
	Settle(d *Decision)

	// Look sets the results of the checks as if a request of weight zero was
	// decided, and their Reserved, and counts nothing.
	Look(ctx context.Context, checks []Check) error

	// Reset forgets what the counters of the checks have counted. Reservations
	// that are open go on and are charged when they are settled.
	Reset(ctx context.Context, checks []Check) error

	// Err returns nil while decisions are as exact and durable as the store
	// promises, otherwise what is wrong.
	Err() error
}

// ErrUnavailable tells that a hard limit cannot be held at the moment, so that
// nothing is admitted by it.
var ErrUnavailable = errors.New("limits cannot be decided now")

// Lease is how long a reservation counts as in flight when its owner is not
// heard of. After that what it holds is free again (Concurrent), or charged.
// Stores renew the leases of what they have admitted until it is settled.
const Lease = 30 * time.Second
