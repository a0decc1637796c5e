// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerredis

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger/ledgertest"
	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
)

// TestMergedHours: rows that the local ledger has folded into others are not counted
// in both places.
func TestMergedHours(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := connect(t, redisconn.Options{URLs: []string{s.URL()}})
	l := shared(t, c, "one", ledger.NewMemory(ledger.Options{MaxTotal: 10, MaxRows: 5}))
	other := shared(t, c, "other", ledger.NewMemory(ledger.Options{}))
	for i := range 50 {
		r := ledgertest.Call(fmt.Sprint("consumer-", i), "x")
		r.At = r.At.Add(time.Duration(i) * time.Hour)
		l.Record(&r)
		settle(t, l)
	}
	l.compareAll()
	settle(t, l)
	if got := ledger.Sum(ledgertest.Rows(t, other, ledger.Query{})).Requests; got != 50 {
		t.Errorf("%d requests, want 50", got)
	}
	here, there := ledgertest.Rows(t, l, ledgertest.Everything), ledgertest.Rows(t, other, ledgertest.Everything)
	if len(here) != len(there) {
		t.Errorf("%d rows here and %d there", len(here), len(there))
	}
}

func TestKeep(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := connect(t, redisconn.Options{URLs: []string{s.URL()}})
	l := shared(t, c, "one", ledger.NewMemory(ledger.Options{}))
	r := ledgertest.Call("a", "x")
	r.At = time.Now()
	l.Record(&r)
	settle(t, l)
	key := l.hourKey(ledger.HourOf(r.At), "one")
	if ttl := s.Do("TTL", key); ttl != int64(-1) {
		t.Errorf("kept for ever, it has a TTL of %v", ttl)
	}
	l.SetKeep(24 * time.Hour)
	settle(t, l)
	if ttl := s.Do("TTL", key).(int64); ttl < 24*3600-10 || ttl > 25*3600 {
		t.Errorf("kept for a day, it has a TTL of %v", ttl)
	}
	l.SetKeep(0)
	settle(t, l)
	if ttl := s.Do("TTL", key); ttl != int64(-1) {
		t.Errorf("kept for ever again, it has a TTL of %v", ttl)
	}
}

// TestIndexOfExpiredCopies: what has expired does not stay in the index, whether its
// gateway is still there or not.
func TestIndexOfExpiredCopies(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := connect(t, redisconn.Options{URLs: []string{s.URL()}})
	const long = 100_000 // hours since 1970
	for _, id := range []string{"one", "gone", "keeps"} {
		s.Do("ZADD", "tollgate:usage:hours", fmt.Sprint(long), indexMember(long, id))
	}
	s.Do("HSET", fmt.Sprintf("tollgate:usage:%d:keeps", long), digestField, "demo")
	l, err := New(Options{Local: ledger.NewMemory(ledger.Options{}), Conn: c, ID: "one", Keep: 24 * time.Hour, Every: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // the server may be gone
	r := ledgertest.Call("a", "x")
	r.At = time.Now()
	l.Record(&r)
	settle(t, l)
	want := []any{indexMember(long, "keeps"), indexMember(ledger.HourOf(r.At), "one")}
	if got := s.Do("ZRANGE", "tollgate:usage:hours", "0", "-1"); !reflect.DeepEqual(got, want) {
		t.Errorf("the index has %v, want %v", got, want)
	}
}

// TestDamagedCopies: what is no row is not counted, and not passed over in silence.
func TestDamagedCopies(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := connect(t, redisconn.Options{URLs: []string{s.URL()}})
	here := shared(t, c, "one", ledger.NewMemory(ledger.Options{}))
	far := shared(t, c, "two", ledger.NewMemory(ledger.Options{}))
	for i := range 10 {
		here.Record(new(ledgertest.Call(strconv.Itoa(i), "x")))
	}
	settle(t, here)
	key := here.hourKey(ledger.HourOf(ledgertest.Noon), "one")
	fields := s.Do("HKEYS", key).([]any)
	for _, f := range fields {
		if f != "" {
			s.Do("HSET", key, f.(string), "damaged")
			break
		}
	}
	rows, err := far.Rows(ledger.Query{})
	if got := ledger.Sum(rows).Requests; got != 9 || !errors.Is(err, ErrPartial) {
		t.Errorf("%d requests, %v", got, err)
	}
	// What the copier knows hides the damage from it until the next epoch.
	s.Do("DEL", "tollgate:epoch")
	redistest.Eventually(t, "it is mended", func() bool {
		rows, err := far.Rows(ledger.Query{})
		return err == nil && ledger.Sum(rows).Requests == 10
	})
}

// TestManyRows: an hour with as many rows as there may be is copied in pieces.
func TestManyRows(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := connect(t, redisconn.Options{URLs: []string{s.URL()}})
	here := shared(t, c, "one", ledger.NewMemory(ledger.Options{}))
	far := shared(t, c, "two", ledger.NewMemory(ledger.Options{}))
	const n = 10_000
	began := time.Now()
	for i := range n {
		here.Record(new(ledgertest.Call(fmt.Sprint("consumer-", i), "gpt-4o")))
	}
	settle(t, here)
	copied := time.Since(began)
	began = time.Now()
	if got := ledgertest.Rows(t, far, ledgertest.Everything); len(got) != n {
		t.Errorf("%d rows", len(got))
	}
	read := time.Since(began)
	rows := here.Stats().Rows
	began = time.Now()
	here.Record(new(ledgertest.Call("consumer-1", "gpt-4o")))
	settle(t, here)
	t.Logf("copied in %v, read in %v, one more copied in %v; %v bytes a row", copied, read, time.Since(began),
		s.Do("MEMORY", "USAGE", here.hourKey(ledger.HourOf(ledgertest.Noon), "one"), "SAMPLES", "0").(int64)/n)
	if more := here.Stats().Rows - rows; more != 1 {
		t.Errorf("%d rows were written for one", more)
	}
}

// TestIndexInPieces: there may be more hours, and more ledgers in one of them, than
// are read at once.
func TestIndexInPieces(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := connect(t, redisconn.Options{URLs: []string{s.URL()}})
	l := shared(t, c, "one", ledger.NewMemory(ledger.Options{}))
	want := map[string]bool{}
	ctx := context.Background()
	add := func(h ledger.Hour, id string) {
		want[indexMember(h, id)] = true
		if err := c.Client().ZAdd(ctx, l.indexKey(), redis.Z{Score: float64(h), Member: indexMember(h, id)}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for h := range 3 * batch {
		add(ledger.Hour(1000+h), "a")
	}
	for i := range 3*batch + 1 {
		add(1100, "many:"+strconv.Itoa(i))
	}
	for i := range batch {
		add(1000, strconv.Itoa(i))
	}
	if err := l.index(ctx, ledger.Query{}, func(h ledger.Hour, id string) error {
		if !want[indexMember(h, id)] {
			t.Errorf("hour %d of %s comes twice or should not", h, id)
		}
		delete(want, indexMember(h, id))
		return nil
	}); err != nil || len(want) != 0 {
		t.Errorf("%v, %d are missing", err, len(want))
	}
}

// TestRecordAllocations does not run beside other tests, whose allocations would
// count.
func TestRecordAllocations(t *testing.T) {
	s := redistest.Start(t)
	c := connect(t, redisconn.Options{URLs: []string{s.URL()}})
	l, err := New(Options{Local: ledger.NewMemory(ledger.Options{}), Conn: c, ID: "one", Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // It is about recording.
	settle(t, l)
	r := ledgertest.Call("a", "gpt-4o")
	l.Record(&r)
	if n := testing.AllocsPerRun(1000, func() { l.Record(&r) }); n != 0 {
		t.Errorf("recording into an existing row allocates %v times", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	s := redistest.Start(b)
	c := connect(b, redisconn.Options{URLs: []string{s.URL()}})
	for _, bc := range []struct {
		name string
		l    ledger.Ledger
	}{
		{"local", ledger.NewMemory(ledger.Options{})},
		{"shared", shared(b, c, "one", ledger.NewMemory(ledger.Options{}))},
	} {
		b.Run(bc.name, func(b *testing.B) {
			r := ledgertest.Call("consumer", "gpt-4o")
			b.ReportAllocs()
			for b.Loop() {
				bc.l.Record(&r)
			}
		})
	}
}

// BenchmarkRows reads a month of three other gateways with 50 rows an hour each.
func BenchmarkRows(b *testing.B) {
	s := redistest.Start(b)
	c := connect(b, redisconn.Options{URLs: []string{s.URL()}})
	const hours = 30 * 24
	for g := range 3 {
		m := ledger.NewMemory(ledger.Options{})
		l := shared(b, c, "gateway-"+strconv.Itoa(g), m)
		for h := range hours {
			for i := range 50 {
				r := ledgertest.Call(fmt.Sprint("consumer-", i), "gpt-4o")
				r.At = r.At.Add(time.Duration(h) * time.Hour)
				l.Record(&r)
			}
		}
		settle(b, l)
	}
	reader := shared(b, c, "reader", ledger.NewMemory(ledger.Options{}))
	for b.Loop() {
		if got := ledger.Sum(ledgertest.Rows(b, reader, ledger.Query{By: []ledger.Dimension{ledger.ByConsumer}})).Requests; got != 3*hours*50 {
			b.Fatalf("%d requests", got)
		}
	}
}
