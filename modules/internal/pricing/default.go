// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	_ "embed"
	"sync"
)

//go:embed prices.json
var defaultTable []byte

var defaultBook = sync.OnceValue(func() *Book {
	book, err := Parse(defaultTable, "prices.json")
	if err != nil {
		// The tests parse the embedded table: this is a broken build.
		panic(err)
	}
	return book
})

// Default returns the book embedded in the program. It is parsed once.
//
// Its facts are the prices on the pages of the vendors, LiteLLM's price table
// (MIT licence, as of 2026-08-01) and, marked "secondary", publications that
// quote a vendor. The table names the source of each model. Prices of Ollama
// are zero. Public holidays, on which DeepSeek has no peak hours, are not in
// the table.
func Default() *Book {
	return defaultBook()
}
