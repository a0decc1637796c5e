// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

const canaryBody = `{"model":"test-chat","messages":[{"role":"user","content":"hello"}]}`

// canaryGateway starts a gateway that knows a key for each name, and returns the keys.
// A format is "gateway " or nothing.
func canaryGateway(t *testing.T, up *Upstream, format string, names ...string) (*Gateway, []canary) {
	t.Helper()
	t.Setenv("TOLLGATE_TEST_PROVIDER_KEY", providerKey)
	canaries := make([]canary, len(names))
	lines := make([]string, len(names))
	for i, name := range names {
		canaries[i] = newCanary(name, i)
		lines[i] = "\t\t\tkey " + digest(canaries[i].key())
	}
	g := gateway(t, canaryCaddyfile, chained(t, with("KEYS", strings.Join(lines, "\n")), with("FORMAT", format),
		with("UPSTREAM", up.Addr))...)
	return g, canaries
}

// logged waits until both logs have the access-log line of a request.
func logged(t *testing.T, g *Gateway, id string) {
	t.Helper()
	g.Logs().Wait(t, `"logger":"http.log.access`, id)
	g.Logs().Wait(t, "\thttp.log.access", "\thandled request\t", id)
}

// checkSinks looks for keys wherever an operator or an observer can look.
func checkSinks(s sightings, g *Gateway) {
	s.t.Helper()
	for line := range strings.Lines(g.Logs().String()) {
		s.absent("log line", line)
	}
	for _, path := range []string{
		"/metrics", "/config/", "/reverse_proxy/upstreams", "/gateway/consumers", "/gateway/usage",
		"/gateway/usage?by=consumer", "/gateway/prices?model=test-chat", "/gateway/health",
	} {
		answer := g.Admin(path)
		if answer.Status != 200 {
			s.t.Errorf("GET %s = %d", path, answer.Status)
		}
		s.absent("GET "+path, fmt.Sprint(answer.Header)+answer.Body)
	}
}

func TestKeysAppearInNoSink(t *testing.T) {
	up := canaryUpstream(t)
	var names []string
	for _, c := range carriers {
		names = append(names, c.name, "unknown in "+c.name)
	}
	g, all := canaryGateway(t, up, "gateway ", names...)
	// Every second canary is to be unknown, so the gateway is loaded again without them.
	known := make([]string, 0, len(carriers))
	for i := range carriers {
		known = append(known, "\t\t\tkey "+digest(all[2*i].key()))
	}
	g.settings.values["KEYS"] = strings.Join(known, "\n")
	g.Reload(canaryCaddyfile)
	s := sightings{t, all}

	for i, c := range carriers {
		for j, end := range endings {
			id := fmt.Sprintf("request-%d-%d.", i, j)
			a := attempt{body: canaryBody}
			if end.large {
				a.body = strings.TrimSuffix(canaryBody, "}") + `,"user":"` + strings.Repeat("x", 8<<10) + `"}`
			}
			key := all[2*i].key()
			if end.unknown {
				key = all[2*i+1].key()
			}
			c.carry(&a, key)
			status, answer := a.send(t, g, end.path, id)
			if status != end.status {
				t.Errorf("%s, %s: status %d, want %d: %s", c.name, end.name, status, end.status, answer)
			}
			s.absent("the answer", answer)
			logged(t, g, id)
		}
	}
	checkSinks(s, g)
	s.absent("the upstream", up.Wire())

	// The provider's key goes where it belongs and nowhere else.
	if !strings.Contains(up.Wire(), providerKey) {
		t.Error("the provider's key did not reach the upstream")
	}
	for line := range strings.Lines(g.Logs().String()) {
		if strings.Contains(line, providerKey) {
			t.Errorf("a log line shows the provider's key: %s", line)
		}
	}
	g.Logs().Wait(t, `"level":"debug"`, "upstream roundtrip")
}

func TestKeysBesideTheDecidingOneAppearInNoSink(t *testing.T) {
	up := canaryUpstream(t)
	g, all := canaryGateway(t, up, "gateway ", "apikey", "X-API-Key", "bearer", "query", "body")
	beside := attempt{
		query: "?apikey=" + url.QueryEscape(all[3].key()),
		headers: []string{
			"apikey: " + all[0].key(), "X-API-Key: " + all[1].key(), "Authorization: Bearer " + all[2].key(),
		},
		body: `{"apikey":"` + all[4].key() + `",` + canaryBody[1:],
	}
	s := sightings{t, all}
	for i, end := range endings {
		if end.unknown || end.large {
			continue
		}
		id := fmt.Sprintf("beside-%d.", i)
		status, answer := beside.send(t, g, end.path, id)
		if status != end.status {
			t.Errorf("%s: status %d, want %d: %s", end.name, status, end.status, answer)
		}
		s.absent("the answer", answer)
		logged(t, g, id)
	}
	checkSinks(s, g)
	s.absent("the upstream", up.Wire())
}

// TestKeyInRefererIsNotLogged has a browser that came from a page whose URL held a key.
func TestKeyInRefererIsNotLogged(t *testing.T) {
	up := canaryUpstream(t)
	g, all := canaryGateway(t, up, "gateway ", "apikey", "Referer")
	a := attempt{
		headers: []string{
			"apikey: " + all[0].key(),
			"Referer: https://app.example.com/page?apikey=" + url.QueryEscape(all[1].key()) + "#top",
		},
		body: canaryBody,
	}
	s := sightings{t, all}
	for i, end := range endings {
		id := fmt.Sprintf("referer-%d.", i)
		_, answer := a.send(t, g, end.path, id)
		s.absent("the answer", answer)
		logged(t, g, id)
	}
	checkSinks(s, g)
}

// TestForeignSecretsTravelOnUnlogged has a client that brings its provider's key along
// with the gateway's.
func TestForeignSecretsTravelOnUnlogged(t *testing.T) {
	up := canaryUpstream(t)
	g, known := canaryGateway(t, up, "gateway ", "apikey")
	foreign := newCanary("bearer of the client", 50)
	s := sightings{t, append(known, foreign)}
	a := attempt{
		headers: []string{"apikey: " + known[0].key(), "Authorization: Bearer " + foreign.key()},
		body:    canaryBody,
	}
	if status, answer := a.send(t, g, "/ok", "foreign-secret"); status != 200 {
		t.Fatalf("status %d: %s", status, answer)
	}
	logged(t, g, "foreign-secret")
	checkSinks(s, g)
	if got := up.Only().Header.Get("Authorization"); got != "Bearer "+foreign.key() {
		t.Errorf("upstream had Authorization %q, want the client's", got)
	}
}

func TestLogsThatShowKeysAreWarnedAbout(t *testing.T) {
	const warning = "this log can show API keys"
	t.Run("without the encoder", func(t *testing.T) {
		up := canaryUpstream(t)
		g, known := canaryGateway(t, up, "", "apikey")
		for _, log := range []string{"http.log.error", "http.log.access.log0"} {
			entry := g.Logs().WaitObject(t, warning, `"log":"`+log+`"`)
			if entry["level"] != "warn" || entry["logger"] != "gateway" {
				t.Errorf("warning is %v", entry)
			}
		}
		// It is right: the key is there.
		a := attempt{headers: []string{"apikey: " + known[0].key()}, body: canaryBody}
		a.send(t, g, "/ok", "shown")
		g.Logs().Wait(t, `"logger":"http.log.access`, "shown", known[0].core)
	})
	t.Run("with the encoder in one log of two", func(t *testing.T) {
		g := gateway(t, strings.Replace(sdkCaddyfile, "\tlog {\n\t\tformat gateway json\n\t}\n}\n", "\tlog {\n\t\tformat json\n\t}\n}\n", 1), chained(t)...)
		g.Logs().Wait(t, warning, `"log":"http.log.error"`)
		if strings.Contains(g.Logs().String(), `"log":"http.log.access.log0"`) {
			t.Error("a log with the encoder is warned about")
		}
	})
	t.Run("with the encoder", func(t *testing.T) {
		g := gateway(t, sdkCaddyfile, chained(t)...)
		g.Get("/", "X-Correlation-ID: after-start")
		g.Logs().Wait(t, "after-start")
		if strings.Contains(g.Logs().String(), warning) {
			t.Errorf("warned about logs with the encoder:\n%s", g.Logs())
		}
	})
}
