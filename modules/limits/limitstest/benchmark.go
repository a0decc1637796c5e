// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Benchmark measures what o opens. All stores are asked the same: a decision of
// one fixed window, one of three sliding windows, admitted and denied; a
// reservation of tokens and money with its settlement; and the three windows from
// many goroutines, of many subjects and of one.
func Benchmark(b *testing.B, o Opener) {
	one := []*limits.Rule{fixed(limits.Requests, limits.MaxCount, time.Minute)}
	three := []*limits.Rule{
		sliding(limits.Requests, limits.MaxSliding, time.Minute),
		sliding(limits.Requests, limits.MaxSliding, time.Hour),
		sliding(limits.Requests, limits.MaxSliding, day),
	}
	reserving := []*limits.Rule{
		sliding(limits.Tokens, limits.MaxSliding, time.Minute),
		calendar(limits.Cost, limits.MaxCount, limits.Month, ""),
	}
	b.Run("fixed", func(b *testing.B) { benchmarkDecide(b, o, one, 1) })
	b.Run("sliding3", func(b *testing.B) { benchmarkDecide(b, o, three, 1) })
	b.Run("denied3", func(b *testing.B) { benchmarkDecide(b, o, three, limits.MaxCount) })
	b.Run("reserve", func(b *testing.B) { benchmarkReserve(b, o, reserving) })
	b.Run("parallel", func(b *testing.B) { benchmarkParallel(b, o, three, 1024) })
	b.Run("contended", func(b *testing.B) { benchmarkParallel(b, o, three, 1) })
}

// subjects returns decisions of n subjects.
func subjects(rules []*limits.Rule, n int, weight int64) []limits.Decision {
	decisions := make([]limits.Decision, n)
	for i := range decisions {
		for _, r := range rules {
			decisions[i].Checks = append(decisions[i].Checks, on(r, "consumer-"+strconv.Itoa(i), weight))
		}
	}
	return decisions
}

func benchmarkDecide(b *testing.B, o Opener, rules []*limits.Rule, weight int64) {
	o.Virtual = false // the time of the system is part of the work
	p := open(b, o)
	decisions := subjects(rules, 1024, weight)
	ctx := b.Context()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d := &decisions[i%len(decisions)]
		if err := p.s.Decide(ctx, d); err != nil || d.Denied != (weight > 1) {
			b.Fatalf("Decide() error %v, denied %v", err, d.Denied)
		}
	}
}

func benchmarkReserve(b *testing.B, o Opener, rules []*limits.Rule) {
	o.Virtual = false
	p := open(b, o)
	decisions := subjects(rules, 1024, 400)
	ctx := b.Context()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d := &decisions[i%len(decisions)]
		d.ID = limits.NewID()
		if err := p.s.Decide(ctx, d); err != nil || d.Denied {
			b.Fatalf("Decide() error %v, denied %v", err, d.Denied)
		}
		for j := range d.Checks {
			d.Checks[j].Actual = 1
		}
		p.s.Settle(d)
	}
	b.StopTimer()
	p.flush()
}

func benchmarkParallel(b *testing.B, o Opener, rules []*limits.Rule, n int) {
	o.Virtual = false
	p := open(b, o)
	ctx := b.Context()
	var workers atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		decisions := subjects(rules, n, 1)
		for i := int(workers.Add(1)) * 7; pb.Next(); i++ {
			d := &decisions[i%len(decisions)]
			if err := p.s.Decide(ctx, d); err != nil || d.Denied {
				b.Errorf("Decide() error %v, denied %v", err, d.Denied)
				return
			}
		}
	})
}
