// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

//go:build !race

package cachemem

import (
	"testing"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// TestNoAllocationsForHits gets entries of all sizes. The race detector would empty the
// pools.
func TestNoAllocationsForHits(t *testing.T) {
	s := open(t, caching.Options{MaxBytes: 64 << 20})
	for i, size := range []int{0, 1000, 20_000, 5_000_000} {
		k := numbered(uint64(i))
		if o, err := s.Put(t.Context(), k, typical(1, size), caching.Mark{}); err != nil || o != caching.Stored {
			t.Fatal(o, err)
		}
		ctx := t.Context()
		if n := testing.AllocsPerRun(10_000, func() { _, _ = s.Get(ctx, k) }); n >= 0.1 {
			t.Errorf("%v allocations for a hit of %d bytes", n, size)
		}
	}
}
