// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const llmGatewayFile = "llm-gateway.Caddyfile"

// llmKeys are the keys of the example's consumers, and of the providers, by variable.
var llmKeys = map[string]string{
	"REASONING_ENGINE_KEY": "demo-reasoning-key-not-a-secret",
	"SWARM_AGENT_KEY":      "demo-swarm-key-not-a-secret",
	"QUERY_DEEPSEEK_KEY":   "demo-query-key-not-a-secret",
	"ADMIN_KEY":            "demo-admin-key-not-a-secret",
	"ANTHROPIC_API_KEY":    "demo-anthropic-provider-key-not-a-secret",
	"DEEPSEEK_API_KEY":     "demo-deepseek-provider-key-not-a-secret",
	"XAI_API_KEY":          "demo-xai-provider-key-not-a-secret",
}

// llmRoutes are the routes of the example: a path that clients use, what the upstream
// has to see, the variable that says where it is, and the header with which the
// gateway signs in there.
var llmRoutes = []struct {
	name, path, upstreamPath, upstream, header, value string
	onlyFor                                           string // consumers, if not all
	model                                             string // with a known price, since a budget applies
}{
	{
		name: "anthropic", model: "claude-haiku-4-5", path: "/llm/anthropic/v1/messages", upstreamPath: "/v1/messages", upstream: "ANTHROPIC_URL",
		header: "X-Api-Key", value: llmKeys["ANTHROPIC_API_KEY"], onlyFor: "reasoning-engine swarm-agent admin",
	},
	{
		name: "deepseek", model: "deepseek-chat", path: "/llm/deepseek/v1/chat/completions", upstreamPath: "/v1/chat/completions", upstream: "DEEPSEEK_URL",
		header: "Authorization", value: "Bearer " + llmKeys["DEEPSEEK_API_KEY"],
	},
	{
		name: "grok", model: "grok-4.3", path: "/llm/grok/v1/chat/completions", upstreamPath: "/v1/chat/completions", upstream: "GROK_URL",
		header: "Authorization", value: "Bearer " + llmKeys["XAI_API_KEY"], onlyFor: "reasoning-engine swarm-agent admin",
	},
	{name: "ollama", model: "llama3.2", path: "/llm/ollama/api/chat", upstreamPath: "/api/chat", upstream: "OLLAMA_1"},
	{name: "api", model: "m", path: "/api/things?n=1", upstreamPath: "/api/things?n=1", upstream: "API_SERVER"},
}

// llmConsumers are the example's consumers by name, with their keys.
var llmConsumers = map[string]string{
	"reasoning-engine": llmKeys["REASONING_ENGINE_KEY"],
	"swarm-agent":      llmKeys["SWARM_AGENT_KEY"],
	"query-deepseek":   llmKeys["QUERY_DEEPSEEK_KEY"],
	"admin":            llmKeys["ADMIN_KEY"],
}

// llmBody is a call that Anthropic understands, and llmCall one that the provider of
// the model does.
const llmBody = `{"model":"claude-haiku-4-5","max_tokens":10,"stream":false,"messages":[{"role":"user","content":"hi"}]}`

func llmCall(model string) string { return strings.Replace(llmBody, "claude-haiku-4-5", model, 1) }

// llmEnvironment is the environment of the example with the keys above and the given
// settings, in pairs of name and value.
func llmEnvironment(settings ...string) map[string]string {
	env := map[string]string{"HEALTH_INTERVAL": "50ms", "PROVIDER_TIMEOUT": patience.String()}
	maps.Copy(env, llmKeys)
	for i := 0; i < len(settings); i += 2 {
		env[settings[i]] = settings[i+1]
	}
	return env
}

// provider answers as whichever of the APIs the path names.
func provider(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if answer, ok := cannedAnswers[r.URL.Path]; ok {
		_, _ = io.WriteString(w, answer)
		return
	}
	_, _ = io.WriteString(w, `{}`)
}

// called returns the requests of an upstream without health checks.
func called(up *Upstream) []Recorded {
	var calls []Recorded
	for _, r := range up.Requests() {
		if r.URI != "/health" && r.URI != "/api/tags" {
			calls = append(calls, r)
		}
	}
	return calls
}

func TestLLMGatewayForwards(t *testing.T) {
	upstreams, env := make(map[string]*Upstream), llmEnvironment()
	for _, route := range llmRoutes {
		up := upstream(t, provider)
		upstreams[route.upstream], env[route.upstream] = up, up.URL
	}
	env["OLLAMA_1"], env["OLLAMA_2"], env["API_SERVER"] = upstreams["OLLAMA_1"].Addr, upstreams["OLLAMA_1"].Addr, upstreams["API_SERVER"].Addr
	g := exampleGateway(t, llmGatewayFile, env)

	for _, route := range llmRoutes {
		t.Run(route.name, func(t *testing.T) {
			body := llmCall(route.model)
			if route.name == "ollama" { // whose limit stands elsewhere
				body = `{"model":"llama3.2","options":{"num_predict":10},"stream":false,"messages":[{"role":"user","content":"hi"}]}`
			}
			got := g.Post(route.path, body, "apikey: "+llmConsumers["swarm-agent"])
			if got.Status != 200 {
				t.Fatalf("answer = %d %s", got.Status, got.Body)
			}
			calls := called(upstreams[route.upstream])
			if len(calls) != 1 || calls[0].URI != route.upstreamPath || calls[0].Body != body {
				t.Fatalf("upstream had %+v, want %s once, with the body", calls, route.upstreamPath)
			}
			h := calls[0].Header
			if route.header != "" && (len(h.Values(route.header)) != 1 || h.Get(route.header) != route.value) {
				t.Errorf("upstream had %s: %q, want %q", route.header, h.Values(route.header), route.value)
			}
			if h.Get("Apikey") != "" || h.Get("X-Consumer-Username") != "swarm-agent" || h.Get("X-Correlation-Id") == "" {
				t.Errorf("upstream had %v", h)
			}
			if row := onlyUsage(t, g, "?consumer=swarm-agent&by=route&route="+route.name); row.Requests != 1 || row.Failed != 0 {
				t.Errorf("usage of the route is %+v, want one request", row)
			}
		})
	}
	for name, up := range upstreams {
		for consumer, key := range llmConsumers {
			if strings.Contains(up.Wire(), key) {
				t.Errorf("the upstream of %s had the key of %s", name, consumer)
			}
		}
	}
}

// TestLLMGatewayNamesTheProvidersHost stands in for the providers with a server that
// speaks TLS: they are chosen by the host that the client names.
func TestLLMGatewayNamesTheProvidersHost(t *testing.T) {
	hosts := make(chan string, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/tags" {
			hosts <- r.Host
		}
		provider(w, r)
	}))
	t.Cleanup(server.Close)
	root := filepath.Join(t.TempDir(), "root.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(root, block, 0o600); err != nil {
		t.Fatalf("write certificate: %v", err)
	}

	env := llmEnvironment()
	for _, route := range llmRoutes[:4] {
		env[route.upstream] = server.URL
	}
	env["OLLAMA_2"] = server.URL
	g := exampleGateway(t, llmGatewayFile, env, "\t\tdial_timeout 5s\n", "\t\tdial_timeout 5s\n\t\ttls_trust_pool file "+root+"\n")
	for _, route := range llmRoutes[:4] {
		got := g.Post(route.path, llmCall(route.model), "apikey: "+llmConsumers["admin"], "Host: gateway.example.com")
		if got.Status != 200 {
			t.Fatalf("%s: answer = %d %s", route.name, got.Status, got.Body)
		}
		if host, want := <-hosts, strings.TrimPrefix(server.URL, "https://"); host != want {
			t.Errorf("%s: the provider was called as %q, want %q", route.name, host, want)
		}
	}
}

// TestLLMGatewayAdmits tries every consumer on every route.
func TestLLMGatewayAdmits(t *testing.T) {
	up := upstream(t, provider)
	env := llmEnvironment("OLLAMA_1", up.Addr, "OLLAMA_2", up.Addr, "API_SERVER", up.Addr,
		"ANTHROPIC_URL", up.URL, "DEEPSEEK_URL", up.URL, "GROK_URL", up.URL)
	g := exampleGateway(t, llmGatewayFile, env)
	for _, route := range llmRoutes {
		for consumer, key := range llmConsumers {
			t.Run(consumer+" on "+route.name, func(t *testing.T) {
				before := len(called(up))
				got := g.Post(route.path, llmCall(route.model), "apikey: "+key)
				status, calls := 200, 1
				if route.onlyFor != "" && !strings.Contains(route.onlyFor, consumer) {
					status, calls = 403, 0
				}
				if got.Status != status || len(called(up))-before != calls {
					t.Errorf("answer = %d %s after %d calls, want %d after %d", got.Status, got.Body, len(called(up))-before, status, calls)
				}
			})
		}
	}
}

func TestLLMGatewayKeepsAPathForAdmins(t *testing.T) {
	up := upstream(t, nil)
	g := exampleGateway(t, llmGatewayFile, llmEnvironment("API_SERVER", up.Addr))
	for consumer, key := range llmConsumers {
		want := 403
		if consumer == "admin" {
			want = 200
		}
		for _, path := range []string{"/api/admin", "/api/admin/users", "/api/ADMIN/users", "/api/%61dmin/users"} {
			if got := g.Get(path, "apikey: "+key); got.Status != want {
				t.Errorf("%s on %s = %d %s, want %d", consumer, path, got.Status, got.Body, want)
			}
		}
	}
	for _, call := range called(up) {
		if user := call.Header.Get("X-Consumer-Username"); user != "admin" {
			t.Errorf("upstream had %s from %s", call.URI, user)
		}
	}
}

func TestLLMGatewayRefuses(t *testing.T) {
	up := upstream(t, provider)
	env := llmEnvironment("ANTHROPIC_URL", up.URL, "DEEPSEEK_URL", up.URL)
	// Everybody but admin may call from elsewhere only.
	g := exampleGateway(t, llmGatewayFile, env, "allow_ip 127.0.0.1 192.168.1.0/24", "allow_ip 192.168.1.0/24")
	tests := []struct {
		name, path string
		headers    []string
		status     int
		says       string
	}{
		{name: "no key", path: "/llm/anthropic/v1/messages", status: 401, says: "No API key found"},
		{name: "a wrong key", path: "/llm/anthropic/v1/messages", headers: []string{"apikey: demo-wrong-key-not-a-secret"}, status: 401},
		{name: "a provider's key", path: "/llm/anthropic/v1/messages", headers: []string{"apikey: " + llmKeys["ANTHROPIC_API_KEY"]}, status: 401},
		{name: "another address", path: "/llm/deepseek/v1/chat/completions", headers: []string{"apikey: " + llmConsumers["query-deepseek"]}, status: 403, says: "127.0.0.1"},
		{name: "another address on the API", path: "/api/x", headers: []string{"apikey: " + llmConsumers["swarm-agent"]}, status: 403, says: "127.0.0.1"},
		{name: "another route", path: "/llm/nobody/v1/messages", headers: []string{"apikey: " + llmConsumers["admin"]}, status: 404},
		{name: "no slash after the route", path: "/llm/anthropic", headers: []string{"apikey: " + llmConsumers["admin"]}, status: 404},
		{name: "the right address", path: "/llm/anthropic/v1/messages", headers: []string{"apikey: " + llmConsumers["admin"]}, status: 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := g.Post(tt.path, llmBody, tt.headers...)
			if got.Status != tt.status || !strings.Contains(got.Body, tt.says) {
				t.Errorf("answer = %d %s, want %d and %q", got.Status, got.Body, tt.status, tt.says)
			}
			if tt.status == 200 {
				return
			}
			if id := got.Header.Get("X-Correlation-Id"); id == "" || decoded(t, got)["request_id"] != id {
				t.Errorf("X-Correlation-ID %q, body %s", id, got.Body)
			}
			if tt.status == 401 && got.Header.Get("WWW-Authenticate") == "" {
				t.Error("no WWW-Authenticate")
			}
		})
	}
	if calls := called(up); len(calls) != 1 {
		t.Errorf("upstream had %d calls, want the one that was admitted", len(calls))
	}
}

func TestLLMGatewayLogs(t *testing.T) {
	up := upstream(t, provider)
	file := filepath.Join(t.TempDir(), "access.json")
	g := exampleGateway(t, llmGatewayFile, llmEnvironment("ANTHROPIC_URL", up.URL, "GATEWAY_LOG", file))
	key := llmConsumers["swarm-agent"]
	g.Post("/llm/anthropic/v1/messages", llmBody, "apikey: "+key)
	g.Post("/llm/anthropic/v1/messages", llmBody, "Authorization: Bearer "+key)
	g.Post("/llm/anthropic/v1/messages", llmBody, "x-api-key: "+key)
	g.Post("/llm/anthropic/v1/messages?apikey="+key, llmBody)
	g.Get("/llm/nobody", "apikey: "+key)

	var lines []object
	eventually(t, "five lines in the log", func() bool {
		lines = logLines(t, file)
		return len(lines) == 5
	})
	first := lines[0]
	for path, want := range map[string]any{
		"status": 200.0, "gateway.consumer": "swarm-agent", "gateway.route": "anthropic",
		"gateway.llm.provider": "anthropic", "gateway.quota.name": "standard", "request.uri": "/llm/anthropic/v1/messages",
	} {
		if got := member(first, path); got != want {
			t.Errorf("the log says %s = %v, want %v, in %v", path, got, want, first)
		}
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("read log: %v", err)
	}
	for variable, secret := range llmKeys {
		if strings.Contains(string(content), secret) || strings.Contains(g.Logs().String(), secret) {
			t.Errorf("a log holds %s", variable)
		}
	}
	writer := decoded(t, g.Admin("/config/logging/logs/log0/writer"))
	for name, want := range map[string]any{"output": "file", "filename": file, "roll_size_mb": 100.0, "roll_keep": 10.0, "roll_keep_days": 30.0} {
		if writer[name] != want {
			t.Errorf("the log's writer has %s = %v, want %v, in %v", name, writer[name], want, writer)
		}
	}
}

// logLines reads a log with a JSON object on each line; the last line may still be
// incomplete.
func logLines(t *testing.T, file string) []object {
	t.Helper()
	f, err := os.Open(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatalf("open log: %v", err)
	}
	defer f.Close()
	var lines []object
	for in := bufio.NewReader(f); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return lines
		}
		var entry object
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("decode log line: %v\n%s", err, line)
		}
		lines = append(lines, entry)
	}
}

// Loading and removing models at Ollama is for admins; calling them is for all.
func TestLLMGatewayOllamaIsManagedByAdmins(t *testing.T) {
	up := upstream(t, nil)
	g := exampleGateway(t, llmGatewayFile, llmEnvironment("OLLAMA_1", up.Addr, "OLLAMA_2", up.Addr))
	for consumer, want := range map[string]int{"query-deepseek": http.StatusForbidden, "admin": http.StatusOK} {
		for method, path := range map[string]string{http.MethodDelete: "/llm/ollama/api/delete", http.MethodPost: "/llm/ollama/api/pull"} {
			got := g.Do(method, path, `{"model":"llama3.2"}`, "apikey: "+llmConsumers[consumer])
			if got.Status != want {
				t.Errorf("%s: %s %s = %d %s, want %d", consumer, method, path, got.Status, got.Body, want)
			}
		}
	}
}

// TestLLMGatewayCaches asks each of the four routes of models for the same several times.
func TestLLMGatewayCaches(t *testing.T) {
	up := upstream(t, provider)
	env := llmEnvironment("OLLAMA_1", up.Addr, "OLLAMA_2", up.Addr, "ANTHROPIC_URL", up.URL, "DEEPSEEK_URL", up.URL, "GROK_URL", up.URL)
	g := exampleGateway(t, llmGatewayFile, env)
	for _, route := range llmRoutes[:4] {
		t.Run(route.name, func(t *testing.T) {
			body := func(prompt, stream string) string {
				if route.name == "ollama" {
					return `{"model":"llama3.2","options":{"num_predict":10,"temperature":0},"stream":` + stream + `,"messages":[{"role":"user","content":"` + prompt + `"}]}`
				}
				return `{"model":"` + route.model + `","temperature":0,"max_tokens":10,"stream":` + stream + `,"messages":[{"role":"user","content":"` + prompt + `"}]}`
			}
			ask := func(consumer, body, status string, calls int) *Answer {
				t.Helper()
				before := len(called(up))
				got := g.Post(route.path, body, "apikey: "+llmConsumers[consumer])
				if got.Status != 200 || got.Header.Get("X-Cache-Status") != status || len(called(up))-before != calls {
					t.Fatalf("answer = %d %s after %d calls, X-Cache-Status %q, Cache-Status %q, want %s after %d",
						got.Status, got.Body, len(called(up))-before, got.Header.Get("X-Cache-Status"), got.Header.Get("Cache-Status"), status, calls)
				}
				return got
			}
			first := ask("admin", body("hi", "false"), "Miss", 1)
			again := ask("admin", body("hi", "false"), "Hit", 0)
			if again.Body != first.Body || again.Header.Get("Age") == "" {
				t.Errorf("the hit is %v %s, want %s", again.Header, again.Body, first.Body)
			}
			ask("admin", body("ho", "false"), "Miss", 1)
			stream := ask("admin", body("hi", "true"), "Hit", 0)
			if media := stream.Header.Get("Content-Type"); !strings.Contains(media, "event-stream") && !strings.Contains(media, "ndjson") || !strings.Contains(stream.Body, "hello") {
				t.Errorf("the stream is %v %s", stream.Header, stream.Body)
			}
			ask("swarm-agent", body("hi", "false"), "Miss", 1)
			ask("swarm-agent", body("hi", "false"), "Hit", 0)
			row := onlyUsage(t, g, "?consumer=admin&by=route&route="+route.name)
			if row.Requests != 4 {
				t.Errorf("usage of the route is %+v, want 4 requests", row)
			}
			if got := decoded(t, g.Admin("/gateway/usage?consumer=admin&by=route&route="+route.name)); !strings.Contains(toJSON(t, got), `"response_cache_hits":2`) {
				t.Errorf("usage is %v, want 2 hits", got)
			}
		})
	}
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
