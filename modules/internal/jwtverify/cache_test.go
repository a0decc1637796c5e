// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
)

func TestCacheForgets(t *testing.T) {
	t.Parallel()
	c := jwtverify.NewCache[int](1 << 20)
	d := jwtverify.DigestOf("demo")
	if _, ok := c.Get(d, now); ok {
		t.Error("an empty cache has it")
	}
	c.Put(d, 7, 100, now)
	if v, ok := c.Get(d, now.Add(jwtverify.CacheTime-time.Nanosecond)); !ok || v != 7 {
		t.Errorf("it has %d, %t", v, ok)
	}
	if _, ok := c.Get(d, now.Add(jwtverify.CacheTime)); ok {
		t.Error("it has it for ever")
	}
	if _, ok := c.Get(jwtverify.DigestOf("demo2"), now); ok {
		t.Error("it has another one")
	}
}

// TestCacheIsBounded puts in a hundred times what fits, and expects the latest to be there.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	const size, length = 256 << 10, 1 << 10
	c := jwtverify.NewCache[int](size)
	most := 0
	for i := range 100 * size / length {
		d := jwtverify.DigestOf(fmt.Sprint(i))
		c.Put(d, i, length, now)
		if v, ok := c.Get(d, now); !ok || v != i {
			t.Fatalf("%d is not there", i)
		}
		most = max(most, c.Len())
	}
	if most > size/length {
		t.Errorf("%d entries", most)
	}
}

func TestCacheIsShared(t *testing.T) {
	t.Parallel()
	c := jwtverify.NewCache[int](64 << 10)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 2000 {
				d := jwtverify.DigestOf(fmt.Sprint(i % 50))
				if v, ok := c.Get(d, now); ok && v != i%50 {
					t.Errorf("goroutine %d: %d for %d", g, v, i%50)
					return
				}
				c.Put(d, i%50, 500, now)
			}
		})
	}
	wg.Wait()
}
