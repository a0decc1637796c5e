// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
)

// TestSize compares what tokens are said to take with what they do take, since whoever signs
// tokens of his own could else fill the memory through a cache of them.
func TestSize(t *testing.T) { // alone, since it looks at the memory
	key := jwttest.For("HS256")
	for name, value := range map[string]any{
		"text":    strings.Repeat("a", 20_000),
		"numbers": make([]int, 10_000),
		"objects": slices.Repeat([]any{map[string]any{"a": 1}}, 2500),
		"empty":   slices.Repeat([]any{map[string]any{}}, 5000),
		"lists":   slices.Repeat([]any{[]any{}}, 5000),
		"texts":   slices.Repeat([]any{"a"}, 5000),
	} {
		t.Run(name, func(t *testing.T) {
			const n = 20
			compact := key.Sign(jwttest.Claims{"x": value})
			kept, said := make([]*jwtverify.Token, n), 0
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for i := range kept {
				token, err := jwtverify.Parse(strings.Clone(compact), jwtverify.MaxToken)
				if err != nil {
					t.Fatal(err)
				}
				kept[i] = token
				said += token.Size()
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			took := int(after.HeapAlloc - before.HeapAlloc) //nolint:gosec // It has grown.
			if took > said*5/4 {
				t.Errorf("%d tokens take %d bytes, and say %d", n, took, said)
			}
			if took < said/8 {
				t.Errorf("%d tokens take %d bytes, and say %d: that is no use", n, took, said)
			}
			runtime.KeepAlive(kept)
		})
	}
}
