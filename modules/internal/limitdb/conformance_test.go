// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitdb

import (
	"testing"

	"github.com/caddy-gateway/tollgate/modules/limits"
	"github.com/caddy-gateway/tollgate/modules/limits/limitstest"
)

func opener() limitstest.Opener {
	return limitstest.Opener{
		Virtual: true,
		Open: func(t testing.TB, clock *limitstest.Clock) limits.Store {
			o := Options{Dir: t.TempDir()}
			if clock != nil {
				o.Clock = clock.Now
			}
			return mustOpen(t, o)
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	limitstest.Run(t, opener())
}

func BenchmarkConformance(b *testing.B) { limitstest.Benchmark(b, opener()) }
