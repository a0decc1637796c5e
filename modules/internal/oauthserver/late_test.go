// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-gateway/tollgate/modules/records"
)

// late is a store that reads a list at once, and gives it away when it hangs no more. It takes
// new records meanwhile.
type late struct{ *hanging }

func (l late) List(ctx context.Context, prefix string) ([]records.Record, error) {
	list, err := l.memory.List(ctx, prefix)
	l.await()
	return list, err
}

func (l late) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	return l.memory.Add(ctx, key, value, ttl)
}

// forged is a token that names a key which nobody has.
func forged(t *testing.T, c *clock) string {
	t.Helper()
	return token(t, newServer(t, c, newMemory(c)), "")
}

// TestMakingDuringReading: a key is found that was made after a reading had begun.
func TestMakingDuringReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		store := late{&hanging{memory: newMemory(c)}}
		s := newServer(t, c, store)
		if _, err := s.current(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.add(ringRetry)
		odd := forged(t, c)
		store.hang(true)
		go func() { _, _ = s.Verify(t.Context(), odd) }()
		synctest.Wait() // a reading has found no key
		var release sync.WaitGroup
		release.Go(func() {
			time.Sleep(storeTime / 2)
			store.hang(false)
		})
		token(t, s, "")
		release.Wait()
		if n := store.count("add"); n != 1 {
			t.Errorf("%d keys were made", n)
		}
	})
}

// TestTokenDuringReading: a token is good whose key another gateway has made after a reading
// had begun, whatever that was for; and forged ones cost no more readings than before.
func TestTokenDuringReading(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ before, takes time.Duration }{
		"for a forged token":      {ringRetry, ringRetry},
		"because the ring is old": {ringAge, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newClock()
				store := late{&hanging{memory: newMemory(c)}}
				s, other := newServer(t, c, store), newServer(t, c, store.memory, func(c *Config) { c.Algorithm = EdDSA })
				token(t, s, "")
				c.add(tt.before)
				odd := forged(t, c)
				store.hang(true)
				var all sync.WaitGroup
				all.Go(func() { _, _ = s.Verify(t.Context(), odd) })
				synctest.Wait()
				text := token(t, other, "")
				before := store.count("list")
				all.Go(func() {
					time.Sleep(storeTime / 2)
					c.add(tt.takes)
					store.hang(false)
				})
				for range 20 {
					all.Go(func() { _, _ = s.Verify(t.Context(), odd) })
				}
				if _, err := s.Verify(t.Context(), text); err != nil {
					t.Errorf("a good token of another gateway: %v", err)
				}
				all.Wait()
				if n := store.count("list") - before; n != 1 {
					t.Errorf("the store was asked %d times", n)
				}
			})
		})
	}
}
