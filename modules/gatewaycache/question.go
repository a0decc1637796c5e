// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"errors"
	"maps"
	"net/http"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/coalesce"
	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// How flights end that did not give an answer.
var (
	errStoredSince = errors.New("the answer has been stored since")
	errUnfinished  = errors.New("the answer was not whole")
	errNotShared   = errors.New("the answer is for nobody else")
)

// question is a request that goes to the upstream, and why.
type question struct {
	bypass   string // why it passes by the cache, if it does
	stored   *answer
	decision httpcache.Decision
	reason   string // why nothing is stored, if that is not just so
	lead     *coalesce.Lead[any]

	requested   time.Time
	since       caching.Mark
	conditional bool // it is asked whether what is stored is still good
}

// exchange asks the upstream, and answers from what comes of it.
func (v *visit) exchange(q *question) error {
	c := &capture{ResponseWriter: v.w, v: v, q: q, expect: -1}
	r := v.r
	q.requested = time.Now()
	if q.bypass != "" {
		v.tell(state.CacheBypass, q.bypass)
	} else {
		v.rq.Cache.Key = v.hexKey()
		v.tell(state.CacheMiss, q.why())
		c.before = maps.Clone(v.w.Header())
		q.since = v.h.cache.Store().Mark(v.key)
		r = v.outgoing(q)
	}
	defer c.abandon()
	return c.end(v.next.ServeHTTP(c, r))
}

// why is the reason for asking the upstream.
func (q *question) why() string {
	if q.reason != "" {
		return q.reason
	}
	if q.decision.Reason == httpcache.ReasonMiss {
		return ""
	}
	return q.decision.Reason.String()
}

// outgoing is the request as the upstream gets it.
func (v *visit) outgoing(q *question) *http.Request {
	r := v.r
	ctx := r.Context()
	if q.lead != nil {
		ctx = q.lead.Context() // which goes on for followers if the client leaves
	}
	if v.call.is {
		// What is stored is read, and given to clients of all kinds.
		r.Header["Accept-Encoding"] = []string{"identity"}
	}
	background := v.refresh && q.stored != nil && q.stored.meta.Validatable()
	if q.conditional = (q.decision.Action == httpcache.Revalidate || background) && r.Method == http.MethodGet; q.conditional {
		r = r.WithContext(ctx)
		r.Header = r.Header.Clone() // the client's own conditions are needed for its answer
		q.stored.meta.SetConditions(r.Header)
		return r
	}
	if q.lead != nil {
		r = r.WithContext(ctx)
	}
	return r
}
