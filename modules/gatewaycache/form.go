// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
	"github.com/caddy-gateway/tollgate/modules/internal/llmreplay"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// judgeCall says why the answer of a model is not stored, and else makes ready for it.
// What it says of its freshness is not asked: it is meant for browsers, and servers that
// stream say no-cache as a matter of course.
func (c *capture) judgeCall(x *httpcache.Exchange) (reason string) {
	v := c.v
	if why := v.request.Bypass(); why != httpcache.ReasonNone {
		return why.String()
	}
	if x.Status != http.StatusOK {
		return reasonStatus
	}
	for _, coding := range x.Header["Content-Encoding"] {
		if !strings.EqualFold(coding, "identity") {
			return reasonEncoding
		}
	}
	if x.Header["Trailer"] != nil {
		return reasonTrailer
	}
	if !variesAsKeyed(x.Header, v.h.rules.headers) {
		return reasonVary
	}
	media := usage.MediaOf(x.Header.Get("Content-Type"))
	a := &c.answer
	a.flags = isCall
	switch {
	case media == usage.MediaNone:
		return reasonAnswerType
	case v.call.array && media == usage.MediaJSON:
		a.flags |= isStream | isArray
	case media == usage.MediaNDJSON:
		a.flags |= isStream | isLines
	case media == usage.MediaSSE:
		a.flags |= isStream
	}
	if v.call.asked {
		a.flags |= isAsked
	}
	a.meta = httpcache.Meta{
		Status: http.StatusOK, Flags: httpcache.FlagHeuristic, Lifetime: v.h.rules.callTTL,
		Received: x.Responded.UnixMilli(), Date: x.Responded.Unix(),
		WhileRevalidate: time.Duration(v.h.StaleWhileRevalidate), IfError: time.Duration(v.h.StaleIfError),
	}
	c.header = make(http.Header, 3)
	for name, values := range x.Header {
		if ofACall(name) {
			c.header[name] = values
		}
	}
	return ""
}

// variesAsKeyed says that an answer depends on no fields of the request but those that
// are in the key of a model call, or do not matter for it.
func variesAsKeyed(h http.Header, keyed []string) bool {
	names, ok := httpcache.VaryNames(h)
	if !ok {
		return false
	}
	for _, name := range names {
		switch name {
		case "Accept-Encoding", "Accept", "Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers":
			continue
		}
		if !slices.Contains(callHeaders[:], name) && !slices.Contains(keyed, name) {
			return false
		}
	}
	return true
}

// readCall looks whether the answer of a model is whole and no error, and notes what it
// has cost. The error is why it is not stored.
func (v *visit) readCall(a *answer, body [][]byte, recorded bool) error {
	v.rq.Settle() // it has come to its end; llm_cost now says what it was
	llm := &v.rq.LLM
	if llm.Metered {
		if llm.Truncated || llm.Report.Failed || llm.Report.Malformed {
			return errUnfinished
		}
		if llm.PriceKnown {
			a.flags |= isPriced
			a.cost = llm.Cost
		}
	}
	if !recorded {
		return nil
	}
	var m usage.Meter
	m.Reset(v.call.endpoint.Format, a.media())
	for _, p := range body {
		m.Write(p)
	}
	report := m.Finish()
	if !report.Complete || report.Failed || report.Malformed {
		return errUnfinished
	}
	if report.Found {
		a.flags |= hasUsage
	}
	return nil
}

// media is the form of the body of a model's answer.
func (a *answer) media() usage.Media {
	switch {
	case !a.has(isStream) || a.has(isArray):
		return usage.MediaJSON
	case a.has(isLines):
		return usage.MediaNDJSON
	}
	return usage.MediaSSE
}

// cannotGive says that a stored answer lacks the usage, because the client it was for has
// not asked for it, and this one does or wants a whole answer, which always tells it.
func (v *visit) cannotGive(a *answer) bool {
	c := &v.call
	return c.endpoint.Format == usage.OpenAIChat && a.has(isStream) && !a.has(isAsked) && !a.has(hasUsage) && (c.asked || !c.stream)
}

// Forms in which a stored answer is given.
const (
	sameForm     = iota // as it was recorded
	withoutUsage        // a chat's stream, whose client has not asked for the usage
	otherForm
)

func (v *visit) form(a *answer) int {
	c := &v.call
	switch {
	case c.stream != a.has(isStream) || c.array != a.has(isArray):
		return otherForm
	case !c.stream || c.endpoint.Format != usage.OpenAIChat || c.asked == a.has(isAsked):
		return sameForm
	case !c.asked:
		return withoutUsage
	case a.has(hasUsage):
		return sameForm // it was told unasked
	}
	return otherForm
}

// give returns the body of a stored answer of a model in the form that the client asks
// for, and its media type if that differs. The error is that it has no such form.
func (v *visit) give(a *answer) (body [][]byte, contentType string, err error) {
	e, c := a.entry, &v.call
	form := v.form(a)
	if form == sameForm {
		return e.Body, "", nil
	}
	data := e.Bytes()
	if form == withoutUsage {
		return [][]byte{llmreplay.DropUsage(data)}, "", nil
	}
	format, operation := c.endpoint.Format, c.endpoint.Operation
	if a.has(isStream) {
		if data, err = llmreplay.Whole(format, operation, data); err != nil || !c.stream {
			return [][]byte{data}, "application/json", err
		}
	}
	data, err = llmreplay.Stream(format, operation, data, llmreplay.Options{IncludeUsage: c.asked, Array: c.array})
	switch {
	case format == usage.OllamaNative:
		contentType = "application/x-ndjson"
	case c.array:
		contentType = "application/json"
	default:
		contentType = "text/event-stream"
	}
	return [][]byte{data}, contentType, err
}
