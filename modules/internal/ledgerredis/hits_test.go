// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerredis

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger/ledgertest"
	"github.com/caddy-gateway/tollgate/modules/internal/ledgerdb"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
)

// encodedBefore are the encoded rows that gateways read which know nothing of response
// caches.
const encodedBefore = 1

// readAsBefore reads a copy as these gateways do: strictly, and without rows that have
// no requests.
func readAsBefore(t *testing.T, s *redistest.Server, key string) (sum ledger.Row, rows int) {
	t.Helper()
	pairs := s.Do("HGETALL", key).([]any)
	for i := 0; i+1 < len(pairs); i += 2 {
		field, value := pairs[i].(string), pairs[i+1].(string)
		if field == digestField {
			continue
		}
		if value[0] != encodedBefore {
			t.Errorf("a row has the version %d", value[0])
		}
		_, w, err := ledgerdb.DecodeRow([]byte(field), []byte(value))
		if err != nil {
			t.Errorf("a row cannot be read: %v", err)
		}
		if w.Requests != 0 {
			sum.Add(&w)
			rows++
		}
	}
	return sum, rows
}

// TestEarlierGatewaysRead: what response caches did does not keep gateways that know
// nothing of it from reading the rest.
func TestEarlierGatewaysRead(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := connect(t, redisconn.Options{URLs: []string{s.URL()}})
	here := shared(t, c, "one", ledger.NewMemory(ledger.Options{}))
	far := shared(t, c, "two", ledger.NewMemory(ledger.Options{}))
	call, hit := ledgertest.Call("a", "x"), ledgertest.Hit("a", "x")
	tagged := hit
	tagged.Tags = "ci,prod"
	for _, r := range []ledger.Record{call, hit, hit, ledgertest.Hit("b", "y"), tagged} {
		here.Record(&r)
	}
	settle(t, here)
	want := ledger.Sum(ledgertest.Rows(t, here, ledger.Query{}))
	if got := ledger.Sum(ledgertest.Rows(t, far, ledger.Query{})); got != want || got.CacheHits != 4 || got.Avoided.Amount() != 1200 {
		t.Errorf("elsewhere there is %+v, want %+v", got, want)
	}
	for tag, hits := range map[string]int64{"": 4, "ci": 1, "prod": 1} {
		rows := ledgertest.Rows(t, far, ledger.Query{Filter: ledger.Filter{Tag: tag}})
		if got := ledger.Sum(rows).CacheHits; got != hits {
			t.Errorf("with the tag %q there are %d hits, want %d", tag, got, hits)
		}
	}
	want.CacheHits, want.Avoided = 0, money.Total{}
	got, rows := readAsBefore(t, s, here.hourKey(ledger.HourOf(ledgertest.Noon), "one"))
	if got != want || rows != 3 {
		t.Errorf("an earlier gateway reads %d rows with %+v, want %+v", rows, got, want)
	}
}

// TestEarlierGatewaysWrite: copies without anything about response caches are read, and
// those of a ledger that an earlier gateway had are completed.
func TestEarlierGatewaysWrite(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := connect(t, redisconn.Options{URLs: []string{s.URL()}})
	far := shared(t, c, "two", ledger.NewMemory(ledger.Options{}))
	local := ledger.NewMemory(ledger.Options{})
	local.Record(new(ledgertest.Call("a", "x")))
	h := ledger.HourOf(ledgertest.Noon)
	rows := ledgertest.Rows(t, local, ledger.Query{Whole: true})
	field := ledgerdb.AppendKey(nil, h, &rows[0].Key)
	value, err := ledgerdb.AppendRow(nil, field, &rows[0])
	if err != nil || value[0] != encodedBefore {
		t.Fatalf("the row has the version %d, %v", value[0], err)
	}
	ctx := context.Background()
	z := redis.Z{Score: float64(h), Member: indexMember(h, "one")}
	if err := c.Client().ZAdd(ctx, far.indexKey(), z).Err(); err != nil {
		t.Fatal(err)
	}
	sum := digestValue(digest(string(field), value))
	if err := c.Client().HSet(ctx, far.hourKey(h, "one"), string(field), value, digestField, sum).Err(); err != nil {
		t.Fatal(err)
	}
	if got := ledger.Sum(ledgertest.Rows(t, far, ledger.Query{})); got.Requests != 1 || got.Exact != 1 || got.CacheHits != 0 {
		t.Errorf("of an earlier gateway there is %+v", got)
	}
	local.Record(new(ledgertest.Hit("a", "x")))
	here := shared(t, c, "one", local)
	settle(t, here)
	if got := ledger.Sum(ledgertest.Rows(t, far, ledger.Query{})); got.Requests != 2 || got.Exact != 1 || got.CacheHits != 1 {
		t.Errorf("after the upgrade there is %+v", got)
	}
}
