// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// kind is what a request means for the account.
type kind uint8

const (
	// free requests are billed nothing and change nothing.
	free kind = iota
	// call is a model call, whose request and answer are read.
	call
	// manage requests are billed nothing but change what there is.
	manage
	// opaque requests may cost something that cannot be read: WebSockets, forms
	// with files, endpoints that are not known.
	opaque
)

// kind tells what r is, given what its path says.
func (h *Handler) kind(r *http.Request, ep usage.Endpoint) kind {
	switch {
	case r.Method == http.MethodConnect || r.Method == http.MethodGet && r.Header["Upgrade"] != nil:
		return opaque // before all else: a WebSocket is opened with GET
	case ep.Free:
		return free
	case ep.Manages:
		return manage
	case ep.Format == usage.FormatNone:
		return opaque
	}
	return call
}

// passUnread forwards what is not a readable call. An opaque one counts as a call
// of unknown cost if it succeeds.
func (h *Handler) passUnread(w http.ResponseWriter, r *http.Request, rq *state.Request, k kind, next caddyhttp.Handler) error {
	if r.ContentLength > h.MaxBody {
		return state.TooLarge(h.MaxBody)
	}
	if r.Method != http.MethodConnect && r.ContentLength != 0 { // the body of a CONNECT is the connection
		r.Body = http.MaxBytesReader(w, r.Body, h.MaxBody)
	}
	if k == manage {
		return next.ServeHTTP(w, r)
	}
	rq.LLM.Label, rq.LLM.Bounder = otherModel, unreadBounder{}
	if err := rq.Reach(state.CallKnown, r); err != nil {
		return err
	}
	w = rq.Tapped(w, r, &unread{rq})
	if err := next.ServeHTTP(w, r); err != nil {
		return err
	}
	return rq.EndTapped(w)
}

// unread is the tap of an opaque request.
type unread struct{ rq *state.Request }

// ResponseHeader implements state.Tap.
func (u *unread) ResponseHeader(status int, h http.Header) int64 {
	withoutClaims(h)
	answered := status == http.StatusSwitchingProtocols || status >= 200 && status <= 299
	u.rq.LLM.Metered = answered && !u.rq.Cache.Served()
	return 0
}

// ResponseBody implements state.Tap.
func (u *unread) ResponseBody([]byte) bool { return false }

// HeldHeader implements state.Tap.
func (u *unread) HeldHeader(http.Header) {}

// Interface guards
var _ state.Tap = (*unread)(nil)
