// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ticket

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/tickets"
)

// answer is the body of the answer.
type answer struct {
	Ticket string `json:"ticket"`
	// ExpiresIn is how many seconds the ticket is good.
	ExpiresIn int64 `json:"expires_in"`
}

// Handle implements state.Handler.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, _ caddyhttp.Handler) error {
	if r.Method != http.MethodPost {
		return state.DenyWith(&state.Denial{
			Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Message: "Ask for a ticket with POST", Allow: http.MethodPost,
		})
	}
	t, ttl, err := h.ticket(r, rq)
	if err != nil {
		return err
	}
	text, err := tickets.Issue(r.Context(), h.app.Records(), t, ttl)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return err
		}
		return state.DenyWith(&state.Denial{
			Status: http.StatusServiceUnavailable, Code: "tickets_unavailable", RetryAfter: time.Second,
			Message: "No ticket can be issued at the moment; try again later",
		})
	}
	body, err := json.Marshal(answer{text, int64(ttl / time.Second)})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	_, err = w.Write(append(body, '\n'))
	return err
}

// ticket says what the ticket stands for, and how long. The error refuses the request.
func (h *Handler) ticket(r *http.Request, rq *state.Request) (*tickets.Ticket, time.Duration, error) {
	c := rq.Credential
	switch {
	case c == nil && rq.Known(r):
		return nil, 0, state.Deny(http.StatusForbidden, "ticket_not_allowed", "A ticket stands for a consumer, and the caller is none")
	case c == nil || rq.Anonymous:
		return nil, 0, state.Deny(http.StatusUnauthorized, "consumer_unknown", "A ticket is given in exchange for a credential")
	case rq.ByTicket:
		return nil, 0, state.Deny(http.StatusForbidden, "ticket_not_allowed", "A ticket is not given in exchange for a ticket")
	}
	t := &tickets.Ticket{
		Consumer: c.Consumer.Name, Credential: c.ID, Keyless: !h.listed(c),
		Token: tokenOf(rq.Token), Path: h.Path, Route: h.Route,
	}
	if err := h.bind(t, r, rq); err != nil {
		return nil, 0, err
	}
	ttl := h.ttl
	if rq.Token != nil && !rq.Token.Expires.IsZero() {
		ttl = min(ttl, rq.Token.Expires.Sub(rq.Start).Truncate(time.Second))
		if ttl < minTTL {
			return nil, 0, state.Deny(http.StatusUnauthorized, "ticket_not_allowed", "The token ends too soon for a ticket")
		}
	}
	return t, ttl, nil
}

// listed says that a credential is one that the config gives the consumer: a key, or what its
// tokens are signed with or issued for. A ticket for such a one ends with it.
func (h *Handler) listed(c *consumers.Credential) bool {
	return slices.Contains(c.Consumer.Credentials(), c) || h.app.ConsumerTable().Access(c.ID) == c
}

// names are the members of a body.
var names = jsonpeek.NewNames("origin", "path")

// bind says for whom and for what the ticket is good.
func (h *Handler) bind(t *tickets.Ticket, r *http.Request, rq *state.Request) error {
	origins := r.Header["Origin"]
	if len(origins) > 1 {
		return refuse("Origin stands there twice")
	}
	var origin, path string
	body, err := rq.Body(r, maxBody)
	if err != nil {
		return err
	}
	if len(body) > 0 {
		var members [2][]byte
		if err := jsonpeek.Scan(body, names, members[:]); err != nil {
			return refuse("The body is not one JSON object that has each member once")
		}
		for i, into := range []*string{&origin, &path} {
			if members[i] == nil {
				continue
			}
			text, ok := jsonpeek.String(members[i])
			if !ok || text == "" {
				return refuse("origin and path are strings, where they are there")
			}
			*into = text
		}
	}
	if path != "" {
		if path[0] != '/' || strings.ContainsAny(path, "*?#") || t.Path != "" && !tickets.MatchPath(t.Path, path) {
			return refuse("path is no path for which tickets are given here")
		}
		t.Path = path
	}
	if !h.bound {
		return nil
	}
	if len(origins) == 1 {
		if origin != "" && origin != origins[0] {
			return refuse("origin is another one than that of the page which asks")
		}
		origin = origins[0]
	}
	if origin != "" {
		if err := tickets.CheckOrigin(origin); err != nil {
			return refuse("A ticket cannot be bound to this origin: an origin is a scheme and a host such as https://app.example.com")
		}
	}
	t.Bound, t.Origin = true, origin
	return nil
}

func refuse(message string) error {
	return state.Deny(http.StatusBadRequest, "ticket_request_invalid", message)
}

// tokenOf returns what goes along of a token.
func tokenOf(t *state.Token) *tickets.Token {
	if t == nil {
		return nil
	}
	return &tickets.Token{
		Issuer: t.Issuer, Subject: t.Subject, ID: t.ID, Client: t.Client, Scopes: t.Scopes, Expires: t.Expires, Claims: t.Claims,
	}
}
