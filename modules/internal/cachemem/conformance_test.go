// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachemem

import (
	"testing"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/caching/cachingtest"
)

// open returns a store that lives as long as the test.
func open(t testing.TB, o caching.Options) *Store {
	t.Helper()
	s := New(o)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestConformance(t *testing.T) {
	t.Parallel()
	cachingtest.Run(t, cachingtest.Opener{
		Open:   func(t testing.TB, o caching.Options) caching.Store { t.Helper(); return open(t, o) },
		Counts: true,
	})
}

// TestConformanceCompressed has every body kept compressed that can be.
func TestConformanceCompressed(t *testing.T) {
	t.Parallel()
	cachingtest.Run(t, cachingtest.Opener{
		Open: func(t testing.TB, o caching.Options) caching.Store {
			t.Helper()
			o.Compress = true
			return open(t, o)
		},
		Counts: true,
		Rounds: 300,
	})
}
