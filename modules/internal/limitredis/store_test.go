// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
	"github.com/caddy-gateway/tollgate/modules/limits"
	"github.com/caddy-gateway/tollgate/modules/limits/limitstest"
)

// connect returns a connection that lives as long as the test.
func connect(t testing.TB, o redisconn.Options) *redisconn.Conn {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second // the machine of the tests may be busy
		o.DialTimeout = o.Timeout
	}
	c, err := redisconn.New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.Start()
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// open returns a started store that lives as long as the test.
func open(t testing.TB, o Options) *Store {
	t.Helper()
	s := New(o)
	s.Start()
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// seasoned makes it so that the epoch has begun long ago, by whatever clock.
func seasoned(t testing.TB, r *redistest.Server, prefix string) {
	t.Helper()
	mark := "0123456789abcdef" + strings.Repeat("\x00", 7) + r.Info("server", "run_id")
	r.Do("SET", prefix+suffixMark, mark, "PX", "3000")
}

func flush(s limits.Store) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s.(*Store).Flush(ctx)
}

// opener opens stores of their own, which share a prefix.
func opener(urls []string, cluster bool, over int, prepare func(t testing.TB, prefix string)) limitstest.Opener {
	var stores atomic.Int64
	several := func(t testing.TB, n int, clock *limitstest.Clock) (all []limits.Store) {
		t.Helper()
		prefix := "t" + strconv.FormatInt(stores.Add(1), 10)
		prepare(t, prefix)
		for range n {
			o := Options{Conn: connect(t, redisconn.Options{URLs: urls, Cluster: cluster, Prefix: prefix}), Over: over}
			if clock != nil {
				o.Clock = clock.Now
			}
			s := New(o)
			s.grace = 0
			s.Start()
			t.Cleanup(func() { _ = s.Close() })
			all = append(all, s)
		}
		return all
	}
	return limitstest.Opener{
		Open:    func(t testing.TB, clock *limitstest.Clock) limits.Store { return several(t, 1, clock)[0] },
		Several: several,
		Virtual: true,
		Flush:   flush,
	}
}

func TestStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	limitstest.Run(t, opener([]string{r.URL()}, false, -1, func(t testing.TB, prefix string) {
		t.Helper()
		seasoned(t, r, prefix)
	}))
}

func TestStoreKeepsTheContractInACluster(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, false)
	o := opener(c.URLs(), true, -1, func(testing.TB, string) {})
	o.Steps, o.Scattered = 500, true
	limitstest.Run(t, o)
}

// TestStoreKeepsTheContractFromMemory has denials answered from memory.
func TestStoreKeepsTheContractFromMemory(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	o := opener([]string{r.URL()}, false, 0, func(t testing.TB, prefix string) {
		t.Helper()
		seasoned(t, r, prefix)
	})
	// What is remembered may be half a second old: in no order are such answers right.
	o.Steps, o.Recalled, o.Scattered, o.Several = 500, true, true, nil
	limitstest.Run(t, o)
}
