// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachekey

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// sum returns the key of the parts that a function adds.
func sum(t *testing.T, parts func(h *Hasher)) Key {
	t.Helper()
	h := New()
	defer h.Release()
	parts(h)
	k, err := h.Sum()
	if err != nil {
		t.Fatalf("sum: %v", err)
	}
	return k
}

// Every two of these lists differ, and most would not if their parts were joined.
func TestDifferentParts(t *testing.T) {
	t.Parallel()
	addJSON := func(h *Hasher, label, doc string) {
		if err := h.JSON(label, []byte(doc), nil); err != nil {
			t.Errorf("%s: %v", doc, err)
		}
	}
	long := strings.Repeat("x", 3*blockSize)
	lists := []func(h *Hasher){
		func(*Hasher) {},
		func(h *Hasher) { h.Text("", "") },
		func(h *Hasher) { h.Text("", ""); h.Text("", "") },
		func(h *Hasher) { h.Text("a", "b") },
		func(h *Hasher) { h.Text("ab", "") },
		func(h *Hasher) { h.Text("", "ab") },
		func(h *Hasher) { h.Text("a", "b"); h.Text("c", "d") },
		func(h *Hasher) { h.Text("a", "b\x01\x01c\x01d") },
		func(h *Hasher) { h.Text("c", "d"); h.Text("a", "b") },
		func(h *Hasher) { h.List("a", nil) },
		func(h *Hasher) { h.List("a", []string{""}) },
		func(h *Hasher) { h.List("a", []string{"b"}) },
		func(h *Hasher) { h.List("a", []string{"b", "c"}) },
		func(h *Hasher) { h.List("a", []string{"c", "b"}) },
		func(h *Hasher) { h.List("a", []string{"b\x01c"}) },
		func(h *Hasher) { h.List("a", []string{"b"}); h.List("c", nil) },
		func(h *Hasher) { h.Header("a", nil) },
		func(h *Hasher) { h.Header("a", []string{"b"}) },
		func(h *Hasher) { h.Header("a", []string{"B"}) },
		func(h *Hasher) { h.Header("a", []string{"b", "c"}) },
		func(h *Hasher) { h.Header("a", []string{"b, c"}) },
		func(h *Hasher) { addJSON(h, "a", `"b"`) },
		func(h *Hasher) { addJSON(h, "a", `["b"]`) },
		func(h *Hasher) { addJSON(h, "ab", `""`) },
		func(h *Hasher) { addJSON(h, "a", `"b"`); h.Text("c", "d") },
		func(h *Hasher) { addJSON(h, "a", `"b\u0001\u0001c\u0001d"`) },
		func(h *Hasher) { h.Text("a", long) },
		func(h *Hasher) { h.Text("a", long+"x") },
		func(h *Hasher) { h.Text("a", long); h.Text("x", "") },
	}
	keys := map[Key]int{}
	for i, parts := range lists {
		k := sum(t, parts)
		if other, ok := keys[k]; ok {
			t.Errorf("lists %d and %d have the same key", other, i)
		}
		keys[k] = i
	}
}

func TestEqualParts(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 3*blockSize)
	for _, c := range []struct {
		name string
		a, b func(h *Hasher)
	}{
		{"text and bytes", func(h *Hasher) { h.Text("a", "b") }, func(h *Hasher) { h.Bytes("a", []byte("b")) }},
		{"long text and bytes", func(h *Hasher) { h.Text("a", long) }, func(h *Hasher) { h.Bytes("a", []byte(long)) }},
		{"case of a field", func(h *Hasher) { h.Header("OpenAI-Beta", []string{"x"}) }, func(h *Hasher) { h.Header("openai-beta", []string{"x"}) }},
		{"after a reset", func(h *Hasher) { h.Text("x", "y"); h.Reset(); h.Text("a", "b") }, func(h *Hasher) { h.Text("a", "b") }},
		{"sum in between", func(h *Hasher) {
			h.Text("a", "b")
			if _, err := h.Sum(); err != nil {
				t.Errorf("sum: %v", err)
			}
			h.Text("c", "d")
		}, func(h *Hasher) { h.Text("a", "b"); h.Text("c", "d") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if sum(t, c.a) != sum(t, c.b) {
				t.Error("the keys differ")
			}
		})
	}
}

func TestNoKeyAfterAnError(t *testing.T) {
	t.Parallel()
	h := New()
	defer h.Release()
	h.Text("a", "b")
	if h.JSON("body", []byte(`{"a":1,"a":2}`), nil) == nil {
		t.Fatal("a duplicate passed")
	}
	if h.JSON("body", []byte(`{}`), nil) == nil {
		t.Error("the error is forgotten")
	}
	if _, err := h.Sum(); err == nil {
		t.Error("there is a key after an error")
	}
	h.Reset()
	if _, err := h.Sum(); err != nil {
		t.Errorf("after reset: %v", err)
	}
}

func TestKeyString(t *testing.T) {
	t.Parallel()
	if got := (Key{0xab, 31: 1}).String(); got != "ab"+strings.Repeat("0", 60)+"01" {
		t.Errorf("got %s", got)
	}
}

// What a hasher was used for before makes no difference.
func TestHashersAreShared(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	docs := make([]string, 50)
	want := make([]Key, len(docs))
	for i := range docs {
		docs[i] = fmt.Sprintf(`{"n":%d,"text":%q,"\u0061":[%s1]}`, i, strings.Repeat("x", random.IntN(5000)), strings.Repeat("2,", random.IntN(9000)))
		want[i] = keyOf(t, docs[i], nil)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i, doc := range docs {
				if got, err := JSON([]byte(doc), nil); err != nil || got != want[i] {
					t.Errorf("document %d: another key, error %v", i, err)
				}
			}
		})
	}
	group.Wait()
}
