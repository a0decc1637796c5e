// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Store is what a Caddy module in the namespace gateway.stores is: it says where
// counters are kept. The gateway opens what it describes when something needs
// counters, and keeps that open across reloads for as long as a config has a store
// of the same module and identity.
type Store interface {
	caddy.Module

	// Identity names what is kept and how it is reached: the path of a directory,
	// or the addresses of servers with everything about them that cannot be changed
	// while they are in use. It is asked for when the store is about to be opened,
	// and may look at files then, but changes none. It is kept in memory only.
	Identity() string

	// Open opens the store. It does not wait for the network: a store that cannot
	// be reached is opened all the same, decides as well as can be without it, and
	// says so by Err. It fails only where that will not pass by itself, as for a
	// directory that another process uses.
	Open(env StoreEnv) (OpenStore, error)
}

// OpenStore is a store that has been opened. It may also have the methods of
// StoreStatistics, StoreFacts, StoreTuner, LedgerSharer, CacheSharer and RecordSharer.
type OpenStore interface {
	limits.Store

	// Close ends the use of the store, within seconds. It is called once, after the
	// last request of the last config that uses the store has settled. The store's
	// methods may be called all the same, and must not panic then.
	Close() error
}

// StoreEnv is what the gateway provides to a store.
type StoreEnv struct {
	// Instance identifies this gateway among those that share a store. It is made at
	// random and kept with the ledger, so that a restart does not change it; with
	// the ledger in memory each process has its own.
	Instance string
	// Dir is where the store may keep files that belong to Instance: a directory
	// that one process uses at a time. It is empty where the ledger is in memory.
	Dir string
	// Log returns the logger of the latest config that uses the store.
	Log func() *zap.Logger
	// Changed is to be called with what Err returns whenever that becomes, or ceases
	// to be, nil. The gateway logs it. It may be called while Open runs, by any
	// goroutine.
	Changed func(err error)
}

// StoreStatistics is a store that counts what it keeps in the memory of the process.
type StoreStatistics interface {
	// Statistics is called whenever metrics are gathered.
	Statistics() StoreStats
}

// StoreStats are figures about the memory of a store.
type StoreStats struct {
	// Entries are the counters in memory, and Bytes what they take up.
	Entries, Bytes int64
	// Evicted counts the counters that were forgotten because there was no room,
	// and Overflowed the decisions whose counters found none.
	Evicted, Overflowed int64
}

// StoreFacts is a store that has more to say in /gateway/health.
type StoreFacts interface {
	// Facts returns figures about the store by name. They hold no secret.
	Facts() map[string]any
}

// StoreTuner is an open store of which some options can be changed.
type StoreTuner interface {
	// Tune takes over the options of the latest config, which has the same module
	// and identity as the one that was opened.
	Tune(latest Store)
}

// LedgerSharer is a store that also keeps the usage of all gateways in one place.
type LedgerSharer interface {
	// SharedLedger returns a ledger whose Record adds to local and, in the
	// background, to the shared one, where it is kept for as long as keep says (0 for
	// ever), and whose Rows are those of all gateways. Local stays open until the
	// store has been closed. If the ledger has a method SetKeep, that is called where
	// another config keeps usage for longer or shorter.
	SharedLedger(local ledger.Ledger, keep time.Duration) (ledger.Ledger, error)
}

// NeedLimits says that something in the config asks for limits. Handlers call it in
// Provision. A store that nobody needs and no option names is never opened.
func (a *App) NeedLimits() { a.counters.need() }

// Limits returns the store of the config. It can be used from Provision on, and is
// opened by the first decision or by Start, whichever comes first.
func (a *App) Limits() limits.Store { return a.counters }
