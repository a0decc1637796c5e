// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// get sends a request with a key. It asks again where a connection ends without an
// answer: after a reload those which the listeners before it had do.
func get(ctx context.Context, transport http.RoundTripper, url, key string) (status int, body string, err error) {
	for range 4 {
		var r *http.Request
		if r, err = http.NewRequestWithContext(ctx, http.MethodGet, url, nil); err != nil {
			return 0, "", err
		}
		r.Header.Set("apikey", key)
		var res *http.Response
		if res, err = transport.RoundTrip(r); err != nil {
			continue
		}
		data, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		return res.StatusCode, string(data), err
	}
	return 0, "", err
}

// Caller is a client that never stops calling.
type Caller struct {
	// Key is the one that it has.
	Key atomic.Value

	sent     atomic.Int64
	failures atomic.Int64
	first    atomic.Pointer[string] // what the first failure was
	stop     context.CancelFunc
	workers  sync.WaitGroup
}

// call begins to call a URL, until the test ends.
func call(t *testing.T, url, key string) *Caller {
	t.Helper()
	c := new(Caller)
	c.Key.Store(key)
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	transport := new(http.Transport)
	for range 2 {
		c.workers.Go(func() {
			for ctx.Err() == nil {
				status, body, err := get(ctx, transport, url, c.Key.Load().(string))
				if ctx.Err() != nil {
					return
				}
				if err != nil || status != http.StatusOK {
					problem := fmt.Sprint(status, " ", body, err)
					c.failures.Add(1)
					c.first.CompareAndSwap(nil, &problem)
				}
				c.sent.Add(1)
			}
		})
	}
	t.Cleanup(func() {
		c.end()
		transport.CloseIdleConnections()
	})
	return c
}

// More waits until n more requests have been answered.
func (c *Caller) More(t *testing.T, n int64) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for target := c.sent.Load() + n; c.sent.Load() < target; {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%d requests were answered, want %d", c.sent.Load(), target)
		}
	}
}

func (c *Caller) end() {
	c.stop()
	c.workers.Wait()
}

// Check ends the calls, and fails the test if one failed.
func (c *Caller) Check(t *testing.T) {
	t.Helper()
	c.end()
	if n := c.failures.Load(); n > 0 {
		t.Errorf("%d of %d requests failed; the first: %s", n, c.sent.Load(), *c.first.Load())
	}
}
