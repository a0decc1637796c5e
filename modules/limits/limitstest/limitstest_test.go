// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"testing"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// modelOpener opens models: one in virtual time that several gateways share.
var modelOpener = Opener{
	Open: func(_ testing.TB, clock *Clock) limits.Store { return NewModel(clock) },
	Several: func(_ testing.TB, n int, clock *Clock) []limits.Store {
		m := NewModel(clock)
		stores := make([]limits.Store, n)
		for i := range stores {
			stores[i] = m
		}
		return stores
	},
	Virtual: true,
}

func TestModel(t *testing.T) {
	Run(t, modelOpener)
}

func TestModelInRealTime(t *testing.T) {
	o := modelOpener
	o.Virtual = false
	Run(t, o)
}
