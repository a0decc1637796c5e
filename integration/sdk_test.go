// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"math/big"
	"net/http"
	"strconv"
	"testing"
)

// sdkCaddyfile is a gateway before a mock provider that listens on a port of its own.
// The mock says that two tokens of each prompt came from its cache, where its API can.
const sdkCaddyfile = chainGlobals + `
http://127.0.0.1:{{PORT}} {
	log {
		format gateway json
	}
	correlation_id
	request_guard

	handle_path /llm/openai/* {
		import chain openai
		reverse_proxy 127.0.0.1:{{PORT2}}
	}
	handle_path /llm/anthropic/* {
		import chain anthropic
		reverse_proxy 127.0.0.1:{{PORT2}}
	}
	handle_path /llm/ollama/* {
		import chain ollama
		reverse_proxy 127.0.0.1:{{PORT2}}
	}
	handle {
		error 404
	}
}

http://127.0.0.1:{{PORT2}} {
	mock_llm {
		cached_tokens 2
	}
}
`

// seen is what a client was told in answer to a call.
type seen struct {
	reply                    string // text, or name and arguments of a tool call
	input, cacheRead, output int64
	header                   http.Header // nil where the client shows none
}

// call is one call through a client.
type call struct {
	name  string
	model string
	ask   func(t *testing.T) (seen, error)
	want  string // the reply
	// held says that the answer is not streamed, so that headers tell its cost.
	held bool
	// silent says that the client does not ask for usage and is told none. The gateway
	// asks for itself, and records what a client that asked was told.
	silent bool
	// Rates in pico-dollars per token.
	inputRate, cacheRate, outputRate int64
}

// checkCalls makes the calls one after another. What the client was told must be what
// the gateway has recorded, at the moment when the client has the last byte.
func checkCalls(t *testing.T, g *Gateway, calls []call) {
	t.Helper()
	told := make(map[string]seen) // by the reply
	for _, c := range calls {
		t.Run(c.name, func(t *testing.T) {
			query := "?consumer=caller&by=consumer,model&model=" + c.model
			before := onlyUsage(t, g, query)
			got, err := c.ask(t)
			if err != nil {
				t.Fatalf("call: %v", err)
			}
			after := onlyUsage(t, g, query)
			if got.reply != c.want {
				t.Errorf("reply %q, want %q", got.reply, c.want)
			}
			if after.Requests != before.Requests+1 || after.Failed != 0 {
				t.Errorf("requests went from %d to %d, %d failed", before.Requests, after.Requests, after.Failed)
			}
			if (got.input == 0) != c.silent {
				t.Fatalf("the client saw the usage %+v", got)
			}
			if c.silent {
				got = told[got.reply]
			}
			told[got.reply] = got
			checkRecorded(t, c, got, before, after)
			if c.held {
				checkCostHeaders(t, c, got)
			}
		})
	}
}

func (c call) cost(s seen) int64 {
	return s.input*c.inputRate + s.cacheRead*c.cacheRate + s.output*c.outputRate
}

func checkRecorded(t *testing.T, c call, got seen, before, after usageRow) {
	t.Helper()
	for _, class := range []struct {
		name string
		want int64
	}{
		{"input", got.input}, {"cache_read", got.cacheRead}, {"output", got.output},
	} {
		if n := after.Classes[class.name] - before.Classes[class.name]; n != class.want {
			t.Errorf("recorded %d tokens %s, the client saw %d", n, class.name, class.want)
		}
	}
	if n := after.Exact - before.Exact; n != 1 {
		t.Errorf("%d exact calls more, want 1", n)
	}
	if want := usd(picoOf(t, before.Cost) + c.cost(got)); after.Cost != want {
		t.Errorf("recorded cost went from %s to %s, want %s", before.Cost, after.Cost, want)
	}
}

func checkCostHeaders(t *testing.T, c call, got seen) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Gateway-Input-Tokens":  strconv.FormatInt(got.input+got.cacheRead, 10),
		"X-Gateway-Output-Tokens": strconv.FormatInt(got.output, 10),
		"X-Gateway-Cost-Usd":      usd(c.cost(got)),
	} {
		if value := got.header.Get(name); value != want {
			t.Errorf("header %s is %q, want %q", name, value, want)
		}
	}
	if got.header.Get("X-Correlation-Id") == "" {
		t.Error("the answer carries no correlation id")
	}
}

// picoOf reads what [usd] writes.
func picoOf(t *testing.T, amount string) int64 {
	t.Helper()
	dollars, ok := new(big.Rat).SetString(amount)
	if !ok {
		t.Fatalf("read cost %q: not a decimal", amount)
	}
	pico := dollars.Mul(dollars, big.NewRat(1_000_000_000_000, 1))
	if !pico.IsInt() || !pico.Num().IsInt64() {
		t.Fatalf("read cost %q: not a whole number of pico-dollars", amount)
	}
	return pico.Num().Int64()
}

func TestUSD(t *testing.T) {
	for pico, want := range map[int64]string{
		0: "0", 1: "0.000000000001", 1_500_000_000_000: "1.5", 3_000_000: "0.000003", 12_000_000_000_000: "12",
	} {
		if got := usd(pico); got != want || picoOf(t, got) != pico {
			t.Errorf("usd(%d) = %q and back %d, want %q", pico, got, picoOf(t, got), want)
		}
	}
}
