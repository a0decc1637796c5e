// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"net/http"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
)

// Stage is a moment from which on more is known of a request.
type Stage uint8

// The stages. Not every request reaches all of them, and some reach one twice.
const (
	// CallerKnown is when an authentication has accepted the caller.
	CallerKnown Stage = iota + 1
	// CallKnown is when it is known what the request asks of a model: LLM is
	// complete but for what only the answer tells.
	CallKnown
	// Answering is when an upstream is about to be called, or an answer to be
	// written.
	Answering
)

// Waiter is told of stages, because it could not decide about the request when
// it met it.
type Waiter interface {
	// Reached is told of a stage. What it returns refuses the request. With
	// Answering, where the request is not at hand, r is nil.
	Reached(s Stage, r *http.Request, rq *Request) error
	// AnswerHeader sets headers on the final answer, whoever writes it.
	AnswerHeader(h http.Header)
	// Done is the last call: the waiter may be used again for another request.
	Done()
}

// Await registers w to be told of stages from now on. There is one: a second
// handler that waits finds the first by [Request.Waiter] and joins it.
func (rq *Request) Await(w Waiter) { rq.waiter = w }

// Waiter returns what Await has registered, or nil.
func (rq *Request) Waiter() Waiter { return rq.waiter }

// Reach tells who waits that the request has reached a stage. Handlers that learn
// what others wait for call it before they pass the request on, and return
// its error as it is.
func (rq *Request) Reach(s Stage, r *http.Request) error {
	if rq.waiter == nil {
		return nil
	}
	return rq.waiter.Reached(s, r, rq)
}

// answerHeader is called before a final header goes out, or is held. An answer that
// who waits refuses is dropped, and the refusal takes its place when the chain has
// returned (see Serve).
func (rq *Request) answerHeader(h http.Header) (refused bool) {
	if rq.waiter == nil {
		return false
	}
	if !rq.answering {
		rq.answering = true
		rq.refusal = rq.waiter.Reached(Answering, nil, rq)
	}
	if rq.refusal == nil {
		rq.waiter.AnswerHeader(h)
	}
	return rq.refusal != nil
}

// refused returns what the chain has ended in: err, unless its answer was dropped.
func (rq *Request) refused(err error) error {
	if rq.refusal != nil {
		err, rq.refusal = rq.refusal, nil
	}
	if err != nil {
		err = rq.instead(err)
		rq.answering = true // a refusal is no answer to be decided about
	}
	return err
}

// CallerTeller is a handler that can make the caller known.
type CallerTeller interface{ TellsCaller() }

// CallTeller is a handler that can make known what is asked of a model.
type CallTeller interface{ TellsCall() }

// Bounder says before a model is called how much the call can use at most.
type Bounder interface {
	// Bound returns upper bounds on what the call will use. With maxOutput above 0
	// it first limits the answer to that many tokens where the request asks for
	// more or names no limit, by changing the request that goes to the upstream.
	// An error refuses the request.
	Bound(r *http.Request, maxOutput int64) (Bound, error)
}

// Bound is how much a call can use at most.
type Bound struct {
	// Input and Output are tokens of all classes, for all choices together.
	Input, Output int64
	// Cost is what these can cost at most.
	Cost money.Amount
	// Unbounded says why Input, Output or Cost is a guess rather than a bound, in
	// words that end the sentence "The cost of this call cannot be bounded:".
	// Empty: all are bounds.
	Unbounded string
}
