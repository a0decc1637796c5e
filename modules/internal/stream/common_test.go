// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package stream

import (
	"math/rand/v2"
	"testing"
)

func TestCommonPrefixAndSuffix(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(11, 12))
	text := func() []byte {
		p := make([]byte, random.IntN(40))
		for i := range p {
			if random.IntN(12) == 0 {
				p[i] = byte(random.IntN(256))
			}
		}
		return p
	}
	for range 20_000 {
		a, b := text(), text()
		prefix, suffix := 0, 0
		for prefix < min(len(a), len(b)) && a[prefix] == b[prefix] {
			prefix++
		}
		for suffix < min(len(a), len(b)) && a[len(a)-1-suffix] == b[len(b)-1-suffix] {
			suffix++
		}
		if p, s := CommonPrefix(a, b), CommonSuffix(a, b); p != prefix || s != suffix {
			t.Fatalf("%x and %x share %d and %d, want %d and %d", a, b, p, s, prefix, suffix)
		}
	}
}
