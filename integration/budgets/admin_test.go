// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package budgets

import (
	"bufio"
	"context"
	"encoding/json"
	"math/big"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// operator speaks to admin endpoints. A reload replaces an endpoint and ends
// connections to it, so none is used twice.
var operator = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}

// ask asks the admin endpoint, again while there is none.
func (g *gateway) ask(t *testing.T, method, path, body string) (*http.Response, error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, "http://"+g.admin+path, strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		if body != "" {
			r.Header.Set("Content-Type", "text/caddyfile")
		}
		res, err := operator.Do(r)
		if err == nil || g.ended() || time.Now().After(deadline) {
			return res, err
		}
	}
}

// get decodes what the admin endpoint answers.
func (g *gateway) get(t *testing.T, path string, into any) {
	t.Helper()
	res, err := g.ask(t, http.MethodGet, path, "")
	if err != nil {
		t.Fatalf("ask admin endpoint: %v", err)
	}
	defer res.Body.Close() //nolint:errcheck // It is read.
	if err := json.NewDecoder(res.Body).Decode(into); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: status %d: %v", path, res.StatusCode, err)
	}
}

// budget returns the limits of model calls, as they stand with a consumer.
func (g *gateway) budget(t *testing.T, consumer string) map[string]level {
	t.Helper()
	return g.levels(t, "budget", "consumer="+consumer)
}

// level is a limit as it stands. Money is in billionths of a dollar.
type level struct{ used, reserved int64 }

// levels returns the limits of a quota by their unit, as they stand with somebody:
// "consumer=x" or "subject=x".
func (g *gateway) levels(t *testing.T, quota, who string) map[string]level {
	t.Helper()
	var list struct {
		Limits []struct {
			Unit           string
			Used, Reserved json.RawMessage
		}
	}
	g.get(t, "/gateway/limits?quota="+quota+"&"+who, &list)
	all := make(map[string]level)
	for _, l := range list.Limits {
		all[l.Unit] = level{number(t, l.Used), number(t, l.Reserved)}
	}
	if len(all) == 0 {
		t.Fatalf("no limits of %s in quota %s", who, quota)
	}
	return all
}

// number reads a number, or an amount of dollars in a string.
func number(t *testing.T, raw json.RawMessage) int64 {
	t.Helper()
	if dollars, err := strconv.Unquote(string(raw)); err == nil {
		pico := picoOf(t, dollars)
		if pico%1000 != 0 {
			t.Fatalf("%s is no whole number of billionths", dollars)
		}
		return pico / 1000
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		t.Fatalf("%s is no number", raw)
	}
	return n
}

// picoOf reads an amount in US dollars, exactly.
func picoOf(t *testing.T, dollars string) int64 {
	t.Helper()
	amount, ok := new(big.Rat).SetString(dollars)
	if ok {
		amount.Mul(amount, big.NewRat(1_000_000_000_000, 1))
	}
	if !ok || !amount.IsInt() || !amount.Num().IsInt64() {
		t.Fatalf("%q is no amount", dollars)
	}
	return amount.Num().Int64()
}

// usd writes pico-dollars.
func usd(pico int64) string { return big.NewRat(pico, 1_000_000_000_000).FloatString(12) }

// charged returns what the ledgers of gateways have of a consumer, in pico-dollars.
func charged(t *testing.T, gateways []*gateway, consumer string) (sum int64) {
	t.Helper()
	for _, g := range gateways {
		var list struct {
			Total struct {
				Cost string `json:"cost_usd"`
			}
		}
		g.get(t, "/gateway/usage?instance=this&by=consumer&consumer="+consumer, &list)
		sum += picoOf(t, list.Total.Cost)
	}
	return sum
}

// metric returns the value of a metric with a label, or -1.
func (g *gateway) metric(t *testing.T, name, label string) float64 {
	t.Helper()
	res, err := g.ask(t, http.MethodGet, "/metrics", "")
	if err != nil {
		t.Fatalf("read metrics: %v", err)
	}
	defer res.Body.Close() //nolint:errcheck // It is read.
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		labels, value, _ := strings.Cut(lines.Text(), "} ")
		if strings.HasPrefix(labels, name+"{") && strings.Contains(labels, label) {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatalf("read %q: %v", lines.Text(), err)
			}
			return n
		}
	}
	return -1
}

// logged is what the access logs of gateways say of a consumer's calls.
type logged struct {
	lines int
	pico  int64 // cost
	nano  int64 // cost, rounded up for each call
}

func accessOf(t *testing.T, gateways []*gateway, consumer string) (sum logged) {
	t.Helper()
	for _, g := range gateways {
		file, err := os.Open(g.access())
		if err != nil {
			t.Fatalf("read access log: %v", err)
		}
		defer file.Close() //nolint:errcheck // It is read.
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var line struct {
				Gateway struct {
					Consumer string
					LLM      struct {
						Cost string `json:"cost_usd"`
					}
				}
			}
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				break // it is just being written
			}
			if line.Gateway.Consumer != consumer {
				continue
			}
			sum.lines++
			if cost := line.Gateway.LLM.Cost; cost != "" {
				pico := picoOf(t, cost)
				sum.pico += pico
				sum.nano += (pico + 999) / 1000
			}
		}
	}
	return sum
}
