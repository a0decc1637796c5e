// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"fmt"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
)

func ExampleMemory() {
	half, err := money.ParseUSD("0.5")
	if err != nil {
		fmt.Println(err)
		return
	}
	m := ledger.NewMemory(ledger.Options{})
	for _, model := range []string{"small", "large", "large"} {
		m.Record(&ledger.Record{Consumer: "query", Model: model, LLM: true, PriceKnown: true, Exact: true, Cost: half, Uncached: half})
	}
	rows, err := m.Rows(ledger.Query{By: []ledger.Dimension{ledger.ByModel}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range rows {
		fmt.Println(row.Model, row.Requests, row.Cost)
	}
	// Output:
	// large 2 1
	// small 1 0.5
}
