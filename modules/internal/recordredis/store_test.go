// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recordredis

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
	"github.com/caddy-gateway/tollgate/modules/records"
	"github.com/caddy-gateway/tollgate/modules/records/recordstest"
)

// connect returns a connection that lives as long as the test.
func connect(t testing.TB, o redisconn.Options) *redisconn.Conn {
	t.Helper()
	c, err := redisconn.New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.Start()
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// patient are options for a machine that may be busy.
func patient(o redisconn.Options) redisconn.Options {
	o.Timeout, o.DialTimeout = 5*time.Second, 5*time.Second
	return o
}

// prefixes makes each test its own keys.
var prefixes atomic.Int64

func opener(t *testing.T, base redisconn.Options, rounds int) recordstest.Opener {
	t.Helper()
	var byTest storesOf
	return recordstest.Opener{
		Open: func(t testing.TB, n int, o recordstest.Options) []records.Store {
			t.Helper()
			base := patient(base)
			base.Prefix = "t" + strconv.FormatInt(prefixes.Add(1), 10)
			list := make([]records.Store, n)
			for i := range list {
				s := New(Options{Conn: connect(t, base), MaxRecords: o.MaxRecords})
				byTest.set(t.Name(), s)
				list[i] = s
			}
			return list
		},
		Advance: func(t testing.TB, d time.Duration) { t.Helper(); age(t, byTest.get(t.Name()), d) },
		Rounds:  rounds,
	}
}

// storesOf has the store of each test.
type storesOf struct{ m sync.Map }

func (m *storesOf) set(name string, s *Store) { m.m.Store(name, s) }

func (m *storesOf) get(name string) *Store {
	s, _ := m.m.Load(name)
	return s.(*Store)
}

// age makes records older.
func age(t testing.TB, s *Store, d time.Duration) {
	t.Helper()
	ctx := t.Context()
	names, err := s.client.ZRangeWithScores(ctx, s.expiry, 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, z := range names {
		name := z.Member.(string)
		left, err := s.client.PTTL(ctx, s.head+name).Result()
		if err != nil {
			t.Fatal(err)
		}
		if left > 0 {
			err = s.client.PExpire(ctx, s.head+name, left-d).Err()
		}
		if err = errors.Join(err, s.client.ZIncrBy(ctx, s.expiry, -float64(d.Milliseconds()), name).Err()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	recordstest.Run(t, opener(t, redisconn.Options{URLs: []string{r.URL()}}, 100))
}

func TestStoreKeepsTheContractInACluster(t *testing.T) {
	t.Parallel()
	// A busy machine is not what is tested: nodes may be silent for longer than usual.
	c := redistest.StartCluster(t, false, "--cluster-node-timeout", "20000")
	recordstest.Run(t, opener(t, redisconn.Options{URLs: c.URLs(), Cluster: true}, 50))
}

func TestStoreKeepsTheContractWithSentinels(t *testing.T) {
	t.Parallel()
	g := redistest.StartGroup(t)
	recordstest.Run(t, opener(t, redisconn.Options{URLs: g.URLs(), Master: redistest.MasterName}, 30))
}

// TestNothingStays: what has expired leaves no trace once something is written.
func TestNothingStays(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	s := New(Options{Conn: connect(t, patient(redisconn.Options{URLs: []string{r.URL()}}))})
	ctx := t.Context()
	for i := range 50 {
		if err := s.Put(ctx, "a:"+strconv.Itoa(i), nil, 20*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	redistest.Eventually(t, "all have expired", func() bool {
		if err := s.Delete(ctx, "b:1"); err != nil {
			t.Fatal(err)
		}
		keys, _ := r.Do("KEYS", "tollgate:{records}:*").([]any)
		return len(keys) == 0
	})
}

// TestUnavailable: nobody waits for a server that does not answer.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	p := redistest.StartProxy(t, r.Addr)
	conn := connect(t, redisconn.Options{URLs: []string{p.URL()}})
	s := New(Options{Conn: conn})
	redistest.Eventually(t, "Redis is up", conn.Up)
	p.BlackHole(true)
	for range 20 {
		began := time.Now()
		err := s.Put(t.Context(), "a:1", nil, 0)
		if took := time.Since(began); !errors.Is(err, records.ErrUnavailable) || took > time.Second {
			t.Fatalf("Put = %v after %v", err, took)
		}
	}
	if conn.Up() || s.Err() == nil {
		t.Error("the breaker is closed")
	}
	began := time.Now()
	_, _, errGet := s.Get(t.Context(), "a:1")
	_, _, errTake := s.Take(t.Context(), "a:1")
	_, errAdd := s.Add(t.Context(), "a:1", nil, 0)
	_, errList := s.List(t.Context(), "a:")
	for _, err := range []error{errGet, errTake, errAdd, errList, s.Delete(t.Context(), "a:1")} {
		if !errors.Is(err, records.ErrUnavailable) {
			t.Errorf("while Redis is down: %v", err)
		}
	}
	if took := time.Since(began); took > 100*time.Millisecond {
		t.Errorf("that took %v although Redis is known to be down", took)
	}
	p.BlackHole(false)
	redistest.Eventually(t, "Redis is up again", func() bool { return s.Put(t.Context(), "a:1", nil, 0) == nil })
}

// TestOutOfMemory: a server without memory refuses, and what is there stays.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	s := New(Options{Conn: connect(t, patient(redisconn.Options{URLs: []string{r.URL()}}))})
	if err := s.Put(t.Context(), "a:1", []byte("kept"), 0); err != nil {
		t.Fatal(err)
	}
	r.Do("CONFIG", "SET", "maxmemory", "1")
	if err := s.Put(t.Context(), "a:2", nil, 0); !errors.Is(err, records.ErrUnavailable) {
		t.Errorf("Put = %v", err)
	}
	r.Do("CONFIG", "SET", "maxmemory", "0")
	redistest.Eventually(t, "there is memory again", func() bool {
		value, found, err := s.Get(t.Context(), "a:1")
		return err == nil && found && string(value) == "kept"
	})
}

// TestOneSlot: all keys of a store are in one slot of a Cluster.
func TestOneSlot(t *testing.T) {
	t.Parallel()
	c, err := redisconn.New(redisconn.Options{URLs: []string{"redis://127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Conn: c})
	for _, key := range append(s.keys("a:{b}1"), s.keys("}{:1")...) {
		if redisconn.Slot(key) != redisconn.Slot(s.names) || !strings.HasPrefix(key, "tollgate:{records}:") {
			t.Errorf("%s is elsewhere", key)
		}
	}
}
