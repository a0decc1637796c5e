// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/cachemem"
	"github.com/caddy-gateway/tollgate/modules/internal/coalesce"
	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
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
	answer answer
	header http.Header // what is kept of the fields
	body   [][]byte    // where no flight keeps it
	size   int64
	expect int64
	ended  bool // the flight is over, or somebody else ends it
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
	if !c.record {
		lead.Refuse()
		return
	}
	lead.Publish(c.v.share(c), c.expect)
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
	return n, err
}

// take records p, unless it is too much. Those who wait get it all the same.
func (c *capture) take(p []byte) {
	if c.q.lead != nil {
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
	return c.q.lead == nil || c.v.h.MaxAnswer > coalesce.DefaultMaxBytes
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

// abandon ends a flight that nobody has ended, which is after a panic.
func (c *capture) abandon() { c.land(coalesce.ErrAbandoned) }

// land ends the flight.
func (c *capture) land(err error) {
	if c.q.lead != nil && !c.ended {
		c.ended = true
		c.q.lead.End(err)
	}
}

// end is called when the chain has returned.
func (c *capture) end(err error) error {
	v, q := c.v, c.q
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
	case c.expect >= 0 && c.size != c.expect:
		c.land(errUnfinished)
	default:
		c.commit()
	}
	return err
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
			c.q.lead.End(nil)
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
