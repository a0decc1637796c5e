// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package tokens

import "testing"

func TestEncodingFor(t *testing.T) {
	t.Parallel()
	tests := []struct {
		provider, model, want string
	}{
		{"openai", "gpt-4o", "o200k_base"},
		{"openai", "gpt-4o-mini-2024-07-18", "o200k_base"},
		{"openai", "chatgpt-4o-latest", "o200k_base"},
		{"openai", "gpt-4.1-nano", "o200k_base"},
		{"openai", "gpt-5.4-pro", "o200k_base"},
		{"openai", "o1", "o200k_base"},
		{"openai", "o4-mini", "o200k_base"},
		{"ollama", "gpt-oss:20b", "o200k_base"},
		{"openai", "gpt-4", "cl100k_base"},
		{"openai", "GPT-4-0613", "cl100k_base"},
		{"openai", "gpt-4-turbo", "cl100k_base"},
		{"openai", "gpt-3.5-turbo", "cl100k_base"},
		{"azure", "gpt-35-turbo", "cl100k_base"},
		{"openai", "ft:gpt-3.5-turbo-0125:acme::1", "cl100k_base"},
		{"openai", "ft:gpt-4o-mini:acme::1", "o200k_base"},
		{"openai", "text-embedding-3-small", "cl100k_base"},
		{"openai", "text-embedding-ada-002", "cl100k_base"},
		{"openrouter", "openai/gpt-4", "cl100k_base"},
		{"openrouter", "openai/gpt-4o", "o200k_base"},
		{"", "gpt-4", "cl100k_base"},
		{"ollama", "gpt-4", "o200k_base"},
		{"anthropic", "claude-sonnet-4-5", "o200k_base"},
		{"gemini", "models/gemini-2.5-pro", "o200k_base"},
		{"xai", "grok-4", "o200k_base"},
		{"", "", "o200k_base"},
	}
	for _, tt := range tests {
		t.Run(tt.provider+" "+tt.model, func(t *testing.T) {
			t.Parallel()
			if got := EncodingFor(tt.provider, tt.model).Name(); got != tt.want {
				t.Errorf("EncodingFor(%q, %q) = %s, want %s", tt.provider, tt.model, got, tt.want)
			}
		})
	}
}

func TestZeroEncoding(t *testing.T) {
	t.Parallel()
	var e Encoding
	if e.Name() != "o200k_base" || e.Count([]byte("hello world")) != 2 {
		t.Errorf("the zero value is %s and counts %d", e.Name(), e.Count([]byte("hello world")))
	}
}

// The figures are what OpenAI's tokenizer says.
func TestCountKnownTexts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text    string
		o200k, cl100k int64
	}{
		{"empty", "", 0, 0},
		{"greeting", "hello world", 2, 2},
		{"library", "tiktoken is great!", 6, 6},
		{"Japanese", "お誕生日おめでとう", 8, 9},
		{"contractions", "don't DON'T we're", 3, 6},
		{"camel case", "HTTPServer fooBar", 4, 4},
		{"spaces", "  x   y", 4, 4},
		{"arithmetic", "2 + 2 = 4", 7, 7},
		{"long word", "antidisestablishmentarianism", 6, 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := O200kBase.Count([]byte(tt.text)); got != tt.o200k {
				t.Errorf("o200k_base: %d tokens, want %d", got, tt.o200k)
			}
			if got := Cl100kBase.Count([]byte(tt.text)); got != tt.cl100k {
				t.Errorf("cl100k_base: %d tokens, want %d", got, tt.cl100k)
			}
		})
	}
}
