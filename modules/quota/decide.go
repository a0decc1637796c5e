// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// decide asks the store, and acts on the answer.
func (n *run) decide(d *decision) error {
	for i := range d.Checks {
		if d.Checks[i].Rule.Unit.Reserves() {
			d.ID = limits.NewID()
			break
		}
	}
	ctx := context.Background()
	if n.r != nil {
		ctx = n.r.Context()
	}
	err := n.app.Limits().Decide(ctx, &d.Decision)
	if err != nil {
		return n.refuse(n.unavailable(d, err))
	}
	n.note(d)
	if d.Denied {
		return n.refuse(n.denial(d))
	}
	n.mu.Lock()
	n.decisions = n.decisions[:len(n.decisions)+1]
	n.mu.Unlock()
	if d.Open() && !n.settles {
		n.settles = true
		n.rq.OnSettleLast(settler{n})
	}
	return nil
}

// refuse takes back what earlier decisions of the request have counted: a request
// that is denied counts nowhere.
func (n *run) refuse(err error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.decisions {
		d := &n.decisions[i]
		for j := range d.Checks {
			d.Checks[j].Actual = 0
		}
		n.app.Limits().Settle(&d.Decision)
	}
	n.decisions = n.decisions[:0]
	return err
}

// unavailable is the answer when nothing can be decided.
func (n *run) unavailable(d *decision, err error) error {
	if n.r != nil && n.r.Context().Err() != nil {
		return state.Deny(state.StatusClientClosed, state.CodeClientClosed, "The client closed the connection")
	}
	n.app.LimitsUnavailable(err)
	after := d.RetryAfter
	if after <= 0 {
		after = time.Second
	}
	message := "The limits of this request cannot be decided at the moment; try again"
	if errors.Is(err, limits.ErrUnavailable) {
		message = "A budget applies to this request, and what is left of it is not known at the moment; try again"
	}
	return state.DenyWith(&state.Denial{
		Status: http.StatusServiceUnavailable, Code: codeUnavailable, Message: message, RetryAfter: after,
	})
}

// settler tells the store what a request has come to. It is told last, since a
// metering may come after a quota that has decided already.
type settler struct{ n *run }

// SettleRequest implements state.Settler.
func (s settler) SettleRequest(rq *state.Request) {
	n := s.n
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.decisions {
		d := &n.decisions[i]
		if !d.Open() {
			continue
		}
		for j := range d.Checks {
			c := &d.Checks[j]
			if c.Actual = c.Weight; c.Rule.Unit.Reserves() && c.Rule.Unit != limits.Concurrent {
				c.Actual = used(&rq.LLM, c)
			}
		}
		n.app.Limits().Settle(&d.Decision)
		n.spent(d)
	}
}

// EndRequest implements state.Settler. The run ends when it is told so as a waiter.
func (settler) EndRequest() {}
