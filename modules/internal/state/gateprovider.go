// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"
)

// unaccepted is what a provider would have refused a request with, for which Caddy has no
// other answer than 401.
type unaccepted struct {
	denial *Denial
	user   string // who was known before
}

// AuthenticateUser is a provider of Caddy's authentication: it asks one way, and makes who
// is accepted the caller of the request. A request that is not accepted may be by the next
// provider, so what the client says about its identity goes first of all; what an earlier
// handler has asserted stays.
//
// If none accepts, Caddy answers 401. Where a handler of the gateway stands before Caddy's,
// the answer is what a way has said that is more than that: nobody can judge a token, say,
// or it is good and not for this.
//
// Who waits for the caller is not told here, but finds out before an upstream is called:
// Caddy takes the error of a provider for no more than a refused credential, and so would
// answer 401 to who has used a limit up.
func AuthenticateUser(w http.ResponseWriter, r *http.Request, way Authenticator) (caddyauth.User, bool, error) {
	rq := Ensure(r)
	rq.AssertIdentity(r)
	a, err := way.Authenticate(r, rq)
	if err != nil {
		return caddyauth.User{}, false, err
	}
	if a.Uncached {
		ForbidKeeping(w.Header())
	}
	if a.Verdict != Accepted {
		rq.noteUnaccepted(a.Denial)
	}
	switch of, tells := way.(Challenger); {
	case a.Verdict != Accepted && a.Denial.Status >= http.StatusInternalServerError:
		return caddyauth.User{}, false, DenyWith(a.Denial) // another credential would not help
	case a.Verdict != Accepted && tells:
		of.ChallengeOf(w.Header(), a.Denial)
		return caddyauth.User{}, false, nil
	case a.Verdict != Accepted || rq.Differs(a.Credential): // no error, which Caddy would log
		way.Challenge(w.Header())
		return caddyauth.User{}, false, nil
	}
	rq.unaccepted = unaccepted{}
	rq.admit(r, &a)
	c := rq.Credential // that of a handler before this one, where a token leads to nobody
	if c == nil {
		return caddyauth.User{ID: a.Token.Subject}, true, nil
	}
	return caddyauth.User{ID: c.Consumer.Name, Metadata: map[string]string{
		"custom_id":  c.Consumer.CustomID,
		"credential": c.ID,
		"groups":     strings.Join(c.Groups, " "),
	}}, true, nil
}

// noteUnaccepted keeps the gravest of what providers refuse with: that nobody can judge before
// missing rights, and both before a bad request. What is a 401 Caddy says by itself.
func (rq *Request) noteUnaccepted(d *Denial) {
	if d.Status == http.StatusUnauthorized || rq.unaccepted.denial != nil && d.Status <= rq.unaccepted.denial.Status {
		return
	}
	rq.unaccepted = unaccepted{d, rq.userID()}
}

// instead returns what a request is refused with in place of the 401 of Caddy's authentication.
// Where somebody was accepted since, that 401 is about something else.
func (rq *Request) instead(err error) error {
	d := rq.unaccepted.denial
	if d == nil || rq.unaccepted.user != rq.userID() {
		return err
	}
	he, ok := errors.AsType[caddyhttp.HandlerError](err)
	if !ok || he.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(he.Trace, "caddyauth.") {
		return err
	}
	return DenyWith(d)
}

// userID is who is known, by whatever authentication.
func (rq *Request) userID() string {
	if rq.repl == nil {
		return ""
	}
	id, _ := rq.repl.GetString(userIDPlaceholder)
	return id
}
