// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latencypolicy

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-gateway/tollgate/modules/internal/latency"
)

// Select implements reverseproxy.Selector. It replaces the context of r, which is the
// request that is going to be sent, by one whose client trace reports the first byte.
// Called again for the same request, it takes the attempt before as failed: Caddy
// selects again only after an error or an answer that lb_retry_match refuses.
func (p *Policy) Select(pool reverseproxy.UpstreamPool, r *http.Request, _ http.ResponseWriter) *reverseproxy.Upstream {
	now := clock()
	x := exchangeOf(r)
	if x != nil {
		x.retry(now)
	}
	first, second := twoOf(pool)
	if first == nil {
		return nil
	}
	a := &attempt{policy: p, upstream: first}
	if second == nil {
		p.options.Begin(&a.Attempt, p.candidate(first, r, &a.address, now).Server, now)
	} else {
		var other string
		if p.options.Choose(&a.Attempt, p.candidate(first, r, &a.address, now), p.candidate(second, r, &other, now), now) {
			a.upstream, a.address = second, other
		}
	}
	if x == nil {
		x = newExchange(r)
	}
	x.begin(r, a)
	return a.upstream
}

// twoOf returns two available upstreams in random order, each pair with the same
// probability; second is nil if there is but one, and first if there is none.
func twoOf(pool reverseproxy.UpstreamPool) (first, second *reverseproxy.Upstream) {
	available := 0
	for _, u := range pool {
		if !u.Available() {
			continue
		}
		available++
		switch available {
		case 1:
			first = u
		case 2:
			second = u
		default:
			// Reservoir sampling: the nth takes either place with probability 1/n.
			switch rand.IntN(available) { //nolint:gosec // no secret
			case 0:
				first = u
			case 1:
				second = u
			}
		}
	}
	if second != nil && rand.IntN(2) == 0 { //nolint:gosec // no secret
		first, second = second, first
	}
	return first, second
}

// candidate finds what is known of an upstream and stores its address. Its load is
// Caddy's count of the requests that have not ended.
func (p *Policy) candidate(u *reverseproxy.Upstream, r *http.Request, address *string, now time.Duration) latency.Candidate {
	*address = u.Dial
	if strings.Contains(u.Dial, "{") {
		if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
			*address = repl.ReplaceAll(u.Dial, "")
		}
	}
	return latency.Candidate{Server: p.registry.Get(*address, now), Load: u.NumRequests()}
}
