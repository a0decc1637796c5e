// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/tickets"
)

// Values of Keys.TicketRequests.
const (
	TicketsWebSocket = "websocket"
	TicketsAny       = "any"
)

// ticket returns the ticket in a query, and how often the parameter is there.
func (k *Keys) ticket(r *http.Request, name string) (value string, n int) {
	if r.URL.RawQuery == "" || !k.anyTickets && !state.OpensWebSocket(r) {
		return "", 0
	}
	return queryValue(r.URL.RawQuery, name)
}

// redeem takes a ticket, and finds the credential that it stands for as it is now: one that
// is gone or has expired since then is worth nothing.
func (k *Keys) redeem(r *http.Request, rq *state.Request, p place, value string) finding {
	f := finding{verdict: invalid, at: p}
	t, err := tickets.Redeem(r.Context(), k.app.Records(), value)
	switch {
	case err != nil:
		if !errors.Is(err, context.Canceled) {
			f.verdict = unavailable
		}
		return f
	case t == nil || !t.GoodFor(originalPath(r), rq.Route, r.Header["Origin"]):
		return f
	}
	c := k.credentialOf(t)
	if c == nil || !c.Active(rq.Start) || t.Token != nil && !t.Token.Expires.IsZero() && !rq.Start.Before(t.Token.Expires) {
		return f
	}
	f.verdict, f.credential, f.token = valid, c, tokenOf(t.Token)
	return f
}

// originalPath returns the path that the client has asked for, whatever it was rewritten to.
func originalPath(r *http.Request) string {
	if orig, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && orig.URL != nil {
		return orig.URL.Path
	}
	return r.URL.Path
}

// credentialOf finds what a ticket stands for.
func (k *Keys) credentialOf(t *tickets.Ticket) *consumers.Credential {
	owner := k.table.Consumer(t.Consumer)
	if owner == nil {
		return nil
	}
	if t.Keyless {
		return owner.Keyless(t.Credential)
	}
	for _, c := range owner.Credentials() {
		if c.ID == t.Credential {
			return c
		}
	}
	if c := k.table.Access(t.Credential); c != nil && c.Consumer == owner {
		return c
	}
	return nil
}

// tokenOf returns what a ticket says of the token that it stands for.
func tokenOf(t *tickets.Token) *state.Token {
	if t == nil {
		return nil
	}
	return &state.Token{
		Issuer: t.Issuer, Subject: t.Subject, ID: t.ID, Client: t.Client, Scopes: t.Scopes, Expires: t.Expires, Claims: t.Claims,
	}
}

// retryTickets is when to ask again while records are not available.
const retryTickets = time.Second

// denialOfTicket is what a request is refused with whose ticket is worth nothing.
func denialOfTicket() *state.Denial {
	return &state.Denial{
		Status: http.StatusUnauthorized, Code: "ticket_invalid",
		Message: "The ticket is not valid: it is good once, for a short time, and where it was issued for",
	}
}

// denialOfTickets is that while nobody can say what it is worth.
func denialOfTickets() *state.Denial {
	return &state.Denial{
		Status: http.StatusServiceUnavailable, Code: "tickets_unavailable", RetryAfter: retryTickets,
		Message: "Tickets cannot be checked at the moment; get another one later",
	}
}
