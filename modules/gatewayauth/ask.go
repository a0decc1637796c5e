// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewayauth

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// finding is what one way says.
type finding struct {
	state.Authentication
	way    *way
	user   *caddyauth.User // whom a foreign way has accepted
	answer *answer         // what a foreign way would have answered
}

// outcome is what all ways that were asked say.
type outcome struct {
	passed   bool
	uncached bool
	findings []finding
	denial   *state.Denial // what to refuse with; nil if nothing was wrong but absent
}

func (o *outcome) accepted() bool { return o.passed }

// nothing says that the request shows no credential of any kind.
func (o *outcome) nothing() bool {
	for i := range o.findings {
		if o.findings[i].Verdict != state.Missing {
			return false
		}
	}
	return o.denial == nil
}

// merged is the one authentication that the accepted ones come to: the credential of the
// first that has one, and the token likewise.
func (o *outcome) merged() state.Authentication {
	a := state.Authentication{Verdict: state.Accepted}
	for i := range o.findings {
		f := &o.findings[i]
		if f.Verdict != state.Accepted {
			continue
		}
		if a.Credential == nil {
			a.Credential = f.Credential
		}
		if a.Token == nil {
			a.Token = f.Token
		}
	}
	return a
}

// ask asks the ways in their order. Each of them sees the request as it came: one that
// takes out what it looks at, accepted or not, does not keep it from the next, with which
// it may share a carrier. In the end the credentials of all are gone.
func (h *Handler) ask(r *http.Request, rq *state.Request) (outcome, error) {
	o := outcome{findings: make([]finding, 0, len(h.ways))}
	before := take(r)
	defer before.release()
	for i := range h.ways {
		if i > 0 {
			before.restore(r)
		}
		f, err := h.judge(&h.ways[i], r, rq)
		if err != nil {
			return outcome{}, err
		}
		switch {
		case f.Verdict == state.Rejected:
			before.note(r)
		case f.Verdict == state.Accepted && h.all:
			before.adopt(r)
		}
		o.findings = append(o.findings, f)
		o.uncached = o.uncached || f.Uncached
		if f.Verdict == state.Rejected {
			o.denial = graver(o.denial, f.Denial)
		}
		if h.decided(&o, f) {
			break
		}
	}
	h.conclude(&o)
	before.forget(r, rq)
	// The last to be asked has done so, and nothing was put back since; with a password
	// it is for this handler to do.
	var done *way
	if last := &o.findings[len(o.findings)-1]; last.Verdict == state.Accepted && last.way.own != nil {
		done = last.way
	}
	return o, h.hideBut(r, rq, done)
}

// decided says that the rest of the ways need not be asked.
func (h *Handler) decided(o *outcome, f finding) bool {
	switch f.Verdict {
	case state.Accepted:
		return !h.all
	case state.Rejected:
		return h.all
	default:
		// With all, one that is absent is enough to refuse, unless the request may
		// be that of somebody who shows nothing.
		return h.all && (h.anonymous == nil || len(o.findings) > 1 && o.findings[0].Verdict == state.Accepted)
	}
}

// conclude finds out whether the request may pass.
func (h *Handler) conclude(o *outcome) {
	n := 0
	for i := range o.findings {
		f := &o.findings[i]
		if f.Verdict != state.Accepted {
			continue
		}
		n++
		if c := o.merged().Credential; f.Credential != nil && c.Consumer != f.Credential.Consumer {
			o.denial = state.ErrConsumersDiffer
			return
		}
	}
	switch {
	case !h.all:
		o.passed = n > 0
	case n == len(h.ways):
		o.passed = true
	case n > 0 && o.denial == nil:
		o.denial = h.missing // something is there, and something is missing
	}
	if f := &o.findings[0]; len(h.ways) == 1 && f.Verdict == state.Missing && f.way.own != nil && h.anonymous == nil {
		o.denial = f.Denial // a single way says best what it wants
	}
}

// graver returns which of two denials is to be shown: that of a way which could not judge,
// before that of a good credential without the right, before any other; of equals the
// first.
func graver(first, second *state.Denial) *state.Denial {
	if first == nil || second != nil && weight(second) > weight(first) {
		return second
	}
	return first
}

func weight(d *state.Denial) int {
	switch {
	case d.Status >= http.StatusInternalServerError:
		return 2
	case d.Status == http.StatusForbidden:
		return 1
	default:
		return 0
	}
}

// judge asks one way.
func (h *Handler) judge(w *way, r *http.Request, rq *state.Request) (finding, error) {
	if w.own == nil {
		return h.judgeForeign(w, r), nil
	}
	a, err := w.own.Authenticate(r, rq)
	if a.Verdict != state.Accepted && a.Denial == nil {
		a.Denial = unauthorized
	}
	return finding{Authentication: a, way: w}, err
}

// unauthorized is the denial of a way that says nothing about it.
var unauthorized = &state.Denial{Status: http.StatusUnauthorized, Code: "unauthorized", Message: "Unauthorized"}
