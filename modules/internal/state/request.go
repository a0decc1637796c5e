// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package state is what the gateway's handlers share about one request: who
// calls, on which route, which model, what it cost, and how the answer goes
// out. It has four parts:
//
//   - [Request], the typed state, kept in Caddy's request variables under one
//     key and read by handlers, matchers, placeholders and log fields;
//   - [Serve], the protocol by which handlers find it. The outermost gateway
//     handler of a request creates it, wraps the response writer once, renders
//     errors once and settles once;
//   - [Writer], which passes response bytes on unchanged while taps look at
//     them, and settles before the last byte leaves;
//   - the shared request body ([Request.Body]), read once and bounded.
//
// A Request belongs to the goroutine that serves it. It never holds a
// credential: the key is looked up, removed and forgotten.
package state

import (
	"encoding/binary"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/apierror"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// varKey is the request variable that holds the state. Variables are
// printable ({http.vars.gateway}), so Request.String shows the id only.
const varKey = "gateway"

// UnnamedRoute stands for every route without a gateway_route name.
const UnnamedRoute = "_"

// Request is the gateway's state of one HTTP request.
type Request struct {
	// Route is the name given by gateway_route, or empty.
	Route string

	// Credential is the key that identified the caller, or the keyless
	// credential of the anonymous consumer; nil while nobody is known.
	Credential *consumers.Credential

	// Anonymous says that the caller showed no key and was given the
	// route's anonymous consumer.
	Anonymous bool

	// AuthenticatedElsewhere says that an authentication handler which is
	// not ours (basic_auth, say) has accepted the request, so that "nobody
	// is known" means "known, but not a consumer".
	AuthenticatedElsewhere bool

	// Token is what the token says by which the caller is known; nil if it is not
	// by one.
	Token *Token

	// ByTicket says that the caller is known by a ticket, which stands for the
	// credential that it was exchanged for.
	ByTicket bool

	// LLM is what is known of the model call, if the request is one.
	LLM LLM

	// Language is in which language the request is, if something asked.
	Language Language

	// APIVersion is which version of an API the request asks for.
	APIVersion APIVersion

	// Cache is what a response cache did with the request.
	Cache Cache

	// Shape is the error body that the client's library understands.
	// ShapeSet says that a handler decided it; otherwise the path does.
	Shape    apierror.Shape
	ShapeSet bool

	// KongErrors asks for Kong's error body instead of Shape.
	KongErrors bool

	// Start is when the outermost handler saw the request.
	Start time.Time

	// Failure is what the request ended with, if it was an error.
	Failure Failure

	// Quota is what the limits of the request say.
	Quota Quota

	// HostData is for the host alone.
	HostData any

	pages      errorPages
	kongBody   string // of the error; see Denial
	account    account
	waiter     Waiter
	refusal    error // of an answer that was dropped
	unaccepted unaccepted
	live       link
	broken     bool // nothing more of the answer may pass
	hurried    bool // see Hurried
	ready      bool // all that a settlement reads is written under account from here on

	asserted    []string // headers that AssertHeader has set
	subprotocol string   // see NameProtocol
	opening     int      // the status that opens the WebSocket

	id        string
	host      Host
	writer    Writer
	entered   bool
	stripped  bool // no identity header stands in the request
	settled   bool
	aborted   bool
	answering bool // the stage Answering was reached, or will not be
	closed    bool // nothing is given back any more, so nothing may be taken
	settlers  [4]Settler
	nsettle   int
	last      Settler // is told after settlers
	finishers []Finisher
	body      *buffer
	bodyErr   error
	in        atomic.Int64
	repl      *caddy.Replacer
}

// LLM describes a call of a language model. Strings are copies: they outlive
// the request body.
type LLM struct {
	// Provider is the name under which the call is priced and counted;
	// empty when the request is not a model call.
	Provider string
	// Endpoint is what the path says: wire format and operation.
	Endpoint usage.Endpoint
	// Model is the model asked for.
	Model string
	// Label is the model's name in metrics and ledger: the one the answer
	// names, reduced to names the price book knows, else "_other".
	Label string
	// Stream says that the client asked for a stream.
	Stream bool
	// Report is the usage read from the answer.
	Report usage.Report
	// Metered says that Report came from an answer of a model endpoint.
	Metered bool
	// Cost is what the call cost; zero unless PriceKnown.
	Cost money.Amount
	// Uncached is what it would have cost without cache reads.
	Uncached money.Amount
	// PriceKnown says that the price book knew the model.
	PriceKnown bool
	// Truncated says that the answer ended before it was complete.
	Truncated bool
	// Estimated says that tokens in the report were counted by the gateway, for
	// want of a complete report from the provider, and Tokenizer with what.
	Estimated bool
	Tokenizer string
	// Bounder tells what the call can use at most; nil if nothing meters it.
	Bounder Bounder
}

// Quota is what the tightest limit of a request says, for logs and placeholders.
type Quota struct {
	// Name of the quota or plan; empty while nothing is decided.
	Name string
	// Unit and Window of the limit, such as "requests" and "60s".
	Unit, Window string
	// Limit and Remaining in units; of cost billionths of a dollar.
	Limit, Remaining int64
	// Reset is how long until something is free again.
	Reset time.Duration
	// Denied says that a limit has refused the request, Shadow that one in the
	// shadow would have.
	Denied, Shadow bool
	// Degraded says that it was decided without the shared store.
	Degraded bool
}

// Failure is how a request failed, for logs, metrics and the ledger.
type Failure struct {
	Status  int
	Code    string
	Message string
	// Denied says that the gateway refused the request, rather than that
	// the upstream or the connection failed.
	Denied bool
}

// Settler is told once that the answer is complete or broken, before its last
// byte is released. It reads what it metered and writes it into the request.
type Settler interface {
	SettleRequest(rq *Request)
	// EndRequest is the last call: the settler may be used again for
	// another request.
	EndRequest()
}

// Host is the gateway app as the request state sees it.
type Host interface {
	// Record keeps the request's account. It runs once per request, after
	// the settlers and before the last byte of the answer.
	Record(rq *Request)
	// Observe counts the request in metrics. It runs once, when the
	// outermost handler is done.
	Observe(rq *Request, o Outcome)
	// Live is the set of requests that the host is serving.
	Live() *Live
	// LogPanic reports that a step of settling the request has panicked.
	LogPanic(rq *Request, reason any)
	// LogError reports an error that the gateway answered itself.
	LogError(rq *Request, r *http.Request, err error)
}

// Outcome is what is known only when a request is over.
type Outcome struct {
	// Status is the final status; 0 if none was written (the connection was
	// broken first).
	Status int
	// Duration is the time from Start to the end of the answer.
	Duration time.Duration
	// FirstByte is the time from Start to the response header; 0 if none.
	FirstByte time.Duration
	// BytesIn and BytesOut are body bytes read from and sent to the client.
	BytesIn, BytesOut int64
	// Attempts is how often an upstream was tried; 0 if none was.
	Attempts int
	// Aborted says that the answer was broken off by either side.
	Aborted bool
}

// Of returns the state of r, or nil where no gateway handler has run.
func Of(r *http.Request) *Request { return stateIn(varsOf(r)) }

// varsOf returns Caddy's variables of r, or nil where there are none.
func varsOf(r *http.Request) map[string]any {
	vars, _ := r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	return vars
}

func stateIn(vars map[string]any) *Request {
	rq, _ := vars[varKey].(*Request)
	return rq
}

// Ensure returns the state of r and creates it if needed, for modules that
// are not handlers of ours and so cannot go through [Serve].
func Ensure(r *http.Request) *Request {
	vars := varsOf(r)
	if rq := stateIn(vars); rq != nil {
		return rq
	}
	rq := &Request{Start: time.Now()}
	rq.attach(r, vars)
	return rq
}

// ID returns the correlation id and makes one (UUID version 7, RFC 9562) if
// the request has none yet.
func (rq *Request) ID() string {
	if rq.id == "" {
		rq.id = NewID(rq.Start)
	}
	return rq.id
}

// SetID sets the correlation id.
func (rq *Request) SetID(id string) { rq.id = id }

// String is the correlation id and nothing else, because request variables
// are printable.
func (rq *Request) String() string { return rq.id }

// RouteName is the route's name, or [UnnamedRoute].
func (rq *Request) RouteName() string {
	if rq.Route == "" {
		return UnnamedRoute
	}
	return rq.Route
}

// Consumer returns the caller, or nil.
func (rq *Request) Consumer() *consumers.Consumer {
	if rq.Credential == nil {
		return nil
	}
	return rq.Credential.Consumer
}

// ConsumerName is the caller's name, or empty.
func (rq *Request) ConsumerName() string {
	if rq.Credential == nil {
		return ""
	}
	return rq.Credential.Consumer.Name
}

// KnownElsewhere says that an authentication which is not ours has accepted
// the request, so that whoever calls is known without being a consumer.
func (rq *Request) KnownElsewhere(r *http.Request) bool {
	if rq.AuthenticatedElsewhere {
		return true
	}
	if rq.Credential != nil {
		return false
	}
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return false
	}
	id, _ := repl.GetString(userIDPlaceholder)
	return id != ""
}

// Aborted says that the answer was broken off by either side.
func (rq *Request) Aborted() bool { return rq.aborted }

// Status is the status of the answer so far; 0 before its header.
func (rq *Request) Status() int { return rq.writer.status }

// NewID makes a correlation id: a UUID of version 7 (RFC 9562), which sorts by
// the time it is given. Its 74 random bits come from the runtime's own generator (ChaCha8, seeded
// by the system): an id must be unique, not secret, and reading the system's
// random source for each would cost more than all the rest of this package.
func NewID(at time.Time) string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16|0x7000|rand.Uint64()&0x0fff)
	binary.BigEndian.PutUint64(id[8:], 1<<63|rand.Uint64()>>2)
	return id.String()
}
