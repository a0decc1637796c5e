// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"strings"
	"testing"
)

// tableOf builds a file around models.
func tableOf(models string) string {
	return `{"schema":1,"as_of":"2026-11-21","unit":"USD_per_1M_tokens","models":[` + models + `]}`
}

// parsed parses the models given as JSON.
func parsed(t testing.TB, models string) *Book {
	t.Helper()
	b, err := Parse([]byte(tableOf(models)), "test.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// entry is a model with a flat price.
func entry(provider, id, match, price string) string {
	return `{"id":"` + id + `","provider":"` + provider + `","match":[` + match + `],"prices":[{"input":"` + price + `","output":"` + price + `"}]}`
}

func TestLookup(t *testing.T) {
	t.Parallel()
	book := parsed(t, strings.Join([]string{
		entry("openai", "gpt-4o", `"gpt-4-omni"`, "1"),
		entry("openai", "gpt-4o-2024-05-13", ``, "1"),
		entry("openai", "gpt-4o-family", `"gpt-4o-*"`, "1"),
		entry("openai", "gpt-4o-audio", `"gpt-4o-audio-*"`, "1"),
		entry("openai", "middle", `"ft:*:acme:*"`, "1"),
		entry("azure", "gpt-4o", ``, "1"),
		entry("azure", "only-azure", ``, "1"),
		entry("anthropic", "claude-opus-4-5", ``, "1"),
		entry("gemini", "gemini-2.5-flash", `"gemini-*"`, "1"),
		entry("xai", "grok-4", ``, "1"),
		entry("ollama", "any", `"*"`, "1"),
	}, ","))
	tests := []struct{ name, provider, model, want string }{
		{"exact", "openai", "gpt-4o", "openai gpt-4o"},
		{"alias", "openai", "gpt-4-omni", "openai gpt-4o"},
		{"other provider", "azure", "gpt-4o", "azure gpt-4o"},
		{"maker before reseller", "", "gpt-4o", "openai gpt-4o"},
		{"any provider", "", "only-azure", "azure only-azure"},
		{"exact before snapshot", "openai", "gpt-4o-2024-05-13", "openai gpt-4o-2024-05-13"},
		{"snapshot before wildcard", "openai", "gpt-4o-2024-11-20", "openai gpt-4o"},
		{"snapshot of an alias", "openai", "gpt-4-omni-20241120", "openai gpt-4o"},
		{"compact snapshot", "anthropic", "claude-opus-4-5-20251101", "anthropic claude-opus-4-5"},
		{"snapshot with at sign", "anthropic", "claude-opus-4-5@20251101", "anthropic claude-opus-4-5"},
		{"latest", "", "claude-opus-4-5-latest", "anthropic claude-opus-4-5"},
		{"numbered snapshot", "gemini", "gemini-2.5-flash-002", "gemini gemini-2.5-flash"},
		{"wildcard", "openai", "gpt-4o-search", "openai gpt-4o-family"},
		{"longer wildcard first", "openai", "gpt-4o-audio-new", "openai gpt-4o-audio"},
		{"no date falls to wildcard", "openai", "gpt-4o-2024-13-01", "openai gpt-4o-family"},
		{"two stars", "openai", "ft:gpt-4o:acme:x:1", "openai middle"},
		{"two stars, no match", "openai", "ft:gpt-4o:other:x:1", ""},
		{"path", "gemini", "models/gemini-2.5-flash", "gemini gemini-2.5-flash"},
		{"longer path", "gemini", "publishers/google/models/gemini-2.5-flash-001", "gemini gemini-2.5-flash"},
		{"path and any provider", "", "models/gemini-2.5-flash", "gemini gemini-2.5-flash"},
		{"exact without path before wildcard", "gemini", "models/gemini-new", "gemini gemini-2.5-flash"},
		{"provider prefix", "xai", "xai/grok-4", "xai grok-4"},
		{"provider prefix names the provider", "", "azure/gpt-4o", "azure gpt-4o"},
		{"foreign prefix", "openai", "azure/gpt-4o", ""},
		{"capitals", "openai", "GPT-4o", "openai gpt-4o"},
		{"capitals with path and snapshot", "", "Models/Gemini-2.5-Flash-001", "gemini gemini-2.5-flash"},
		{"capitals before catch-all", "ollama", "ANY", "ollama any"},
		{"catch-all", "ollama", "qwen3:8b", "ollama any"},
		{"catch-all needs its provider", "", "qwen3:8b", ""},
		{"unknown model", "openai", "o9", ""},
		{"unknown provider", "nobody", "gpt-4o", ""},
		{"only a suffix", "openai", "-latest", ""},
		{"empty", "ollama", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if m, ok := book.Lookup(tt.provider, tt.model); ok {
				got = m.Provider + " " + m.ID
			}
			if got != tt.want {
				t.Errorf("Lookup(%q, %q) = %q, want %q", tt.provider, tt.model, got, tt.want)
			}
		})
	}
}

func TestOverlay(t *testing.T) {
	t.Parallel()
	base := parsed(t, entry("openai", "a", `"alias-of-a"`, "1")+","+entry("openai", "b", `"shared"`, "1"))
	over := parsed(t, entry("openai", "a", ``, "2")+","+entry("azure", "b", ``, "2")+","+entry("openai", "c", `"shared"`, "2"))
	merged := base.Overlay(over)
	price := func(b *Book, provider, name string) string {
		m, ok := b.Lookup(provider, name)
		if !ok {
			return "none"
		}
		return m.Price(Query{}).Rate(0).String()
	}
	tests := []struct{ name, provider, model, want string }{
		{"replaced", "openai", "a", "2"},
		{"names of the replaced are gone", "openai", "alias-of-a", "none"},
		{"kept", "openai", "b", "1"},
		{"added", "openai", "c", "2"},
		{"same id elsewhere", "azure", "b", "2"},
		{"contested name", "openai", "shared", "2"},
		{"contested id of two providers", "", "b", "2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := price(merged, tt.provider, tt.model); got != tt.want {
				t.Errorf("price of %s %s = %s, want %s", tt.provider, tt.model, got, tt.want)
			}
		})
	}
	if got := price(base, "openai", "a"); got != "1" {
		t.Errorf("the base book changed: %s", got)
	}
	if merged.Version() != base.Version()+"+"+over.Version() || base.Version() == over.Version() {
		t.Errorf("version %q", merged.Version())
	}
	var ids []string
	for m := range merged.Models() {
		ids = append(ids, m.Provider+"/"+m.ID)
	}
	if got, want := strings.Join(ids, " "), "openai/a azure/b openai/c openai/b"; got != want || merged.Len() != 4 {
		t.Errorf("models %q, want %q", got, want)
	}
}

func BenchmarkLookup(b *testing.B) {
	book := Default()
	for _, name := range []string{"claude-opus-4-5", "gpt-4o-mini-2024-07-18", "models/gemini-2.5-flash"} {
		b.Run(strings.ReplaceAll(name, "/", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := book.Lookup("", name); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	book := Default()
	for _, name := range []string{"claude-opus-4-5", "gpt-4o-mini-2024-07-18", "models/gemini-2.5-flash", "unknown-model"} {
		if n := testing.AllocsPerRun(100, func() { book.Lookup("", name) }); n != 0 {
			t.Errorf("Lookup(%q) allocates %v times", name, n)
		}
	}
}
