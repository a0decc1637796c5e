// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// testFolding walks through the levels of detail that a full hour gives up.
func testFolding(t *testing.T, open Open) {
	const limit = 3
	l := open(t, ledger.Options{MaxRows: limit})
	requests := func(consumer, provider, model, route string) int64 {
		t.Helper()
		want := ledger.Key{Consumer: consumer, Provider: provider, Model: model, Route: route}
		for _, w := range Rows(t, l, Everything) {
			if w.Key == want {
				return w.Requests
			}
		}
		return 0
	}
	record := func(consumer, provider, model string) {
		t.Helper()
		l.Record(new(changed(Call(consumer, model), func(r *ledger.Record) { r.Provider = provider })))
	}
	const other = ledger.Other

	for i := range limit {
		record("a", "openai", fmt.Sprint("m", i))
	}
	record("a", "openai", "m3")
	record("a", "openai", "m4")
	record("a", "openai", "m0")
	if requests("a", "openai", other, "chat") != 2 || requests("a", "openai", "m0", "chat") != 2 {
		t.Error("further models of a consumer fold; those that have a row keep it")
	}
	record("b", "openai", "m0")
	record("c", "openai", "m0")
	record("d", "openai", "m0")
	record("d", "anthropic", "m9")
	if requests("d", other, other, other) != 2 {
		t.Error("then provider and route fold")
	}
	record("e", "openai", "m0")
	record("f", "openai", "m0")
	record("g", "openai", "m0")
	record("h", "openai", "m0")
	if requests(other, other, other, other) != 2 {
		t.Error("and in the end the consumer")
	}
	for i := range 100 {
		record(fmt.Sprint("many", i), fmt.Sprint("p", i), fmt.Sprint("m", i))
	}
	rows := Rows(t, l, Everything)
	if len(rows) != 3*limit+1 {
		t.Errorf("%d rows", len(rows))
	}
	if total := ledger.Sum(rows); total.Requests != 114 {
		t.Errorf("%d requests", total.Requests)
	}
	checkRows(t, l, ledger.Query{Filter: ledger.Filter{Consumer: other}}, "102")

	// Another hour has rows of its own.
	l.Record(new(changed(Call("new", "m0"), func(r *ledger.Record) { r.At = Noon.Add(time.Hour) })))
	checkRows(t, l, ledger.Query{Filter: ledger.Filter{Consumer: "new"}, By: Everything.By}, "1 new openai m0 chat 1 13:00")
}

// testGreedyConsumer guards against one client that invents model names and
// takes the detail from all others.
func testGreedyConsumer(t *testing.T, open Open) {
	l := open(t, ledger.Options{MaxPerConsumer: 10})
	for i := range 200 {
		l.Record(new(Call("greedy", fmt.Sprint("invented-", i))))
	}
	l.Record(new(Call("modest", "gpt-4o")))
	greedy := Rows(t, l, ledger.Query{Filter: ledger.Filter{Consumer: "greedy"}, By: Everything.By})
	if len(greedy) != 11 || ledger.Sum(greedy).Requests != 200 {
		t.Errorf("the greedy consumer has %d rows", len(greedy))
	}
	checkRows(t, l, ledger.Query{Filter: ledger.Filter{Consumer: "modest", Model: "gpt-4o"}}, "1")
}

// testNames guards against names of any length, which clients choose.
func testNames(t *testing.T, open Open) {
	const most = 256
	for _, tc := range []struct {
		name, model string
		want        int
	}{
		{"short", "m", 1},
		{"longest", strings.Repeat("m", most), most},
		{"too long", strings.Repeat("m", most+1), most},
		{"cut within a character", strings.Repeat("m", most-1) + "é", most - 1},
		{"cut within a long character", strings.Repeat("m", most-3) + "🔑", most - 3},
		{"not UTF-8", strings.Repeat("\x80", 2*most), most - utf8.UTFMax},
		{"with zero bytes", "a\x00b", 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			rows := Rows(t, recorded(t, open, Call("a", tc.model), Call("a", tc.model)), Everything)
			if len(rows) != 1 || len(rows[0].Model) != tc.want || !strings.HasPrefix(tc.model, rows[0].Model) {
				t.Errorf("rows = %+v", rows)
			}
		})
	}
	for _, tc := range []struct {
		name, tags string
		want       int
	}{
		{"tags to the limit", strings.Repeat("t", 1019) + ",last", 1024},
		{"a tag beyond the limit", strings.Repeat("t", 1020) + ",last", 1020},
		{"one tag too long", strings.Repeat("t", 2000), 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l := recorded(t, open, changed(Call("a", "x"), func(r *ledger.Record) { r.Tags = tc.tags }))
			length := -1 // a comma less than there are tags
			for _, w := range Rows(t, l, ledger.Query{By: []ledger.Dimension{ledger.ByTag}}) {
				length += len(w.Tags) + 1
			}
			if length != tc.want {
				t.Errorf("%d bytes of tags are kept, want %d", length, tc.want)
			}
		})
	}
}

// testConcurrency: nothing is lost or torn however many record and read.
func testConcurrency(t *testing.T, open Open) {
	const workers, rounds = 8, 500
	l := open(t, ledger.Options{MaxRows: 40, MaxPerConsumer: 3})
	var recording, reading sync.WaitGroup
	done := make(chan struct{})
	reading.Go(func() {
		for last := int64(0); ; runtime.Gosched() {
			rows, err := l.Rows(Everything)
			if err != nil {
				t.Errorf("rows: %v", err)
				return
			}
			for i := range rows {
				w := &rows[i]
				if w.Counts[usage.Output] != 10*w.Requests || w.Cost != pico(300*money.Amount(w.Requests)) {
					t.Errorf("row is torn: %+v", w)
					return
				}
			}
			sum := ledger.Sum(rows).Requests
			if sum < last {
				t.Errorf("there were %d requests, now %d", last, sum)
				return
			}
			last = sum
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for worker := range workers {
		recording.Go(func() {
			for i := range rounds {
				l.Record(new(Call(fmt.Sprint("consumer-", i%20), fmt.Sprint("model-", (i+worker)%7))))
			}
		})
	}
	recording.Wait()
	close(done)
	reading.Wait()
	if total := ledger.Sum(Rows(t, l, ledger.Query{})); total.Requests != workers*rounds {
		t.Errorf("%d of %d requests are there", total.Requests, workers*rounds)
	}
}
