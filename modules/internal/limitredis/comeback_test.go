// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// TestSharesAreNotAdmittedTwice has gateways use up their shares while Redis is away,
// and goes on asking until all of them share it again: who finds it first does not
// admit what others have admitted already.
func TestSharesAreNotAdmittedTwice(t *testing.T) {
	t.Parallel()
	const limit, n = 300, 3
	rule := &limits.Rule{Unit: limits.Requests, Limit: limit, Window: limits.Window{Kind: limits.Calendar, Period: limits.Year}}
	tests := map[string]func(r *redistest.Server){
		"a moment":                   func(*redistest.Server) {},
		"until others are forgotten": func(*redistest.Server) { time.Sleep(3500 * time.Millisecond) },
		"and has lost all":           func(r *redistest.Server) { r.Restart(true) },
	}
	for name, away := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := redistest.Start(t)
			p := redistest.StartProxy(t, r.Addr)
			stores := gateways(t, n, []string{p.URL()}, 0, nil) // which are not late because the machine is busy
			for _, s := range stores {
				redistest.Eventually(t, "all gateways", func() bool { return s.conn.Instances() == n })
			}
			admitted := 0
			ask := func(s *Store) *limits.Decision {
				d := &limits.Decision{Checks: []limits.Check{{Rule: rule, Key: limits.Key{Level: "comeback", Subject: "all"}, Weight: 1}}}
				if err := s.Decide(t.Context(), d); err != nil {
					t.Fatal(err)
				}
				if !d.Denied {
					admitted++
				}
				return d
			}
			p.Cut()
			for _, s := range stores {
				redistest.Eventually(t, "the share to be used up", func() bool { d := ask(s); return d.Degraded && d.Denied })
			}
			if admitted != limit {
				t.Errorf("%d were admitted by shares of %d", admitted, limit)
			}
			away(r)
			p.Mend()
			mended := time.Now()
			redistest.Eventually(t, "limits to be shared again", func() bool {
				all := true
				for _, s := range stores {
					d := ask(s)
					all = all && !d.Degraded
				}
				return all
			})
			t.Logf("shared again after %v", time.Since(mended))
			if admitted > limit {
				t.Errorf("%d were admitted, want at most %d", admitted, limit)
			}
		})
	}
}
