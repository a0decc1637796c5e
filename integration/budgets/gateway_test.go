// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package budgets

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// site is what the gateways of a test have in common.
type site struct {
	u        *upstream
	prices   string
	models   string // the limits of model calls
	requests string // the limit of /api
	store    func(g *gateway) string
}

func newSite(t *testing.T, u *upstream) *site {
	t.Helper()
	s := &site{u: u, prices: filepath.Join(t.TempDir(), "prices.json"), models: "cost 1usd/month", requests: "requests 1000000/min"}
	if err := os.WriteFile(s.prices, []byte(priceFile), 0o600); err != nil {
		t.Fatalf("write prices: %v", err)
	}
	s.store = func(g *gateway) string { return "embedded " + filepath.Join(g.dir, "limits") }
	return s
}

// onRedis has all gateways share a Redis. Tests of exact numbers wait for it for as
// long as a busy machine may take, others for as long as gateways do.
func (s *site) onRedis(addr, timeout string) {
	s.store = func(*gateway) string {
		return "redis redis://" + addr + " {\n\t\t\ttimeout " + timeout + "\n\t\t\tdial_timeout " + timeout + "\n\t\t}"
	}
}

// consumers is how many there are. Each has the same budget.
const consumers = 10

func consumerName(i int) string { return fmt.Sprintf("consumer-%d", i) }

// consumerKey is the key of a consumer. It is no secret.
func consumerKey(consumer string) string { return "demo-" + consumer + "-not-a-secret" }

// gateway is a process, or several one after another with the same directory.
type gateway struct {
	*site
	*child
	addr, admin string
	dir         string
}

// fleet starts gateways, all at once.
func (s *site) fleet(t *testing.T, n int) []*gateway {
	t.Helper()
	list := make([]*gateway, n)
	for i := range list {
		list[i] = &gateway{site: s, addr: freeAddress(t), admin: freeAddress(t), dir: t.TempDir()}
		list[i].launch(t)
	}
	for _, g := range list {
		g.serves(t)
	}
	return list
}

// launch starts the process, which does not serve yet.
func (g *gateway) launch(t *testing.T) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatalf("build cmd/caddy: %v", err)
	}
	file := filepath.Join(g.dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(g.caddyfile(0)), 0o600); err != nil {
		t.Fatalf("write Caddyfile: %v", err)
	}
	cmd := exec.Command(path, "run", "--adapter", "caddyfile", "--config", file)
	cmd.Env = home(t)
	g.child = spawn(t, cmd)
}

func (g *gateway) serves(t *testing.T) {
	t.Helper()
	g.await(t, "serving initial configuration")
}

// restart kills the process and starts another one.
func (g *gateway) restart(t *testing.T) {
	t.Helper()
	g.kill()
	g.launch(t)
	g.serves(t)
}

// access is the file of the access log.
func (g *gateway) access() string { return filepath.Join(g.dir, "access.log") }

// caddyfile is the configuration. The number changes it without changing what it does.
func (g *gateway) caddyfile(number int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{
	admin %s
	persist_config off
	auto_https off
	grace_period 30s
	log {
		output stderr
		format gateway json
	}
	gateway {
		ledger %s
		prices %s
		metrics_consumers %d
		store %s
`, g.admin, filepath.Join(g.dir, "ledger"), g.prices, 1000+number, g.store(g))
	for i := range consumers {
		fmt.Fprintf(&b, "\t\tconsumer %s {\n\t\t\tkey sha256:%x\n\t\t}\n", consumerName(i), sha256.Sum256([]byte(consumerKey(consumerName(i)))))
	}
	fmt.Fprintf(&b, `	}
}
http://%s {
	log {
		output file %s {
			roll_disabled
		}
		format gateway json
	}
	correlation_id
	handle /v1/* {
		gateway_route models
		key_auth
		llm_cost openai
		quota {
			name budget
			%s
		}
		route {
			@within header X-Within *
			quota @within {
				name within
				requests 1/day
				by header X-Within
			}
			reverse_proxy %s {
				transport http {
					response_header_timeout 2s
					keepalive_idle_conns_per_host 4096
				}
			}
		}
	}
	handle /api/* {
		gateway_route api
		quota {
			name api
			%s
			by global
		}
		respond ok
	}
}
`, g.addr, g.access(), g.models, g.u.addr, g.requests)
	return b.String()
}

// reload gives the process another configuration.
func (g *gateway) reload(t *testing.T, number int) {
	t.Helper()
	res, err := g.ask(t, http.MethodPost, "/load", g.caddyfile(number))
	if err != nil {
		t.Errorf("reload %d: %v", number, err)
		return
	}
	defer res.Body.Close() //nolint:errcheck // It is read.
	if answer, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		t.Errorf("reload %d: status %d: %s", number, res.StatusCode, answer)
	}
}

// reloading reloads gateways again and again until it is told to stop, which returns
// how often that was.
func reloading(t *testing.T, every time.Duration, gateways ...*gateway) (stop func() int) {
	t.Helper()
	end := make(chan struct{})
	var reloader sync.WaitGroup
	number := 0
	reloader.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
			}
			number++
			gateways[number%len(gateways)].reload(t, number)
		}
	})
	return func() int {
		close(end)
		reloader.Wait()
		return number
	}
}
