// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"context"
	"sync"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// bill is what the call of a model has cost whose answer others share: as much as each of
// them has saved. It is known when the request that made the call is settled, which is
// before its last byte goes out.
type bill struct {
	once    sync.Once
	settled chan struct{}
	cost    money.Amount // to be read when it is settled
	known   bool
}

func newBill() *bill { return &bill{settled: make(chan struct{})} }

// SettleRequest implements state.Settler. That of llm_cost, which is outside, has been told
// before.
func (b *bill) SettleRequest(rq *state.Request) {
	b.once.Do(func() {
		if llm := &rq.LLM; llm.Metered && llm.PriceKnown {
			b.cost, b.known = llm.Cost, true
		}
		close(b.settled)
	})
}

// EndRequest implements state.Settler.
func (*bill) EndRequest() {}

// end is for a request that has more settlers than are told.
func (b *bill) end() { b.once.Do(func() { close(b.settled) }) }

// wait returns the cost, and whether it is known.
func (b *bill) wait(ctx context.Context) (cost money.Amount, known bool) {
	select {
	case <-b.settled:
		return b.cost, b.known
	case <-ctx.Done():
		return 0, false
	}
}

// Interface guards
var _ state.Settler = (*bill)(nil)
