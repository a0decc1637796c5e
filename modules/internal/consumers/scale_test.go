// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers_test

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

var declared = consumers.BuildOptions{Groups: []string{"llm", "batch", "internal", "external"}}

// fileOf returns a JSON file of n consumers as a large installation has them:
// own names and ids, one key each, and groups, tags and models from a few sets.
func fileOf(n int) []byte {
	var b bytes.Buffer
	b.WriteString("[\n")
	for i := range n {
		if i > 0 {
			b.WriteString(",\n")
		}
		group := declared.Groups[i%len(declared.Groups)]
		fmt.Fprintf(&b, `{"name":"consumer-%06d","custom_id":"%08d","groups":["%s"],"tags":["region-%d"],"models":["gpt-*","claude-*"],"allow_ips":["10.0.0.0/8"],"keys":["%s"]}`,
			i, i, group, i%10, hashed(demoKey(i)))
	}
	b.WriteString("\n]\n")
	return b.Bytes()
}

func demoKey(i int) string {
	return fmt.Sprintf("demo-key-%d", i)
}

func load(tb testing.TB, file []byte) *consumers.Table {
	tb.Helper()
	specs, err := consumers.ReadJSON(bytes.NewReader(file))
	if err != nil {
		tb.Fatal(err)
	}
	table, err := consumers.Build(specs, declared)
	if err != nil {
		tb.Fatal(err)
	}
	return table
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestScale does not run beside other tests, since it measures memory.
func TestScale(t *testing.T) {
	file := fileOf(many)
	before := heap()
	start := time.Now()
	table := load(t, file)
	took := time.Since(start)
	each := float64(heap()-before) / many
	t.Logf("%d consumers: %v, %.0f bytes each", many, took, each)
	if took > loadBound {
		t.Errorf("loading takes %v", took)
	}
	if each > 500 {
		t.Errorf("a consumer takes %.0f bytes", each)
	}
	for _, i := range []int{0, 1, many / 2, many - 1} {
		c := lookup(t, table, demoKey(i))
		if want := fmt.Sprintf("consumer-%06d", i); c.Consumer.Name != want {
			t.Errorf("key %d belongs to %s", i, c.Consumer.Name)
		}
	}
	runtime.KeepAlive(file)
}

// TestAllocations does not run beside other tests, whose allocations would count.
func TestAllocations(t *testing.T) {
	table := load(t, fileOf(1000))
	known, unknown, now := apikey.Hash(demoKey(7)), apikey.Hash("nobody"), time.Now()
	n := testing.AllocsPerRun(100, func() {
		c := table.Lookup(known)
		if table.Lookup(unknown) != nil || !c.Active(now) || !c.AllowsModel("gpt-4o") || c.InGroup("nothing") {
			t.Error("the answer is wrong")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{1000, many} {
		table := load(b, fileOf(n))
		known := make([]apikey.Digest, 1024)
		unknown := make([]apikey.Digest, len(known))
		for i := range known {
			known[i] = apikey.Hash(demoKey(i * n / len(known)))
			unknown[i] = apikey.Hash(fmt.Sprint("nobody", i))
		}
		run := func(digests []apikey.Digest, found bool) func(*testing.B) {
			return func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if (table.Lookup(digests[i%len(digests)]) != nil) != found {
						b.Fatal("the answer is wrong")
					}
				}
			}
		}
		b.Run(fmt.Sprintf("keys=%d/known", n), run(known, true))
		b.Run(fmt.Sprintf("keys=%d/unknown", n), run(unknown, false))
	}
}

func BenchmarkLoad(b *testing.B) {
	file := fileOf(many)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		load(b, file)
	}
}

func BenchmarkAllowsModel(b *testing.B) {
	table, err := consumers.Build([]consumers.Spec{{Name: "a", Models: []string{"deepseek-*", "llama3*", "gpt-*-mini"}}}, consumers.BuildOptions{})
	if err != nil {
		b.Fatal(err)
	}
	c := table.Anonymous("a")
	b.ReportAllocs()
	for b.Loop() {
		if !c.AllowsModel("gpt-4o-mini") {
			b.Fatal("the model is denied")
		}
	}
}
