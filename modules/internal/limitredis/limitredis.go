// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-gateway/tollgate/modules/internal/limitmem"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Conn is the way to Redis, as package redisconn has it.
type Conn interface {
	// Client is for commands, with time-outs that are short.
	Client() redis.UniversalClient
	// Do runs f unless Redis is known to be down, and learns from its error.
	Do(ctx context.Context, f func(ctx context.Context) error) error
	// Up says that Redis is not known to be down.
	Up() bool
	// Err says what is wrong if it is down.
	Err() error
	// Instances is how many gateways share Redis, at least 1.
	Instances() int
	// OnEpoch registers what is called when Redis may have lost something.
	OnEpoch(f func())
	// Prefix begins all keys.
	Prefix() string
}

// Options say how a Store works.
type Options struct {
	// Conn is the way to Redis. It is started and closed by its owner.
	Conn Conn
	// Local decides while Redis cannot be asked. Nil: one is made.
	Local *limitmem.Store
	// Sync is how often local counts are exchanged. 0: each decision is made by
	// Redis.
	Sync time.Duration
	// Over is how many counters are remembered that were over their limit, so that
	// Redis is not asked about them for up to half a second. 0 is 16,384, less is
	// none.
	Over int
	// Known is how many counters of hard limits are remembered against a loss of
	// data in Redis. 0 is 32,768.
	Known int
	// Pending is how many settlements wait at most for Redis to understand them. 0
	// is 100,000.
	Pending int
	// Journal keeps settlements of hard limits until Redis has understood them. Nil:
	// what a gateway that crashed had not settled stays charged as reserved.
	Journal Journal
	// Clock is for tests: the scripts then go by it, and not by Redis's clock.
	Clock func() time.Time
}

// Store keeps counters in Redis. It implements limits.Store.
type Store struct {
	conn    Conn
	client  redis.UniversalClient
	cluster bool
	clock   func() time.Time
	prefix  string
	grace   time.Duration // Cluster: after an epoch has begun

	rules    ruleTable
	line     line
	local    *limitmem.Store
	mirror   mirror
	over     *overCache
	known    *knownTable
	open     openTable
	pending  pendingQueue
	comeback comeback
	journal  Journal
	epoch    epoch
	every    time.Duration // Options.Sync
	ahead    aheadTable
	skew     atomic.Int64 // microseconds by which Redis's clock is ahead
	stats    counters

	// sending is held while Redis is told something in the background, so that it is
	// told in order.
	sending sync.Mutex
	cleared atomic.Uint64 // settlements, of which some clear old reservations away

	begin sync.Once
	end   sync.Once
	stop  chan struct{}
	work  sync.WaitGroup
}

// New returns a store that does nothing in the background until Start.
func New(o Options) *Store {
	s := &Store{
		conn: o.Conn, client: o.Conn.Client(), clock: o.Clock, prefix: o.Conn.Prefix(),
		local: o.Local, journal: o.Journal, grace: grace, every: o.Sync, stop: make(chan struct{}),
	}
	_, s.cluster = s.client.(*redis.ClusterClient)
	if s.local == nil {
		s.local = limitmem.New(limitmem.Options{Clock: o.Clock})
	}
	if o.Over >= 0 {
		s.over = newOverCache(o.Over)
	}
	s.known = newKnownTable(o.Known)
	s.line.init(s)
	s.open.init()
	s.pending.init(o.Pending)
	s.epoch.init()
	s.ahead.init()
	s.comeback.init()
	s.mirror.init()
	return s
}

// Start begins what is done in the background: settling, renewing leases, watching
// for lost data and, with Options.Sync, exchanging counts.
func (s *Store) Start() {
	s.begin.Do(func() {
		s.conn.OnEpoch(s.epoch.suspect)
		s.work.Go(s.background)
		s.work.Go(s.watch)
		s.work.Go(s.mirrors)
		if s.every > 0 {
			s.work.Go(s.exchanges)
		}
	})
}

// closing is how long Close waits for what is not settled.
const closing = 2 * time.Second

// Close tells Redis what is left to settle, for at most two seconds, and ends what
// is done in the background. What is then still open keeps its lease until that ends.
func (s *Store) Close() error {
	s.end.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closing)
		defer cancel()
		s.Flush(ctx)
		close(s.stop)
		s.work.Wait()
	})
	return nil
}

// Err implements limits.Store: it returns what is wrong with Redis, or nil.
func (s *Store) Err() error { return s.conn.Err() }

// Stats are figures since the store was made.
type Stats struct {
	// Shared, Local and Recalled count decisions made by Redis, by the local share,
	// and by what was remembered of a denial.
	Shared, Local, Recalled uint64
	// Refused counts those that were not made, since a hard limit could not be held.
	Refused uint64
	// Batches counts how often Redis was asked; Shared / Batches is how many
	// decisions shared a round trip.
	Batches uint64
	// Dropped counts settlements that were given up, Pending those that wait.
	Dropped uint64
	Pending int
	// Open is how many decisions of this store are not settled.
	Open int
	// Epochs counts how often a loss of data was suspected.
	Epochs uint64
}

type counters struct {
	shared, local, recalled, refused, batches, dropped, epochs atomic.Uint64
}

// Stats returns figures for metrics and tests.
func (s *Store) Stats() Stats {
	return Stats{
		Shared: s.stats.shared.Load(), Local: s.stats.local.Load(), Recalled: s.stats.recalled.Load(),
		Refused: s.stats.refused.Load(), Batches: s.stats.batches.Load(), Dropped: s.stats.dropped.Load(),
		Pending: s.pending.len(), Open: s.open.len(), Epochs: s.stats.epochs.Load(),
	}
}

// clockMicro is what scripts are told of the time: 0 if they ask Redis.
func (s *Store) clockMicro() int64 {
	if s.clock == nil {
		return 0
	}
	return s.clock().UnixMicro()
}

// nowMicro is the time of Redis, as well as it is known.
func (s *Store) nowMicro() int64 {
	if s.clock != nil {
		return s.clock().UnixMicro()
	}
	return time.Now().UnixMicro() + s.skew.Load()
}

// Interface guards
var _ limits.Store = (*Store)(nil)
