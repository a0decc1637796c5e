// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledgerredis"
	"github.com/caddy-gateway/tollgate/modules/internal/limitmem"
	"github.com/caddy-gateway/tollgate/modules/internal/limitredis"
	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
)

// openStore is a Store that is open.
type openStore struct {
	*limitredis.Store
	conn     *redisconn.Conn
	local    *limitmem.Store
	instance string
	servers  []string
	secrets  []string
	// settlements wait for Redis in files; nil with the ledger in memory, or where
	// the files cannot be used.
	settlements *settlements

	options redisconn.Options // of conn

	mu      sync.Mutex
	ledgers []*ledgerredis.Ledger
	caches  *redisconn.Conn // of responses; nil until there is a cache
}

// Open implements gateway.Store. Redis need not be there.
func (s *Store) Open(env gateway.StoreEnv) (gateway.OpenStore, error) {
	o := &openStore{
		local: limitmem.New(limitmem.Options{}), instance: env.Instance, servers: s.servers, secrets: s.secrets,
	}
	options := s.options
	options.Instance = env.Instance
	options.OnChange = func(_ bool, err error) { env.Changed(o.told(err)) }
	o.options = options
	conn, err := redisconn.New(options)
	if err != nil {
		return nil, redact(err, s.secrets)
	}
	o.conn = conn
	limitOptions := limitredis.Options{Conn: conn, Local: o.local, Sync: s.sync}
	var left [][]byte
	if env.Dir != "" {
		var err error
		if o.settlements, left, err = openSettlements(filepath.Join(env.Dir, settlementsDir)); err != nil {
			env.Log().Error("what was to be settled when the gateway ended cannot be read whole", zap.Error(err))
		}
		if o.settlements != nil {
			limitOptions.Journal = o.settlements
		}
	}
	o.Store = limitredis.New(limitOptions)
	for _, payload := range left {
		if err := o.Resume(payload); err != nil {
			env.Log().Error("what was to be settled when the gateway ended is charged as it was reserved", zap.Error(err))
		}
	}
	conn.Start()
	o.Store.Start()
	return o, nil
}

// Close implements gateway.OpenStore.
func (o *openStore) Close() error {
	o.mu.Lock()
	ledgers := o.ledgers
	o.mu.Unlock()
	var rest sync.WaitGroup
	errs := make([]error, len(ledgers)+4)
	for i, l := range ledgers {
		rest.Go(func() { errs[i] = l.Close() })
	}
	rest.Go(func() { errs[len(ledgers)] = o.Store.Close() })
	rest.Go(func() { errs[len(ledgers)+3] = o.closeCaches() })
	rest.Wait()
	errs[len(ledgers)+1] = o.conn.Close()
	if o.settlements != nil {
		errs[len(ledgers)+2] = o.settlements.Close()
	}
	return o.told(errors.Join(errs...))
}

// SharedLedger implements gateway.LedgerSharer.
func (o *openStore) SharedLedger(local ledger.Ledger, keep time.Duration) (ledger.Ledger, error) {
	l, err := ledgerredis.New(ledgerredis.Options{Local: local, Conn: o.conn, ID: o.instance, Keep: keep})
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	o.ledgers = append(o.ledgers, l)
	o.mu.Unlock()
	return l, nil
}

// Err implements limits.Store.
func (o *openStore) Err() error { return o.told(o.Store.Err()) }

// told returns an error that says which Redis it is about, and shows no password.
func (o *openStore) told(err error) error {
	if err == nil {
		return nil
	}
	return redact(fmt.Errorf("%s: %w", strings.Join(o.servers, ", "), err), o.secrets)
}

// Statistics implements gateway.StoreStatistics: it is about the local share of the
// limits, by which decisions are made while Redis cannot be used.
func (o *openStore) Statistics() gateway.StoreStats {
	s := o.local.Stats()
	return gateway.StoreStats{Entries: int64(s.Entries), Bytes: s.Bytes, Evicted: int64(s.Evicted), Overflowed: int64(s.Overflowed)}
}

// Facts implements gateway.StoreFacts.
func (o *openStore) Facts() map[string]any {
	s := o.Stats()
	behind := 0
	o.mu.Lock()
	for _, l := range o.ledgers {
		behind += l.Stats().Behind
	}
	o.mu.Unlock()
	return map[string]any{
		"servers": o.servers, "up": o.conn.Up(), "instances": o.conn.Instances(),
		"decided_by_redis": s.Shared, "decided_locally": s.Local, "refused": s.Refused,
		"unsettled": s.Open, "settlements_waiting": s.Pending, "settlements_lost": s.Dropped,
		"losses_of_data": s.Epochs, "ledger_hours_behind": behind,
	}
}

// Interface guards
var (
	_ gateway.OpenStore       = (*openStore)(nil)
	_ gateway.StoreStatistics = (*openStore)(nil)
	_ gateway.StoreFacts      = (*openStore)(nil)
	_ gateway.LedgerSharer    = (*openStore)(nil)
)
