// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagepolicy

import (
	"slices"
	"strings"
	"testing"
)

// chosen selects as often as asked and returns the addresses, each once, in order.
func chosen(t *testing.T, config, language string, times int) []string {
	t.Helper()
	h, err := loadProxy(t, config, "")
	if err != nil {
		t.Fatal(err)
	}
	r := inLanguage(language)
	var got []string
	for range times {
		u := h.LoadBalancing.SelectionPolicy.Select(h.Upstreams, r, nil)
		if u == nil {
			t.Fatalf("no upstream for %q", language)
		}
		if !slices.Contains(h.Upstreams, u) {
			t.Fatalf("%s is not the proxy's own upstream", u)
		}
		if !slices.Contains(got, u.Dial) {
			got = append(got, u.Dial)
		}
	}
	slices.Sort(got)
	return got
}

func TestSelect(t *testing.T) {
	const full = `{"policy":"language","languages":{
		"hi":{"upstreams":["a:1","b:1"],"weights":[3,1]},
		"Tamil":{"upstreams":["b:1","c:1"],"policy":{"policy":"first"}},
		"hi>ta":{"upstreams":["d:1"]},
		"*>te":{"upstreams":["e:1"]},
		"*":{"upstreams":["e:1","f:1"]}}}`
	const partial = `{"policy":"language","languages":{"hi":{"upstreams":["a:1"]}},"default":{"policy":"random"}}`
	tests := []struct{ name, policy, language, want string }{
		{"weights", full, "hi", "a:1 b:1"},
		{"a policy of its own", full, "ta", "b:1"},
		{"pair", full, "hi>ta", "d:1"},
		{"any into the target", full, "hi>te", "e:1"},
		{"the language into any", full, "hi>en", "a:1 b:1"},
		{"all others", full, "ml", "e:1 f:1"},
		{"no language", full, "", "e:1 f:1"},
		{"script of a language", full, "hi-Deva", "a:1 b:1"},
		{"every upstream for the rest", partial, "ta", "a:1 b:1 c:1 d:1 e:1 f:1"},
		{"listed without all", partial, "hi", "a:1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := proxyJSON(t, tt.policy, "a:1", "b:1", "c:1", "d:1", "e:1", "f:1")
			if got := strings.Join(chosen(t, config, tt.language, 200), " "); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// The policy finds its reverse_proxy from within another policy too.
func TestSelectAsFallback(t *testing.T) {
	config := proxyJSON(t, `{"policy":"header","field":"X-User","fallback":{"policy":"language","languages":{
		"hi":{"upstreams":["a:1"],"policy":{"policy":"header","field":"X-Team","fallback":{"policy":"first"}}},"*":{"upstreams":["b:1"]}}}}`, "a:1", "b:1")
	for language, want := range map[string]string{"hi": "a:1", "ta": "b:1"} {
		if got := chosen(t, config, language, 20); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %s, want %s", language, got, want)
		}
	}
}

// Each entry has a round robin of its own, so that the requests of one language do not
// skew the choice for another.
func TestEntriesRotateAlone(t *testing.T) {
	h, err := loadProxy(t, proxyJSON(t, `{"policy":"language","languages":{
		"hi":{"upstreams":["a:1","b:1"]},"ta":{"upstreams":["a:1","b:1"]}}}`, "a:1", "b:1"), "")
	if err != nil {
		t.Fatal(err)
	}
	hindi, tamil := inLanguage("hi"), inLanguage("ta")
	counts := make(map[string]int)
	for range 100 {
		counts["hi "+h.LoadBalancing.SelectionPolicy.Select(h.Upstreams, hindi, nil).Dial]++
		counts["ta "+h.LoadBalancing.SelectionPolicy.Select(h.Upstreams, tamil, nil).Dial]++
	}
	for which, n := range counts {
		if n != 50 {
			t.Errorf("%s: %d of 100", which, n)
		}
	}
	if len(counts) != 4 {
		t.Errorf("chosen: %v", counts)
	}
}

// The policy adds no allocation to what the inner one needs.
func TestSelectAllocates(t *testing.T) {
	h, err := loadProxy(t, proxyJSON(t, `{"policy":"language","languages":{
		"hi":{"upstreams":["a:1","b:1"]},"te":{"upstreams":["a:1","b:1"],"weights":[3,1]},"*":{"upstreams":["c:1"]}}}`, "a:1", "b:1", "c:1"), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range []string{"hi", "hi>ta", "te", "ml", ""} {
		r := inLanguage(language)
		if n := testing.AllocsPerRun(100, func() {
			h.LoadBalancing.SelectionPolicy.Select(h.Upstreams, r, nil)
		}); n > 0 {
			t.Errorf("%q: %v allocations", language, n)
		}
	}
}

func BenchmarkSelect(b *testing.B) {
	for _, bench := range []struct{ name, language string }{
		{"round_robin", "hi"}, {"weights", "ta"}, {"pair", "hi>ta"}, {"others", "ml"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			h, err := loadProxy(b, proxyJSON(b, `{"policy":"language","languages":{
				"hi":{"upstreams":["a:1","b:1"]},
				"ta":{"upstreams":["a:1","b:1"],"weights":[3,1]},
				"hi>ta":{"upstreams":["c:1"]},
				"*":{"upstreams":["d:1"]}}}`, "a:1", "b:1", "c:1", "d:1"), "")
			if err != nil {
				b.Fatal(err)
			}
			r := inLanguage(bench.language)
			b.ReportAllocs()
			for b.Loop() {
				h.LoadBalancing.SelectionPolicy.Select(h.Upstreams, r, nil)
			}
		})
	}
}
