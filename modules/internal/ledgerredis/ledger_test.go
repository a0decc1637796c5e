// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerredis

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger/ledgertest"
	"github.com/caddy-gateway/tollgate/modules/internal/ledgerdb"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
)

// patient are the timeouts of these tests: a test machine does other things as well.
const patient = time.Second

func connect(t testing.TB, o redisconn.Options) *redisconn.Conn {
	t.Helper()
	o.Timeout, o.DialTimeout = patient, patient
	c, err := redisconn.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // the server may be gone
	c.Start()
	return c
}

// shared returns the shared ledger of a gateway, which copies all the time.
func shared(t testing.TB, c *redisconn.Conn, id string, local ledger.Ledger) *Ledger {
	t.Helper()
	l, err := New(Options{Local: local, Conn: c, ID: id, Every: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // the server may be gone
	return l
}

// settle waits until everything recorded so far has been copied.
func settle(t testing.TB, ledgers ...*Ledger) {
	t.Helper()
	for _, l := range ledgers {
		began := time.Now()
		redistest.Eventually(t, "everything is copied", func() bool {
			s := l.Stats()
			return s.Err == nil && s.Behind == 0 && s.Copied.After(began)
		})
	}
}

var prefixes struct {
	sync.Mutex
	n int
}

// prefix returns one that no other test has.
func prefix() string {
	prefixes.Lock()
	defer prefixes.Unlock()
	prefixes.n++
	return "demo" + strconv.Itoa(prefixes.n)
}

// elsewhere is what another gateway makes of what one has recorded.
type elsewhere struct {
	t         testing.TB
	here, far *Ledger
}

func (e elsewhere) Record(r *ledger.Record) { e.here.Record(r) }
func (e elsewhere) Err() error              { return e.here.Err() }
func (e elsewhere) Rows(q ledger.Query) ([]ledger.Row, error) {
	settle(e.t, e.here)
	return e.far.Rows(q)
}

func TestLedger(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	memory := func(t *testing.T, o ledger.Options) ledger.Ledger {
		c := connect(t, redisconn.Options{URLs: []string{s.URL()}, Prefix: prefix()})
		shared(t, c, "other", ledger.NewMemory(o))
		return shared(t, c, "one", ledger.NewMemory(o))
	}
	disk := func(t *testing.T, o ledger.Options) ledger.Ledger {
		c := connect(t, redisconn.Options{URLs: []string{s.URL()}, Prefix: prefix()})
		return shared(t, c, "one", openDB(t, t.TempDir(), o))
	}
	far := func(t *testing.T, o ledger.Options) ledger.Ledger {
		c := connect(t, redisconn.Options{URLs: []string{s.URL()}, Prefix: prefix()})
		return elsewhere{t, shared(t, c, "one", ledger.NewMemory(o)), shared(t, c, "two", ledger.NewMemory(o))}
	}
	for _, tc := range []struct {
		name string
		run  func(*testing.T, ledgertest.Open)
		open ledgertest.Open
	}{
		{"in memory", ledgertest.Run, memory},
		{"on disk", ledgertest.Run, disk},
		{"elsewhere", ledgertest.Run, far},
		{"bounds in memory", ledgertest.RunBounds, memory},
		{"bounds elsewhere", ledgertest.RunBounds, far},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.run(t, tc.open)
		})
	}
}

func openDB(t testing.TB, dir string, o ledger.Options) *ledgerdb.DB {
	t.Helper()
	db, _, err := ledgerdb.Open(ledgerdb.Options{Dir: dir, Bounds: o, CheckpointEvery: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // some tests close it themselves
	return db
}

// gateways are some that share a ledger, and what they should have recorded.
type gateways struct {
	server  *redistest.Server
	ledgers []*Ledger
	conns   []*redisconn.Conn

	mu   sync.Mutex
	want *ledger.Table
}

func start(t testing.TB, n int) *gateways {
	t.Helper()
	g := &gateways{server: redistest.Start(t), want: ledger.NewTable(ledger.Options{})}
	for i := range n {
		c := connect(t, redisconn.Options{URLs: []string{g.server.URL()}})
		g.conns = append(g.conns, c)
		g.ledgers = append(g.ledgers, shared(t, c, "gateway-"+strconv.Itoa(i), ledger.NewMemory(ledger.Options{})))
	}
	return g
}

// record has all gateways record at once, each n requests of the given hours.
func (g *gateways) record(n, hours int) {
	var all sync.WaitGroup
	for i, l := range g.ledgers {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), uint64(n))) //nolint:gosec // The same records each time.
			for range n {
				rec := ledgertest.Call(fmt.Sprint("consumer-", r.IntN(20)), fmt.Sprint("model-", r.IntN(5)))
				rec.At = rec.At.Add(time.Duration(r.IntN(hours)) * time.Hour)
				rec.Tags = []string{"", "ci", "ci,prod"}[r.IntN(3)]
				rec.Failed = r.IntN(5) == 0
				rec.Cached, rec.Avoided = r.IntN(4) == 0, money.Amount(r.Int64N(1000))
				l.Record(&rec)
				g.mu.Lock()
				g.want.Record(&rec)
				g.mu.Unlock()
			}
		})
	}
	all.Wait()
}

var queries = []ledger.Query{
	{},
	ledgertest.Everything,
	{By: []ledger.Dimension{ledger.ByTag}},
	{By: []ledger.Dimension{ledger.ByDay}},
	{By: []ledger.Dimension{ledger.ByModel}, Filter: ledger.Filter{Consumer: "consumer-7"}},
	{By: []ledger.Dimension{ledger.ByConsumer}, Since: ledgertest.Noon.Add(2 * time.Hour), Until: ledgertest.Noon.Add(3 * time.Hour)},
}

// check compares what each gateway says with what was recorded.
func (g *gateways) check(t testing.TB) {
	t.Helper()
	settle(t, g.ledgers...)
	for i, l := range g.ledgers {
		for _, q := range queries {
			want := ledger.NewGroups(q)
			g.want.AddTo(want)
			got := ledgertest.Rows(t, l, q)
			if sum, total := ledger.Sum(got), ledger.Sum(want.Rows()); len(got) != len(want.Rows()) || sum != total {
				t.Errorf("gateway %d, %+v: %d rows with %+v, want %d with %+v", i, q, len(got), sum, len(want.Rows()), total)
			}
		}
	}
}

func TestSeveralGateways(t *testing.T) {
	t.Parallel()
	g := start(t, 3)
	for range 3 {
		g.record(500, 5)
		g.check(t)
	}
}

// TestRedisForgets: whatever becomes of Redis, the sums are soon what they were.
func TestRedisForgets(t *testing.T) {
	t.Parallel()
	g := start(t, 3)
	for _, tc := range []struct {
		name string
		lose func()
	}{
		{"restarted empty", func() { g.server.Restart(true) }},
		{"flushed", func() { g.server.Do("FLUSHALL") }},
		{"flushed between records", func() {
			var flushes sync.WaitGroup
			flushes.Go(func() {
				for range 20 {
					g.server.Do("FLUSHALL")
				}
			})
			g.record(300, 5)
			flushes.Wait()
		}},
		{"set back", func() {
			g.server.Do("SAVE")
			g.record(300, 5)
			settle(t, g.ledgers...)
			g.server.Kill()
			g.server.Restart(false)
		}},
		{"an hour lost", func() {
			keys := g.server.Do("KEYS", "tollgate:usage:*:gateway-1").([]any)
			g.server.Do("DEL", keys[0].(string))
			g.server.Do("DEL", "tollgate:epoch")
		}},
		{"the index lost", func() { g.server.Do("DEL", "tollgate:usage:hours", "tollgate:epoch") }},
	} {
		g.record(300, 5)
		settle(t, g.ledgers...)
		before := make([]uint64, len(g.conns))
		for i, c := range g.conns {
			before[i] = c.Epoch()
		}
		tc.lose()
		took := redistest.Within(t, 20*time.Second, tc.name+" is noticed", func() bool {
			for i, c := range g.conns {
				if !c.Up() || c.Epoch() == before[i] {
					return false
				}
			}
			return true
		})
		began := time.Now()
		g.check(t)
		t.Logf("%s: noticed after %v, whole again after another %v", tc.name, took, time.Since(began))
	}
}

// TestSameIDAgain: a gateway that starts again, or is killed, counts nothing twice.
func TestSameIDAgain(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := connect(t, redisconn.Options{URLs: []string{s.URL()}})
	other := shared(t, c, "other", ledger.NewMemory(ledger.Options{}))
	dir := t.TempDir()
	for i := range 5 {
		db := openDB(t, dir, ledger.Options{})
		l := shared(t, c, "disk", db)
		for j := range 100 {
			l.Record(new(ledgertest.Call(fmt.Sprint("consumer-", j), "x")))
		}
		if i%2 == 0 {
			settle(t, l)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if got := ledger.Sum(ledgertest.Rows(t, other, ledger.Query{})).Requests; got != int64(100*(i+1)) {
			t.Errorf("after start %d there are %d requests", i+1, got)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRedisDown: the own rows are there, and an error says what is not.
func TestRedisDown(t *testing.T) {
	t.Parallel()
	g := start(t, 2)
	g.record(100, 2)
	g.check(t)
	g.server.Kill()
	redistest.Eventually(t, "it is noticed", func() bool { return !g.conns[0].Up() && !g.conns[1].Up() })
	g.record(50, 2)
	began := time.Now()
	rows, err := g.ledgers[0].Rows(ledger.Query{})
	if got := ledger.Sum(rows).Requests; got != 150 || !errors.Is(err, ErrPartial) || !errors.Is(err, redisconn.ErrDown) {
		t.Errorf("%d requests, %v", got, err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("that took %v", took)
	}
	if g.ledgers[0].Err() != nil {
		t.Errorf("the local ledger fares badly: %v", g.ledgers[0].Err())
	}
	redistest.Eventually(t, "the copier tells", func() bool {
		s := g.ledgers[0].Stats()
		return s.Err != nil && s.Behind > 0
	})
	g.server.Restart(true)
	redistest.Eventually(t, "Redis is back", func() bool { return g.conns[0].Up() && g.conns[1].Up() })
	g.check(t)
}

// TestCluster: the hours are spread over all masters.
func TestCluster(t *testing.T) {
	cluster := redistest.StartCluster(t, false)
	c := connect(t, redisconn.Options{URLs: cluster.URLs(), Cluster: true})
	g := &gateways{want: ledger.NewTable(ledger.Options{}), conns: []*redisconn.Conn{c, c}}
	for _, id := range []string{"one", "two"} {
		g.ledgers = append(g.ledgers, shared(t, c, id, ledger.NewMemory(ledger.Options{})))
	}
	g.record(500, 30)
	g.check(t)
	for _, s := range cluster.Masters {
		if n := len(s.Do("KEYS", "tollgate:usage:*").([]any)); n == 0 {
			t.Errorf("%v has no hour", s)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", strings.Repeat("x", 129)} {
		if _, err := New(Options{ID: id}); err == nil {
			t.Errorf("an identity of %d bytes is accepted", len(id))
		}
	}
}
