// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// serve answers from what is stored. A model's answer that cannot be given in the form
// that is asked for is asked for anew.
func (v *visit) serve(a *answer, d httpcache.Decision, is state.CacheStatus) error {
	body, contentType := a.entry.Body, ""
	if v.call.is {
		var err error
		if body, contentType, err = v.give(a); err != nil {
			return v.exchange(&question{decision: httpcache.Decision{Forward: httpcache.ForwardMiss}, reason: reasonForm})
		}
	}
	member := httpcache.Status{Detail: d.Reason, TTL: d.TTL, HasTTL: true}
	return v.send(a, body, contentType, is, &member, d.Age)
}

// serveFor answers from what is stored in place of what the upstream has said.
func (v *visit) serveFor(a *answer, d httpcache.Decision, is state.CacheStatus, status int) error {
	body, contentType := a.entry.Body, ""
	if v.call.is {
		var err error
		if body, contentType, err = v.give(a); err != nil {
			return caddyhttp.Error(or(status, http.StatusBadGateway), err)
		}
	}
	member := httpcache.Status{Detail: d.Reason, TTL: d.TTL, HasTTL: true, ForwardStatus: status}
	return v.send(a, body, contentType, is, &member, d.Age)
}

// send writes a stored answer.
func (v *visit) send(a *answer, body [][]byte, contentType string, is state.CacheStatus, member *httpcache.Status, age time.Duration) error {
	if v.refresh {
		return nil
	}
	rq, h := v.rq, v.w.Header()
	c := &rq.Cache
	c.Key, c.Age = v.hexKey(), age
	if a.has(isPriced) {
		c.Saved, c.SavedKnown = a.cost, true
	}
	v.tell(is, member.Detail.String())
	a.put(h, contentType != "")
	if contentType != "" {
		h["Content-Type"] = []string{contentType}
	}
	size := sizeOf(body)
	length := v.describe(h, is, member, age, size)
	get := v.r.Method == http.MethodGet || v.r.Method == http.MethodHead
	if get && a.meta.NotModified(v.r.Header, rq.Start) {
		httpcache.DropForNotModified(h)
		v.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if v.r.Method == http.MethodGet && v.r.Header["Range"] != nil {
		if span, verdict := a.meta.Range(v.r.Header, size, rq.Start); verdict != httpcache.WholeBody {
			return v.sendPart(body, span, verdict, size)
		}
	}
	if a.meta.Status != http.StatusNoContent {
		h["Content-Length"] = length
	}
	v.w.WriteHeader(a.meta.Status)
	if v.r.Method == http.MethodHead {
		return nil
	}
	for _, p := range body {
		if len(p) == 0 {
			continue
		}
		if _, err := v.w.Write(p); err != nil {
			return nil //nolint:nilerr // The client has gone, which the writer knows.
		}
	}
	return nil
}

// sendPart writes a part of a stored answer, or that there is none.
func (v *visit) sendPart(body [][]byte, span httpcache.Span, verdict httpcache.RangeVerdict, size int64) error {
	h := v.w.Header()
	h["Content-Range"] = []string{string(span.AppendContentRange(nil, verdict, size))}
	if verdict == httpcache.Unsatisfiable {
		delete(h, "Content-Type")
		v.w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		return nil
	}
	h["Content-Length"] = []string{strconv.FormatInt(span.Length, 10)}
	v.w.WriteHeader(http.StatusPartialContent)
	e := caching.Entry{Body: body}
	_, _ = e.WriteRange(v.w, span.Offset, span.Length) // the writer knows if the client has gone
	return nil
}

// describe sets Age and the fields that tell what the cache did, and returns a value for
// the length of the body. All values are parts of one text.
func (v *visit) describe(h http.Header, is state.CacheStatus, member *httpcache.Status, age time.Duration, size int64) (length []string) {
	var room [256]byte
	buf := strconv.AppendInt(room[:0], int64(age/time.Second), 10)
	ageEnd := len(buf)
	buf = strconv.AppendInt(buf, size, 10)
	lengthEnd := len(buf)
	if v.h.rules.standard {
		buf = v.member(buf, member, "")
	}
	text := string(buf)
	values := make([]string, 5)
	values[0], values[1], values[2] = text[:ageEnd], text[ageEnd:lengthEnd], text[lengthEnd:]
	h["Age"] = values[0:1:1]
	if v.h.rules.standard {
		if have := h[headerStandard]; len(have) > 0 {
			h[headerStandard] = append(slices.Clip(have), values[2])
		} else {
			h[headerStandard] = values[2:3:3]
		}
	}
	if v.h.rules.kong {
		values[3], values[4] = kongStatus(is, member.Forward), v.hexKey()
		h[headerStatus], h[headerKey] = values[3:4:4], values[4:5:5]
	} else {
		delete(h, headerStatus)
		delete(h, headerKey)
	}
	return values[1:2:2]
}

func sizeOf(body [][]byte) (n int64) {
	for _, p := range body {
		n += int64(len(p))
	}
	return n
}
