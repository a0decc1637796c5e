// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachekey

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
)

// chat returns the body of a chat of about the given size.
func chat(size int) []byte {
	var b strings.Builder
	b.WriteString(`{"model":"gpt-4o-mini","temperature":0.0,"max_tokens":1024,"stream":true,"user":"someone","messages":[` +
		`{"role":"system","content":"You answer in one sentence.\nYou never guess."}`)
	for turn := 0; b.Len() < size-200; turn++ {
		fmt.Fprintf(&b, `,{"role":%q,"content":"Turn %d: what does the \"second\" paragraph say about caf\u00e9s in Zürich?\n%s"}`,
			[]string{"user", "assistant"}[turn&1], turn, strings.Repeat("It says that they open early and close late. ", 4))
	}
	b.WriteString(`],"tools":[{"type":"function","function":{"name":"find","parameters":{"type":"object","properties":{"q":{"type":"string"}},"required":["q"]}}}]}`)
	return []byte(b.String())
}

var (
	benchSizes = []struct {
		name string
		body []byte
	}{{"1KB", chat(1 << 10)}, {"20KB", chat(20 << 10)}}
	benchIgnore = NewIgnore("user", "metadata", "stream", "stream_options")
)

func BenchmarkJSON(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(size.name, func(b *testing.B) {
			b.SetBytes(int64(len(size.body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := JSON(size.body, benchIgnore); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(size.name+"/sha256 alone", func(b *testing.B) {
			b.SetBytes(int64(len(size.body)))
			for b.Loop() {
				sha256.Sum256(size.body)
			}
		})
	}
}

func BenchmarkRequest(b *testing.B) {
	accept := []string{"de-CH"}
	b.ReportAllocs()
	for b.Loop() {
		h := New()
		h.Text("method", "POST")
		h.Text("host", "gateway.example")
		h.Text("path", "/v1/chat/completions")
		h.Text("scope", "consumer:someone")
		h.Header("Accept-Language", accept)
		h.Header("OpenAI-Beta", nil)
		if err := h.JSON("body", benchSizes[0].body, benchIgnore); err != nil {
			b.Fatal(err)
		}
		if _, err := h.Sum(); err != nil {
			b.Fatal(err)
		}
		h.Release()
	}
}

func TestKeysCostNoAllocation(t *testing.T) {
	for _, size := range benchSizes {
		h := New()
		allocs := testing.AllocsPerRun(100, func() {
			h.Reset()
			h.Text("path", "/v1/chat/completions")
			if err := h.JSON("body", size.body, benchIgnore); err != nil {
				t.Error(err)
			}
			if _, err := h.Sum(); err != nil {
				t.Error(err)
			}
		})
		h.Release()
		if allocs != 0 {
			t.Errorf("%s: %v allocations", size.name, allocs)
		}
	}
}
