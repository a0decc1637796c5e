// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/coalesce"
	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

type cacheKey = caching.Key

// visit is one request at the handler.
type visit struct {
	h    *Handler
	w    http.ResponseWriter
	r    *http.Request
	rq   *state.Request
	next caddyhttp.Handler

	call         call
	policy       *httpcache.Policy
	request      httpcache.Request
	who          string // the kind of the partition
	marks        marks
	elsewhere    bool // the caller is known to an authentication that is not ours
	credentialed bool // the caller is known by a credential, wherever that is now
	key          cacheKey
	hex          string // of the key, once it was needed
	body         []byte // of the request, if the key covers it
	keyed        bool

	variants *variants // by which stored answers differ, if they do
	down     bool      // the store could not be asked
	refresh  bool      // nobody waits for the answer
	meter    *refreshMeter
}

// Handle implements state.Handler.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	v := &visit{h: h, w: w, r: r, rq: rq, next: next}
	rq.Cache = state.Cache{Name: h.cache.Name()}
	reason, err := v.classify()
	switch {
	case err != nil:
		return err
	case reason == reasonUpgrade:
		// The connection may be taken over: nothing may stand in between.
		v.tell(state.CacheBypass, reason)
		return next.ServeHTTP(w, r)
	case reason != "":
		return v.exchange(&question{bypass: reason})
	}
	return v.answer()
}

// classify finds out what the request is for the cache and sets its key, or says why it
// has none.
func (v *visit) classify() (reason string, err error) {
	h, r := v.h, v.r
	if r.Method == http.MethodConnect || r.Header["Upgrade"] != nil {
		return reasonUpgrade, nil
	}
	v.policy, v.elsewhere = h.rules.http, v.rq.KnownElsewhere(r)
	if len(h.rules.bypass) > 0 {
		if matched, err := h.rules.bypass.AnyMatchWithError(r); err != nil || matched {
			return reasonMatcher, err
		}
	}
	v.marks = marksOf(r)
	v.credentialed = v.rq.Credential != nil && !v.rq.Anonymous || v.marks.credential || v.elsewhere
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if r.Method == http.MethodGet && !h.rules.get || r.Method == http.MethodHead && !h.rules.head {
			return reasonMethod, nil
		}
		if some, err := v.hasBody(); err != nil || some {
			return reasonBody, err
		}
		reason = v.httpKey(nil)
	case http.MethodPost:
		if reason, err = v.classifyPost(); err != nil {
			return "", err
		}
	default:
		return reasonMethod, nil
	}
	if reason != "" {
		return reason, nil
	}
	v.keyed = true
	switch {
	case v.call.is:
		v.policy = h.rules.calls
	case v.who == "consumer" || v.who == "groups":
		v.policy = h.rules.partitioned
	}
	v.request = v.policy.Request(r.Method, r.Header)
	return "", nil
}

// classifyPost is classify for a POST.
func (v *visit) classifyPost() (reason string, err error) {
	ep := v.endpointOf()
	switch {
	case ep.Format == usage.FormatNone && !v.h.rules.jsonPost, !v.h.rules.call:
		return reasonMethod, nil
	case ep.Format != usage.FormatNone && (ep.Free || ep.Manages || ep.Operation == ""):
		return reasonOperation, nil
	case ep.Format == usage.FormatNone && usage.MediaOf(v.r.Header.Get("Content-Type")) != usage.MediaJSON:
		return reasonNotJSON, nil // it may go on for as long as its answer, as gRPC does
	}
	body, reason, err := v.readBody()
	if reason != "" || err != nil {
		return reason, err
	}
	v.body = body
	if ep.Format == usage.FormatNone {
		return v.httpKey(body), nil
	}
	v.call.is, v.call.endpoint = true, ep
	return v.callKey(body), nil
}

// answer answers a request that has a key.
func (v *visit) answer() error {
	stored, reason := v.lookup()
	now := time.Now()
	d := v.policy.Decide(&v.request, metaOf(stored), now)
	if d.Forward == httpcache.ForwardURIMiss && v.variants != nil {
		d.Forward = httpcache.ForwardVaryMiss
	}
	switch d.Action {
	case httpcache.Serve:
		return v.serve(stored, d, state.CacheHit)
	case httpcache.ServeStale:
		if v.limited() {
			d = httpcache.Decision{Action: httpcache.Fetch, Reason: httpcache.ReasonStale, Forward: httpcache.ForwardStale}
			break
		}
		again := v.prepareRefresh(stored)
		if again != nil {
			defer again()
		}
		return v.serve(stored, d, state.CacheStale)
	case httpcache.Timeout:
		return v.timeout(d)
	case httpcache.Fetch, httpcache.Revalidate:
	}
	q := &question{stored: stored, decision: d, reason: reason}
	if !v.joins(d) {
		return v.exchange(q)
	}
	return v.together(q)
}

// limited says that this is a model call that counts against limits. A call in the
// background would be in none of them, and a hard budget would be exceeded by it; what
// this request has reserved is settled when it has been answered.
func (v *visit) limited() bool {
	return v.call.is && (v.rq.Quota.Name != "" || v.rq.Waiter() != nil)
}

// joins says that the request may share the answer to another one like it.
func (v *visit) joins(d httpcache.Decision) bool {
	if v.h.CoalesceOff || d.Action != httpcache.Fetch || v.r.Method == http.MethodHead || v.request.Bypass() != httpcache.ReasonNone {
		return false
	}
	switch d.Reason {
	case httpcache.ReasonMiss, httpcache.ReasonStale:
	default:
		return false
	}
	if v.request.NoCache() {
		return false // RFC 9111 section 4: what may not be reused is not shared either
	}
	if v.call.is {
		return true
	}
	for _, name := range [...]string{"Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range"} {
		if v.r.Header[name] != nil {
			return false // the answer may be for this client alone
		}
	}
	return true
}

// together makes the call for all who ask for the same now, or takes part in the one that
// is being made.
func (v *visit) together(q *question) error {
	flights, ctx := v.h.cache.Flights(), v.r.Context()
	lead, follower := flights.Join(ctx, v.flightKey())
	for {
		if lead != nil {
			// Who has led until now may have stored the answer since this request looked.
			if stored, reason := v.lookAgain(); reason == "" {
				if d := v.policy.Decide(&v.request, metaOf(stored), time.Now()); d.Action == httpcache.Serve {
					lead.End(errStoredSince)
					return v.serve(stored, d, state.CacheHit)
				}
			}
			q.lead = lead
			return v.exchange(q)
		}
		header, verdict := follower.Wait(ctx)
		switch verdict {
		case coalesce.Shared:
			shared := header.(*sharedHeader) //nolint:forcetypeassert // This handler alone uses the group.
			if !v.matches(shared) {
				follower.Leave()
				return v.exchange(q)
			}
			defer follower.Leave()
			return v.follow(ctx, follower, shared)
		case coalesce.Alone:
			follower.Leave()
			return v.exchange(q)
		case coalesce.Again:
			follower.Leave()
			lead, follower = flights.Again(ctx, follower)
		default: // the client has gone
			follower.Leave()
			return caddyhttp.Error(state.StatusClientClosed, ctx.Err())
		}
	}
}

// timeout refuses a request that wants no answer but a stored one.
func (v *visit) timeout(d httpcache.Decision) error {
	v.rq.Cache.Key = v.hexKey()
	v.tell(state.CacheMiss, d.Reason.String())
	if v.h.rules.standard {
		s := httpcache.Status{Cache: v.h.cache.Name(), Generated: true, Detail: d.Reason}
		v.w.Header().Add("Cache-Status", string(s.Append(nil)))
	}
	v.tellKong(v.w.Header(), "Miss")
	return state.Deny(http.StatusGatewayTimeout, "not_in_cache", "The request asks for a stored answer only, and there is none that may be given")
}

// tell sets what is said of the request, for logs, metrics and placeholders.
func (v *visit) tell(status state.CacheStatus, reason string) {
	v.rq.Cache.Status, v.rq.Cache.Reason = status, reason
}

func (v *visit) hexKey() string {
	if v.hex == "" {
		var text [2 * len(v.key)]byte
		hex.Encode(text[:], v.key[:])
		v.hex = string(text[:]) // in one piece of memory less than by v.key.String
	}
	return v.hex
}

// target is the absolute URL of the request.
func (v *visit) target() *url.URL {
	u := *v.r.URL
	u.Scheme, u.Host = "http", v.r.Host
	if v.r.TLS != nil {
		u.Scheme = "https"
	}
	return &u
}

func metaOf(a *answer) *httpcache.Meta {
	if a == nil {
		return nil
	}
	return &a.meta
}
