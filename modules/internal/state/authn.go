// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"net/http"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

// Verdict is what an Authenticator thinks of a request.
type Verdict uint8

const (
	// Missing is that the request shows no credential of this kind.
	Missing Verdict = iota
	// Accepted is that it shows one which is good.
	Accepted
	// Rejected is that it shows one which is not, or which cannot be judged.
	Rejected
)

// Authenticator is one way to find out who calls. It judges, and changes nothing but what
// it takes out of the request: credentials of its kind, accepted or not, unless it is told
// to leave them. Who asks it acts on the verdict, so that several ways can be
// alternatives. It is safe for concurrent use.
type Authenticator interface {
	// Authenticate looks for a credential and judges it. An error is that of reading
	// the request, and ends it.
	Authenticate(r *http.Request, rq *Request) (Authentication, error)
	// Challenge adds what a 401 says about this way in WWW-Authenticate.
	Challenge(h http.Header)
}

// Challenger is an Authenticator whose challenge says what was wrong with a credential, or
// what is missing in one that is good (RFC 6750, section 3).
type Challenger interface {
	// ChallengeOf is Challenge for a request which is refused with a Denial of this way.
	ChallengeOf(h http.Header, d *Denial)
}

// Hider is an Authenticator that can take credentials of its kind out of a request
// without judging them, which may take long. Whoever has accepted a request by another
// way has the rest of them do so.
type Hider interface {
	// Hide removes from the request what Authenticate would, unless it is told to leave
	// it. An error is that of reading the request, and ends it.
	Hide(r *http.Request, rq *Request) error
}

// AuthenticatorModule is a provider of Caddy's authentication that is one of the
// gateway's ways as well. The method Authenticate of the two has different parameters, so
// one type cannot be both.
type AuthenticatorModule interface {
	// Authenticator returns the way, once the module is provisioned.
	Authenticator() Authenticator
}

// Authentication is the result of an Authenticator.
type Authentication struct {
	// Verdict is the result in short.
	Verdict Verdict
	// Credential is whose credential was accepted; nil where it is not one of a
	// consumer of the gateway.
	Credential *consumers.Credential
	// Token is what an accepted token says; nil for other credentials.
	Token *Token
	// Denial is what a request is refused with that is not accepted: missing, too.
	Denial *Denial
	// Uncached says that the credential stood in the URL, so that caches must not
	// keep the answer (RFC 6750, section 2.3).
	Uncached bool
}

// ErrConsumersDiffer refuses credentials of two consumers where all are required.
var ErrConsumersDiffer = &Denial{
	Status: http.StatusUnauthorized, Code: "consumers_differ", Message: "The credentials are those of different consumers",
}

// Admit makes the caller of an accepted authentication that of the request, tells the
// upstream, and then who waits for that. What it returns refuses the request. What a token
// says stays if it is followed by something that is none. One that
// leads to no consumer leaves the consumer whom an authentication before it has found, and
// with that whatever the consumer's credential is limited to. One that leads to another
// consumer is refused, but for the profile kong, with which the last one counts.
func (rq *Request) Admit(r *http.Request, a *Authentication) error {
	if rq.Differs(a.Credential) {
		return DenyWith(ErrConsumersDiffer)
	}
	rq.admit(r, a)
	return rq.Reach(CallerKnown, r)
}

// admit is Admit without telling who waits.
func (rq *Request) admit(r *http.Request, a *Authentication) {
	if a.Credential != nil || rq.Credential == nil || rq.Anonymous {
		rq.Credential = a.Credential
	}
	rq.Anonymous = false
	if a.Token != nil {
		rq.Token = a.Token
	}
	rq.AuthenticatedElsewhere = rq.Credential == nil
	rq.AssertIdentity(r)
}

// Differs says that an authentication before this one has found another consumer. With
// the profile kong that is no matter.
func (rq *Request) Differs(c *consumers.Credential) bool {
	return c != nil && rq.Credential != nil && !rq.Anonymous && c.Consumer != rq.Credential.Consumer && !rq.KongErrors
}

// Known says that an authentication has accepted the caller already, of the gateway or
// not, and notes that if it was not one of ours.
func (rq *Request) Known(r *http.Request) bool {
	if rq.Credential != nil {
		return !rq.Anonymous
	}
	rq.AuthenticatedElsewhere = rq.KnownElsewhere(r)
	return rq.AuthenticatedElsewhere
}

// AdmitAnonymous is Admit for who has shown no credential, or not enough, and is taken for
// the consumer of a credential without a key. What a way has told the upstream, which
// accepted one of several that were needed, is taken back.
func (rq *Request) AdmitAnonymous(r *http.Request, c *consumers.Credential) error {
	rq.disown(r.Header)
	rq.Credential, rq.Anonymous, rq.Token = c, true, nil
	rq.AssertIdentity(r)
	return rq.Reach(CallerKnown, r)
}
