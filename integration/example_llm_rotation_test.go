// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Load is requests that go on until they are told to stop.
type Load struct {
	// Sent counts the requests that were answered.
	Sent atomic.Int64

	failures atomic.Int64
	first    atomic.Pointer[string] // what the first failure was
	stop     chan struct{}
	workers  sync.WaitGroup
}

// load lets several clients send requests without bodies, each one after the other. The
// request is made anew each time; an answer other than 200 is a failure, and so is one
// that breaks off.
func load(t *testing.T, clients int, request func() (*http.Request, error)) *Load {
	t.Helper()
	l := &Load{stop: make(chan struct{})}
	for range clients {
		client := newClient(t, "", "")
		client.Timeout = patience
		client.Transport = patient{client.Transport, false}
		l.workers.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				if problem := problemOf(client, request); problem != "" {
					l.failures.Add(1)
					l.first.CompareAndSwap(nil, &problem)
				}
				l.Sent.Add(1)
			}
		})
	}
	t.Cleanup(l.end)
	return l
}

// problemOf sends a request and says how it failed, if it did.
func problemOf(client *http.Client, request func() (*http.Request, error)) (problem string) {
	r, err := request()
	if err != nil {
		return err.Error()
	}
	res, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	if res.StatusCode != http.StatusOK {
		return strconv.Itoa(res.StatusCode) + " " + string(body)
	}
	return ""
}

// More waits until n more requests have been answered.
func (l *Load) More(t *testing.T, n int64) {
	t.Helper()
	target := l.Sent.Load() + n
	eventually(t, strconv.FormatInt(n, 10)+" more answers", func() bool { return l.Sent.Load() >= target })
}

// end stops the clients and waits until they are idle.
func (l *Load) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.workers.Wait()
}

// Check ends the load and fails the test if a request failed.
func (l *Load) Check(t *testing.T) {
	t.Helper()
	l.end()
	if n := l.failures.Load(); n > 0 {
		t.Errorf("%d of %d requests failed; the first: %s", n, l.Sent.Load(), *l.first.Load())
	}
}

// TestLLMGatewayRotatesKeys replaces a consumer's key while it calls: for a while both
// keys are valid, then the old one ends at its time, and no request fails.
func TestLLMGatewayRotatesKeys(t *testing.T) {
	const oldKey, newKey = "demo-old-key-not-a-secret", "demo-new-key-not-a-secret"
	const line = "key {env.SWARM_AGENT_KEY}\n"
	up := upstream(t, provider)
	env := llmEnvironment("API_SERVER", up.Addr, "SWARM_AGENT_KEY", oldKey, "SWARM_AGENT_NEW_KEY", newKey)
	g := exampleGateway(t, llmGatewayFile, env)
	reload := func(lines string) {
		t.Helper()
		// A machine that is fast enough makes more requests than the example allows.
		g.Reload(example(t, llmGatewayFile, line, lines, "requests 10000/min 100000/hour", "requests 100000/min 100000/hour"))
	}
	status := func(key string) int {
		t.Helper()
		return g.Get("/api/things", "apikey: "+key).Status
	}

	var current atomic.Value // the key that clients use
	current.Store(oldKey)
	calls := load(t, 4, func() (*http.Request, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.URL+"/api/things", nil)
		if err == nil {
			r.Header.Set("apikey", current.Load().(string))
		}
		return r, err
	})
	calls.More(t, 250)
	if got := status(newKey); got != 401 {
		t.Errorf("the new key before it is there = %d, want 401", got)
	}

	reload(line + "\t\t\tkey {env.SWARM_AGENT_NEW_KEY}\n")
	calls.More(t, 250)
	if o, n := status(oldKey), status(newKey); o != 200 || n != 200 {
		t.Errorf("both keys = %d and %d, want 200", o, n)
	}
	current.Store(newKey)
	calls.More(t, 250) // whoever had read the old key is done with it

	end := time.Now().Add(1500 * time.Millisecond)
	reload("key {env.SWARM_AGENT_KEY} until " + end.UTC().Format(time.RFC3339Nano) + "\n\t\t\tkey {env.SWARM_AGENT_NEW_KEY}\n")
	if got := status(oldKey); got != 200 && time.Now().Before(end) {
		t.Errorf("the old key before its end = %d, want 200", got)
	}
	eventually(t, "the old key is refused", func() bool { return status(oldKey) == 401 })
	if time.Now().Before(end) {
		t.Error("the old key was refused before its end")
	}
	calls.More(t, 250)

	reload("key {env.SWARM_AGENT_NEW_KEY}\n")
	calls.More(t, 250)
	if o, n := status(oldKey), status(newKey); o != 401 || n != 200 {
		t.Errorf("in the end the keys = %d and %d, want 401 and 200", o, n)
	}
	calls.Check(t)
	t.Logf("%d requests in the loop", calls.Sent.Load())
}
