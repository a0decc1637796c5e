// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// respondCaddyfile answers with what it saw, without any gateway module.
const respondCaddyfile = `http://127.0.0.1:{{PORT}} {
	log
	respond "you asked for {path}"
}
`

func TestLoadedCaddyfileAnswers(t *testing.T) {
	g := gateway(t, respondCaddyfile)
	if got := g.Get("/here"); got.Status != 200 || got.Body != "you asked for /here" {
		t.Errorf("GET /here = %d %q", got.Status, got.Body)
	}
	if entry := g.Logs().WaitObject(t, `"uri":"/here"`); entry["status"] != 200.0 {
		t.Errorf("access log says status %v, want 200", entry["status"])
	}
}

func TestReloadReplacesConfiguration(t *testing.T) {
	g := gateway(t, respondCaddyfile)
	g.Reload(strings.Replace(respondCaddyfile, "you asked for", "now you asked for", 1))
	if got := g.Get("/here"); got.Body != "now you asked for /here" {
		t.Errorf("after reload GET /here = %d %q", got.Status, got.Body)
	}
}

func TestAdminEndpointAnswers(t *testing.T) {
	tests := []struct {
		name string
		opts []option
	}{
		{name: "tcp port"},
		{name: "unix socket", opts: []option{unixAdmin()}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := gateway(t, respondCaddyfile, tt.opts...)
			got := g.Admin("/config/apps/http/servers")
			if got.Status != 200 || !strings.Contains(got.Body, "127.0.0.1:"+g.Value("PORT")) {
				t.Errorf("GET /config/ = %d %q", got.Status, got.Body)
			}
		})
	}
}

func TestCaddyfileIsRefused(t *testing.T) {
	got := refused(t, "http://127.0.0.1:{{PORT}} {\n\tno_such_directive\n}\n")
	if want := "Caddyfile:2"; !strings.Contains(got, want) {
		t.Errorf("error %q does not name %q", got, want)
	}
}

func TestUpstreamRecordsWhatReachedIt(t *testing.T) {
	up := upstream(t, nil)
	g := gateway(t, "http://127.0.0.1:{{PORT}} {\n\treverse_proxy {{UPSTREAM}}\n}\n", with("UPSTREAM", up.Addr))
	if got := g.Post("/v1/x?y=1", `{"a":1}`, "X-Two: one", "X-Two: two"); got.Body != "ok" {
		t.Fatalf("POST = %d %q", got.Status, got.Body)
	}
	r := up.Only()
	if r.Method != "POST" || r.URI != "/v1/x?y=1" || r.Body != `{"a":1}` {
		t.Errorf("upstream had %s %s with %q", r.Method, r.URI, r.Body)
	}
	if got := r.Header.Values("X-Two"); len(got) != 2 || got[0] != "one" || got[1] != "two" {
		t.Errorf("X-Two = %q", got)
	}
	if !strings.Contains(up.Wire(), "POST /v1/x?y=1 HTTP/1.1\r\n") {
		t.Errorf("wire holds %q", up.Wire())
	}
}

func TestWireSpeaksBytes(t *testing.T) {
	g := gateway(t, respondCaddyfile)
	got := exchange(t, g.Addr, "GET /raw HTTP/1.1", "Host: "+g.Addr)
	if got.Status != 200 || got.Body != "you asked for /raw" {
		t.Errorf("GET /raw = %d %q", got.Status, got.Body)
	}
	w := wire(t, g.Addr)
	w.SendLines("GET / HTTP/1.1") // no Host
	if got := w.Response("GET"); got.Status != 400 {
		t.Errorf("request without Host = %d, want 400", got.Status)
	}
}

func TestTestsHaveAHomeOfTheirOwn(t *testing.T) {
	if home, want := os.Getenv("HOME"), os.Getenv(homeVariable); home != want {
		t.Errorf("HOME = %q, want %q", home, want)
	}
}

func TestBinaryAnnouncesItself(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{name: "version", args: []string{"version"}, want: "Tollgate "},
		{name: "version names Caddy's", args: []string{"version"}, want: " on Caddy v2."},
		{name: "help", args: []string{"help"}, want: "Tollgate is an API and LLM gateway"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := run(t, tt.args...)
			if got.Code != 0 || !strings.Contains(got.Stdout, tt.want) {
				t.Errorf("caddy %s: code %d, %q does not contain %q", tt.args, got.Code, got.Stdout+got.Stderr, tt.want)
			}
		})
	}
}

func TestBinaryServesUntilToldToStop(t *testing.T) {
	p := start(t, `{
	admin off
}

http://127.0.0.1:{{PORT}} {
	bind 127.0.0.1
	respond "from the binary"
}
`)
	if got := exchange(t, p.Addr, "GET / HTTP/1.1", "Host: "+p.Addr); got.Body != "from the binary" {
		t.Errorf("GET / = %d %q", got.Status, got.Body)
	}
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code after SIGTERM = %d; it wrote:\n%s", code, p.Logs())
	}
}
