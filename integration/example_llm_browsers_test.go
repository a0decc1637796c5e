// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// appOrigin is the origin whose pages the example admits.
const appOrigin = "https://app.example.com"

// TestLLMGatewayAdmitsPages has pages call the API server, and read what refuses them.
func TestLLMGatewayAdmitsPages(t *testing.T) {
	up := upstream(t, nil)
	g := exampleGateway(t, llmGatewayFile, llmEnvironment("API_SERVER", up.Addr))
	key := "apikey: " + llmConsumers["swarm-agent"]
	preflight := g.Do(http.MethodOptions, "/api/things", "", "Origin: "+appOrigin, "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: apikey")
	if preflight.Status/100 != 2 || preflight.Header.Get("Access-Control-Allow-Origin") != appOrigin || preflight.Header.Get("Access-Control-Allow-Credentials") != "true" || len(called(up)) != 0 {
		t.Errorf("preflight = %d %v", preflight.Status, preflight.Header)
	}
	for name, row := range map[string]struct {
		path, origin, key string
		status            int
		leave             string
	}{
		"admitted":                {"/api/things", appOrigin, key, 200, appOrigin},
		"without a key":           {"/api/things", appOrigin, "apikey: ", 401, appOrigin},
		"an administrator's path": {"/api/admin/users", appOrigin, key, 403, appOrigin},
		"another origin":          {"/api/things", "https://elsewhere.example", key, 200, ""},
		"models are not for them": {"/llm/anthropic/v1/models", appOrigin, "apikey: ", 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := g.Get(row.path, "Origin: "+row.origin, row.key)
			if got.Status != row.status || got.Header.Get("Access-Control-Allow-Origin") != row.leave {
				t.Errorf("answer = %d %v, want %d and leave for %q", got.Status, got.Header, row.status, row.leave)
			}
			if with := got.Header.Get("Access-Control-Allow-Credentials"); (with == "true") != (row.leave != "") {
				t.Errorf("leave to send cookies is %q", with)
			}
		})
	}
}

// TestLLMGatewayOpensWebSockets has 1,000 frames go round, with a key in a header and with
// a ticket.
func TestLLMGatewayOpensWebSockets(t *testing.T) {
	echo := echoing(t)
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			echo.handler(w, r)
		}
	})
	g := exampleGateway(t, llmGatewayFile, llmEnvironment("API_SERVER", up.Addr))
	key := llmConsumers["reasoning-engine"]
	ticket := func() string {
		got := g.Post("/api/ticket", "", "apikey: "+key, "Origin: "+appOrigin)
		s, _ := decoded(t, got)["ticket"].(string)
		if got.Status != 200 || s == "" || got.Header.Get("Access-Control-Allow-Origin") != appOrigin {
			t.Fatalf("ticket = %d %v %s", got.Status, got.Header, got.Body)
		}
		return s
	}
	page := http.Header{"Origin": {appOrigin}}
	used := ticket()
	for name, row := range map[string]struct {
		path   string
		header http.Header
	}{
		"header": {"/api/ws", http.Header{"Apikey": {key}}},
		"ticket": {"/api/ws?ticket=" + used, page},
	} {
		c, answer, err := dialed(t.Context(), g, row.path, row.header)
		if err != nil {
			t.Fatalf("%s: %v, %+v", name, err, answer)
		}
		for i := range 1000 {
			frame := fmt.Sprintf("frame %d", i)
			if err := c.Write(t.Context(), websocket.MessageText, []byte(frame)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if _, got, err := c.Read(t.Context()); err != nil || string(got) != "reasoning-engine: "+frame {
				t.Fatalf("%s: the server says %q, %v", name, got, err)
			}
		}
	}
	for name, row := range map[string]struct {
		path   string
		header http.Header
	}{
		"no key":                     {"/api/ws", nil},
		"a ticket that was used":     {"/api/ws?ticket=" + used, page},
		"a ticket of another origin": {"/api/ws?ticket=" + ticket(), http.Header{"Origin": {"https://elsewhere.example"}}},
	} {
		if _, answer, err := dialed(t.Context(), g, row.path, row.header); err == nil || answer == nil || answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %v, %+v", name, err, answer)
		}
	}
	if strings.Contains(up.Wire(), used) || strings.Contains(up.Wire(), key) {
		t.Error("the server was shown the ticket or the key")
	}
}
