// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// revalidated answers from what is stored, which the upstream has said is still good.
func (c *capture) revalidated() error {
	v, q, x := c.v, c.q, &c.exchanged
	old := q.stored
	header, meta, reason := v.policy.Freshen(x, old.header(), &old.meta)
	fresh := &answer{meta: meta, flags: old.flags, cost: old.cost}
	if err := fresh.read(fresh.append(nil, header)); err != nil {
		return caddyhttp.Error(http.StatusBadGateway, err)
	}
	fresh.entry = old.entry
	if v.h.StoreCookies != CookiesKeep {
		for _, name := range [...]string{"Set-Cookie", "Set-Cookie2"} {
			if values := x.Header[name]; len(values) > 0 {
				h := v.w.Header()
				h[name] = slices.Concat(h[name], values)
			}
		}
	}
	now := time.Now()
	age := meta.Age(now)
	member := httpcache.Status{
		Forward: q.decision.Forward, ForwardStatus: http.StatusNotModified, Detail: q.decision.Reason,
		Stored: reason == httpcache.ReasonNone, TTL: meta.TTL(now), HasTTL: true,
	}
	err := v.send(fresh, old.entry.Body, "", state.CacheRevalidated, &member, age)
	c.put(fresh, header, reason, true)
	return err
}

// freshenHead takes the answer to a HEAD into what is stored for GET.
func (c *capture) freshenHead() {
	v, old := c.v, c.q.stored
	header, meta, reason := v.policy.FreshenHead(&c.exchanged, old.header(), &old.meta)
	if reason == httpcache.ReasonStatus {
		return // it says nothing about what is stored
	}
	fresh := &answer{meta: meta, flags: old.flags, cost: old.cost, entry: old.entry}
	c.put(fresh, header, reason, false)
}

// put stores an answer whose fields are new, or forgets the stored one where they must not
// be stored. Answered says that the client has its answer.
func (c *capture) put(fresh *answer, header http.Header, reason httpcache.Reason, answered bool) {
	v := c.v
	switch reason {
	case httpcache.ReasonNone:
		varyUnsaid(header, v.r.Header)
		header["Content-Length"] = []string{strconv.FormatInt(fresh.entry.Len(), 10)}
		e := v.entryFor(fresh, header, fresh.entry.Body, time.Now())
		asked := v.varyFields(header)
		v.store(answered, func(ctx context.Context) { v.keep(ctx, header, asked, e, c.q.since) })
	case httpcache.ReasonCredentials, httpcache.ReasonRequestNoStore:
		// The stored answer stays as it is.
	default:
		v.forget(v.key)
	}
}

// statusOf is the status that an error of the chain stands for.
func statusOf(err error) int {
	if he, ok := errors.AsType[caddyhttp.HandlerError](err); ok {
		return he.StatusCode
	}
	return 0
}
