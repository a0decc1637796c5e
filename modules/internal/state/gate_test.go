// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

// oneWay says the same of every request.
type oneWay struct{ Authentication }

func (w oneWay) Authenticate(*http.Request, *Request) (Authentication, error) {
	return w.Authentication, nil
}
func (oneWay) Challenge(h http.Header) { h.Set("Www-Authenticate", "Demo") }

// usedUp waits for the caller, and refuses every one.
type usedUp struct{ asked int }

func (u *usedUp) Reached(Stage, *http.Request, *Request) error {
	u.asked++
	return Deny(http.StatusTooManyRequests, "rate_limit_exceeded", "Limit exceeded")
}
func (*usedUp) AnswerHeader(http.Header) {}
func (*usedUp) Done()                    {}

// TestProvidersLeaveLimitsToLater: Caddy answers 401 to whatever error a provider returns, so
// a limit that is used up must not be one.
func TestProvidersLeaveLimitsToLater(t *testing.T) {
	t.Parallel()
	table, err := consumers.Build([]consumers.Spec{{Name: "alice"}, {Name: "bob"}}, consumers.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	alice := table.Anonymous("alice")
	unknown := &Denial{Status: http.StatusUnauthorized, Code: "token_invalid"}
	down := &Denial{Status: http.StatusServiceUnavailable, Code: "token_unavailable"}
	tests := map[string]struct {
		before    string // the consumer whom a handler before it has found
		says      Authentication
		user      string
		code      string // of the error
		challenge string
	}{
		"accepted":          {says: Authentication{Verdict: Accepted, Credential: alice}, user: "alice"},
		"without consumer":  {says: Authentication{Verdict: Accepted, Token: &Token{Subject: "s-1"}}, user: "s-1"},
		"refused":           {says: Authentication{Verdict: Rejected, Denial: unknown}, challenge: "Demo"},
		"cannot be judged":  {says: Authentication{Verdict: Rejected, Denial: down}, code: "token_unavailable"},
		"another consumer":  {before: "bob", says: Authentication{Verdict: Accepted, Credential: alice}, challenge: "Demo"},
		"the same one":      {before: "alice", says: Authentication{Verdict: Accepted, Credential: alice}, user: "alice"},
		"a token of nobody": {before: "bob", says: Authentication{Verdict: Accepted, Token: &Token{Subject: "s-1"}}, user: "bob"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("GET", "/", nil)
			r = r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, map[string]any{}))
			rq, waiter := Ensure(r), new(usedUp)
			if tt.before != "" {
				rq.Credential = table.Anonymous(tt.before)
			}
			rq.Await(waiter)
			w := httptest.NewRecorder()
			user, accepted, err := AuthenticateUser(w, r, oneWay{tt.says})
			if user.ID != tt.user || accepted != (tt.user != "") || waiter.asked != 0 {
				t.Errorf("the user is %q, accepted %v, and who waits was asked %d times", user.ID, accepted, waiter.asked)
			}
			d := new(Denial)
			if errors.As(err, &d); d.Code != tt.code {
				t.Errorf("the error is %v", err)
			}
			if got := w.Header().Get("Www-Authenticate"); got != tt.challenge {
				t.Errorf("the challenge is %q", got)
			}
			if tt.says.Credential != nil && accepted != (rq.Credential == tt.says.Credential) {
				t.Errorf("the request is that of %q", rq.ConsumerName())
			}
		})
	}
}
