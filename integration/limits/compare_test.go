// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limits

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/goredisstore.v9"
)

// callers are how many ask at once where it says 32.
const (
	callers = 32
	keys    = 1000
	calls   = 20_000 // of a measurement
)

// BenchmarkCompared measures one after the other, in one run: redis_rate, throttled,
// and the gateway's store with one fixed window and with three sliding ones. Each
// has a Redis of its own, over 1,000 keys. On a machine that is busy look at the
// processor time, not at what passes.
func BenchmarkCompared(b *testing.B) {
	program := filepath.Join(b.TempDir(), "limitredis.test")
	build := exec.CommandContext(b.Context(), "go", "test", "-c", "-o", program, "./modules/internal/limitredis")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build the benchmark of the store: %v\n%s", err, out)
	}
	client := redis.NewClient(&redis.Options{Addr: startRedis(b), PoolSize: 64, Protocol: 2})
	b.Cleanup(func() { _ = client.Close() })
	rate := redis_rate.NewLimiter(client)
	store, err := goredisstore.NewCtx(client, "throttled:")
	if err != nil {
		b.Fatal(err)
	}
	gcra, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{MaxRate: throttled.PerMin(1 << 20), MaxBurst: 1 << 20})
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, callers} {
		b.Run(fmt.Sprintf("redis_rate/%d", n), func(b *testing.B) {
			measure(b, client, n, func(ctx context.Context, key string) error {
				_, err := rate.Allow(ctx, key, redis_rate.PerMinute(1<<20))
				return err
			})
		})
		b.Run(fmt.Sprintf("throttled/%d", n), func(b *testing.B) {
			measure(b, client, n, func(ctx context.Context, key string) error {
				// It gives up where others change the same key at the same time.
				_, _, _ = gcra.RateLimitCtx(ctx, key, 1)
				return nil
			})
		})
		for _, rules := range []string{"fixed1", "sliding3"} {
			for _, by := range []string{"store", "evalsha"} {
				b.Run(fmt.Sprintf("%s/%s/%d", by, rules, n), func(b *testing.B) {
					run(b, program, fmt.Sprintf("^BenchmarkDecide$/^%s$/^%d$/^%s$", rules, n, by))
				})
			}
		}
	}
}

// measure reports the operations a second of n callers, and their median.
func measure(b *testing.B, client *redis.Client, n int, f func(ctx context.Context, key string) error) {
	b.Helper()
	for b.Loop() {
		took := make([][]time.Duration, n)
		ours, theirs := processTime(b), redisTime(b, client)
		start := time.Now()
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(1, uint64(i))) //nolint:gosec // Nothing to guess.
				for range calls / n {
					began := time.Now()
					if err := f(b.Context(), fmt.Sprintf("consumer-%d", r.IntN(keys))); err != nil {
						b.Error(err)
						return
					}
					took[i] = append(took[i], time.Since(began))
				}
			})
		}
		wg.Wait()
		all := slices.Concat(took...)
		if len(all) == 0 {
			b.Fatal("nothing was measured")
		}
		b.ReportMetric(float64(len(all))/time.Since(start).Seconds(), "ops/s")
		b.ReportMetric((processTime(b)-ours)*1e6/float64(len(all)), "gateway-us/op")
		b.ReportMetric((redisTime(b, client)-theirs)*1e6/float64(len(all)), "redis-us/op")
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Nanoseconds())/1e3, "p50-us")
	}
	b.ReportMetric(0, "ns/op") // of a whole measurement: says nothing
}

// processTime is how many seconds of a processor this process has used.
func processTime(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// redisTime is the same of Redis.
func redisTime(b *testing.B, client *redis.Client) (sum float64) {
	b.Helper()
	for _, m := range processor.FindAllStringSubmatch(client.Info(b.Context(), "cpu").Val(), -1) {
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += v
	}
	return sum
}

var processor = regexp.MustCompile(`used_cpu_(?:sys|user):([0-9.]+)`)

// metric is how a benchmark prints what it measured.
var metric = regexp.MustCompile(`([0-9.]+) (ops/s|p50-us|redis-us/op|gateway-us/op)`)

// run runs a benchmark of the store, whose package cannot be imported from here.
func run(b *testing.B, program, name string) {
	b.Helper()
	for b.Loop() {
		cmd := exec.CommandContext(b.Context(), program, "-test.run", "^$", "-test.bench", name, "-test.benchtime", fmt.Sprintf("%dx", calls)) //nolint:gosec // Built above.
		out, err := cmd.CombinedOutput()
		found := metric.FindAllStringSubmatch(string(out), -1)
		if err != nil || len(found) == 0 {
			b.Fatalf("%v\n%s", err, out)
		}
		for _, m := range found {
			v, err := strconv.ParseFloat(m[1], 64)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(v, m[2])
		}
	}
	b.ReportMetric(0, "ns/op") // of a whole measurement: says nothing
}

// startRedis runs a redis-server that lives as long as the benchmark.
func startRedis(b *testing.B) string {
	b.Helper()
	l, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close() // only its port is wanted
	_, port, _ := strings.Cut(addr, ":")
	cmd := exec.CommandContext(b.Context(), "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no") //nolint:gosec // A number.
	cmd.Dir = b.TempDir()
	if err := cmd.Start(); err != nil {
		b.Fatalf("redis-server is not installed: %v", err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer func() { _ = client.Close() }()
	for range 500 {
		if client.Ping(b.Context()).Err() == nil {
			return addr
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.Fatal("redis-server does not answer")
	return ""
}
