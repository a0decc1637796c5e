// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotas

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-gateway/tollgate/modules"
	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/limits"
	"github.com/caddy-gateway/tollgate/modules/limits/limitstest"
)

func init() { caddy.RegisterModule(new(modelStore)) }

// modelStore keeps counters in a model, by a clock that stands.
type modelStore struct {
	Name string `json:"name,omitempty"`
}

func (*modelStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gateway.stores.model", New: func() caddy.Module { return new(modelStore) }}
}

func (s *modelStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if !d.Args(&s.Name) {
		return d.ArgErr()
	}
	return nil
}

func (s *modelStore) Identity() string { return s.Name }

func (s *modelStore) Open(gateway.StoreEnv) (gateway.OpenStore, error) {
	value, _ := models.Load(s.Name)
	return value.(*model), nil
}

var models sync.Map // by name

type model struct {
	*limitstest.Model
	clock *limitstest.Clock
	fail  error

	mu      sync.Mutex
	settled []limits.Decision
}

func (m *model) Close() error { return nil }

func (m *model) Decide(ctx context.Context, d *limits.Decision) error {
	if m.fail != nil {
		return m.fail
	}
	return m.Model.Decide(ctx, d)
}

func (m *model) Settle(d *limits.Decision) {
	m.mu.Lock()
	m.settled = append(m.settled, limits.Decision{ID: d.ID, Checks: slices.Clone(d.Checks)})
	m.mu.Unlock()
	m.Model.Settle(d)
}

// begin is when the clock of a test stands first.
var begin = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

// server is a Caddy server whose counters are a model's.
type server struct {
	t     *testing.T
	srv   *caddyhttp.Server
	app   *gateway.App
	model *model
}

// provisioning is serial: Caddy's contexts are global.
var provisioning sync.Mutex

// serve makes a server of what the gateway option and the site say.
func serve(t *testing.T, option, site string) *server {
	t.Helper()
	s, err := tryServe(t, option, site)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryServe(t *testing.T, option, site string) (*server, error) {
	t.Helper()
	clock := limitstest.NewClock(begin)
	m := &model{Model: limitstest.NewModel(clock), clock: clock}
	models.Store(t.Name(), m)
	text := fmt.Sprintf("{\n\tlog {\n\t\toutput discard\n\t}\n\tgateway {\n\t\tledger memory\n\t\tstore model %q\n\t\t%s\n\t}\n}\nhttp://127.0.0.1 {\n\t%s\n}\n", t.Name(), option, site)
	adapted, err := adapt(text)
	if err != nil {
		return nil, err
	}
	var config caddy.Config
	if err := json.Unmarshal(adapted, &config); err != nil {
		t.Fatal(err)
	}
	provisioning.Lock()
	defer provisioning.Unlock()
	ctx, err := caddy.ProvisionContext(&config)
	if err != nil {
		return nil, err
	}
	mod, err := ctx.App("http")
	if err != nil {
		return nil, err
	}
	app, err := gateway.Get(ctx)
	if err != nil {
		return nil, err
	}
	if err := app.Start(); err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = app.Cleanup() })
	return &server{t: t, srv: mod.(*caddyhttp.App).Servers["srv0"], app: app, model: m}, nil
}

func adapt(text string) ([]byte, error) {
	adapted, _, err := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}.Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	return adapted, err
}

// do sends a request from an address. Headers are lines such as "apikey: abc".
func (s *server) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, "http://127.0.0.1"+path, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.1:1234"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if name == "From" {
			r.RemoteAddr = value + ":1234"
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.srv.ServeHTTP(w, r)
	return w
}

func (s *server) get(path string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.do(http.MethodGet, path, "", headers...)
}

// statuses sends n requests and returns the statuses of the answers.
func (s *server) statuses(n int, path string, headers ...string) []int {
	s.t.Helper()
	list := make([]int, n)
	for i := range list {
		list[i] = s.get(path, headers...).Code
	}
	return list
}

// expect fails unless n requests are admitted and the next one is not.
func (s *server) expect(n int, path string, headers ...string) {
	s.t.Helper()
	want := append(slices.Repeat([]int{http.StatusOK}, n), http.StatusTooManyRequests)
	if got := s.statuses(n+1, path, headers...); !slices.Equal(got, want) {
		s.t.Errorf("%s: answers %v, want %v", path, got, want)
	}
}

// keyed is the option of a consumer with a key that is its name.
func keyed(name, more string) string {
	return fmt.Sprintf("consumer %s {\n\t\t\tkey sha256:%x\n\t\t\t%s\n\t\t}\n\t\t", name, sha256.Sum256([]byte(demoKey(name))), more)
}

func demoKey(name string) string { return "demo-key-of-" + name + "-not-a-secret" }

func as(name string) string { return "apikey: " + demoKey(name) }

// upstream is a server for reverse_proxy that counts its requests.
func upstream(t *testing.T, h http.HandlerFunc) (address string, requests func() int) {
	t.Helper()
	var mu sync.Mutex
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n++
		mu.Unlock()
		if h != nil {
			h(w, r)
			return
		}
		_, _ = io.WriteString(w, "upstream")
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://"), func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}
