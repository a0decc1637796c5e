// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// split spreads a number of tokens over classes at random.
func split(random *rand.Rand, total int64, classes []usage.Class, counts *usage.Counts) {
	for _, c := range classes {
		n := random.Int64N(total + 1)
		if random.IntN(3) == 0 {
			n = total
		}
		counts[c] = n
		total -= n
	}
}

// Whatever a call reports within its bounds, it costs no more than was said before.
func TestNothingCostsMoreThanMost(t *testing.T) {
	t.Parallel()
	instants := []time.Time{
		instant(t, "2021-01-01T00:00:00Z"), instant(t, "2026-11-21T02:30:00Z"), instant(t, "2026-11-23T03:00:00Z"),
		instant(t, "2026-11-23T12:00:00Z"), instant(t, "2099-12-31T23:59:59Z"),
	}
	sizes := []int64{0, 1, 1000, 200_000, 200_001, 272_001, 1 << 20, 1 << 40, 1<<63 - 1}
	tiers := []string{"", "default", "batch", "flex", "priority", "mystery"}
	var tight int
	for m := range Default().Models() {
		random := rand.New(rand.NewPCG(1, uint64(len(m.ID)))) //nolint:gosec // to be repeatable
		for _, at := range instants {
			r := m.rowAt(at)
			geos := []string{"", "nowhere"}
			for geo := range r.geo {
				geos = append(geos, geo)
			}
			for range 40 {
				input, output := sizes[random.IntN(len(sizes))], sizes[random.IntN(len(sizes))]
				var q Query
				q.At, q.ServiceTier, q.Geo = at, tiers[random.IntN(len(tiers))], geos[random.IntN(len(geos))]
				var without []usage.Class
				in, out := slices.Clone(inputs[:]), slices.Clone(outputs[:])
				if random.IntN(2) == 0 {
					without = []usage.Class{usage.CacheWrite1h, usage.InputAudio, usage.OutputAudio}
					banned := func(c usage.Class) bool { return slices.Contains(without, c) }
					in, out = slices.DeleteFunc(in, banned), slices.DeleteFunc(out, banned)
				}
				random.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
				random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
				split(random, min(input, maxCount), in, &q.Counts)
				split(random, min(output, maxCount), out, &q.Counts)
				most, cost := m.Most(at, input, output, without...), m.Price(q).Cost
				if cost > most {
					t.Fatalf("%s (%s) at %s in tier %q at %q: %v cost %s, more than %s", m.ID, m.Provider, at, q.ServiceTier, q.Geo, q.Counts, cost, most)
				}
				if cost == most && cost > 0 {
					tight++
				}
			}
		}
	}
	if tight == 0 {
		t.Error("no call has cost as much as it can")
	}
}

func TestMost(t *testing.T) {
	t.Parallel()
	book, err := Parse([]byte(`{"schema":1,"as_of":"2026-11-21","unit":"USD_per_1M_tokens","models":[
		{"id":"m","provider":"p","prices":[{"input":"1","output":"4","cache_write_1h":"2","output_audio":"10",
			"tiers":[{"input_tokens_gt":1000,"input":"3","output":"6"}],
			"priority":{"input":"1.5","output":"5"},
			"multipliers":{"inference_geo=us":"1.1","inference_geo=eu":"0.9"}}]},
		{"id":"m-2026-01-02","provider":"p","prices":[{"input":"9","output":"9"}]},
		{"id":"free","provider":"p","prices":[{"input":"0","output":"0"}]}]}`), "test")
	if err != nil {
		t.Fatal(err)
	}
	m, at := mustFind(t, book, "p", "m"), instant(t, "2026-11-21T12:00:00Z")
	tests := []struct {
		name          string
		input, output int64
		without       []usage.Class
		want          string
	}{
		{name: "nothing", want: "0"},
		{name: "negative", input: -5, output: -1, want: "0"},
		{name: "dearest classes", input: 1000, output: 100, want: "0.0033"}, // (1000·2 + 100·10) · 1.1
		{name: "without some", input: 1000, output: 100, without: []usage.Class{usage.CacheWrite1h, usage.OutputAudio}, want: "0.0022"}, // priority
		{name: "beyond the threshold", input: 1001, output: 0, want: "0.0033033"},
		{name: "rounded up", input: 0, output: 1, without: []usage.Class{usage.OutputAudio}, want: "0.0000055"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := m.Most(at, tc.input, tc.output, tc.without...); got != usd(t, tc.want) {
				t.Errorf("Most() = %s, want %s", got, tc.want)
			}
		})
	}
	if got, want := m.Most(at, 1<<62, 1<<62), money.Amount(1<<63-1); got != want {
		t.Errorf("Most() = %s, want the largest amount", got)
	}
	if m.Free(at) || !mustFind(t, book, "p", "free").Free(at) {
		t.Error("Free() does not tell the free model")
	}
	if got := book.Snapshots(m); len(got) != 1 || got[0].ID != "m-2026-01-02" {
		t.Errorf("Snapshots() = %v", got)
	}
}

func TestMostDoesNotAllocate(t *testing.T) {
	m := mustFind(t, Default(), "anthropic", "claude-sonnet-4-20250514")
	at := instant(t, "2026-11-21T12:00:00Z")
	if n := testing.AllocsPerRun(100, func() { m.Most(at, 300_000, 1000, usage.CacheWrite1h) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMost(b *testing.B) {
	m := mustFind(b, Default(), "anthropic", "claude-sonnet-4-20250514")
	at := instant(b, "2026-11-21T12:00:00Z")
	b.ReportAllocs()
	for b.Loop() {
		m.Most(at, 300_000, 4000, usage.CacheWrite1h)
	}
}
