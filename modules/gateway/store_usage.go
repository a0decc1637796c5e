// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

// instanceThis is the value of the parameter instance for the usage that this gateway
// has seen itself, where a store shares the ledgers of several.
const instanceThis = "this"

// beginner is a ledger that knows when it began.
type beginner interface {
	// Began returns the start of the first hour; zero without any.
	Began() (time.Time, error)
}

// sourceOf is the ledger to report on: that of all gateways, or of this one. Without a
// shared ledger they are the same.
func (a *App) sourceOf(instance string, now time.Time) (source, error) {
	if instance != "" && instance != instanceThis {
		return source{}, fmt.Errorf("instance is %q; write this for the usage that this gateway has seen itself, or leave it out", instance)
	}
	own := a.source(now)
	view := a.sharedLedger()
	if view == nil || instance == instanceThis {
		return own, nil
	}
	began := own.began
	if b, ok := view.(beginner); ok {
		began = b.Began
	}
	return source{ledger: view, name: a.counters.open.Load().name, began: began}, nil
}

// sharedLedger returns the ledger of all gateways, or nil.
func (a *App) sharedLedger() ledger.Ledger {
	early, ok := a.book.(*staged)
	s := a.counters.open.Load()
	if !ok || s == nil {
		return nil
	}
	if _, shares := s.OpenStore.(LedgerSharer); !shares {
		return nil
	}
	if to := early.to.Load(); to != nil {
		return *to
	}
	return nil
}
