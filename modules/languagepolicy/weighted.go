// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagepolicy

import (
	"net/http"
	"sync"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// weighted chooses upstreams in proportion to their weights, among those that are
// available, and spreads the choices of each over the round: of 4, 1 and 1 it makes
// aabaca. It is safe for concurrent use and allocates nothing.
//
// Caddy has weighted_round_robin, but while one of three or more upstreams is down that
// gives its share to whichever stands next: of 4, 1 and 1 without the first, five
// requests of six would go to the second. A fallback by language means that upstreams
// are down and the others are to share the load by what they can bear, so the choice is
// made here instead.
type weighted struct {
	weights []int // by the position of their upstream in the pool

	mu     sync.Mutex
	credit []int // how much of its share each is owed; what matters are differences
}

func newWeighted(weights []int) *weighted {
	return &weighted{weights: weights, credit: make([]int, len(weights))}
}

// Select implements reverseproxy.Selector. The pool is always the one that the weights
// belong to.
func (c *weighted) Select(pool reverseproxy.UpstreamPool, _ *http.Request, _ http.ResponseWriter) *reverseproxy.Upstream {
	return c.pick(pool, (*reverseproxy.Upstream).Available)
}

// pick gives every available upstream credit for one request, its weight, and chooses the
// one with the most, which pays for what all of them were given. So after as many requests
// as the weights add up to, each has been chosen as often as its weight says. Upstreams
// that are down keep what they had, which is less than one such round.
func (c *weighted) pick(pool reverseproxy.UpstreamPool, available func(*reverseproxy.Upstream) bool) *reverseproxy.Upstream {
	c.mu.Lock()
	defer c.mu.Unlock()
	best, total := -1, 0
	for i, u := range pool {
		if !available(u) {
			continue
		}
		total += c.weights[i]
		c.credit[i] += c.weights[i]
		if best < 0 || c.credit[i] > c.credit[best] {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	c.credit[best] -= total
	return pool[best]
}

// Interface guards
var _ reverseproxy.Selector = (*weighted)(nil)
