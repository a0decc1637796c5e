// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// operator speaks to admin endpoints. A reload replaces an endpoint and ends
// connections to it, so none is used twice.
var operator = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}

// admin asks an admin endpoint, again while there is none.
func admin(t *testing.T, method, address, path, body string) *http.Response {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, strings.NewReader(body))
		if err != nil {
			t.Fatalf("make request: %v", err)
		}
		if body != "" {
			r.Header.Set("Content-Type", "text/caddyfile")
		}
		res, err := operator.Do(r)
		if err == nil {
			return res
		}
		if time.Now().After(deadline) {
			t.Fatalf("ask admin endpoint: %v", err)
		}
	}
}

// listed is what the endpoint of usage and the command of that name answer.
type listed struct {
	Rows []struct {
		Consumer, Provider, Model string
		listedSums
	}
	Total listedSums
}

type listedSums struct {
	Requests, Failed int64
	Classes          map[string]int64
	Cost             string `json:"cost_usd"`
	Exact            int64  `json:"exact_calls"`
	Estimated        int64  `json:"estimated_calls"`
}

func (l listedSums) sums(t *testing.T) sums {
	t.Helper()
	s := sums{requests: l.Requests, failed: l.Failed, exact: l.Exact, estimated: l.Estimated, cost: picoOf(t, l.Cost)}
	for name, n := range l.Classes {
		c := slices.Index(classNames[:], name)
		if c < 0 {
			t.Errorf("%d pieces of class %s were charged, which nobody served", n, name)
			continue
		}
		s.counts[c] = n
	}
	return s
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

// accountOf reads an answer in JSON.
func accountOf(t *testing.T, text []byte) account {
	t.Helper()
	var list listed
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatalf("decode usage: %v: %s", err, text)
	}
	a := make(account)
	for _, row := range list.Rows {
		a.add(caller{row.Consumer, row.Provider, row.Model}, row.sums(t))
	}
	if got, want := a.total(), list.Total.sums(t); got != want {
		t.Errorf("the rows add up to %+v, the total says %+v", got, want)
	}
	return a
}

// byCaller are the dimensions of an account.
const byCaller = "consumer,provider,model"

// usage asks the admin endpoint.
func usage(t *testing.T, address string) account {
	t.Helper()
	res := admin(t, http.MethodGet, address, "/gateway/usage?by="+byCaller, "")
	defer res.Body.Close()
	var text json.RawMessage
	if err := json.NewDecoder(res.Body).Decode(&text); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("read usage: status %d: %v", res.StatusCode, err)
	}
	return accountOf(t, text)
}

// metrics reads the same figures from what the process shows to Prometheus, as far as
// they are there. The cost is rounded to a pico-dollar: metrics are floating-point.
func metrics(t *testing.T, address string) account {
	t.Helper()
	res := admin(t, http.MethodGet, address, "/metrics", "")
	defer res.Body.Close()
	a := make(account)
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		name, rest, ok := strings.Cut(lines.Text(), "{")
		text, value, end := strings.Cut(rest, "} ")
		if !ok || !end || !strings.HasPrefix(name, "caddy_gateway_") {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("read metric %q: %v", lines.Text(), err)
		}
		labels := make(map[string]string)
		for label := range strings.SplitSeq(text, ",") {
			k, v, _ := strings.Cut(label, "=")
			labels[k] = strings.Trim(v, "\"")
		}
		var s sums
		switch name {
		case "caddy_gateway_requests_total":
			s.requests = int64(n)
		case "caddy_gateway_cost_usd_total":
			s.cost = int64(math.Round(n * 1e12))
		case "caddy_gateway_tokens_total":
			c := slices.Index(classNames[:], labels["class"])
			if c < 0 {
				t.Fatalf("unexpected class: %s", lines.Text())
			}
			s.counts[c] = int64(n)
		default:
			continue
		}
		a.add(caller{labels["consumer"], labels["provider"], labels["model"]}, s)
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("read metrics: %v", err)
	}
	return a
}

// same compares two accounts figure by figure.
func same(t *testing.T, what string, got, want account) {
	t.Helper()
	for c := range union(got, want) {
		if got[c] != want[c] {
			t.Errorf("%s, %v:\n got %+v\nwant %+v", what, c, got[c], want[c])
		}
	}
}

func union(a, b account) map[caller]bool {
	all := make(map[caller]bool)
	for c := range a {
		all[c] = true
	}
	for c := range b {
		all[c] = true
	}
	return all
}

// String shows the figures of a caller, for messages.
func (s sums) String() string {
	return fmt.Sprintf("%d requests (%d failed, %d exact, %d estimated), %v, %s USD", s.requests, s.failed, s.exact, s.estimated, s.counts, usd(s.cost))
}
