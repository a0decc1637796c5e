// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"os"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// faultVariable is the environment variable that makes the tests of the model run
// on a store with that fault, in a process of its own.
const faultVariable = "LIMITSTEST_FAULT"

// opener opens models: in virtual time, and one that several gateways share; or
// what is wrong with them, in a process for that.
func opener() Opener {
	f := fault{wrap: func(m *Model) limits.Store { return m }}
	for i := range faults {
		if faults[i].name == os.Getenv(faultVariable) {
			f = faults[i]
		}
	}
	return Opener{
		Open: func(_ testing.TB, clock *Clock) limits.Store { return f.wrap(NewModel(clock)) },
		Several: func(_ testing.TB, n int, clock *Clock) []limits.Store {
			s := f.wrap(NewModel(clock))
			stores := make([]limits.Store, n)
			for i := range stores {
				stores[i] = s
				if f.alone {
					stores[i] = f.wrap(NewModel(clock))
				}
			}
			return stores
		},
		Virtual: true,
	}
}

func TestModel(t *testing.T) {
	Run(t, opener())
}

func TestModelInRealTime(t *testing.T) {
	o := opener()
	o.Virtual = false
	Run(t, o)
}

func BenchmarkModel(b *testing.B) {
	Benchmark(b, opener())
}
