// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"strconv"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
)

// CacheStatus is what a response cache did with a request.
type CacheStatus string

// What a cache does.
const (
	// CacheHit: a stored answer that is fresh was given.
	CacheHit CacheStatus = "hit"
	// CacheStale: one that is no longer fresh was given.
	CacheStale CacheStatus = "stale"
	// CacheCoalesced: the answer to another request, which was being made, was given.
	CacheCoalesced CacheStatus = "coalesced"
	// CacheRevalidated: the upstream has said that a stored answer is still good.
	CacheRevalidated CacheStatus = "revalidated"
	// CacheMiss: the upstream was asked, and its answer may have been stored.
	CacheMiss CacheStatus = "miss"
	// CacheBypass: the request or its answer is none for the cache.
	CacheBypass CacheStatus = "bypass"
)

// Cache is what a response cache did with a request, and why.
type Cache struct {
	// Name of the cache.
	Name string
	// Status is empty where no cache has seen the request.
	Status CacheStatus
	// Reason says why it is a miss or was passed by, from a closed set: it becomes a
	// metric label.
	Reason string
	// Key is under what the answer is stored, in hexadecimal; empty if there is none.
	Key string
	// Age is how old the given answer is.
	Age time.Duration
	// Saved is what the model call has cost whose answer was given again, and would
	// have cost once more. It is known if SavedKnown is set.
	Saved      money.Amount
	SavedKnown bool
}

// Served reports whether the answer was given without asking the upstream for it.
func (c *Cache) Served() bool {
	return c.Status == CacheHit || c.Status == CacheStale || c.Status == CacheCoalesced
}

func (c *Cache) placeholder(name string) (any, bool) {
	switch name {
	case "name":
		return c.Name, true
	case "status":
		return string(c.Status), true
	case "reason":
		return c.Reason, true
	case "key":
		return c.Key, true
	case "age":
		if !c.Served() {
			return "", true
		}
		return strconv.FormatInt(int64(c.Age/time.Second), 10), true
	case "saved":
		if !c.SavedKnown {
			return "", true
		}
		return c.Saved.String(), true
	}
	return nil, false
}

type cacheLogObject struct{ c *Cache }

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (o cacheLogObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	c := o.c
	enc.AddString("name", c.Name)
	enc.AddString("status", string(c.Status))
	if c.Reason != "" {
		enc.AddString("reason", c.Reason)
	}
	if c.Key != "" {
		enc.AddString("key", c.Key)
	}
	if c.Served() {
		enc.AddInt64("age", int64(c.Age/time.Second))
	}
	if c.SavedKnown {
		enc.AddString("saved_usd", c.Saved.String())
	}
	return nil
}

// Interface guards
var _ zapcore.ObjectMarshaler = cacheLogObject{}
