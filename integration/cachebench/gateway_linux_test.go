// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachebench

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/caddy-gateway/tollgate/integration/ports"
	_ "github.com/caddy-gateway/tollgate/modules"
)

// configVariable names a Caddyfile. The test binary is a gateway where it is set.
const configVariable = "TOLLGATE_CACHEBENCH_CONFIG"

func TestMain(m *testing.M) {
	if name := os.Getenv(configVariable); name != "" {
		os.Args = []string{"caddy", "run", "--adapter", "caddyfile", "--config", name}
		caddycmd.Main()
		return
	}
	os.Exit(m.Run())
}

// demoKey is the key of the one consumer. It is no secret.
const demoKey = "demo-key-not-a-secret"

// sites are what the gateway serves, each at a port of its own. The upstream answers with
// as many bytes as the path says.
var sites = []struct{ name, handlers string }{
	{"respond1k", "respond {$ONE}"},
	{"respond20k", "header Content-Length 20480\nrespond {$TWENTY}"},
	{"respondchat", "header Content-Type application/json\nrespond {$CHAT}"},
	{"cache", "gateway_cache {\nttl 1h\n}\nreverse_proxy {$UPSTREAM}"},
	{"keyed", "key_auth\ngateway_cache {\nttl 1h\n}\nreverse_proxy {$UPSTREAM}"},
	{"whole", "key_auth\nllm_cost openai\ngateway_cache {\nttl 1h\n}\nreverse_proxy {$UPSTREAM}"},
	{"proxy", "reverse_proxy {$UPSTREAM}"},
}

var (
	one    = strings.Repeat("0123456789abcdef", 64)
	twenty = strings.Repeat("0123456789abcdef", 1280)
	chat   = `{"id":"chatcmpl-1","object":"chat.completion","created":1790000000,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,` +
		`"message":{"role":"assistant","content":"` + strings.Repeat("A token costs little. ", 34) + `"},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":200,"completion_tokens":150,"total_tokens":350}}`
	question = `{"model":"gpt-4o-mini","temperature":0,"max_tokens":300,"messages":[{"role":"system","content":"You answer briefly."},` +
		`{"role":"user","content":"` + strings.Repeat("What is the price of a token? ", 28) + `"}]}`
)

// origin starts what is behind the gateway and the other caches.
func origin(tb testing.TB) string {
	tb.Helper()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Cache-Control", "public, max-age=3600")
		switch r.URL.Path {
		case "/20k":
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Content-Length", fmt.Sprint(len(twenty)))
			_, _ = io.WriteString(w, twenty)
		case "/1k":
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = io.WriteString(w, one)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, chat)
		}
	}))
	tb.Cleanup(up.Close)
	return up.Listener.Addr().String()
}

// freeAddress is one that nobody listens on.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	return "127.0.0.1:" + ports.Free(tb)
}

// program starts a command, waits until it accepts connections, and ends it with the test.
func program(tb testing.TB, cmd *exec.Cmd, address string) int {
	tb.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		tb.Fatalf("start %s: %v", cmd.Path, err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	tb.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
			return cmd.Process.Pid
		}
		select {
		case <-done:
			tb.Fatalf("%s has ended: %s", cmd.Path, said.String())
		case <-time.After(20 * time.Millisecond): // until it is asked again
		}
		if time.Now().After(deadline) {
			tb.Fatalf("%s does not listen: %v", cmd.Path, err)
		}
	}
}

// configured writes the Caddyfile of all sites and returns its name and their addresses.
func configured(tb testing.TB, upstream string) (name string, addresses map[string]string) {
	tb.Helper()
	var text strings.Builder
	text.WriteString(`{
	admin off
	persist_config off
	auto_https off
	log {
		level ERROR
	}
	gateway {
		ledger memory
		store embedded memory
		consumer demo {
			key sha256:6b8111459789699847b4fb8f873ce354fe08912088644bc6f94dbf986fde8236
		}
	}
}
`)
	fill := strings.NewReplacer("{$ONE}", one, "{$TWENTY}", twenty, "{$CHAT}", "`"+chat+"`", "{$UPSTREAM}", upstream)
	addresses = make(map[string]string)
	for _, site := range sites {
		address := freeAddress(tb)
		addresses[site.name] = address
		_, port, _ := strings.Cut(address, ":")
		fmt.Fprintf(&text, "http://:%s {\nbind 127.0.0.1\n%s\n}\n", port, fill.Replace(site.handlers))
	}
	name = filepath.Join(tb.TempDir(), "Caddyfile")
	if err := os.WriteFile(name, []byte(text.String()), 0o600); err != nil {
		tb.Fatalf("write Caddyfile: %v", err)
	}
	return name, addresses
}

// gateway starts one on one processor and returns the addresses of its sites.
func gateway(tb testing.TB, upstream string) (pid int, addresses map[string]string) {
	tb.Helper()
	name, addresses := configured(tb, upstream)
	dir := filepath.Dir(name)
	self, err := os.Executable()
	if err != nil {
		tb.Fatalf("find test binary: %v", err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), configVariable+"="+name, "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir, "GOMAXPROCS=1")
	return program(tb, cmd, addresses[sites[len(sites)-1].name]), addresses
}

// targets are the sites as they are measured, by what they answer; the first of each is
// the one to compare with.
func targets(tb testing.TB, pid int, addresses map[string]string) map[string][]*target {
	tb.Helper()
	get := func(site, path string, size int) *target {
		return &target{name: site, pid: pid, address: addresses[site], size: size, request: []byte(
			"GET " + path + " HTTP/1.1\r\nHost: gateway.test\r\nUser-Agent: cachebench\r\nAccept: */*\r\nApikey: " + demoKey + "\r\n\r\n")}
	}
	// A key of the gateway's is a credential, without key_auth; such a request has none.
	bare := func(g *target) *target {
		g.request = bytes.Replace(g.request, []byte("Apikey: "+demoKey+"\r\n"), nil, 1)
		return g
	}
	post := func(site string) *target {
		return &target{name: site, pid: pid, address: addresses[site], size: len(chat), request: []byte(
			"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway.test\r\nUser-Agent: cachebench\r\nAccept: application/json\r\n" +
				"Apikey: " + demoKey + "\r\nContent-Type: application/json\r\nContent-Length: " + fmt.Sprint(len(question)) + "\r\n\r\n" + question)}
	}
	return map[string][]*target{
		"1k":   {bare(get("respond1k", "/1k", len(one))), bare(get("cache", "/1k", len(one))), get("keyed", "/1k", len(one)), bare(get("proxy", "/1k", len(one)))},
		"20k":  {bare(get("respond20k", "/20k", len(twenty))), bare(get("cache", "/20k", len(twenty))), get("keyed", "/20k", len(twenty)), bare(get("proxy", "/20k", len(twenty)))},
		"chat": {post("respondchat"), bare(post("cache")), post("keyed"), post("whole"), post("proxy")},
	}
}
