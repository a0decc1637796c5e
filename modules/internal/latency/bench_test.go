// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latency

import (
	"testing"
	"time"
)

func BenchmarkChoose(b *testing.B) {
	o := usual()
	r := NewRegistry(16)
	var a Attempt
	b.ReportAllocs()
	now := time.Duration(0)
	for b.Loop() {
		now += ms
		o.Choose(&a, Candidate{Server: r.Get("127.0.0.1:1", now)}, Candidate{Server: r.Get("127.0.0.1:2", now)}, now)
		a.Answered(now + ms)
		a.Left(now + ms)
	}
}

func TestChoosingDoesNotAllocate(t *testing.T) {
	o := usual()
	r := NewRegistry(16)
	var a Attempt
	now := time.Duration(0)
	n := testing.AllocsPerRun(1000, func() {
		now += ms
		o.Choose(&a, Candidate{Server: r.Get("127.0.0.1:1", now)}, Candidate{Server: r.Get("127.0.0.1:2", now)}, now)
		a.Answered(now + ms)
		a.Left(now + ms)
	})
	if n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
