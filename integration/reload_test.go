// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// reloadCaddyfile is a gateway whose consumer has the keys that a test gives it.
const reloadCaddyfile = `{
	metrics
	gateway {
		group llm
		prices {{PRICES}}
		consumer caller {
%s
			groups llm
		}
	}
	log {
		format gateway json
	}
}

http://127.0.0.1:{{PORT}} {
	log {
		format gateway json
	}
	correlation_id
	request_guard

	handle_path /llm/openai/* {
		gateway_route openai
		key_auth
		acl allow llm
		llm_cost openai
		reverse_proxy {{UPSTREAM}}
	}
	handle_path /llm/anthropic/* {
		gateway_route anthropic
		key_auth
		acl allow llm
		llm_cost anthropic
		reverse_proxy {{UPSTREAM}}
	}
	handle_path /llm/ollama/* {
		gateway_route ollama
		key_auth
		acl allow llm
		llm_cost ollama
		reverse_proxy {{UPSTREAM}}
	}
	handle {
		error 404
	}
}
`

// keyed is the configuration with the given lines after the word key.
func keyed(keys ...string) string {
	lines := make([]string, len(keys))
	for i, key := range keys {
		lines[i] = "\t\t\tkey " + key
	}
	return fmt.Sprintf(reloadCaddyfile, strings.Join(lines, "\n"))
}

// metric returns the value of a sample, "" if there is none. The line begins with the
// given text up to its value.
func metric(t *testing.T, g *Gateway, sample string) string {
	t.Helper()
	for line := range strings.Lines(asked(t, g, "/metrics").Body) {
		if value, ok := strings.CutPrefix(line, sample+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

const (
	outputTokens = `caddy_gateway_tokens_total{class="output",consumer="caller",model="test-chat",provider="openai",route="openai"}`
	inputTokens  = `caddy_gateway_tokens_total{class="input",consumer="caller",model="test-chat",provider="openai",route="openai"}`
	okRequests   = `caddy_gateway_requests_total{code="2xx",consumer="caller",model="test-chat",provider="openai",route="openai"}`
)

const chatAnswer = `{"id":"c1","object":"chat.completion","created":1,"model":"test-chat","choices":[{"index":0,` +
	`"finish_reason":"stop","message":{"role":"assistant","content":"hi"}}],` +
	`"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}}`

// answering is an upstream that answers every chat at once.
func answering(t *testing.T) *Upstream {
	return upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, chatAnswer)
	})
}

func TestUsageAndMetricsSurviveReload(t *testing.T) {
	up := answering(t)
	g := gateway(t, keyed("{{CALLER}}"), chained(t, with("UPSTREAM", up.Addr))...)
	for i := range 3 {
		if answer := posted(t, g, streams[0].path, canaryBody, callerKey); answer.Status != 200 {
			t.Fatalf("request %d = %d %s", i, answer.Status, answer.Body)
		}
		g.Reload(keyed("{{CALLER}}", digest(fmt.Sprint("demo-spare-", i))))
	}
	row := onlyUsage(t, g, "")
	want := usageRow{
		Consumer: "caller", Provider: "openai", Model: "test-chat", Route: "openai",
		Requests: 3, Input: 60, Output: 15, Exact: 3, Cost: usd(3 * (20*3_000_000 + 5*11_000_000)),
	}
	row.Classes = nil
	if fmt.Sprint(row) != fmt.Sprint(want) {
		t.Errorf("after three reloads usage is %+v, want %+v", row, want)
	}
	for sample, want := range map[string]string{inputTokens: "60", outputTokens: "15", okRequests: "3"} {
		if got := metric(t, g, sample); got != want {
			t.Errorf("after three reloads %s is %q, want %s", sample, got, want)
		}
	}
}

// TestStreamSurvivesReload reloads in the middle of a stream, which goes on under the
// configuration that it began with.
func TestStreamSurvivesReload(t *testing.T) {
	up := stepper(t)
	g := gateway(t, keyed("{{CALLER}}"), chained(t, with("UPSTREAM", up.Addr))...)
	for _, f := range streams {
		t.Run(f.name, func(t *testing.T) {
			g.Reload(keyed("{{CALLER}}"))
			up.Step()
			res, err := insist(g, f.path, f.request, callerKey)
			if err != nil {
				t.Fatalf("open stream: %v", err)
			}
			defer res.Body.Close()
			read := func(event string) {
				t.Helper()
				got := make([]byte, len(event))
				if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != event {
					t.Fatalf("read event: %q, %v, want %q", got, err, event)
				}
			}
			read(f.events[0])
			// The new configuration does not know the key any more.
			g.Reload(keyed(digest("demo-other-key")))
			if answer := posted(t, g, f.path, f.request, callerKey); answer.Status != 401 {
				t.Errorf("the old key after the reload = %d %s", answer.Status, answer.Body)
			}
			if row := onlyUsage(t, g, "?by=consumer,model&consumer=caller&model="+f.model); row.Requests != 0 {
				t.Errorf("a stream that goes on is counted: %+v", row)
			}
			for _, event := range f.events[1:] {
				up.Step()
				read(event)
			}
			if rest, err := io.ReadAll(res.Body); err != nil || len(rest) > 0 {
				t.Errorf("after the last event: %q, %v", rest, err)
			}
			<-up.ended
			g.Logs().Wait(t, `"logger":"http.log.access`, `"model":"`+f.model+`"`, `"consumer":"caller"`)
			row := onlyUsage(t, g, "?by=consumer,model&consumer=caller&model="+f.model)
			if row.Requests != 1 || row.Exact != 1 || row.Input != 20 || row.Output != 5 || row.Cost != f.cost {
				t.Errorf("usage is %+v, want one request of 20 and 5 tokens for %s", row, f.cost)
			}
		})
	}
	if got := metric(t, g, outputTokens); got != "5" {
		t.Errorf("%s is %q, want 5", outputTokens, got)
	}
}

func TestKeyRotation(t *testing.T) {
	const oldKey, newKey = "demo-old-key-not-a-secret", "demo-new-key-not-a-secret"
	up := answering(t)
	g := gateway(t, keyed(digest(oldKey)), chained(t, with("UPSTREAM", up.Addr))...)
	tests := []struct {
		name     string
		keys     []string
		old, new int
	}{
		{name: "before", keys: []string{digest(oldKey)}, old: 200, new: 401},
		{name: "both", keys: []string{digest(oldKey), digest(newKey)}, old: 200, new: 200},
		{name: "old one ends later", keys: []string{digest(oldKey) + " until 2099-12-31", digest(newKey)}, old: 200, new: 200},
		{name: "old one has ended", keys: []string{digest(oldKey) + " until 2020-01-01", digest(newKey)}, old: 401, new: 200},
		{name: "new one has not begun", keys: []string{digest(oldKey), digest(newKey) + " not_before 2099-01-01T00:00:00Z"}, old: 200, new: 401},
		{name: "after", keys: []string{digest(newKey)}, old: 401, new: 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g.Reload(keyed(tt.keys...))
			for key, want := range map[string]int{oldKey: tt.old, newKey: tt.new} {
				if answer := posted(t, g, streams[0].path, canaryBody, key); answer.Status != want {
					t.Errorf("%s = %d %s, want %d", key, answer.Status, answer.Body, want)
				}
			}
		})
	}
	for _, r := range up.Requests() {
		if key := r.Header.Get("Authorization"); key != "" {
			t.Errorf("a key reached the upstream: %s", key)
		}
	}
}

// TestRotationLosesNoRequest sends a thousand requests while the key is replaced, ten
// times over, in the three steps of the manual: add the new key, move the clients to
// it, remove the old one.
func TestRotationLosesNoRequest(t *testing.T) {
	const requests, workers, rotations = 1000, 4, 10
	up := answering(t)
	key := func(i int) string { return fmt.Sprintf("demo-rotated-key-%d-not-a-secret", i) }
	g := gateway(t, keyed(digest(key(0))), chained(t, with("UPSTREAM", up.Addr))...)

	// A worker sends with the key that clients have at the moment. Who moves them
	// waits until nobody is using the one before.
	var clients sync.RWMutex
	current := key(0)
	work := make(chan int)
	var done sync.WaitGroup
	for range workers {
		done.Go(func() {
			for i := range work {
				clients.RLock()
				answer, err := chat(g, current)
				clients.RUnlock()
				if err != nil || answer != chatAnswer {
					t.Errorf("request %d: %v %s", i, err, answer)
				}
			}
		})
	}
	for i := range requests {
		work <- i
		if i%(requests/rotations) != requests/rotations/2 {
			continue
		}
		n := i / (requests / rotations)
		g.Reload(keyed(digest(key(n)), digest(key(n+1))))
		work <- requests + i
		clients.Lock()
		current = key(n + 1)
		clients.Unlock()
		work <- 2*requests + i
		g.Reload(keyed(digest(key(n + 1))))
	}
	close(work)
	done.Wait()

	const all = requests + 2*rotations
	row := onlyUsage(t, g, "?by=consumer")
	if row.Requests != all || row.Failed != 0 || row.Exact != all || row.Output != 5*all {
		t.Errorf("usage is %+v, want %d requests", row, all)
	}
	if got, want := metric(t, g, outputTokens), fmt.Sprint(5*all); got != want {
		t.Errorf("%s is %q, want %s", outputTokens, got, want)
	}
}

// insist sends a request until it is answered, as the providers' own clients do by
// default: a reload closes idle connections, and whoever is about to use one has to try
// again on another. What has an answer, whatever it is, is not sent again.
func insist(g *Gateway, path, body, key string) (*http.Response, error) {
	var failed error
	for range 5 {
		r, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.URL+path, strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+key)
		res, err := g.client.Do(r)
		if err == nil {
			return res, nil
		}
		failed = err
	}
	return nil, failed
}

// posted is insist for a test's own goroutine, with the whole answer.
func posted(t *testing.T, g *Gateway, path, body, key string) *Answer {
	t.Helper()
	res, err := insist(g, path, body, key)
	if err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
	return finish(t, res)
}

// chat is insist for any goroutine; it returns the answer's body.
func chat(g *Gateway, key string) (string, error) {
	res, err := insist(g, streams[0].path, canaryBody, key)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

// Caddy's /metrics answers from the registry of the config that it loaded last,
// also if that one was refused: the gateway's metrics must still be there.
func TestMetricsAfterARefusedReload(t *testing.T) {
	const config = `{
	gateway {
		consumer caller {
			key %s
		}
	}
	log {
		format gateway json
	}
}

http://127.0.0.1:{{PORT}} {
	correlation_id
	key_auth
	respond "ok"
}
`
	t.Setenv("TOLLGATE_TEST_KEY", "demo-key-not-a-secret")
	g := gateway(t, fmt.Sprintf(config, "{env.TOLLGATE_TEST_KEY}"))
	if a := g.Get("/", "apikey: demo-key-not-a-secret"); a.Status != http.StatusOK {
		t.Fatalf("status %d: %s", a.Status, a.Body)
	}
	if err := g.TryReload(fmt.Sprintf(config, "{env.TOLLGATE_TEST_UNSET}")); err == nil {
		t.Fatal("a key that is not set was accepted")
	}
	if a := g.Admin("/metrics"); !strings.Contains(a.Body, `caddy_gateway_requests_total{code="2xx",consumer="caller"`) {
		t.Errorf("the gateway's metrics are gone")
	}
}

// A client that waits for leave to send a large body must hear a refusal without
// sending it.
func TestRefusalDoesNotWaitForTheBody(t *testing.T) {
	g := gateway(t, `{
	gateway {
		consumer caller {
			key sha256:6b8111459789699847b4fb8f873ce354fe08912088644bc6f94dbf986fde8236
		}
	}
	log {
		format gateway json
	}
}

http://127.0.0.1:{{PORT}} {
	correlation_id
	key_auth
	respond "ok"
}
`)
	answer := exchange(t, g.Addr, "POST / HTTP/1.1", "Host: "+g.Addr, "Expect: 100-continue", "Content-Length: 10000000")
	if answer.Status != http.StatusUnauthorized {
		t.Errorf("status %d: %s", answer.Status, answer.Body)
	}
}
