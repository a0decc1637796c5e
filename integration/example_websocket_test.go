// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
)

const webAppKey = "demo-key-of-the-web-app-not-a-secret"

// echoing is an upstream that speaks WebSocket, chooses the subprotocol chat if it is
// offered, and says everything back.
func echoing(t *testing.T) *Upstream {
	t.Helper()
	return upstream(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"chat"}, InsecureSkipVerify: true})
		if err != nil {
			return // the answer says why
		}
		defer c.CloseNow() //nolint:errcheck // It is closed, or broken.
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if err := c.Write(r.Context(), kind, append([]byte(r.Header.Get("X-Consumer-Username")+": "), message...)); err != nil {
				return
			}
		}
	})
}

func websocketGateway(t *testing.T) (*Gateway, *Upstream) {
	t.Helper()
	up := echoing(t)
	return exampleGateway(t, "websocket.Caddyfile", map[string]string{"WEB_APP_KEY": webAppKey, "API_SERVER": up.Addr}), up
}

// dialed opens a WebSocket, and closes it at the end of the test. The error tells the status
// of an answer that refuses it.
func dialed(ctx context.Context, g *Gateway, path string, header http.Header, protocols ...string) (*websocket.Conn, *http.Response, error) {
	c, resp, err := websocket.Dial(ctx, g.URL+path, &websocket.DialOptions{HTTPHeader: header, Subprotocols: protocols})
	if err == nil {
		g.t.Cleanup(func() { _ = c.CloseNow() }) // most have closed it themselves
	}
	return c, resp, err
}

// talks checks that a WebSocket reaches the upstream, both ways.
func talks(t *testing.T, c *websocket.Conn) {
	t.Helper()
	for _, text := range []string{"hello", strings.Repeat("x", 20_000)} {
		if err := c.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
		_, got, err := c.Read(t.Context())
		if err != nil || string(got) != "web-app: "+text {
			t.Fatalf("the upstream says %.60q, %v", got, err)
		}
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close: %v", err)
	}
}

// ticketOf exchanges the key.
func ticketOf(t *testing.T, g *Gateway, body string, headers ...string) string {
	t.Helper()
	got := g.Post("/tickets", body, append([]string{"Authorization: Bearer " + webAppKey}, headers...)...)
	if got.Status != 200 || got.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("ticket = %d %s", got.Status, got.Body)
	}
	ticket, _ := decoded(t, got)["ticket"].(string)
	return ticket
}

const webApp = "https://app.example.com"

func TestWebSocketByTicket(t *testing.T) {
	g, up := websocketGateway(t)
	page := http.Header{"Origin": {webApp}}
	ticket := ticketOf(t, g, "", "Origin: "+webApp)
	c, _, err := dialed(t.Context(), g, "/ws/chat?room=1&ticket="+ticket, page, "chat")
	if err != nil {
		t.Fatal(err)
	}
	if c.Subprotocol() != "chat" {
		t.Errorf("the subprotocol is %q", c.Subprotocol())
	}
	talks(t, c)
	sent := up.Requests()[0]
	if sent.URI != "/ws/chat?room=1" || !strings.HasPrefix(sent.Header.Get("X-Credential-Identifier"), "key_") {
		t.Errorf("the upstream had %s %v", sent.URI, sent.Header)
	}
	if _, resp, err := dialed(t.Context(), g, "/ws/chat?ticket="+ticket, page); err == nil || resp.StatusCode != 401 {
		t.Errorf("the second time: %v", err)
	}
	for name, tc := range map[string]struct {
		body, path string
		header     http.Header
		status     int
	}{
		"page of a server":  {`{"origin": "` + webApp + `"}`, "/ws/chat", page, 101},
		"another page":      {`{"origin": "` + webApp + `"}`, "/ws/chat", http.Header{"Origin": {"https://evil.example"}}, 401},
		"no page":           {"", "/ws/chat", nil, 101},
		"a page after all":  {"", "/ws/chat", page, 401},
		"its path":          {`{"path": "/ws/chat"}`, "/ws/chat", nil, 101},
		"another path":      {`{"path": "/ws/chat"}`, "/ws/admin", nil, 401},
		"a path by detours": {"", "/ws/x/%2e%2e/chat", nil, 400},
	} {
		t.Run(name, func(t *testing.T) {
			c, resp, err := dialed(t.Context(), g, tc.path+"?ticket="+ticketOf(t, g, tc.body), tc.header)
			if resp == nil || resp.StatusCode != tc.status {
				t.Fatalf("answer %v, %v, want %d", resp, err, tc.status)
			}
			if err == nil {
				talks(t, c)
			}
		})
	}
	eventually(t, "the WebSocket is in the log", func() bool { return strings.Contains(g.Logs().String(), "/ws/chat?room=1") })
	if logs := g.Logs().String(); strings.Contains(logs, "tgt_") || strings.Contains(logs, webAppKey) {
		t.Errorf("a secret is in the log:\n%s", logs)
	}
}

// TestOneTicketOneWebSocket: of many who show a ticket at once, one is let in.
func TestOneTicketOneWebSocket(t *testing.T) {
	g, up := websocketGateway(t)
	for range 5 {
		ticket := ticketOf(t, g, "")
		before := len(up.Requests())
		var in atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				c, _, err := dialed(t.Context(), g, "/ws/chat?ticket="+ticket, nil)
				if err == nil {
					in.Add(1)
					_ = c.CloseNow() // nobody reads it
				}
			})
		}
		if all.Wait(); in.Load() != 1 || len(up.Requests()) != before+1 {
			t.Fatalf("%d were let in, the upstream had %d", in.Load(), len(up.Requests())-before)
		}
	}
}

// TestTicketEndsWithItsKey: a reload that removes the key makes its tickets worthless, and
// one that leaves it does nothing to them.
func TestTicketEndsWithItsKey(t *testing.T) {
	g, _ := websocketGateway(t)
	config := example(t, "websocket.Caddyfile")
	kept := ticketOf(t, g, "")
	g.Reload(strings.Replace(config, "concurrent 20", "concurrent 21", 1))
	c, _, err := dialed(t.Context(), g, "/ws/chat?ticket="+kept, nil)
	if err != nil {
		t.Fatalf("after a reload: %v", err)
	}
	talks(t, c)
	lost := ticketOf(t, g, "")
	awaitTunnels(t)
	g.Reload(strings.Replace(config, "key {env.WEB_APP_KEY}", "key "+digest("demo-another-key"), 1))
	if _, resp, err := dialed(t.Context(), g, "/ws/chat?ticket="+lost, nil); err == nil || resp.StatusCode != 401 {
		t.Errorf("after its key was removed: %v", err)
	}
}

func TestWebSocketByProtocol(t *testing.T) {
	g, up := websocketGateway(t)
	coded := "tollgate.key." + base64.RawURLEncoding.EncodeToString([]byte(webAppKey))
	for name, tc := range map[string]struct {
		offers []string
		left   string // for the upstream
		chosen string
		status int
	}{
		"beside another":     {[]string{coded, "chat"}, "chat", "chat", 101},
		"as OpenAI has it":   {[]string{"chat", "openai-insecure-api-key." + webAppKey}, "chat", "chat", 101},
		"alone":              {[]string{coded}, "", coded, 101},
		"not configured":     {[]string{"bearer", webAppKey, "chat"}, "", "", 401},
		"wrong":              {[]string{"openai-insecure-api-key.wrong", "chat"}, "", "", 401},
		"two":                {[]string{coded, "openai-insecure-api-key." + webAppKey}, "", "", 401},
		"none":               {[]string{"chat"}, "", "", 401},
		"unknown to the end": {[]string{coded, "other"}, "other", "", 101},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(up.Requests())
			c, resp, err := dialed(t.Context(), g, "/ws/chat", nil, tc.offers...)
			if resp == nil || resp.StatusCode != tc.status {
				t.Fatalf("answer %v, %v, want %d", resp, err, tc.status)
			}
			if tc.status != 101 {
				return
			}
			if c.Subprotocol() != tc.chosen {
				t.Errorf("the subprotocol is %q, want %q", c.Subprotocol(), tc.chosen)
			}
			talks(t, c)
			if got := up.Requests()[before].Header["Sec-Websocket-Protocol"]; strings.Join(got, "|") != tc.left {
				t.Errorf("the upstream was offered %v", got)
			}
		})
	}
	eventually(t, "the WebSockets are in the log", func() bool { return strings.Count(g.Logs().String(), `"uri":"/ws/chat"`) >= 8 })
	for _, secret := range []string{webAppKey, strings.TrimPrefix(coded, "tollgate.key.")} {
		if logs := g.Logs().String(); strings.Contains(logs, secret) {
			t.Errorf("a key is in the log:\n%s", logs)
		}
	}
}

// TestWebSocketByHeader is how programs do it.
func TestWebSocketByHeader(t *testing.T) {
	g, _ := websocketGateway(t)
	c, _, err := dialed(t.Context(), g, "/ws/chat", http.Header{"Authorization": {"Bearer " + webAppKey}})
	if err != nil {
		t.Fatal(err)
	}
	talks(t, c)
	if got := g.Get("/ws/chat?ticket="+ticketOf(t, g, ""), "Accept: text/plain"); got.Status != 401 {
		t.Errorf("a ticket without a WebSocket = %d %s", got.Status, got.Body)
	}
	if got := g.Get("/tickets", "Authorization: Bearer "+webAppKey); got.Status != 405 || got.Header.Get("Allow") != "POST" {
		t.Errorf("GET = %d %v", got.Status, got.Header)
	}
	if got := g.Post("/tickets", ""); got.Status != 401 {
		t.Errorf("without a key = %d", got.Status)
	}
	if got := g.Post("/tickets", "[]", "apikey: "+webAppKey); got.Status != 400 || decoded(t, got)["code"] != "ticket_request_invalid" {
		t.Errorf("nonsense = %d %s", got.Status, got.Body)
	}
}

// TestOpenWebSocketCountsAsInFlight: the limit of the example is on those that are open.
func TestOpenWebSocketCountsAsInFlight(t *testing.T) {
	g, _ := websocketGateway(t)
	key := http.Header{"Apikey": {webAppKey}}
	var last *websocket.Conn
	for range 20 {
		c, _, err := dialed(t.Context(), g, "/ws/chat", key)
		if err != nil {
			t.Fatal(err)
		}
		last = c
	}
	if !tunnels() {
		t.Error("no tunnel is found in the stacks: awaitTunnels waits for nothing")
	}
	_, resp, err := dialed(t.Context(), g, "/ws/chat", key)
	if err == nil || resp.StatusCode != 429 {
		t.Fatalf("one more: %v", err)
	}
	body, _ := io.ReadAll(resp.Body) // what there is of it
	if !bytes.Contains(body, []byte("concurrency_limit_exceeded")) {
		t.Errorf("it says %s", body)
	}
	if err := last.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there is room again", func() bool {
		_, _, err := dialed(t.Context(), g, "/ws/chat", key)
		return err == nil
	})
}
