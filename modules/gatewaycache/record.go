// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/cachemem"
	"github.com/caddy-gateway/tollgate/modules/internal/coalesce"
	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
)

// take records p, unless it is too much. Those who wait get it all the same.
func (c *capture) take(p []byte) {
	if c.q.lead != nil && !c.alone {
		_, _ = c.q.lead.Write(p) // which never fails
	}
	switch {
	case c.size > c.v.h.MaxAnswer:
		c.body = nil
	case c.ownBody():
		if n := len(c.body); n == 0 || cap(c.body[n-1])-len(c.body[n-1]) < len(p) {
			room := int64(max(len(p), 4<<10))
			if n == 0 && c.expect > 0 {
				room = max(room, min(c.expect, 1<<20))
			} else if n > 0 {
				room = max(room, min(int64(2*cap(c.body[n-1])), 1<<20))
			}
			c.body = append(c.body, make([]byte, 0, room))
		}
		last := len(c.body) - 1
		c.body[last] = append(c.body[last], p...)
	}
}

// ownBody says that no flight keeps the body, or one that does not keep enough.
func (c *capture) ownBody() bool {
	return c.q.lead == nil || c.alone || c.v.h.MaxAnswer > coalesce.DefaultMaxBytes
}

// pieces returns the recorded body, or false if it was too large.
func (c *capture) pieces() ([][]byte, bool) {
	if c.size > c.v.h.MaxAnswer {
		return nil, false
	}
	if c.ownBody() {
		return c.body, true
	}
	return c.q.lead.Body()
}

// commit stores a whole answer. The end of the client's answer waits for it a little, so
// that the next request finds it.
func (c *capture) commit() {
	v := c.v
	body, whole := c.pieces()
	if v.call.is {
		report := v.readCall(&c.answer, body, whole)
		if report != nil {
			c.land(report)
			return
		}
	}
	if !whole {
		c.land(nil)
		return
	}
	c.header["Content-Length"] = []string{strconv.FormatInt(c.size, 10)}
	e := v.entryFor(&c.answer, c.header, body, time.Now())
	asked := v.varyFields(c.header)
	c.ended = true // by what follows
	v.store(true, func(ctx context.Context) {
		v.keep(ctx, c.header, asked, e, c.q.since)
		if c.q.lead != nil {
			c.endLead(nil)
		}
	})
}

// varyFields are the fields of the request that an answer with the given fields depends
// on. They are read when the request may be over.
func (v *visit) varyFields(header http.Header) http.Header {
	names, _ := httpcache.VaryNames(header)
	asked := make(http.Header, len(names))
	for _, name := range names {
		asked[name] = slices.Clone(v.r.Header[name])
		if v.r.Header[name] == nil {
			delete(asked, name)
		}
	}
	return asked
}

// store runs do, which puts something into the store. Memory takes no time to speak of. For
// anything else the end of the request waits a little, when the client has its answer, so
// that the same request again is a hit. Do must not look at the request, which may be over
// by then.
func (v *visit) store(answered bool, do func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.r.Context()), putTimeout)
	if _, memory := v.h.cache.Store().(*cachemem.Store); memory || v.refresh {
		do(ctx)
		cancel()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		do(ctx)
	}()
	if answered {
		_ = http.NewResponseController(v.w).Flush() // the writer knows if the client has gone
	}
	t := time.NewTimer(putWait)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}
