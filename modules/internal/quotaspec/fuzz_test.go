// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotaspec

import (
	"reflect"
	"strings"
	"testing"
)

// FuzzItem checks that what is accepted can be kept by a store, and that its text
// means the same again.
func FuzzItem(f *testing.F) {
	for _, line := range []string{
		"requests 100/min 1000/hour", "tokens input 1.5M/7d fixed", "cost 0.5usd/month soft timezone Asia/Kolkata",
		"requests 10/s burst 50", "concurrent 20", "requests 1/1d12h", "cost $5/day calendar", "requests 1,0/min", "tokens total /",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Fields(line)
		if len(words) == 0 {
			return
		}
		it, err := ParseItem(words[0], words[1:])
		if err != nil {
			return
		}
		spec := Spec{Items: []Item{it}}
		c, err := spec.Compile()
		if err != nil {
			t.Fatalf("%q is accepted and does not compile: %v", line, err)
		}
		for i := range c.Rules {
			if err := c.Rules[i].Check(); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
		words = strings.Fields(it.String())
		again, err := ParseItem(words[0], words[1:])
		if err != nil || !reflect.DeepEqual(again, it) {
			t.Errorf("%q is %+v, and %q is %+v, %v", line, it, it, again, err)
		}
	})
}

// FuzzBy does the same for what limits count by, and for weights.
func FuzzBy(f *testing.F) {
	for _, text := range []string{"consumer", "ip 24 56", "header X-Tenant", "{http.request.host}", "ip 32 64", "17", "{a b}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if b, err := parseByText(text); err == nil {
			again, err := parseByText(b.String())
			if err != nil || again != b {
				t.Errorf("%q is %+v, and its text %q is %+v, %v", text, b, b, again, err)
			}
		}
		if w, err := ParseWeight(text); err == nil {
			again, err := ParseWeight(w.String())
			if err != nil || again != w || w.Constant < 0 || w.Constant > MaxWeight {
				t.Errorf("%q is %+v, and its text %q is %+v, %v", text, w, w, again, err)
			}
		}
	})
}
