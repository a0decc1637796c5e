// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// testAmounts checks the largest figures: they are exact up to the bounds of the
// contract, and stay there without wrapping around.
func testAmounts(t *testing.T, o Opener) {
	const most = limits.MaxCount
	bucketMost := most / time.Hour.Milliseconds()
	tests := []struct {
		name string
		rule *limits.Rule
		most int64
	}{
		{"sliding cost", sliding(limits.Cost, most, day), most},
		{"sliding tokens", sliding(limits.Tokens, limits.MaxSliding, day), limits.MaxSliding},
		{"sliding requests", sliding(limits.Requests, limits.MaxSliding, day), limits.MaxSliding},
		{"fixed cost", fixed(limits.Cost, most, 366*day), most},
		{"fixed requests", fixed(limits.Requests, most, 366*day), most},
		{"calendar tokens", calendar(limits.Tokens, most, limits.Year, ""), most},
		{"held", held(most), most},
		{"bucket", bucket(limits.Cost, 1, bucketMost, time.Hour), bucketMost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.rule.Check(); err != nil {
				t.Fatal(err)
			}
			p := open(t, o)
			p.admit(on(tt.rule, "whole", tt.most))
			p.holds(on(tt.rule, "whole", 0), tt.most)
			p.deny(on(tt.rule, "whole", 1))
			p.deny(on(tt.rule, "whole", most))

			d := p.admit(on(tt.rule, "parts", tt.most-3))
			p.admit(on(tt.rule, "parts", 2))
			p.deny(on(tt.rule, "parts", 2))
			p.admit(on(tt.rule, "parts", 1))
			p.holds(on(tt.rule, "parts", 0), tt.most)
			p.settle(d, 5)
			if tt.rule.Unit != limits.Concurrent {
				p.holds(on(tt.rule, "parts", 0), 8)
			} else {
				p.holds(on(tt.rule, "parts", 0), 3)
			}

			for range 3 {
				p.admit(on(soft(tt.rule), "beyond", most))
				if used := p.look(on(tt.rule, "beyond", 0)).Used; used < tt.most || used > most {
					t.Errorf("%d used, want from %d to %d", used, tt.most, int64(most))
				}
				p.deny(on(tt.rule, "beyond", 1))
				p.deny(on(tt.rule, "beyond", most))
			}
		})
	}
}
