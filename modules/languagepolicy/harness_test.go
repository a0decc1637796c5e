// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagepolicy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/languages"
)

func init() {
	caddy.RegisterModule(stated{})
	httpcaddyfile.RegisterHandlerDirective("stated_language", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		h.Next()
		return stated{}, nil
	})
}

// stated decides on the language that a header states, as another handler would.
type stated struct{}

const statedHeader = "Test-Language"

func (stated) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.stated_language", New: func() caddy.Module { return new(stated) }}
}

func (stated) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	decide(r, r.Header.Get(statedHeader))
	return next.ServeHTTP(w, r)
}

// decide sets the language of a request, or the pair of them.
func decide(r *http.Request, pair string) {
	source, target, _ := strings.Cut(pair, ">")
	l := &state.Ensure(r).Language
	l.Code, l.Target = languages.Code(source), languages.Code(target)
}

// inLanguage returns a request that Caddy has prepared and something has decided on.
// Without a language, nothing has.
func inLanguage(pair string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), httptest.NewRecorder(), nil)
	if pair != "" {
		decide(r, pair)
	}
	return r
}

// loadProxy provisions a reverse_proxy, given as in JSON. What it logs goes to the file,
// if one is named.
func loadProxy(tb testing.TB, config, logFile string) (*reverseproxy.Handler, error) {
	tb.Helper()
	writer := `{"output":"discard"}`
	if logFile != "" {
		writer = fmt.Sprintf(`{"output":"file","filename":%q}`, logFile)
	}
	ctx := logTo(tb, writer)
	if logFile != "" {
		// Caddy tells the log of the config before that it has been redirected, so the next
		// config would make this file anew after the test has removed it.
		tb.Cleanup(func() { logTo(tb, `{"output":"discard"}`) })
	}
	ctx, cancel := caddy.NewContext(ctx)
	tb.Cleanup(cancel)
	module, err := ctx.LoadModuleByID("http.handlers.reverse_proxy", json.RawMessage(config))
	if err != nil {
		return nil, err
	}
	return module.(*reverseproxy.Handler), nil
}

// logTo provisions an empty config whose log has the writer, given as in JSON.
func logTo(tb testing.TB, writer string) caddy.Context {
	tb.Helper()
	var whole caddy.Config
	if err := json.Unmarshal([]byte(`{"logging":{"logs":{"default":{"writer":`+writer+`}}}}`), &whole); err != nil {
		tb.Fatal(err)
	}
	ctx, err := caddy.ProvisionContext(&whole)
	if err != nil {
		tb.Fatal(err)
	}
	return ctx
}

// proxyJSON is a reverse_proxy with upstreams at the addresses and the policy.
func proxyJSON(tb testing.TB, policy string, addresses ...string) string {
	tb.Helper()
	upstreams := make([]map[string]string, 0, len(addresses))
	for _, a := range addresses {
		upstreams = append(upstreams, map[string]string{"dial": a})
	}
	list, err := json.Marshal(upstreams)
	if err != nil {
		tb.Fatal(err)
	}
	return fmt.Sprintf(`{"upstreams":%s,"load_balancing":{"selection_policy":%s}}`, list, policy)
}

// upstream is a server behind the proxy, which can be killed and started again.
type upstream struct {
	name, address string
	handler       http.Handler
	server        *http.Server
	served        chan error
}

// newUpstream starts a server that answers with its name and what the request says it is.
func newUpstream(t *testing.T, name string) *upstream {
	t.Helper()
	u := &upstream{name: name, address: "127.0.0.1:0"}
	u.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", name, r.Header.Get("Test-Id")) //nolint:gosec // a test's own answer
	})
	u.start(t)
	t.Cleanup(func() { u.kill(t) })
	return u
}

// start listens, after the first time at the same address.
func (u *upstream) start(t *testing.T) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", u.address)
	for deadline := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(deadline); {
		// Meanwhile somebody may have a connection from that port.
		l, err = new(net.ListenConfig).Listen(context.Background(), "tcp", u.address)
	}
	if err != nil {
		t.Fatal(err)
	}
	server, served := &http.Server{Handler: u.handler, ReadHeaderTimeout: time.Minute}, make(chan error, 1)
	u.address, u.server, u.served = l.Addr().String(), server, served
	go func() { served <- server.Serve(l) }()
}

// kill stops the server and breaks its connections off; twice is as once.
func (u *upstream) kill(t *testing.T) {
	t.Helper()
	if u.server == nil {
		return
	}
	if err := u.server.Close(); err != nil {
		t.Errorf("%s: close: %v", u.name, err)
	}
	<-u.served
	u.server = nil
}

// sockets returns a directory whose name is short enough for a socket in it.
func sockets(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// gateway is a running Caddy.
type gateway struct {
	client *http.Client
}

// run starts Caddy with a route, written as in a Caddyfile, behind what decides on the
// language, and stops it when the test ends. Caddy runs once in a process, so tests that
// call it are not parallel.
func run(t *testing.T, route string) *gateway {
	t.Helper()
	socket := filepath.Join(sockets(t), "c")
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(`{
		admin off
		auto_https off
		persist_config off
		log {
			output discard
		}
	}
	http:// {
		bind unix/`+socket+`
		route {
			stated_language
			`+route+`
		}
	}`), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatalf("adapt: %v", err)
	}
	for _, w := range warnings {
		if !strings.Contains(w.Message, "not formatted") {
			t.Errorf("adapt: %s", w)
		}
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	if err := caddy.Load(config, true); err != nil {
		t.Fatalf("load: %v", err)
	}
	transport := &http.Transport{
		MaxIdleConnsPerHost: 256,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &gateway{&http.Client{Transport: transport, Timeout: time.Minute}}
}

// ask sends a request in a language and returns the status and the answer.
func (g *gateway) ask(ctx context.Context, language, id string) (status int, answer string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://gateway/", nil)
	if err != nil {
		return 0, "", err
	}
	r.Header.Set(statedHeader, language)
	r.Header.Set("Test-Id", id)
	resp, err := g.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// served returns the name of the upstream that has answered a request, or the status.
func (g *gateway) served(t *testing.T, language string) string {
	t.Helper()
	status, answer, err := g.ask(t.Context(), language, "")
	if err != nil {
		t.Fatal(err)
	}
	if status != http.StatusOK {
		return http.StatusText(status)
	}
	return strings.TrimSpace(answer)
}

// until asks again and again until the named upstream answers.
func (g *gateway) until(t *testing.T, language, name string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	last := ""
	for time.Now().Before(deadline) {
		if last = g.served(t, language); last == name {
			return
		}
	}
	t.Fatalf("%s is answered by %s, never by %s", language, last, name)
}
