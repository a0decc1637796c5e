// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cacheredis

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
)

const (
	// DefaultMaxEntryBytes is 4 MiB, meta and tags included.
	DefaultMaxEntryBytes = 4 << 20
	// DefaultPatience is for a Get, all round trips together. A Put has four times that.
	DefaultPatience = 75 * time.Millisecond
	putPatience     = 4
	// clusterBuckets is how many buckets a Cluster has: few enough to log a purge in
	// each, and enough for its masters to have equal parts.
	clusterBuckets = 64
)

// Options say what a store needs.
type Options struct {
	// Conn is the way to Redis. It is started and closed by who has made it, and has a
	// prefix that nothing else has.
	Conn *redisconn.Conn
	// Cache says what is kept. MaxBytes, OwnerShare and Compress are of no effect.
	Cache caching.Options
	// Patience is how long a Get may take, by default DefaultPatience.
	Patience time.Duration
}

// Store is a caching.Store in Redis.
type Store struct {
	conn     *redisconn.Conn
	client   redis.UniversalClient
	now      func() time.Time
	max      atomic.Int64 // bytes of an entry
	patience time.Duration
	buckets  []*bucket
	purges   told
	closed   atomic.Bool
	refused  atomic.Uint64
}

// New returns a store. It asks Redis for nothing.
func New(o Options) *Store {
	if o.Cache.Now == nil {
		o.Cache.Now = time.Now
	}
	if o.Patience <= 0 {
		o.Patience = DefaultPatience
	}
	s := &Store{
		conn: o.Conn, client: o.Conn.Client(), now: o.Cache.Now, patience: o.Patience,
	}
	s.Tune(o.Cache)
	n := 1
	if _, ok := s.client.(*redis.ClusterClient); ok {
		n = clusterBuckets
	}
	for i := range n {
		s.buckets = append(s.buckets, newBucket(o.Conn.Prefix(), o.Cache.Name, i))
	}
	o.Conn.OnEpoch(s.tellAgain)
	return s
}

// Tune implements caching.Tuner. What is there stays, whatever its size.
func (s *Store) Tune(o caching.Options) {
	if o.MaxEntryBytes <= 0 {
		o.MaxEntryBytes = DefaultMaxEntryBytes
	}
	s.max.Store(o.MaxEntryBytes)
}

// bucket returns the bucket of a key.
func (s *Store) bucket(key caching.Key) *bucket { return s.buckets[int(key[0])%len(s.buckets)] }

// do is Conn.Do, with an error that says that the store could not be asked.
func (s *Store) do(ctx context.Context, f func(ctx context.Context) error) error {
	if s.closed.Load() {
		return caching.ErrClosed
	}
	err := s.conn.Do(ctx, f)
	if err == nil || errors.Is(err, redis.Nil) {
		return nil
	}
	return fmt.Errorf("%w: %w", caching.ErrUnavailable, err)
}

// run runs a script, and sends it if Redis does not know it yet.
func (s *Store) run(ctx context.Context, script *redis.Script, keys []string, args ...any) (answer any, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		var err error
		answer, err = script.Run(ctx, s.client, keys, args...).Result()
		return err
	})
	return answer, err
}

// Stats implements caching.Store. What is in Redis is not known here.
func (s *Store) Stats() caching.Stats {
	return caching.Stats{Entries: -1, Bytes: -1, Refused: s.refused.Load()}
}

// Err implements caching.Store.
func (s *Store) Err() error {
	if s.closed.Load() {
		return caching.ErrClosed
	}
	if err := s.conn.Err(); err != nil {
		return fmt.Errorf("%w: %w", caching.ErrUnavailable, err)
	}
	return nil
}

// Close implements caching.Store. It leaves the connection open, and what is in Redis.
func (s *Store) Close() error {
	s.closed.Store(true)
	return nil
}

// Interface guards
var (
	_ caching.Store = (*Store)(nil)
	_ caching.Tuner = (*Store)(nil)
)
