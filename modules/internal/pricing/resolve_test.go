// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// TestInheritance pins what a refinement takes over from its row.
func TestInheritance(t *testing.T) {
	t.Parallel()
	m := mustFind(t, parsed(t, `{"id":"m","provider":"p","prices":[{
		"input":"4","cache_read":"2","cache_write":"5","output":"8","reasoning":"6","input_audio":"7",
		"tiers":[{"input_tokens_gt":100,"output":"9"},{"input_tokens_ge":200,"input":"10"}],
		"batch":{"input":"1"},
		"flex":{"output":"3","tiers":[{"input_tokens_gt":100,"cache_read":"1.5"}]},
		"priority":{"reasoning":"20"}}]}`), "p", "m")
	tests := []struct {
		name, service string
		total         int64
		class         usage.Class
		want          string
	}{
		{"row", "", 0, usage.Reasoning, "6"},
		{"tier keeps input", "", 101, usage.Input, "4"},
		{"tier with output sets reasoning", "", 101, usage.Reasoning, "9"},
		{"second tier builds on the first", "", 200, usage.Output, "9"},
		{"second tier's own price", "", 200, usage.Input, "10"},
		{"image follows the tier's input", "", 200, usage.InputImage, "10"},
		{"audio of the row stays", "", 200, usage.InputAudio, "7"},
		{"inherited read is at most input", "batch", 0, usage.CacheRead, "1"},
		{"inherited write stays", "batch", 0, usage.CacheWrite, "5"},
		{"long write falls back to the inherited write", "batch", 0, usage.CacheWrite1h, "5"},
		{"service with output sets reasoning", "flex", 0, usage.Reasoning, "3"},
		{"service's tier states reads", "flex", 101, usage.CacheRead, "1.5"},
		{"service's tier is at least the row's tier", "flex", 101, usage.Output, "9"},
		{"service's only tier goes on", "flex", 200, usage.Input, "4"},
		{"service's own reasoning", "priority", 0, usage.Reasoning, "20"},
		{"service without tiers takes the dearer", "priority", 200, usage.Input, "10"},
		{"service without tiers stays the dearer", "priority", 200, usage.Reasoning, "20"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			quote := m.Price(Query{Counts: usage.Counts{usage.Input: tt.total}, ServiceTier: tt.service})
			if got := quote.Rate(tt.class).String(); got != tt.want {
				t.Errorf("%s at %q is %s, want %s", tt.class, quote.Tier, got, tt.want)
			}
		})
	}
}
