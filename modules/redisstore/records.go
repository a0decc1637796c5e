// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"context"
	"time"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/recordredis"
	"github.com/caddy-gateway/tollgate/modules/records"
)

// sharedRecords are records of which errors say which Redis they are about.
type sharedRecords struct {
	store *recordredis.Store
	of    *openStore
}

// SharedRecords implements gateway.RecordSharer. Records are small, and use the connection
// of limits.
func (o *openStore) SharedRecords() (gateway.OpenRecords, error) {
	return &sharedRecords{recordredis.New(recordredis.Options{Conn: o.conn}), o}, nil
}

// Put implements records.Store.
func (s *sharedRecords) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return s.of.told(s.store.Put(ctx, key, value, ttl))
}

// Add implements records.Store.
func (s *sharedRecords) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	added, err := s.store.Add(ctx, key, value, ttl)
	return added, s.of.told(err)
}

// Get implements records.Store.
func (s *sharedRecords) Get(ctx context.Context, key string) ([]byte, bool, error) {
	value, found, err := s.store.Get(ctx, key)
	return value, found, s.of.told(err)
}

// Take implements records.Store.
func (s *sharedRecords) Take(ctx context.Context, key string) ([]byte, bool, error) {
	value, found, err := s.store.Take(ctx, key)
	return value, found, s.of.told(err)
}

// Delete implements records.Store.
func (s *sharedRecords) Delete(ctx context.Context, key string) error {
	return s.of.told(s.store.Delete(ctx, key))
}

// List implements records.Store.
func (s *sharedRecords) List(ctx context.Context, prefix string) ([]records.Record, error) {
	list, err := s.store.List(ctx, prefix)
	return list, s.of.told(err)
}

// Stats implements gateway.OpenRecords. What is in Redis is not known here.
func (*sharedRecords) Stats() gateway.RecordStats { return gateway.RecordStats{Records: -1, Bytes: -1} }

// Err implements gateway.OpenRecords.
func (s *sharedRecords) Err() error { return s.of.told(s.store.Err()) }

// Interface guards
var (
	_ gateway.RecordSharer = (*openStore)(nil)
	_ gateway.OpenRecords  = (*sharedRecords)(nil)
)
