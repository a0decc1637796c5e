// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem_test

import (
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/limitmem"
	"github.com/caddy-gateway/tollgate/modules/limits"
	"github.com/caddy-gateway/tollgate/modules/limits/limitstest"
)

func open(_ testing.TB, clock *limitstest.Clock) limits.Store {
	var o limitmem.Options
	if clock != nil {
		o.Clock = clock.Now
	}
	return limitmem.New(o)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	limitstest.Run(t, limitstest.Opener{Open: open, Virtual: true})
}

// TestConformanceInRealTime is of the clock that the store has by itself.
func TestConformanceInRealTime(t *testing.T) {
	t.Parallel()
	limitstest.Run(t, limitstest.Opener{Open: open, Steps: 1000})
}

func BenchmarkConformance(b *testing.B) {
	limitstest.Benchmark(b, limitstest.Opener{Open: open, Virtual: true})
}
