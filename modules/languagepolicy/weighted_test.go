// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagepolicy

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// named is a pool of upstreams that are called a, b and so on.
func named(n int) reverseproxy.UpstreamPool {
	pool := make(reverseproxy.UpstreamPool, n)
	for i := range pool {
		pool[i] = &reverseproxy.Upstream{Dial: string(rune('a' + i))}
	}
	return pool
}

func TestWeighted(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name    string
		weights []int
		down    []string // round by round, the upstreams that are down
		want    []string // what is chosen in each round, which is as long as the weights of those up add up to
	}{
		{"one", []int{3}, []string{""}, []string{"aaa"}},
		{"two", []int{3, 1}, []string{"", ""}, []string{"aaba", "aaba"}},
		{"spread evenly", []int{5, 1, 1}, []string{"", ""}, []string{"aabacaa", "aabacaa"}},
		{"equal", []int{2, 2, 2}, []string{""}, []string{"abcabc"}},
		{"all up", []int{4, 1, 1}, []string{"", ""}, []string{"aabaca", "aabaca"}},
		{"the heavy one down", []int{4, 1, 1}, []string{"a", "a", "a"}, []string{"bc", "bc", "bc"}},
		{"a light one down", []int{4, 1, 1}, []string{"b", "b"}, []string{"aacaa", "aacaa"}},
		{"the heavy one down for a while", []int{4, 1, 1}, []string{"", "a", "a", ""}, []string{"aabaca", "bc", "bc", "aabaca"}},
		{"one left", []int{4, 1, 2}, []string{"ac"}, []string{"b"}},
		{"none", []int{4, 1}, []string{"ab"}, []string{""}},
		{"none for a while", []int{2, 1}, []string{"", "ab", ""}, []string{"aba", "", "aba"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c, pool := newWeighted(row.weights), named(len(row.weights))
			for round, down := range row.down {
				up := func(u *reverseproxy.Upstream) bool { return !strings.Contains(down, u.Dial) }
				got := ""
				for range row.want[round] {
					if u := c.pick(pool, up); u != nil {
						got += u.Dial
					}
				}
				if row.want[round] == "" && c.pick(pool, up) != nil {
					t.Error("one that is down is chosen")
				}
				if got != row.want[round] {
					t.Errorf("round %d without %q: %s, want %s", round, down, got, row.want[round])
				}
			}
		})
	}
}

// TestWeightedAfterAnyOutage checks that however the upstreams came and went, each round
// with the same ones holds the weights exactly.
func TestWeightedAfterAnyOutage(t *testing.T) {
	t.Parallel()
	weights := []int{7, 3, 2, 1}
	for seed := range 200 {
		c, pool := newWeighted(weights), named(len(weights))
		state := uint32(seed)
		for range 50 {
			state = state*1664525 + 1013904223
			down := state >> 28
			c.pick(pool, func(u *reverseproxy.Upstream) bool { return down&(1<<(u.Dial[0]-'a')) == 0 })
		}
		got := make(map[string]int)
		for range 2 * (7 + 3 + 2 + 1) { // the first of the two makes up for the outage
			got[c.pick(pool, func(*reverseproxy.Upstream) bool { return true }).Dial]++
		}
		for i, w := range weights {
			if n := got[pool[i].Dial]; n < w || n > 3*w+len(weights) {
				t.Fatalf("seed %d: %v of 26", seed, got)
			}
		}
		clear(got)
		for range 7 + 3 + 2 + 1 {
			got[c.pick(pool, func(*reverseproxy.Upstream) bool { return true }).Dial]++
		}
		if want := map[string]int{"a": 7, "b": 3, "c": 2, "d": 1}; !maps.Equal(got, want) {
			t.Fatalf("seed %d: %v, want %v", seed, got, want)
		}
	}
}

func TestWeightedAtOnce(t *testing.T) {
	t.Parallel()
	const clients, rounds = 8, 600
	c, pool := newWeighted([]int{4, 1, 1}), named(3)
	counts := make([]map[string]int, clients)
	var wg sync.WaitGroup
	for i := range clients {
		counts[i] = make(map[string]int)
		wg.Go(func() {
			for range rounds {
				counts[i][c.pick(pool, func(*reverseproxy.Upstream) bool { return true }).Dial]++
			}
		})
	}
	wg.Wait()
	sum := make(map[string]int)
	for _, m := range counts {
		for name, n := range m {
			sum[name] += n
		}
	}
	if want := map[string]int{"a": 3200, "b": 800, "c": 800}; !maps.Equal(sum, want) {
		t.Errorf("%v, want %v", sum, want)
	}
}

// TestWeightsHoldAmongThoseLeft kills the upstream with most of the weight.
func TestWeightsHoldAmongThoseLeft(t *testing.T) {
	a, b, c := newUpstream(t, "a"), newUpstream(t, "b"), newUpstream(t, "c")
	g := run(t, fmt.Sprintf(`reverse_proxy %[1]s %[2]s %[3]s {
		lb_policy language {
			hi %[1]s=4 %[2]s %[3]s
		}
		fail_duration 1h
		lb_retries 1
	}`, a.address, b.address, c.address))
	count := func(n int) map[string]int {
		counts := make(map[string]int)
		for range n {
			counts[g.served(t, "hi")]++
		}
		return counts
	}
	if got, want := count(60), map[string]int{"a": 40, "b": 10, "c": 10}; !maps.Equal(got, want) {
		t.Errorf("all up: %v, want %v", got, want)
	}
	a.kill(t)
	if got := g.served(t, "hi"); got != "b" && got != "c" { // and from here on it is known to be down
		t.Fatalf("answered by %s", got)
	}
	if got, want := count(60), map[string]int{"b": 30, "c": 30}; !maps.Equal(got, want) {
		t.Errorf("a is down: %v, want %v", got, want)
	}
	b.kill(t)
	c.kill(t)
	for range 3 {
		g.served(t, "hi")
	}
	if got := g.served(t, "hi"); got != http.StatusText(http.StatusServiceUnavailable) {
		t.Errorf("all are down: %s", got)
	}
}
