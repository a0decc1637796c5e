// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// benchmarkKeys is over how many keys decisions are spread.
const benchmarkKeys = 1000

var benchmarkSubjects = func() (all []string) {
	for i := range benchmarkKeys {
		all = append(all, fmt.Sprintf("consumer-%d", i))
	}
	return all
}()

func window(kind limits.Kind, length time.Duration) *limits.Rule {
	return &limits.Rule{Unit: limits.Requests, Limit: 1 << 30, Window: limits.Window{Kind: kind, Length: length}}
}

// benchmarkRules are what is compared.
var benchmarkRules = []struct {
	name  string
	rules []*limits.Rule
}{
	{"fixed1", []*limits.Rule{window(limits.Fixed, time.Minute)}},
	{"sliding1", []*limits.Rule{window(limits.Sliding, time.Minute)}},
	{"bucket1", []*limits.Rule{{Unit: limits.Requests, Limit: 1 << 20, Window: limits.Window{Kind: limits.Bucket, Length: time.Minute}}}},
	{"sliding3", []*limits.Rule{
		window(limits.Sliding, time.Minute), window(limits.Sliding, time.Hour), window(limits.Sliding, 24*time.Hour),
	}},
}

// benchmark runs f from n goroutines, and reports the median of what it takes.
func benchmark(b *testing.B, r *redistest.Server, n int, f func(ctx context.Context, subject string) error) {
	b.Helper()
	b.ReportAllocs()
	took := make([][]time.Duration, n)
	var wg sync.WaitGroup
	ours, theirs := processTime(b), redisTime(b, r)
	b.ResetTimer()
	for i := range n {
		wg.Go(func() {
			source := rand.New(rand.NewPCG(1, uint64(i))) //nolint:gosec // Nothing to guess.
			for range (b.N + n - 1) / n {
				start := time.Now()
				if err := f(b.Context(), benchmarkSubjects[source.IntN(benchmarkKeys)]); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(start))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64((processTime(b)-ours).Nanoseconds())/1e3/float64(b.N), "gateway-us/op")
	b.ReportMetric(float64((redisTime(b, r)-theirs).Nanoseconds())/1e3/float64(b.N), "redis-us/op")
	all := slices.Concat(took...)
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Nanoseconds())/1e3, "p50-us")
	b.ReportMetric(float64(all[len(all)*99/100].Nanoseconds())/1e3, "p99-us")
	b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "ops/s")
}

// processTime is what this process has used of the processors: unlike the time that
// passes it says something on a machine that is busy with other things.
func processTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// redisTime is the same of a Redis.
func redisTime(b *testing.B, r *redistest.Server) (sum time.Duration) {
	b.Helper()
	for _, field := range []string{"used_cpu_user", "used_cpu_sys"} {
		v, err := strconv.ParseFloat(r.Info("cpu", field), 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(v * 1e9)
	}
	return sum
}

// decider asks a store about rules.
func decider(s limits.Store, rules []*limits.Rule) func(context.Context, string) error {
	pool := sync.Pool{New: func() any {
		return &limits.Decision{Checks: make([]limits.Check, len(rules))}
	}}
	return func(ctx context.Context, subject string) error {
		d := pool.Get().(*limits.Decision)
		defer pool.Put(d)
		for i, r := range rules {
			d.Checks[i] = limits.Check{Rule: r, Key: limits.Key{Level: "benchmark", Subject: subject}, Weight: 1}
		}
		err := s.Decide(ctx, d)
		if err == nil && (d.Denied || d.Degraded) {
			return fmt.Errorf("denied %v, degraded %v", d.Denied, d.Degraded)
		}
		return err
	}
}

// BenchmarkDecide compares decisions with calls of the same script by go-redis and
// nothing else, from one goroutine and from 32.
func BenchmarkDecide(b *testing.B) {
	r := redistest.Start(b)
	conn := connect(b, redisconn.Options{URLs: []string{r.URL()}})
	s := open(b, Options{Conn: conn})
	if err := conn.Client().ScriptLoad(b.Context(), plainScript.source).Err(); err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, 32} {
		for _, tt := range benchmarkRules {
			b.Run(fmt.Sprintf("%s/%d/store", tt.name, n), func(b *testing.B) {
				before := s.Stats()
				benchmark(b, r, n, decider(s, tt.rules))
				after := s.Stats()
				b.ReportMetric(float64(after.Shared-before.Shared)/float64(after.Batches-before.Batches), "ops/batch")
			})
			b.Run(fmt.Sprintf("%s/%d/evalsha", tt.name, n), func(b *testing.B) {
				benchmark(b, r, n, func(ctx context.Context, subject string) error {
					p := plans.Get().(*plan)
					defer plans.Put(p)
					checks := make([]limits.Check, len(tt.rules))
					for i, r := range tt.rules {
						checks[i] = limits.Check{Rule: r, Key: limits.Key{Level: "benchmark", Subject: subject}, Weight: 1}
					}
					if err := s.build(p, plainScript, toDecide, 0, checks); err != nil {
						return err
					}
					return conn.Client().Process(ctx, p.cmds[0].prepare(ctx, false))
				})
			})
		}
	}
	runtime.KeepAlive(s)
}
