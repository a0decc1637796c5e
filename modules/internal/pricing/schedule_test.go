// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"os"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// FuzzParse reads arbitrary files. Whatever is accepted must price any
// request without harm: never below zero, and never dearer with a cache.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"testdata/pinned.json", "testdata/litellm.json"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(tableOf(entry("p", "a", `"b*","*c"`, "1.5"))))
	f.Add([]byte(`{"a":{"litellm_provider":"x","input_cost_per_token":1e-7,"output_cost_per_token":1e400}}`))
	at := time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, data []byte) {
		book, err := Parse(data, "fuzz.json")
		if err != nil {
			return
		}
		for m := range book.Models() {
			if _, ok := book.Lookup(m.Provider, m.ID); !ok {
				t.Fatalf("%s %s is not found", m.Provider, m.ID)
			}
			for _, service := range serviceNames {
				quote := m.Price(Query{Counts: usage.Counts{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, At: at, ServiceTier: service, Geo: "us"})
				if quote.Cost < 0 || quote.Uncached < quote.Cost {
					t.Fatalf("%s: cost %s, uncached %s", m.ID, quote.Cost, quote.Uncached)
				}
			}
		}
	})
}

// FuzzPattern compares wildcards with a plain recursive definition.
func FuzzPattern(f *testing.F) {
	for _, sample := range [][2]string{{"gpt-*", "gpt-4o"}, {"*a*b", "xaxbab"}, {"", ""}, {"**", "x"}, {"a*a", "a"}} {
		f.Add(sample[0], sample[1])
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		if len(text) > 12 || len(name) > 12 {
			return
		}
		if got, want := (pattern{text: text}).matches(name), matchesPlainly(text, name); got != want {
			t.Fatalf("%q matches %q: %v, want %v", text, name, got, want)
		}
	})
}

func matchesPlainly(text, name string) bool {
	switch {
	case text == "":
		return name == ""
	case text[0] == '*':
		return matchesPlainly(text[1:], name) || name != "" && matchesPlainly(text, name[1:])
	}
	return name != "" && text[0] == name[0] && matchesPlainly(text[1:], name[1:])
}

func TestScheduleFollowsItsZone(t *testing.T) {
	t.Parallel()
	book := parsed(t, `{"id":"m","provider":"p","prices":[{"input":"1","output":"1",
		"tiers":[{"input_tokens_gt":1000,"input":"1.5"}],
		"windows":[{"tz":"Asia/Shanghai","days":"fri-sun","hours":["22:00-02:00"],"input":"3","except":["2026-10-03"]},
		           {"name":"noon","tz":"Asia/Shanghai","hours":["12:00-13:00"],"input":"0.5","tiers":[{"input_tokens_gt":1000,"input":"1.2"}]}]}]}`)
	m := mustFind(t, book, "p", "m")
	tests := []struct {
		name, at   string
		input      int64
		want, tier string
	}{
		{"Friday evening", "2026-11-20T22:00:00+08:00", 1000, "0.003", "standard/window1"},
		{"same instant in UTC", "2026-11-20T14:00:00Z", 1000, "0.003", "standard/window1"},
		{"Thursday evening", "2026-11-19T23:00:00+08:00", 1000, "0.001", "standard"},
		{"past midnight belongs to Sunday", "2026-11-23T01:59:59+08:00", 1000, "0.003", "standard/window1"},
		{"Monday at two", "2026-11-23T02:00:00+08:00", 1000, "0.001", "standard"},
		{"past midnight of Thursday", "2026-11-20T01:00:00+08:00", 1000, "0.001", "standard"},
		{"exception", "2026-10-03T22:30:00+08:00", 1000, "0.001", "standard"},
		{"long prompt at the dearer price", "2026-11-20T22:00:00+08:00", 2000, "0.006", "standard/window1/>1000"},
		{"cheap window", "2026-11-20T12:00:00+08:00", 1000, "0.0005", "standard/noon"},
		{"long prompt in a window with its own", "2026-11-20T12:00:00+08:00", 2000, "0.0024", "standard/noon/>1000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			quote := m.Price(Query{Counts: usage.Counts{usage.Input: tt.input}, At: instant(t, tt.at)})
			if quote.Cost != usd(t, tt.want) || quote.Tier != tt.tier {
				t.Errorf("cost %s at %q, want %s at %q", quote.Cost, quote.Tier, tt.want, tt.tier)
			}
		})
	}
}
