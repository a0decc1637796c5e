// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	shopKey = "apikey: demo-shop-key-not-a-secret"
	teamKey = "apikey: demo-team-key-not-a-secret"
)

// limitsGateway loads the example with an upstream that lets requests for
// /reports/slow wait until the test has ended them.
func limitsGateway(t *testing.T) (g *Gateway, up *Upstream, end func()) {
	t.Helper()
	wait := make(chan struct{})
	up = upstream(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "ok")
		if r.URL.Path == "/reports/slow" {
			_ = http.NewResponseController(w).Flush()
			<-wait
		}
	})
	g = exampleGateway(t, "limits.Caddyfile", map[string]string{
		"WEB_SHOP_KEY": strings.TrimPrefix(shopKey, "apikey: "), "DATA_TEAM_KEY": strings.TrimPrefix(teamKey, "apikey: "), "API_SERVER": up.Addr,
	})
	return g, up, func() { close(wait) }
}

// admit sends n requests, which all have to be admitted.
func admit(t *testing.T, g *Gateway, n int, path string, headers ...string) {
	t.Helper()
	for i := range n {
		if got := g.Get(path, headers...); got.Status != 200 {
			t.Fatalf("request %d of %d for %s = %d %s", i+1, n, path, got.Status, got.Body)
		}
	}
}

// checkDenied checks that an answer is the refusal of a limit, with the code and the
// words, and says when to come back.
func checkDenied(t *testing.T, got *Answer, code, words string) {
	t.Helper()
	if got.Status != 429 || decoded(t, got)["code"] != code || !strings.Contains(got.Body, words) {
		t.Errorf("answer = %d %s, want 429 %s and %q", got.Status, got.Body, code, words)
	}
	if after, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || after < 1 {
		t.Errorf("Retry-After = %q", got.Header.Get("Retry-After"))
	}
}

func TestLimitsOfConsumers(t *testing.T) {
	g, up, _ := limitsGateway(t)
	shadow := func() float64 {
		return sampled(t, g, "caddy_gateway_limit_exceeded_total", `quota="considered"`, `outcome="shadow"`)
	}
	before := shadow()
	admit(t, g, 99, "/api/things", shopKey)
	last := g.Get("/api/things", shopKey)
	if limit := last.Header.Get("RateLimit"); last.Status != 200 || !strings.HasPrefix(limit, `"api:requests/60s";r=0;t=`) {
		t.Errorf("the hundredth = %d with RateLimit %s", last.Status, limit)
	}
	if policy := strings.Join(last.Header.Values("RateLimit-Policy"), ", "); !containsAll(policy, []string{
		`"api:requests/60s";q=100;w=60, "api:requests/3600s";q=1000;w=3600`, `"everybody:requests/60s";q=60000;w=60`, `"address:requests/60s";q=1200;w=60`,
	}) || strings.Contains(policy, "considered") {
		t.Errorf("RateLimit-Policy: %s", policy)
	}
	if n := shadow() - before; n != 40 {
		t.Errorf("the limit that is tried out would have refused %v of 100, want 40", n)
	}
	checkDenied(t, g.Get("/api/things", shopKey), "rate_limit_exceeded", "requests 100/min (api, by consumer web-shop)")
	if n := len(up.Requests()); n != 100 {
		t.Errorf("upstream had %d requests, want 100", n)
	}
	admit(t, g, 1, "/api/things", teamKey)
	admit(t, g, 1, "/search/things", shopKey)
}

func TestLimitsOfAddresses(t *testing.T) {
	g, _, _ := limitsGateway(t)
	admit(t, g, 30, "/public/things")
	checkDenied(t, g.Get("/public/things"), "rate_limit_exceeded", "requests 30/min (public, by client address 127.0.0.1)")
	if got := g.Get("/api/things"); got.Status != 401 {
		t.Errorf("without a key = %d %s", got.Status, got.Body)
	}
}

func TestLimitsWithABurst(t *testing.T) {
	g, _, _ := limitsGateway(t)
	begun := time.Now()
	admitted := 0
	var got *Answer
	for got = g.Get("/search/things", shopKey); got.Status == 200; got = g.Get("/search/things", shopKey) {
		admitted++
	}
	most := 20 + 5*time.Since(begun).Seconds() + 1
	if admitted < 20 || float64(admitted) > most {
		t.Errorf("%d were admitted at once, want 20 to %.0f", admitted, most)
	}
	checkDenied(t, got, "rate_limit_exceeded", "requests 5/s (search, by consumer web-shop)")
}

func TestLimitsInFlight(t *testing.T) {
	g, _, end := limitsGateway(t)
	first, second := g.Open("GET", "/reports/slow", "", shopKey), g.Open("GET", "/reports/slow", "", shopKey)
	checkDenied(t, g.Get("/reports/x", shopKey), "concurrency_limit_exceeded", "concurrent 2 (reports, by consumer web-shop)")
	admit(t, g, 1, "/reports/x", teamKey)
	end()
	for _, answer := range []*Answer{finish(t, first), finish(t, second)} {
		if answer.Status != 200 || answer.Body != "ok" {
			t.Errorf("a slow report = %d %q", answer.Status, answer.Body)
		}
	}
	admit(t, g, 1, "/reports/x", shopKey)
}

func TestLimitsWithWeights(t *testing.T) {
	g, _, _ := limitsGateway(t)
	admit(t, g, 9, "/reports/year?n=2026", shopKey)
	admit(t, g, 5, "/reports/day", shopKey)
	checkDenied(t, g.Get("/reports/year", shopKey), "rate_limit_exceeded", "requests 100/day (reports, by consumer web-shop)")
	admit(t, g, 5, "/reports/day", shopKey)
	checkDenied(t, g.Get("/reports/day", shopKey), "rate_limit_exceeded", "requests 100/day")
}
