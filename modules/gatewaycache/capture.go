// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/coalesce"
	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// capture stands in the place of the response writer while the upstream is asked. It
// passes the answer on, or keeps it from the client where a stored one takes its place,
// and records what is to be stored.
type capture struct {
	http.ResponseWriter
	v *visit
	q *question

	before    http.Header // what was there before
	wrote     bool        // there is a header
	swallow   bool        // the client gets a stored answer
	stale     httpcache.Decision
	exchanged httpcache.Exchange

	record bool
	bill   *bill // of a call whose answer is shared
	answer answer
	header http.Header // what is kept of the fields
	body   [][]byte    // where no flight keeps it
	size   int64
	expect int64
	alone  bool // the flight does not take the answer
	broken bool // a handler was told that its answer does not get through
	ended  bool // the flight is over, or somebody else ends it
	over   bool // the chain has returned
}

// Unwrap gives http.ResponseController what is behind.
func (c *capture) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// WriteHeader decides what becomes of the answer.
func (c *capture) WriteHeader(status int) {
	switch {
	case c.wrote:
		if !c.swallow {
			c.ResponseWriter.WriteHeader(status) // let it be reported
		}
		return
	case status < 200 && status != http.StatusSwitchingProtocols:
		c.ResponseWriter.WriteHeader(status)
		return
	}
	c.wrote = true
	h := c.Header()
	if c.v.meter != nil {
		c.v.meter.begin(c.v.call.endpoint.Format, status, h)
	}
	switch {
	case c.q.bypass != "":
		c.invalidate(status, h)
		c.annotate(h, status, httpcache.Status{Forward: c.forwardOfBypass()}, state.CacheBypass, c.q.bypass)
	case c.answered(status, h):
		c.swallow = true
		return
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *capture) forwardOfBypass() httpcache.Forward {
	if c.q.bypass == reasonMethod {
		return httpcache.ForwardMethod
	}
	return httpcache.ForwardBypass
}

// invalidate forgets what a change has made out of date.
func (c *capture) invalidate(status int, h http.Header) {
	v := c.v
	if v.endpointOf().Format != usage.FormatNone || !httpcache.Invalidates(v.r.Method, status) {
		return
	}
	v.forgetTarget(h)
}

// answered judges the header of an answer, and says that a stored one takes its place.
func (c *capture) answered(status int, h http.Header) (replaced bool) {
	v, q := c.v, c.q
	c.exchanged = httpcache.Exchange{
		Request: &v.request, Method: v.r.Method, URL: v.target(), Credentialed: v.credentialed, RequestHeader: v.r.Header,
		Status: status, Header: own(h, c.before), Requested: q.requested, Responded: time.Now(),
	}
	x := &c.exchanged
	if q.stored != nil {
		if c.stale = v.policy.OnError(&v.request, &q.stored.meta, x.Responded, status); c.stale.Action == httpcache.Serve {
			return true
		}
		if q.conditional && status == http.StatusNotModified {
			return true
		}
		if v.r.Method == http.MethodHead {
			c.freshenHead()
		}
	}
	reason := c.judge(x)
	c.record = reason == ""
	member := httpcache.Status{Forward: q.decision.Forward, Stored: c.record}
	if c.expect = contentLength(h); c.record && c.expect > v.h.MaxAnswer {
		c.record, member.Stored, reason = false, false, reasonAnswerSize
	}
	c.publish()
	cacheStatus := state.CacheMiss
	switch {
	case !c.record && v.r.Method != http.MethodHead:
		cacheStatus = state.CacheBypass
	default:
		reason = q.why()
	}
	c.annotate(h, status, member, cacheStatus, reason)
	return false
}

// judge says why an answer is not stored, and else makes ready for it.
func (c *capture) judge(x *httpcache.Exchange) (reason string) {
	v := c.v
	if v.call.is {
		return c.judgeCall(x)
	}
	meta, why := v.policy.Store(x)
	switch {
	case why != httpcache.ReasonNone:
		return why.String()
	case x.Header["Trailer"] != nil:
		return reasonTrailer
	case !v.h.rules.storesType(x.Header.Get("Content-Type")):
		return reasonAnswerType
	}
	c.answer.meta = meta
	c.header = v.policy.StoredHeader(x.Header, x.Responded)
	varyUnsaid(c.header, v.r.Header)
	return ""
}

// annotate tells the client what the cache has done.
func (c *capture) annotate(h http.Header, status int, s httpcache.Status, is state.CacheStatus, reason string) {
	v := c.v
	v.tell(is, reason)
	v.tellKong(h, kongStatus(is, s.Forward))
	if v.h.rules.standard {
		if status != 0 && s.Forward != httpcache.ForwardBypass && s.Forward != httpcache.ForwardMethod {
			s.ForwardStatus = 0 // it is what the client gets
		}
		h[headerStandard] = append(h[headerStandard], string(v.member(nil, &s, reason)))
	}
}

// publish lets those share the answer who wait for it, if it can be shared.
func (c *capture) publish() {
	lead := c.q.lead
	if lead == nil {
		return
	}
	if m := &c.answer.meta; !c.record || m.Has(httpcache.FlagNoCache) || m.TTL(c.exchanged.Responded) <= 0 {
		c.alone = true // what is to be validated before each use is for one request
		lead.Refuse()
		return
	}
	shared := c.v.share(c)
	c.bill = shared.bill
	lead.Publish(shared, c.expect)
}

// Write passes p on and records it.
func (c *capture) Write(p []byte) (int, error) {
	if !c.wrote {
		c.WriteHeader(http.StatusOK)
	}
	if c.swallow {
		return len(p), nil
	}
	if c.v.meter != nil {
		c.v.meter.write(p)
	}
	c.size += int64(len(p))
	if c.record {
		c.take(p)
	}
	n, err := c.ResponseWriter.Write(p)
	if err != nil && c.wanted() {
		return len(p), nil // the client has gone, and others wait
	}
	c.broken = c.broken || err != nil
	return n, err
}

// wanted says that others wait for the answer.
func (c *capture) wanted() bool { return c.record && c.q.lead != nil && c.q.lead.Wanted() }

// FlushError flushes what was passed on.
func (c *capture) FlushError() error {
	if !c.wrote {
		c.WriteHeader(http.StatusOK)
	}
	if c.swallow {
		return nil
	}
	if err := http.NewResponseController(c.ResponseWriter).Flush(); err != nil && !c.wanted() {
		c.broken = c.broken || !errors.Is(err, http.ErrNotSupported)
		return err
	}
	return nil
}

// ReadFrom keeps the fast path of the writer behind where nothing is recorded.
func (c *capture) ReadFrom(r io.Reader) (int64, error) {
	if !c.wrote {
		c.WriteHeader(http.StatusOK)
	}
	if to, ok := c.ResponseWriter.(io.ReaderFrom); ok && !c.record && !c.swallow {
		return to.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{c}, r)
}

// abandon ends what nobody has ended, which is after a panic. Proxies panic when the client
// leaves.
func (c *capture) abandon() {
	if !c.over && c.leftAtEnd() {
		c.commit()
	}
	c.land(coalesce.ErrAbandoned)
}

// land ends the flight.
func (c *capture) land(err error) {
	if c.q.lead != nil && !c.ended {
		c.ended = true
		c.endLead(err)
	}
}

// endLead ends the flight when the request has been settled as far as it will be.
func (c *capture) endLead(err error) {
	if c.bill != nil {
		c.bill.end()
	}
	c.q.lead.End(err)
}

// end is called when the chain has returned.
func (c *capture) end(err error) error {
	v, q := c.v, c.q
	c.over = true
	switch {
	case c.swallow && err == nil:
		c.land(errNotShared)
		restore(v.w.Header(), c.before)
		if c.stale.Action == httpcache.Serve {
			return v.serveFor(q.stored, c.stale, state.CacheStale, c.exchanged.Status)
		}
		return c.revalidated()
	case !c.wrote && q.stored != nil && err != nil:
		if d := v.policy.OnError(&v.request, &q.stored.meta, time.Now(), 0); d.Action == httpcache.Serve {
			c.land(err)
			restore(v.w.Header(), c.before)
			return v.serveFor(q.stored, d, state.CacheStale, statusOf(err))
		}
	}
	switch {
	case err != nil && c.leftAtEnd():
		c.commit()
	case err != nil:
		c.land(err)
		if !c.wrote {
			is, reason := state.CacheMiss, or(q.why(), reasonError)
			if q.bypass != "" {
				is, reason = state.CacheBypass, q.bypass
			}
			c.annotate(v.w.Header(), 0, httpcache.Status{Forward: or(q.decision.Forward, c.forwardOfBypass())}, is, reason)
		}
	case !c.record:
		c.land(errNotShared)
		if !c.wrote {
			c.annotate(v.w.Header(), 0, httpcache.Status{Forward: or(q.decision.Forward, c.forwardOfBypass())}, state.CacheBypass, or(q.bypass, reasonNoAnswer))
		}
	case c.broken, c.expect >= 0 && c.size != c.expect:
		c.land(errUnfinished) // who was told of an error may have stopped for it
	default:
		c.commit()
	}
	return err
}

func contentLength(h http.Header) int64 {
	if values := h["Content-Length"]; len(values) == 1 {
		if n, err := strconv.ParseInt(values[0], 10, 64); err == nil && n >= 0 {
			return n
		}
	}
	return -1
}

// Interface guards
var (
	_ http.ResponseWriter = (*capture)(nil)
	_ io.ReaderFrom       = (*capture)(nil)
)
