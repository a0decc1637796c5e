// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quota

import (
	"net/http"
	"slices"
	"sync"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// run is what the quotas of one request share. Runs are used again.
type run struct {
	app *gateway.App
	rq  *state.Request
	r   *http.Request // as the latest quota has seen it

	pending []waiting

	// mu is held for decisions, because at the end of the process a request may be
	// settled while it is still being decided.
	mu        sync.Mutex
	decisions []decision // those that were made; beyond len they are kept for their memory
	keys      []limits.Key
	bound     bound
	settles   bool // it is registered to settle
	answer    answer
}

// waiting is a quota whose decision is to be made.
type waiting struct {
	*Handler
	ahead place
}

// decision is one that was made, with where each of its checks comes from.
type decision struct {
	limits.Decision
	from []origin // of each check
}

// origin is the rule that a check is about.
type origin struct {
	h    *Handler
	l    *level
	rule int
}

var runs = sync.Pool{New: func() any { return new(run) }}

// runOf returns the run of a request.
func runOf(rq *state.Request, app *gateway.App) *run {
	if n, ok := rq.Waiter().(*run); ok {
		return n
	}
	n := runs.Get().(*run)
	n.app, n.rq = app, rq
	rq.Await(n)
	return n
}

// Reached implements state.Waiter.
func (n *run) Reached(s state.Stage, r *http.Request, _ *state.Request) error {
	if len(n.pending) == 0 {
		return nil
	}
	return n.advance(s, r)
}

// Done implements state.Waiter.
func (n *run) Done() {
	clear(n.pending)
	for i := range n.decisions {
		clear(n.decisions[i].Checks)
		clear(n.decisions[i].from)
	}
	clear(n.keys)
	n.app, n.rq, n.r = nil, nil, nil
	n.pending, n.decisions, n.keys = n.pending[:0], n.decisions[:0], n.keys[:0]
	n.bound, n.settles, n.answer = bound{}, false, answer{}
	runs.Put(n)
}

// advance makes the decisions that can be made by now, all in one.
func (n *run) advance(s state.Stage, r *http.Request) error {
	if r != nil {
		n.r = r
	}
	rest := n.pending[:0]
	d := n.next()
	for _, p := range n.pending {
		ready, err := n.add(d, p, s)
		if err != nil {
			n.pending = n.pending[:0]
			return n.refuse(err)
		}
		if !ready {
			rest = append(rest, p)
		}
	}
	clear(n.pending[len(rest):])
	n.pending = rest
	if len(d.Checks) == 0 {
		return nil
	}
	return n.decide(d)
}

// next returns an empty decision, which is not among those made yet.
func (n *run) next() *decision {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := len(n.decisions)
	n.decisions = slices.Grow(n.decisions, 1)[:at+1]
	d := &n.decisions[at]
	*d = decision{Decision: limits.Decision{Checks: d.Checks[:0]}, from: d.from[:0]}
	n.decisions = n.decisions[:at]
	return d
}

// add adds the checks of a quota to a decision, if what they need is known or
// nothing ahead would tell.
func (n *run) add(d *decision, p waiting, s state.Stage) (ready bool, err error) {
	last := s == state.Answering
	called := last || !p.ahead.call || n.rq.LLM.Provider != ""
	known := last || !p.ahead.caller || n.rq.Credential != nil || n.rq.AuthenticatedElsewhere
	if p.own != nil {
		if p.own.knowable() && !known || p.own.calls() && !called {
			return false, nil
		}
		return true, n.checks(d, p.Handler, p.own)
	}
	if !known || !called {
		return false, nil
	}
	plans, err := p.callers(n.rq)
	for _, l := range plans {
		if err == nil {
			err = n.checks(d, p.Handler, l)
		}
	}
	return true, err
}

// checks adds those of one level.
func (n *run) checks(d *decision, h *Handler, l *level) error {
	n.keys = l.keys(n.keys[:0], n.r, n.rq)
	if l.calls() && n.rq.LLM.Bounder != nil {
		if err := n.bound.ask(n.r, n.rq, l); err != nil {
			return err
		}
	}
	for _, key := range n.keys {
		if l != h.own && n.has(d, l, key) {
			continue // a plan is counted once
		}
		for i := range l.Rules {
			rule := &l.Rules[i]
			if !l.applies(rule, n.rq) {
				continue
			}
			weight, err := n.weight(l, rule)
			if err != nil {
				return err
			}
			check, from := limits.Check{Rule: rule, Key: key, Weight: weight}, origin{h, l, i}
			if l == h.own && n.joins(d, &check, &from) {
				continue
			}
			d.Checks = append(d.Checks, check)
			d.from = append(d.from, from)
		}
	}
	return nil
}

// has says that a level was counted for key in this request.
func (n *run) has(d *decision, l *level, key limits.Key) bool {
	for i := range d.Checks {
		if d.from[i].l.Compiled == l.Compiled && d.Checks[i].Key == key {
			return true
		}
	}
	for j := range n.decisions {
		made := &n.decisions[j]
		for i := range made.Checks {
			if made.from[i].l.Compiled == l.Compiled && made.Checks[i].Key == key {
				return true
			}
		}
	}
	return false
}

// joins says that a counter, which quotas of one name share, counts the request
// already. Within one decision the tighter of their limits holds; one that is
// tighter than what has decided before counts again.
func (n *run) joins(d *decision, c *limits.Check, o *origin) bool {
	if made := d.sharing(c, o); made >= 0 {
		other := &d.Checks[made]
		weight := max(c.Weight, other.Weight)
		if c.Rule.Enforces() && (!other.Rule.Enforces() || c.Rule.Capacity() < other.Rule.Capacity()) {
			*other, d.from[made] = *c, *o
		}
		other.Weight = weight
		return true
	}
	for i := range n.decisions {
		if made := n.decisions[i].sharing(c, o); made >= 0 {
			if rule := n.decisions[i].Checks[made].Rule; rule.Enforces() && rule.Capacity() <= c.Rule.Capacity() {
				return true
			}
		}
	}
	return false
}

// sharing returns which check of the decision has the counter of c, or -1.
func (d *decision) sharing(c *limits.Check, o *origin) int {
	for i := range d.Checks {
		if f := &d.from[i]; d.Checks[i].Key == c.Key && f.l.ids[f.rule] == o.l.ids[o.rule] {
			return i
		}
	}
	return -1
}

// weight is what is counted, or reserved, in a rule.
func (n *run) weight(l *level, rule *limits.Rule) (int64, error) {
	switch rule.Unit {
	case limits.Requests:
		return l.weight(n.r), nil
	case limits.Concurrent:
		return 1, nil
	default:
		if rule.Soft {
			return 0, nil // counted when it is known
		}
		return n.bound.weight(rule)
	}
}

// Interface guards
var (
	_ state.Waiter  = (*run)(nil)
	_ state.Settler = settler{}
)
