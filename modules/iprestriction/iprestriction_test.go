// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package iprestriction

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// people is the gateway app of the tests.
const people = `"consumers": [
	{"name": "bound", "allow_ips": ["127.0.0.1", "192.168.1.0/24", "2001:db8::/32"]},
	{"name": "free"}
]}`

func provisioned(t testing.TB, app string) (caddy.Context, *gateway.App) {
	t.Helper()
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(app)}})
	if err != nil {
		t.Fatalf("provision gateway app: %v", err)
	}
	g, err := gateway.Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, g
}

func load(t testing.TB, ctx caddy.Context, config string) *Handler {
	t.Helper()
	mod, err := ctx.LoadModuleByID("http.handlers.ip_restriction", json.RawMessage(config))
	if err != nil {
		t.Fatalf("load %s: %v", config, err)
	}
	return mod.(*Handler)
}

// from makes a request of who (a consumer, "" for nobody, "elsewhere" for
// somebody known to another authentication) which Caddy has found to come from
// the address client.
func from(t testing.TB, app *gateway.App, who, client string) (*http.Request, *state.Request) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/request", nil)
	repl := caddy.NewReplacer()
	r = caddyhttp.PrepareRequest(r, repl, httptest.NewRecorder(), new(caddyhttp.Server))
	caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, client)
	rq := state.Ensure(r)
	switch who {
	case "":
	case "elsewhere":
		repl.Set("http.auth.user.id", "carol")
	default:
		if rq.Credential = app.ConsumerTable().Anonymous(who); rq.Credential == nil {
			t.Fatalf("no consumer %s", who)
		}
	}
	return r, rq
}

func TestDecisions(t *testing.T) {
	rows := []struct {
		name, config, who, client string
		status                    int
	}{
		// The handler's own lists, as Kong's ip-restriction has them.
		{"denied", `{"deny": ["127.0.0.1", "127.0.0.2"]}`, "", "127.0.0.1", 403},
		{"other denied", `{"deny": ["127.0.0.2"]}`, "", "127.0.0.1", 200},
		{"denied network", `{"deny": ["127.0.0.0/24"]}`, "", "127.0.0.1", 403},
		{"denied and allowed", `{"allow": ["127.0.0.1"], "deny": ["127.0.0.1"]}`, "", "127.0.0.1", 403},
		{"other allowed", `{"allow": ["127.0.0.2"]}`, "", "127.0.0.1", 403},
		{"allowed", `{"allow": ["127.0.0.1"]}`, "", "127.0.0.1", 200},
		{"other IPv6 denied", `{"deny": ["::2"]}`, "", "::1", 200},
		{"IPv6 denied", `{"deny": ["::4"]}`, "", "::4", 403},
		{"IPv6 network allowed", `{"allow": ["2001:db8::/32"]}`, "", "2001:db8::7", 200},
		{"own status", `{"deny": ["127.0.0.0/24"], "status": 401, "message": "Forbidden"}`, "", "127.0.0.1", 401},
		// Forms of an address.
		{"IPv4 in IPv6 form is allowed", `{"allow": ["10.0.0.0/8"]}`, "", "::ffff:10.0.0.1", 200},
		{"IPv4 in IPv6 form is denied", `{"deny": ["10.0.0.0/8"]}`, "", "::ffff:10.0.0.1", 403},
		{"IPv4-compatible form is another address", `{"allow": ["10.0.0.0/8"]}`, "", "::10.0.0.1", 403},
		{"zone", `{"deny": ["fe80::/10"]}`, "", "fe80::1%eth0", 403},
		{"unreadable, allow", `{"allow": ["0.0.0.0/0", "::/0"]}`, "", "unix", 403},
		{"unreadable, deny", `{"deny": ["10.0.0.0/8"]}`, "", "unix", 403},
		// Consumers' own lists.
		{"consumer from its address", `{}`, "bound", "127.0.0.1", 200},
		{"consumer from its network", `{}`, "bound", "192.168.1.77", 200},
		{"consumer from its IPv6 network", `{}`, "bound", "2001:db8::1", 200},
		{"consumer from elsewhere", `{}`, "bound", "10.0.0.9", 403},
		{"consumer, unreadable", `{}`, "bound", "unix", 403},
		{"consumer without a list", `{}`, "free", "10.0.0.9", 200},
		{"nobody known", `{}`, "", "127.0.0.1", 401},
		{"known to another authentication", `{}`, "elsewhere", "127.0.0.1", 200},
		{"both admit", `{"allow": ["192.168.0.0/16"]}`, "bound", "192.168.1.1", 200},
		{"only the handler admits", `{"allow": ["192.168.0.0/16"]}`, "bound", "192.168.2.1", 403},
		{"only the consumer admits", `{"allow": ["192.168.0.0/16"]}`, "bound", "127.0.0.1", 403},
		{"consumer denied", `{"deny": ["127.0.0.1"]}`, "bound", "127.0.0.1", 403},
	}
	for _, profile := range []string{"", `"profile": "kong", `} {
		ctx, app := provisioned(t, "{"+profile+people)
		for _, row := range rows {
			t.Run(profile+row.name, func(t *testing.T) {
				h := load(t, ctx, row.config)
				r, _ := from(t, app, row.who, row.client)
				w := httptest.NewRecorder()
				reached := false
				err := h.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
					reached = true
					return nil
				}))
				if err != nil || w.Code != row.status || reached != (row.status == 200) {
					t.Fatalf("status %d, want %d; upstream reached: %v, error %v", w.Code, row.status, reached, err)
				}
				message := ""
				switch {
				case row.name == "own status":
					message = `"message":"Forbidden"`
				case row.status == 403:
					message = `"message":"IP address not allowed: ` + row.client + `"`
				}
				if !strings.Contains(w.Body.String(), message) {
					t.Errorf("body %s, want %s", w.Body, message)
				}
			})
		}
	}
}

// TestForwardedAddressCountsOnlyFromTrustedProxies goes through Caddy's own
// server, which determines the client.
func TestForwardedAddressCountsOnlyFromTrustedProxies(t *testing.T) {
	rows := []struct {
		name, config, peer, forwarded string
		status                        int
	}{
		{"no header", `"deny": ["127.0.0.4"]`, "127.0.0.1:1", "", 200},
		{"other client", `"deny": ["127.0.0.4"]`, "127.0.0.1:1", "127.0.0.3", 200},
		{"denied client", `"deny": ["127.0.0.4"]`, "127.0.0.1:1", "127.0.0.4", 403},
		{"denied IPv6 client", `"deny": ["::4"]`, "127.0.0.1:1", "::4", 403},
		{"denied client comes first", `"deny": ["::4"]`, "127.0.0.1:1", "::4, ::3", 403},
		{"denied address comes second", `"deny": ["::4"]`, "127.0.0.1:1", "::3, ::4", 200},
		{"peer that is not trusted", `"allow": ["127.0.0.1"]`, "10.0.0.9:1", "127.0.0.1", 403},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"http": json.RawMessage(`{"servers": {"s": {
				"trusted_proxies": {"source": "static", "ranges": ["127.0.0.0/8"]},
				"routes": [{"handle": [{"handler": "ip_restriction", ` + row.config + `}, {"handler": "static_response"}]}]
			}}}`)}})
			if err != nil {
				t.Fatal(err)
			}
			app, err := ctx.App("http")
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr = row.peer
			if row.forwarded != "" {
				r.Header.Set("X-Forwarded-For", row.forwarded)
			}
			w := httptest.NewRecorder()
			app.(*caddyhttp.App).Servers["s"].ServeHTTP(w, r)
			if w.Code != row.status {
				t.Errorf("status %d, want %d: %s", w.Code, row.status, w.Body)
			}
		})
	}
}

func TestEarlyDataIsAskedToComeAgain(t *testing.T) {
	ctx, app := provisioned(t, "{"+people)
	h := load(t, ctx, `{}`)
	for _, complete := range []bool{false, true} {
		r, _ := from(t, app, "free", "127.0.0.1")
		r.TLS = &tls.ConnectionState{HandshakeComplete: complete}
		w := httptest.NewRecorder()
		if err := h.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })); err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{false: 425, true: 200}[complete]; w.Code != want {
			t.Errorf("handshake complete %v: status %d, want %d", complete, w.Code, want)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	ctx, _ := provisioned(t, "{"+people)
	rows := []struct{ name, config, want string }{
		{"no address", `{"allow": ["127.0.0.1", "hello"]}`, `allow[1]: "hello" is not an IP address or CIDR prefix`},
		{"IPv4 length", `{"allow": ["0.0.0.0/33"]}`, `allow[0]: "0.0.0.0/33" is not a CIDR prefix`},
		{"IPv6 length", `{"deny": ["::/129"]}`, `deny[0]: "::/129" is not a CIDR prefix`},
		{"status", `{"status": 200}`, "status is 200; it must be from 400 to 599"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := ctx.LoadModuleByID("http.handlers.ip_restriction", json.RawMessage(row.config))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %s", err, row.want)
			}
		})
	}
}

func TestUnmarshalCaddyfile(t *testing.T) {
	rows := []struct{ name, src, want, err string }{
		{"bare", "ip_restriction", `{}`, ""},
		{
			"everything", "ip_restriction {\nallow 10.0.0.0/8 ::1\nallow 192.0.2.7\ndeny 10.1.0.0/16\nstatus 404\nmessage \"not here\"\n}",
			`{"allow":["10.0.0.0/8","::1","192.0.2.7"],"deny":["10.1.0.0/16"],"status":404,"message":"not here"}`, "",
		},
		{"argument", "ip_restriction 10.0.0.1", "", "ip_restriction takes no arguments, not 1"},
		{"bad address", "ip_restriction {\nallow 10.0.0\n}", "", "is not an IP address or CIDR prefix"},
		{"status", "ip_restriction {\nstatus 200\n}", "", "must be from 400 to 599"},
		{"unknown option", "ip_restriction {\nallowed ::1\n}", "", `unknown option "allowed"; valid options are: allow, deny, message, status`},
		{"empty list", "ip_restriction {\nallow\n}", "", "allow takes at least 1 argument"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			h := new(Handler)
			err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(row.src))
			if row.err != "" {
				if err == nil || !strings.Contains(err.Error(), row.err) {
					t.Errorf("error %v, want %s", err, row.err)
				}
				return
			}
			got, _ := json.Marshal(h)
			if err != nil || string(got) != row.want {
				t.Errorf("error %v, got %s, want %s", err, got, row.want)
			}
		})
	}
	t.Run("private ranges", func(t *testing.T) {
		h := new(Handler)
		if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser("ip_restriction {\nallow private_ranges\n}")); err != nil {
			t.Fatal(err)
		}
		list, err := prefixes("allow", h.Allow)
		if err != nil || !contains(list, netip.MustParseAddr("192.168.4.4")) || contains(list, netip.MustParseAddr("203.0.113.4")) {
			t.Errorf("list %v, error %v", list, err)
		}
	})
}

func BenchmarkHandle(b *testing.B) {
	ctx, app := provisioned(b, "{"+people)
	for name, config := range map[string]string{"bare": `{}`, "lists": `{"allow": ["192.168.0.0/16"], "deny": ["192.168.9.0/24"]}`} {
		b.Run(name, func(b *testing.B) {
			h := load(b, ctx, config)
			r, rq := from(b, app, "bound", "192.168.1.5")
			w := httptest.NewRecorder()
			next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
			b.ReportAllocs()
			for b.Loop() {
				if err := h.Handle(w, r, rq, next); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
