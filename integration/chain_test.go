// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Keys of the consumers in [chainCaddyfile].
const (
	callerKey   = "demo-caller-key-not-a-secret"
	narrowKey   = "demo-narrow-key-not-a-secret"
	outsideKey  = "demo-outside-key-not-a-secret"
	elsewhere   = "demo-elsewhere-key-not-a-secret"
	providerKey = "demo-provider-key-not-a-secret"
	unknownKey  = "demo-unknown-key-not-a-secret"
)

// chainGlobals are the global options of a gateway with four consumers: caller, who
// may do everything; narrow, who may use one model that no test asks for; outside,
// whose group is not admitted; and elsewhere, who may not call from this machine.
const chainGlobals = `{
	gateway {
		group llm other
		prices {{PRICES}}
		consumer caller {
			key {{CALLER}}
			groups llm
			allow_ip 127.0.0.0/8
		}
		consumer narrow {
			key {{NARROW}}
			groups llm
			models allowed-*
			allow_ip 127.0.0.0/8
		}
		consumer outside {
			key {{OUTSIDE}}
			groups other
			allow_ip 127.0.0.0/8
		}
		consumer elsewhere {
			key {{ELSEWHERE}}
			groups llm
			allow_ip 192.0.2.0/24
		}
	}
	log {
		format gateway json
	}
}

(chain) {
	gateway_route {args[0]}
	key_auth
	ip_restriction
	acl allow llm
	llm_cost {args[0]}
}
`

// chainPrices are made up, so that a test can say what a call costs whatever the
// built-in price book says. They are USD per million tokens.
const chainPrices = `{
	"schema": 1, "as_of": "2026-01-01", "unit": "USD_per_1M_tokens",
	"models": [
		{"id": "test-chat", "provider": "openai", "prices": [{"input": "3", "cache_read": "0.7", "output": "11"}]},
		{"id": "test-embed", "provider": "openai", "prices": [{"input": "0.13", "cache_read": "0.13", "output": "0"}]},
		{"id": "test-claude", "provider": "anthropic", "prices": [
			{"input": "5", "cache_read": "0.5", "cache_write": "6.25", "cache_write_1h": "10", "output": "25"}]},
		{"id": "test-llama", "provider": "ollama", "prices": [{"input": "0.2", "output": "0.9"}]},
		{"id": "test-gemini", "provider": "gemini", "prices": [{"input": "1", "output": "2"}]}
	]
}`

// digest is a key as a Caddyfile writes it.
func digest(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// chained are the values that [chainGlobals] needs, and more.
func chained(t *testing.T, more ...option) []option {
	t.Helper()
	prices := filepath.Join(t.TempDir(), "prices.json")
	if err := os.WriteFile(prices, []byte(chainPrices), 0o600); err != nil {
		t.Fatalf("write price file: %v", err)
	}
	return append([]option{
		with("PRICES", prices), with("CALLER", digest(callerKey)), with("NARROW", digest(narrowKey)),
		with("OUTSIDE", digest(outsideKey)), with("ELSEWHERE", digest(elsewhere)),
	}, more...)
}

// usageRow is a row of GET /gateway/usage.
type usageRow struct {
	Consumer string           `json:"consumer"`
	Provider string           `json:"provider"`
	Model    string           `json:"model"`
	Route    string           `json:"route"`
	Requests int64            `json:"requests"`
	Failed   int64            `json:"failed"`
	Input    int64            `json:"input_tokens"`
	Output   int64            `json:"output_tokens"`
	Classes  map[string]int64 `json:"classes"`
	Cost     string           `json:"cost_usd"`
	Exact    int64            `json:"exact_calls"`
	Unpriced int64            `json:"unpriced_calls"`
}

// usageRows asks the admin endpoint what was used; query is as in "?model=x".
func usageRows(t *testing.T, g *Gateway, query string) []usageRow {
	t.Helper()
	answer := asked(t, g, "/gateway/usage"+query)
	if answer.Status != 200 {
		t.Fatalf("GET /gateway/usage%s = %d %s", query, answer.Status, answer.Body)
	}
	var list struct {
		Rows []usageRow `json:"rows"`
	}
	if err := json.Unmarshal([]byte(answer.Body), &list); err != nil {
		t.Fatalf("decode usage: %v\n%s", err, answer.Body)
	}
	return list.Rows
}

// asked is [Gateway.Admin] for tests that reload. A reload replaces the admin endpoint
// too, and closes connections that nobody has accepted yet.
func asked(t *testing.T, g *Gateway, path string) *Answer {
	t.Helper()
	var failed error
	for range 5 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.AdminURL+path, nil)
		if err != nil {
			t.Fatalf("make request: %v", err)
		}
		res, err := g.operator.Do(r)
		if err == nil {
			return finish(t, res)
		}
		failed = err
	}
	t.Fatalf("GET %s: %v", path, failed)
	return nil
}

// onlyUsage returns the one row that passes the query, or an empty one.
func onlyUsage(t *testing.T, g *Gateway, query string) usageRow {
	t.Helper()
	rows := usageRows(t, g, query)
	if len(rows) > 1 {
		t.Fatalf("usage%s has %d rows, want at most 1: %+v", query, len(rows), rows)
	}
	if len(rows) == 0 {
		return usageRow{Cost: "0"}
	}
	return rows[0]
}

// usd writes an amount of pico-dollars as an exact decimal of dollars. A rate of 1 USD
// per million tokens is a million pico-dollars per token.
func usd(pico int64) string {
	digits := strconv.FormatInt(pico, 10)
	if len(digits) <= 12 {
		digits = strings.Repeat("0", 13-len(digits)) + digits
	}
	whole, fraction := digits[:len(digits)-12], strings.TrimRight(digits[len(digits)-12:], "0")
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// member returns the value at a dotted path in a JSON object, nil if there is none.
func member(o object, path string) any {
	var value any = o
	for name := range strings.SplitSeq(path, ".") {
		inner, ok := value.(object)
		if !ok {
			return nil
		}
		value = inner[name]
	}
	return value
}

// decoded is the body of an answer as a JSON object.
func decoded(t *testing.T, a *Answer) object {
	t.Helper()
	var o object
	if err := json.Unmarshal([]byte(a.Body), &o); err != nil {
		t.Fatalf("decode answer %d: %v\n%s", a.Status, err, a.Body)
	}
	return o
}
