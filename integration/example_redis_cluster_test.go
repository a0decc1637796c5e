// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	redisFile = "redis-cluster.Caddyfile"
	appKey    = "apikey: demo-app-key-not-a-secret"
)

// redisNode is a master of a Redis Cluster.
type redisNode struct {
	port, busPort string
	kill          func()
}

// ask runs a command on the node.
func (n *redisNode) ask(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "redis-cli", append([]string{"-p", n.port}, args...)...).CombinedOutput()
	if err != nil {
		return "" // not there yet
	}
	return strings.TrimSpace(string(out))
}

// redisCluster runs a Redis Cluster of three masters.
func redisCluster(t *testing.T) []*redisNode {
	t.Helper()
	const slots = 16384
	nodes := make([]*redisNode, 3)
	for i := range nodes {
		n := &redisNode{port: freePort(t), busPort: freePort(t)}
		cmd := exec.CommandContext(t.Context(), "redis-server", "--port", n.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
			"--dir", t.TempDir(), "--logfile", "redis.log", "--cluster-enabled", "yes", "--cluster-port", n.busPort, "--cluster-node-timeout", "2000")
		if err := cmd.Start(); err != nil {
			t.Fatalf("start redis-server, which make test installs: %v", err)
		}
		n.kill = sync.OnceFunc(func() {
			_ = cmd.Process.Kill() // it may be gone
			_ = cmd.Wait()         // it was killed
		})
		t.Cleanup(n.kill)
		nodes[i] = n
	}
	for i, n := range nodes {
		eventually(t, "Redis answers", func() bool { return n.ask(t, "PING") == "PONG" })
		first, last := slots*i/len(nodes), slots*(i+1)/len(nodes)-1
		if got := n.ask(t, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last)); got != "OK" {
			t.Fatalf("add slots: %s", got)
		}
		n.ask(t, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		n.ask(t, "CLUSTER", "MEET", "127.0.0.1", nodes[0].port, nodes[0].busPort)
	}
	for _, n := range nodes {
		eventually(t, "the Cluster is complete", func() bool {
			return containsAll(n.ask(t, "CLUSTER", "INFO"), []string{"cluster_state:ok", "cluster_known_nodes:3"})
		})
	}
	return nodes
}

// fleet is several gateways of the example, each a process of its own.
type fleet struct {
	client   *http.Client
	gateways []*Process
	admins   []*Gateway
}

// startFleet runs three gateways of the example on a Redis Cluster, and waits until all
// of them use it.
func startFleet(t *testing.T, nodes []*redisNode, env map[string]string, replacements ...string) *fleet {
	t.Helper()
	f := &fleet{client: newClient(t, "", "")}
	env["APP_KEY"] = strings.TrimPrefix(appKey, "apikey: ")
	env["REDIS_URLS"] = "redis://127.0.0.1:" + nodes[0].port + " redis://127.0.0.1:" + nodes[1].port
	for range 3 {
		port, admin := exampleEnvironment(t, redisFile, env), "127.0.0.1:"+freePort(t)
		t.Setenv("CADDY_ADMIN", admin)
		// The time that Redis has is for networks; a machine that runs all of this beside
		// other tests may need more.
		text := example(t, redisFile, append(replacements, ":{$GATEWAY_PORT:8300} {\n", ":{$GATEWAY_PORT:8300} {\n\tbind 127.0.0.1\n",
			"\t\t\tcluster\n", "\t\t\tcluster\n\t\t\ttimeout 2s\n\t\t\tdial_timeout 2s\n")...)
		f.gateways = append(f.gateways, start(t, text, with("PORT", port)))
		f.admins = append(f.admins, &Gateway{t: t, AdminURL: "http://" + admin, operator: f.client})
	}
	for _, g := range f.admins {
		eventually(t, "the gateway uses Redis", func() bool { return sampled(t, g, "caddy_gateway_store_up", `store="redis"`) == 1 })
	}
	return f
}

// each sends n requests to each of the gateways, from several sides at once, and
// returns how often there was which status.
func (f *fleet) each(t *testing.T, n int, method, path, body string) map[int]int {
	t.Helper()
	const sides = 4
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		counts = make(map[int]int)
	)
	for _, g := range f.gateways {
		for side := range sides {
			wg.Go(func() {
				for i := side; i < n; i += sides {
					got := finish(t, open(t, f.client, method, g.URL+path, body, []string{appKey}))
					mu.Lock()
					counts[got.Status]++
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	return counts
}

func TestRedisClusterSharesLimits(t *testing.T) {
	up := upstream(t, nil)
	f := startFleet(t, redisCluster(t), map[string]string{"API_SERVER": up.Addr})
	counts := f.each(t, 60, http.MethodGet, "/api/things", "")
	if counts[200] != 100 || counts[429] != 80 || len(up.Requests()) != 100 {
		t.Errorf("three gateways answered %v, and the upstream had %d requests; want 100 admitted and 80 refused", counts, len(up.Requests()))
	}
}

// TestRedisClusterSharesBudgets spends one budget by three gateways at once, asks each
// of them what was spent, and then takes Redis away.
func TestRedisClusterSharesBudgets(t *testing.T) {
	const (
		path   = "/llm/openai/v1/chat/completions"
		answer = `{"id":"x","object":"chat.completion","model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},` +
			`"finish_reason":"length"}],"usage":{"prompt_tokens":10,"completion_tokens":4096,"total_tokens":4106}}`
	)
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	})
	nodes := redisCluster(t)
	f := startFleet(t, nodes, map[string]string{"OPENAI_URL": up.URL}, "cost 50usd/month", "cost 0.05usd/month")
	for _, g := range f.gateways {
		// When a gateway begins to use Redis, budgets wait for a second.
		eventually(t, "the gateway admits by budget", func() bool {
			return finish(t, open(t, f.client, http.MethodPost, g.URL+path, ask("gpt-4o-mini"), []string{appKey})).Status == 200
		})
	}
	counts := f.each(t, 20, http.MethodPost, path, ask("gpt-4o-mini"))
	calls := len(up.Requests())
	if counts[200] == 0 || counts[429] == 0 || counts[200]+counts[429] != 60 || counts[200]+len(f.gateways) != calls {
		t.Fatalf("three gateways answered %v, and the provider had %d calls", counts, calls)
	}
	cost := picoOf(t, "0.0024591") // of one answer: 10 tokens for 0.15 and 4096 for 0.6 USD a million
	if spent, limit := cost*int64(calls), picoOf(t, "0.05"); spent > limit || spent < limit/2 {
		t.Errorf("%s of 0.05 USD was spent", usd(spent))
	}
	if up.Requests()[0].Body == ask("gpt-4o-mini") || !strings.Contains(up.Requests()[0].Body, `"max_completion_tokens":4096`) {
		t.Errorf("the provider was not asked for a limited answer: %s", up.Requests()[0].Body)
	}
	for i, g := range f.admins {
		eventually(t, "gateway "+strconv.Itoa(i)+" tells of all calls", func() bool {
			row := onlyUsage(t, g, "?by=model&model=gpt-4o-mini")
			return row.Requests-row.Failed == int64(calls) && row.Cost == usd(cost*int64(calls))
		})
	}

	for _, n := range nodes {
		n.kill()
	}
	for _, g := range f.gateways {
		got := finish(t, open(t, f.client, http.MethodPost, g.URL+path, ask("gpt-4o-mini"), []string{appKey}))
		if got.Status != 503 || got.Header.Get("Retry-After") == "" || member(decoded(t, got), "error.code") != "limits_unavailable" {
			t.Errorf("without Redis: %d %v %s", got.Status, got.Header, got.Body)
		}
	}
	if n := len(up.Requests()); n != calls {
		t.Errorf("without Redis the provider had %d more calls", n-calls)
	}
}
