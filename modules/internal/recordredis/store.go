// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recordredis

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/records"
)

// DefaultMaxRecords is how many records there may be.
const DefaultMaxRecords = 100_000

// kindPart is the part of the records that may be of one kind: a half.
const kindPart = 2

// pageSize is how many records are listed in one round trip.
const pageSize = 256

var (
	//go:embed script/head.lua
	headSource string
	//go:embed script/put.lua
	putSource string
	//go:embed script/take.lua
	takeSource string

	putScript  = redis.NewScript(headSource + putSource)
	takeScript = redis.NewScript(headSource + takeSource)
)

// Options say what a store needs.
type Options struct {
	// Conn is the way to Redis. It is started and closed by who has made it.
	Conn *redisconn.Conn
	// MaxRecords is how many records there may be. Default: DefaultMaxRecords.
	MaxRecords int
}

// Store is a records.Store in Redis.
type Store struct {
	conn                 *redisconn.Conn
	client               redis.UniversalClient
	head, names, expiry  string // keys
	maxRecords, maxKinds int
}

// New returns a store. It asks Redis for nothing.
func New(o Options) *Store {
	if o.MaxRecords <= 0 {
		o.MaxRecords = DefaultMaxRecords
	}
	base := o.Conn.Prefix() + ":{records}:"
	return &Store{
		conn: o.Conn, client: o.Conn.Client(), head: base + "r:", names: base + "names", expiry: base + "expiry",
		maxRecords: o.MaxRecords, maxKinds: o.MaxRecords / kindPart,
	}
}

// do asks Redis, which has its own time for that. Errors are those of the caller's context,
// or records.ErrUnavailable.
func (s *Store) do(ctx context.Context, f func(ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.conn.Do(ctx, f)
	switch {
	case err == nil || errors.Is(err, redis.Nil):
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return fmt.Errorf("%w: %w", records.ErrUnavailable, err)
	}
}

func (s *Store) keys(key string) []string { return []string{s.head + key, s.names, s.expiry} }

// put keeps a record, and returns what the script says.
func (s *Store) put(ctx context.Context, key string, value []byte, ttl time.Duration, onlyNew int) (answer int, err error) {
	if err := records.Check(key, value, ttl); err != nil {
		return 0, err
	}
	kind, _, colon := strings.Cut(key, ":")
	first, behind := "["+kind, "["+kind // a key that is nothing but a kind
	if colon {
		first, behind = "["+kind+":", "("+kind+";" // the character behind the colon
	}
	err = s.do(ctx, func(ctx context.Context) error {
		answer, err = putScript.Run(ctx, s.client, s.keys(key),
			key, value, milliseconds(ttl), onlyNew, s.maxRecords, s.maxKinds, first, behind).Int()
		return err
	})
	if err == nil && answer < 0 {
		err = records.ErrFull
	}
	return answer, err
}

// milliseconds rounds up: no record is gone before its time.
func milliseconds(d time.Duration) int64 {
	ms := int64(d / time.Millisecond)
	if d%time.Millisecond > 0 {
		ms++
	}
	return ms
}

// Put implements records.Store.
func (s *Store) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	_, err := s.put(ctx, key, value, ttl, 0)
	return err
}

// Add implements records.Store.
func (s *Store) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	answer, err := s.put(ctx, key, value, ttl, 1)
	return err == nil && answer == 1, err
}

// Get implements records.Store.
func (s *Store) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := records.Check(key, nil, 0); err != nil {
		return nil, false, err
	}
	var value []byte
	err := s.do(ctx, func(ctx context.Context) (err error) {
		value, err = s.client.Get(ctx, s.head+key).Bytes()
		return err
	})
	return found(value, err)
}

// Take implements records.Store.
func (s *Store) Take(ctx context.Context, key string) ([]byte, bool, error) {
	if err := records.Check(key, nil, 0); err != nil {
		return nil, false, err
	}
	var value []byte
	err := s.do(ctx, func(ctx context.Context) error {
		text, err := takeScript.Run(ctx, s.client, s.keys(key), key).Text()
		if err == nil {
			value = []byte(text)
		}
		return err
	})
	return found(value, err)
}

// found returns what there was; value is nil if there was nothing.
func found(value []byte, err error) ([]byte, bool, error) {
	if err != nil || value == nil {
		return nil, false, err
	}
	return value, true, nil
}

// Delete implements records.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	_, _, err := s.Take(ctx, key)
	return err
}

// List implements records.Store.
func (s *Store) List(ctx context.Context, prefix string) ([]records.Record, error) {
	if prefix != "" {
		if err := records.Check(prefix, nil, 0); err != nil {
			return nil, err
		}
	}
	var list []records.Record
	page := redis.ZRangeBy{Min: "[" + prefix, Max: "(" + prefix + "\xff", Count: pageSize}
	for {
		var names []string
		if err := s.do(ctx, func(ctx context.Context) (err error) {
			names, err = s.client.ZRangeByLex(ctx, s.names, &page).Result()
			return err
		}); err != nil {
			return nil, err
		}
		if len(names) == 0 {
			return list, nil
		}
		read, err := s.read(ctx, names)
		if err != nil {
			return nil, err
		}
		list = append(list, read...)
		page.Min = "(" + names[len(names)-1]
	}
}

// read returns the records of some keys, as far as they have not expired.
func (s *Store) read(ctx context.Context, names []string) ([]records.Record, error) {
	values, left := make([]*redis.StringCmd, len(names)), make([]*redis.DurationCmd, len(names))
	now := time.Now()
	err := s.do(ctx, func(ctx context.Context) error {
		_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, name := range names {
				values[i], left[i] = p.Get(ctx, s.head+name), p.PTTL(ctx, s.head+name)
			}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	list := make([]records.Record, 0, len(names))
	for i, name := range names {
		value, err := values[i].Bytes()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", records.ErrUnavailable, err)
		}
		r := records.Record{Key: name, Value: value}
		ttl, err := left[i].Result()
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: %w", records.ErrUnavailable, err)
		case ttl > 0:
			r.Expires = now.Add(ttl)
		case ttl != -1: // it has just expired
			continue
		}
		list = append(list, r)
	}
	return list, nil
}

// Err returns why Redis cannot be used, or nil.
func (s *Store) Err() error { return s.conn.Err() }

// Interface guards
var _ records.Store = (*Store)(nil)
