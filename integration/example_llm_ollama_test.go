// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Instance is one of several servers of the same kind. It can die and come back at the
// same address.
type Instance struct {
	// Addr is its host and port.
	Addr string

	// Calls counts the requests that it began to answer, without health checks.
	Calls atomic.Int64

	t      *testing.T
	mu     sync.Mutex
	server *http.Server
	gate   chan struct{} // while it is open, requests wait for it to be closed
}

// instance starts an instance that answers as a provider does.
func instance(t *testing.T) *Instance {
	t.Helper()
	i := &Instance{t: t, Addr: "127.0.0.1:0"}
	i.Start()
	t.Cleanup(i.Kill)
	return i
}

// Start starts it, or starts it again.
func (i *Instance) Start() {
	i.t.Helper()
	listener, err := net.Listen("tcp", i.Addr)
	if err != nil {
		i.t.Fatalf("start instance: %v", err)
	}
	i.Addr = listener.Addr().String()
	i.server = &http.Server{Handler: http.HandlerFunc(i.serve)}
	go func(server *http.Server) { _ = server.Serve(listener) }(i.server) // ends with Kill
}

// Kill ends it and every connection to it.
func (i *Instance) Kill() {
	i.Release()
	_ = i.server.Close() // nothing is left to be told
}

// Hold lets requests wait from now on.
func (i *Instance) Hold() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.gate = make(chan struct{})
}

// Release lets the waiting requests go on, and the others pass.
func (i *Instance) Release() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.gate != nil {
		close(i.gate)
		i.gate = nil
	}
}

func (i *Instance) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/tags" {
		i.mu.Lock()
		gate := i.gate
		i.mu.Unlock()
		i.Calls.Add(1)
		if gate != nil {
			<-gate
		}
	}
	provider(w, r)
}

// ollamaGateway is the example with two instances of Ollama.
func ollamaGateway(t *testing.T) (g *Gateway, first, second *Instance) {
	t.Helper()
	first, second = instance(t), instance(t)
	g = exampleGateway(t, llmGatewayFile, llmEnvironment("OLLAMA_1", first.Addr, "OLLAMA_2", second.Addr))
	return g, first, second
}

// ollamaRequest returns a maker of calls of the route.
func ollamaRequest(g *Gateway) func() (*http.Request, error) {
	return func() (*http.Request, error) {
		r, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.URL+"/llm/ollama/api/chat", strings.NewReader(llmBody))
		if err == nil {
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("apikey", llmConsumers["query-deepseek"])
		}
		return r, err
	}
}

// TestLLMGatewaySurvivesAnInstance kills one of two instances of Ollama under load and
// starts it again. No client notices.
func TestLLMGatewaySurvivesAnInstance(t *testing.T) {
	g, first, second := ollamaGateway(t)
	calls := load(t, 4, ollamaRequest(g))
	served := func(i *Instance) func() bool {
		before := i.Calls.Load()
		return func() bool { return i.Calls.Load() > before+20 }
	}
	eventually(t, "both instances have served", func() bool { return first.Calls.Load() > 20 && second.Calls.Load() > 20 })

	for _, victim := range []*Instance{first, second} {
		other := first
		if victim == first {
			other = second
		}
		victim.Kill()
		eventually(t, "the other instance serves alone", served(other))
		calls.More(t, 100)
		victim.Start()
		eventually(t, "the instance serves again", served(victim))
	}
	calls.Check(t)
}

// TestLLMGatewayChoosesTheIdlerInstance holds requests open: each new one goes to the
// instance that has fewer in flight.
func TestLLMGatewayChoosesTheIdlerInstance(t *testing.T) {
	g, first, second := ollamaGateway(t)
	first.Hold()
	second.Hold()
	var answers sync.WaitGroup
	problems := make(chan string, 16)
	client := newClient(t, "", "")
	send := func(n int) {
		for range n {
			target := first.Calls.Load() + second.Calls.Load() + 1
			answers.Go(func() { problems <- problemOf(client, ollamaRequest(g)) })
			eventually(t, "the request reaches an instance", func() bool { return first.Calls.Load()+second.Calls.Load() >= target })
		}
	}
	send(8)
	if a, b := first.Calls.Load(), second.Calls.Load(); a != 4 || b != 4 {
		t.Errorf("8 requests in flight are %d and %d, want 4 and 4", a, b)
	}

	first.Release()
	eventually(t, "the first instance is idle", func() bool { return inFlight(t, g, first.Addr) == 0 })
	first.Hold()
	send(4)
	if a, b := first.Calls.Load(), second.Calls.Load(); a != 8 || b != 4 {
		t.Errorf("after 4 more the calls are %d and %d, want all of them on the idle one", a, b)
	}
	first.Release()
	second.Release()
	answers.Wait()
	close(problems)
	for problem := range problems {
		if problem != "" {
			t.Errorf("a request failed: %s", problem)
		}
	}
}

// inFlight asks Caddy how many requests an upstream has at the moment.
func inFlight(t *testing.T, g *Gateway, addr string) int {
	t.Helper()
	var upstreams []struct {
		Address  string `json:"address"`
		Requests int    `json:"num_requests"`
	}
	answer := g.Admin("/reverse_proxy/upstreams")
	if err := json.Unmarshal([]byte(answer.Body), &upstreams); err != nil {
		t.Fatalf("decode upstreams: %v\n%s", err, answer.Body)
	}
	for _, u := range upstreams {
		if u.Address == addr {
			return u.Requests
		}
	}
	t.Fatalf("no upstream %s in %s", addr, answer.Body)
	return 0
}
