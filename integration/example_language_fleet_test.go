// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"maps"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// redisServer runs a Redis, and returns its URL and what ends it.
func redisServer(t *testing.T) (url string, kill func()) {
	t.Helper()
	port := freePort(t)
	cmd := exec.CommandContext(t.Context(), "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		"--dir", t.TempDir(), "--logfile", "redis.log")
	if err := cmd.Start(); err != nil {
		t.Fatalf("start redis-server, which make test installs: %v", err)
	}
	end := sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	t.Cleanup(end)
	n := &redisNode{port: port}
	eventually(t, "Redis answers", func() bool {
		out, err := exec.CommandContext(t.Context(), "redis-cli", "-p", n.port, "PING").Output()
		return err == nil && string(out) == "PONG\n"
	})
	return "redis://127.0.0.1:" + port, end
}

// TestLanguageServicesShareLimits has two gateways of the example on one Redis count
// together, and go on with their shares when it is gone.
func TestLanguageServicesShareLimits(t *testing.T) {
	up := upstream(t, nil)
	url, kill := redisServer(t)
	env := map[string]string{"ASR_SERVICE": up.Addr, "TTS_SERVICE": up.Addr}
	maps.Copy(env, languageKeys)
	client := newClient(t, "", "")
	key := []string{"apikey: " + languageKeys["VOICE_CLIENT_KEY"]}
	var gateways []*Process
	var admins []*Gateway
	for range 2 {
		port, admin := exampleEnvironment(t, languageServicesFile, env), "127.0.0.1:"+freePort(t)
		t.Setenv("CADDY_ADMIN", admin)
		// The time that Redis has is for networks; a machine that runs all of this beside
		// other tests may need more.
		gateways = append(gateways, start(t, example(t, languageServicesFile,
			"\t\t# store redis redis://127.0.0.1:6379\n", "\t\tstore redis "+url+" {\n\t\t\ttimeout 2s\n\t\t\tdial_timeout 2s\n\t\t}\n",
			"\tgateway {\n", "\tdefault_bind 127.0.0.1\n\tgateway {\n"), with("PORT", port)))
		g := &Gateway{t: t, AdminURL: "http://" + admin, operator: client}
		admins = append(admins, g)
		eventually(t, "the gateway uses Redis", func() bool { return sampled(t, g, "caddy_gateway_store_up", `store="redis"`) == 1 })
	}
	// all asks both gateways n times each, and returns how many were admitted.
	all := func(path string, n int) (admitted int64) {
		var wg sync.WaitGroup
		var count atomic.Int64
		for _, g := range gateways {
			for range 4 {
				wg.Go(func() {
					for range n / 4 {
						switch got := finish(t, open(t, client, http.MethodGet, g.URL+path, "", key)); got.Status {
						case 200:
							count.Add(1)
						case 429:
						default:
							t.Errorf("answer = %d %s", got.Status, got.Body)
						}
					}
				})
			}
		}
		wg.Wait()
		return count.Load()
	}
	if n := all("/api/v1/asr/things", 80); n != 100 {
		t.Errorf("two gateways admitted %d requests of 100 a minute", n)
	}
	for _, g := range admins {
		eventually(t, "the gateways know of each other", func() bool { return strings.Contains(g.Admin("/gateway/health").Body, `"instances":2`) })
	}
	kill()
	if n := all("/api/v1/tts/things", 80); n == 0 || n > 100 {
		t.Errorf("without Redis two gateways admitted %d requests of 100 a minute", n)
	}
}

// TestLanguageServicesAdmitAgain uses a limit up, and waits for its window to pass.
func TestLanguageServicesAdmitAgain(t *testing.T) {
	g, _ := languageGateway(t, "quota requests {args[2]}/min {args[3]}/hour", "quota requests 5/2s")
	key := "apikey: " + languageKeys["VOICE_CLIENT_KEY"]
	var got *Answer
	for range 1000 { // of which a slow machine makes fewer than five in a window
		if got = g.Get("/api/v1/tts/things", key); got.Status != 200 {
			break
		}
	}
	checkDenied(t, got, "rate_limit_exceeded", "requests 5/2s")
	eventually(t, "the window has passed", func() bool { return g.Get("/api/v1/tts/things", key).Status == 200 })
}

// TestLanguageServicesBalance has two instances of each service in its variable. Requests
// are spread evenly; an instance that says it is not well gets none, although it would
// answer, until it says that it is well again.
func TestLanguageServicesBalance(t *testing.T) {
	type instanceOf struct {
		*Upstream
		ill  atomic.Bool
		told atomic.Int32 // how often the gateway was told so
	}
	env := map[string]string{"HEALTH_INTERVAL": "50ms", "FAIL_DURATION": "200ms"}
	maps.Copy(env, languageKeys)
	pairs := make(map[string][]*instanceOf)
	for variable, service := range languageServices {
		for range 2 {
			one := new(instanceOf)
			one.Upstream = upstream(t, func(w http.ResponseWriter, r *http.Request) {
				// Those that get the path as it is are asked for their health so as well.
				health := "/health"
				if service.whole {
					health = "/api/v1/" + service.name + health
				}
				switch {
				case r.URL.Path == health && one.ill.Load():
					w.WriteHeader(http.StatusServiceUnavailable)
					one.told.Add(1)
				case r.URL.Path != health && strings.HasSuffix(r.URL.Path, "/health"):
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			})
			pairs[service.name] = append(pairs[service.name], one)
			env[variable] = strings.TrimSpace(env[variable] + " " + one.Addr)
		}
	}
	g := exampleGateway(t, languageServicesFile, env, "/min {args[3]}/hour", "0/min {args[3]}00/hour", "requests 1000/min 10000/hour 100000/day", "requests 100000/min")
	// ask makes n requests, and returns how many of them have reached each instance.
	ask := func(t *testing.T, service string, n int) (counts [2]int) {
		t.Helper()
		before := [2]int{len(reached(pairs[service][0].Upstream)), len(reached(pairs[service][1].Upstream))}
		admit(t, g, n, "/api/v1/"+service+"/things", "apikey: "+languageKeys["DEVELOPER_KEY"])
		for i := range counts {
			counts[i] = len(reached(pairs[service][i].Upstream)) - before[i]
		}
		return counts
	}
	for service, pair := range pairs {
		t.Run(service, func(t *testing.T) {
			if got := ask(t, service, 10); service == "asr" && (got[0] == 0 || got[1] == 0) || service != "asr" && got != [2]int{5, 5} {
				t.Errorf("the instances had %v of 10 requests", got)
			}
			pair[0].told.Store(0)
			pair[0].ill.Store(true)
			// Not to be asked a few times in a row may be chance, but for some moments at most
			// once the gateway has been told so three times, which it demands.
			eventually(t, "the gateway is told of the instance that is not well", func() bool { return pair[0].told.Load() > 3 })
			eventually(t, "the instance that is not well gets no requests", func() bool { return ask(t, service, 4) == [2]int{0, 4} })
			if got := ask(t, service, 6); got != [2]int{0, 6} {
				t.Errorf("the instances had %v of 6 requests", got)
			}
			pair[0].ill.Store(false)
			eventually(t, "the instance that is well again gets requests", func() bool { return ask(t, service, 1) == [2]int{1, 0} })
		})
	}
}
