// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// patience is how long a test waits for something that ought to happen at once.
const patience = 20 * time.Second

// Gateway is a Caddy that runs in the test's process.
type Gateway struct {
	// URL is http://127.0.0.1 with the port of {{PORT}}, without a final slash.
	URL string

	// Addr is the host and port of URL.
	Addr string

	// AdminURL is where the admin endpoint answers, without a final slash.
	AdminURL string

	t        *testing.T
	settings *settings
	admin    string // as in Caddy's configuration
	sink     *Sink
	client   *http.Client
	operator *http.Client
}

// Answer is a response read to its end.
type Answer struct {
	Status  int
	Proto   string
	Header  http.Header
	Trailer http.Header
	Body    string
}

// gateway loads a Caddyfile and stops Caddy when the test ends. The text may hold the
// placeholders that [settings.fill] describes; it ought to listen on {{PORT}}.
func gateway(t *testing.T, caddyfile string, opts ...option) *Gateway {
	t.Helper()
	t.Setenv("XDG_DATA_HOME", t.TempDir()) // a ledger of its own; panics in a parallel test

	g := &Gateway{t: t, settings: newSettings(opts), sink: newSink(t)}
	network, address := "tcp", "127.0.0.1:"+freePort(t)
	g.admin, g.AdminURL = address, "http://"+address
	if g.settings.unixAdmin {
		// Socket paths have room for about a hundred bytes; t.TempDir needs more.
		dir, err := os.MkdirTemp("", "tg")
		if err != nil {
			t.Fatalf("create directory for admin socket: %v", err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		network, address = "unix", filepath.Join(dir, "admin.sock")
		g.admin, g.AdminURL = "unix/"+address, "http://127.0.0.1"
	}
	if _, ok := g.settings.values["PORT"]; !ok {
		g.settings.values["PORT"] = freePort(t)
	}
	g.Addr = "127.0.0.1:" + g.settings.values["PORT"]
	g.URL = "http://" + g.Addr

	g.client = newClient(t, "", "")
	g.operator = newClient(t, network, address)
	g.operator.Transport = patient{g.operator.Transport, true}

	// Cleanups run last to first: Caddy stops before the sink and the clients go.
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stop Caddy: %v", err)
		}
	})
	t.Cleanup(func() { awaitTunnels(t) })
	g.Reload(caddyfile)
	return g
}

// newClient returns a client that follows no redirects, decompresses nothing and
// shares no connections. With a network it dials that one address whatever the URL.
func newClient(t *testing.T, network, address string) *http.Client {
	transport := &http.Transport{DisableCompression: true}
	if network != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Reload replaces the running configuration. Ports and values stay as they were.
func (g *Gateway) Reload(caddyfile string) {
	g.t.Helper()
	if err := g.TryReload(caddyfile); err != nil {
		g.t.Fatalf("load config: %v", err)
	}
}

// TryReload is Reload for a configuration that adapts but may be refused when it is
// provisioned or started; the old one keeps running then.
func (g *Gateway) TryReload(caddyfile string) error {
	g.t.Helper()
	adapted := g.settings.adapt(g.t, caddyfile)
	err := caddy.Load(domesticate(g.t, adapted, g.admin, g.sink.name), true)
	awaitHandover(g.t, g.settings.ports())
	return err
}

// Value returns what a placeholder of the Caddyfile stands for, such as PORT2.
func (g *Gateway) Value(name string) string {
	g.t.Helper()
	value, ok := g.settings.values[name]
	if !ok {
		g.t.Fatalf("no placeholder %s in the Caddyfile", name)
	}
	return value
}

// Logs is what Caddy has logged since the gateway was loaded, one JSON object a line.
func (g *Gateway) Logs() *Sink { return g.sink }

// Get sends a GET request. Headers are lines such as "X-API-Key: abc".
func (g *Gateway) Get(path string, headers ...string) *Answer {
	g.t.Helper()
	return g.Do(http.MethodGet, path, "", headers...)
}

// Post sends body as JSON, unless the headers name another Content-Type.
func (g *Gateway) Post(path, body string, headers ...string) *Answer {
	g.t.Helper()
	return g.Do(http.MethodPost, path, body, headers...)
}

// Do sends a request and reads the whole answer.
func (g *Gateway) Do(method, path, body string, headers ...string) *Answer {
	g.t.Helper()
	return finish(g.t, g.Open(method, path, body, headers...))
}

// Open sends a request and returns as soon as the response header is there, for tests
// that read a body while it is being produced. The body is closed with the test.
func (g *Gateway) Open(method, path, body string, headers ...string) *http.Response {
	g.t.Helper()
	return open(g.t, g.client, method, g.URL+path, body, headers)
}

// Admin sends a GET request to the admin endpoint.
func (g *Gateway) Admin(path string, headers ...string) *Answer {
	g.t.Helper()
	return finish(g.t, open(g.t, g.operator, http.MethodGet, g.AdminURL+path, "", headers))
}

// patient asks again while a connection breaks before there is an answer: Caddy
// replaces its listeners with each load, and a connection that the kernel gave to the
// ones before ends with them.
type patient struct {
	http.RoundTripper
	closes bool // each request has a connection of its own
}

// RoundTrip implements http.RoundTripper for requests without a body.
func (p patient) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Close = r.Close || p.closes
	for deadline := time.Now().Add(patience); ; {
		res, err := p.RoundTripper.RoundTrip(r)
		broken := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
			errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EPIPE)
		if !broken || r.Body != nil || time.Now().After(deadline) {
			return res, err
		}
	}
}

func open(t *testing.T, c *http.Client, method, url, body string, headers []string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, url, content)
	if err != nil {
		t.Fatalf("make request: %v", err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	seen := make(map[string]bool)
	for _, line := range headers {
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("make request: header %q is not \"Name: value\"", line)
		}
		key := http.CanonicalHeaderKey(name)
		if key == "Host" {
			r.Host = value
			continue
		}
		if !seen[key] {
			r.Header.Del(key)
		}
		seen[key] = true
		r.Header.Add(key, value)
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// finish reads a response to its end.
func finish(t *testing.T, res *http.Response) *Answer {
	t.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("read response body: %v", err)
	}
	return &Answer{Status: res.StatusCode, Proto: res.Proto, Header: res.Header, Trailer: res.Trailer, Body: string(body)}
}
