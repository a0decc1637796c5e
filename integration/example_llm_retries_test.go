// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// never is how a scripted provider answers that does not: it waits until the gateway
// has given up.
const never = 0

// scripted is a provider that answers with the statuses in order, and with 200 after
// the last of them.
func scripted(statuses ...int) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		status := 200
		if len(statuses) > 0 {
			status, statuses = statuses[0], statuses[1:]
		}
		mu.Unlock()
		switch status {
		case never:
			<-r.Context().Done()
		case 200:
			provider(w, r)
		default:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"scripted":true}`))
		}
	}
}

func TestLLMGatewayRetries(t *testing.T) {
	tests := []struct {
		name     string
		provider []int
		status   int // what the client gets
		calls    int
		ours     bool // an error that the gateway has made
	}{
		{name: "no need", provider: []int{200}, status: 200, calls: 1},
		{name: "unavailable twice", provider: []int{503, 503, 200}, status: 200, calls: 3},
		{name: "too many requests", provider: []int{429}, status: 200, calls: 2},
		{name: "internal error", provider: []int{500}, status: 200, calls: 2},
		{name: "bad gateway", provider: []int{502}, status: 200, calls: 2},
		{name: "gateway time-out", provider: []int{504}, status: 200, calls: 2},
		{name: "overloaded", provider: []int{529}, status: 200, calls: 2},
		{name: "no answer", provider: []int{never}, status: 200, calls: 2},
		{name: "no answer, then unavailable", provider: []int{never, 503}, status: 200, calls: 3},
		{name: "unavailable, then no answer", provider: []int{503, never}, status: 200, calls: 3},
		{name: "bad request", provider: []int{400}, status: 400, calls: 1},
		{name: "unauthorized", provider: []int{401}, status: 401, calls: 1},
		{name: "not found", provider: []int{404}, status: 404, calls: 1},
		{name: "bad request after a retry", provider: []int{503, 400}, status: 400, calls: 2},
		{name: "unavailable for good", provider: []int{503, 503, 503, 503}, status: 503, calls: 4, ours: true},
		{name: "no answer ever", provider: []int{never, never, never, never}, status: 504, calls: 4, ours: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			up := upstream(t, scripted(tt.provider...))
			g := exampleGateway(t, llmGatewayFile, llmEnvironment("ANTHROPIC_URL", up.URL, "PROVIDER_TIMEOUT", "200ms"))
			got := g.Post("/llm/anthropic/v1/messages", llmBody, "apikey: "+llmConsumers["reasoning-engine"])
			calls := up.Requests()
			if got.Status != tt.status || len(calls) != tt.calls {
				t.Fatalf("answer = %d %s after %d calls, want %d after %d", got.Status, got.Body, len(calls), tt.status, tt.calls)
			}
			for i, call := range calls {
				if call.URI != "/v1/messages" || call.Body != llmBody || call.Header.Get("X-Api-Key") != llmKeys["ANTHROPIC_API_KEY"] {
					t.Errorf("call %d was %+v, want the same each time", i+1, call)
				}
			}
			checkScripted(t, got, tt.ours)
			checkCounted(t, g, tt.calls, tt.status)
		})
	}
}

// checkScripted checks that an error is the provider's own, or, if it is the gateway's,
// that it has the shape of the provider's.
func checkScripted(t *testing.T, got *Answer, ours bool) {
	t.Helper()
	switch {
	case ours:
		o := decoded(t, got)
		code, _ := member(o, "error.code").(string)
		if o["type"] != "error" || code == "" || o["request_id"] != got.Header.Get("X-Correlation-Id") {
			t.Errorf("answer = %d %s, want Anthropic's error object with a code", got.Status, got.Body)
		}
	case got.Status != 200 && got.Body != `{"scripted":true}`:
		t.Errorf("answer = %d %s, want the provider's own", got.Status, got.Body)
	}
}

// checkCounted checks metrics and usage after one request.
func checkCounted(t *testing.T, g *Gateway, attempts, status int) {
	t.Helper()
	// The request is counted when it is over, which may be after its answer.
	eventually(t, strconv.Itoa(attempts)+" upstream attempts in metrics", func() bool {
		return sampled(t, g, "caddy_gateway_upstream_attempts_total", `route="anthropic"`) == float64(attempts)
	})
	if got := sampled(t, g, "caddy_gateway_upstream_retries_total", `route="anthropic"`); got != float64(attempts-1) {
		t.Errorf("metrics say %v retries, want %d", got, attempts-1)
	}
	row := onlyUsage(t, g, "?by=route&route=anthropic")
	if row.Requests != 1 || (row.Failed == 1) != (status >= 400) {
		t.Errorf("usage is %+v after one request that ended in %d", row, status)
	}
}

// sampled adds up the samples of a metric whose labels contain all the given texts.
func sampled(t *testing.T, g *Gateway, name string, labels ...string) float64 {
	t.Helper()
	answer := g.Admin("/metrics")
	if answer.Status != 200 {
		t.Fatalf("GET /metrics = %d", answer.Status)
	}
	sum := 0.0
	for line := range strings.Lines(answer.Body) {
		rest, ok := strings.CutPrefix(line, name+"{")
		if !ok || !containsAll(rest, labels) {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' ')+1:]), 64)
		if err != nil {
			t.Fatalf("read metric: %v in %q", err, line)
		}
		sum += value
	}
	return sum
}

func TestLLMGatewaySaysWhatIsUnreachable(t *testing.T) {
	g := exampleGateway(t, llmGatewayFile, llmEnvironment()) // there is nobody behind it
	for _, route := range llmRoutes {
		t.Run(route.name, func(t *testing.T) {
			got := g.Post(route.path, llmCall(route.model), "apikey: "+llmConsumers["admin"])
			if got.Status != 502 && got.Status != 503 {
				t.Fatalf("answer = %d %s, want 502 or 503", got.Status, got.Body)
			}
			if id := got.Header.Get("X-Correlation-Id"); id == "" || decoded(t, got)["request_id"] != id {
				t.Errorf("X-Correlation-ID %q, body %s", id, got.Body)
			}
		})
	}
}
