// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-gateway/tollgate/modules/gateway"
)

const password = "demo-password-not-a-secret"

// adapt turns the lines of a gateway block into the JSON of its store.
func adapt(t *testing.T, lines string) (string, error) {
	t.Helper()
	text := "{\ngateway {\n" + lines + "\n}\n}\n"
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return "", err
	}
	var decoded struct {
		Apps struct {
			Gateway struct{ Store json.RawMessage }
		}
	}
	if err := json.Unmarshal(config, &decoded); err != nil {
		t.Fatal(err)
	}
	return string(decoded.Apps.Gateway.Store), nil
}

func TestCaddyfile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, give, want string }{
		{"one server", "store redis redis://127.0.0.1:6379", `{"module":"redis","urls":["redis://127.0.0.1:6379"]}`},
		{"that a variable names", "store redis {env.REDIS_URL}", `{"module":"redis","urls":["{env.REDIS_URL}"]}`},
		{"socket", "store redis unix:///run/redis.sock", `{"module":"redis","urls":["unix:///run/redis.sock"]}`},
		{
			"Cluster", "store redis redis://a redis://b {\ncluster\n}",
			`{"cluster":true,"module":"redis","urls":["redis://a","redis://b"]}`,
		},
		{
			"Sentinels", "store redis redis+sentinel://a,b/main {\nsentinel_username s\nsentinel_password {env.P}\n}",
			`{"module":"redis","sentinel_password":"{env.P}","sentinel_username":"s","urls":["redis+sentinel://a,b/main"]}`,
		},
		{
			"everything else, and an option after it",
			"store redis rediss://a {\nmaster main\nusername u\npassword {env.P}\ntls_ca /ca.pem\ntls_client /c.pem /k.pem\ntls_server_name redis.example\n" +
				"prefix x\ntimeout 10ms\ndial_timeout 20ms\npool_size 5\nsync 500ms\n}\nprofile kong",
			`{"dial_timeout":20000000,"master":"main","module":"redis","password":"{env.P}","pool_size":5,"prefix":"x","sync":500000000,"timeout":10000000,` +
				`"tls":{"ca":"/ca.pem","client_certificate":"/c.pem","client_key":"/k.pem","server_name":"redis.example"},"urls":["rediss://a"],"username":"u"}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := adapt(t, test.give)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("adapted to\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestCaddyfileRefusals(t *testing.T) {
	t.Parallel()
	block := func(lines string) string { return "store redis redis://127.0.0.1 {\n" + lines + "\n}" }
	for _, test := range []struct {
		name, give string
		want       []string // Caddyfile:N counts from the opening brace
	}{
		{"no URL", "store redis", []string{"Caddyfile:3", "write: redis <url...>"}},
		{"no scheme", "store redis 127.0.0.1:6379", []string{"Caddyfile:3", "no scheme", "redis://host:6379"}},
		{"other scheme", "store redis https://127.0.0.1", []string{"Caddyfile:3", "scheme is unknown"}},
		{"port", "store redis redis://127.0.0.1:99999", []string{"Caddyfile:3", "port"}},
		{"password that breaks the URL", "store redis redis://:" + password + "%@127.0.0.1", []string{"Caddyfile:3"}},
		{"two servers that are no Cluster", "store redis redis://a redis://b", []string{"Caddyfile:3", "add the option cluster"}},
		{"two passwords", "store redis redis://:" + password + "@a redis://:b@b {\ncluster\n}", []string{"Caddyfile:3", "user and password differ"}},
		{"Cluster with a master", block("cluster\nmaster x"), []string{"Caddyfile:3", "either cluster or master"}},
		{"user without a password", block("username x"), []string{"Caddyfile:3", "a user without a password"}},
		{"TLS without it", block("tls_server_name x"), []string{"Caddyfile:3", "rediss://"}},
		{"client without its key", block("tls_client /c.pem"), []string{"Caddyfile:4", "write: tls_client <certificate_file> <key_file>"}},
		{"client without a file", block(`tls_client "" /k.pem`), []string{"Caddyfile:4", "a file has no name"}},
		{"proof left out", block("tls_insecure_skip_verify"), []string{"Caddyfile:4", "unknown option", "tls_ca, tls_client, tls_server_name"}},
		{"unknown option", block("database 3"), []string{"Caddyfile:4", `unknown option "database"`}},
		{"option twice", block("cluster\ncluster"), []string{"Caddyfile:5", "given twice"}},
		{"cluster with a value", block("cluster on"), []string{"Caddyfile:4", "cluster"}},
		{"empty password", block(`password ""`), []string{"Caddyfile:4", "the value is empty"}},
		{"prefix with braces", block(`prefix a}b`), []string{"Caddyfile:3", "prefix", "without braces"}},
		{"no time at all", block("timeout 0s"), []string{"Caddyfile:4", "at least 1ms"}},
		{"long timeout", block("timeout 1m"), []string{"Caddyfile:4", "at most 10s"}},
		{"dial_timeout in words", block("dial_timeout soon"), []string{"Caddyfile:4", "not a duration"}},
		{"no connection", block("pool_size 0"), []string{"Caddyfile:4", "from 1 to 10000"}},
		{"hasty sync", block("sync 1ms"), []string{"Caddyfile:4", "at least 10ms"}},
		{"slow sync", block("sync 1h"), []string{"Caddyfile:4", "at most 1m"}},
		{"block of an option", block("master x {\n}"), []string{"Caddyfile:4", "takes no block"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := adapt(t, test.give)
			if err == nil {
				t.Fatalf("accepted as %s", got)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if strings.Contains(err.Error(), password) {
				t.Errorf("error %q shows the password", err)
			}
		})
	}
}

// provision provisions a gateway with a store in JSON, beside its module.
func provision(t *testing.T, ledger, store string) (*gateway.App, error) {
	t.Helper()
	return provisionWith(t, ledger, store, "")
}

// provisionWith is provision with more members of the app, each after a comma.
func provisionWith(t *testing.T, ledger, store, more string) (*gateway.App, error) {
	t.Helper()
	if ledger == "" {
		ledger = t.TempDir()
	}
	where, err := json.Marshal(ledger)
	if err != nil {
		t.Fatal(err)
	}
	config := &caddy.Config{
		Admin:   &caddy.AdminConfig{Disabled: true},
		Logging: &caddy.Logging{Logs: map[string]*caddy.CustomLog{"default": {BaseLog: caddy.BaseLog{WriterRaw: json.RawMessage(`{"output":"redisstore_test"}`), Level: "DEBUG"}}}},
		AppsRaw: caddy.ModuleMap{
			"gateway": json.RawMessage(`{"ledger":{"path":` + string(where) + `},"store":{"module":"redis",` + store + `}` + more + `}`),
		},
	}
	ctx, err := caddy.ProvisionContext(config)
	if err != nil {
		return nil, err
	}
	return gateway.Get(ctx)
}

func cleanup(t *testing.T, app *gateway.App) {
	t.Helper()
	if err := app.Cleanup(); err != nil {
		t.Errorf("clean up: %v", err)
	}
}

func TestProvisionRefusals(t *testing.T) {
	t.Setenv("TOLLGATE_TEST_EMPTY", "")
	t.Setenv("TOLLGATE_TEST_PASSWORD", password)
	t.Setenv("TOLLGATE_TEST_URLS", "redis://a redis://b")
	t.Setenv("TOLLGATE_TEST_BAD_URL", "redis://:"+password+"%@127.0.0.1")
	notPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(notPEM, []byte("demo"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := `"urls":["rediss://127.0.0.1"]`
	for _, test := range []struct {
		name, give string
		want       []string
	}{
		{"no URL", `"urls":[]`, []string{"no URL of Redis", "redis://host:6379"}},
		{"unset variable", `"urls":["{env.TOLLGATE_TEST_UNSET}"]`, []string{"url:", "TOLLGATE_TEST_UNSET"}},
		{"empty variable", `"urls":["{env.TOLLGATE_TEST_EMPTY}"]`, []string{"url:", "TOLLGATE_TEST_EMPTY"}},
		{"servers that are no Cluster, in one variable", `"urls":["{env.TOLLGATE_TEST_URLS}"]`, []string{"add the option cluster"}},
		{"malformed URL in a variable", `"urls":["{env.TOLLGATE_TEST_BAD_URL}"]`, []string{"read URL of Redis"}},
		{"malformed URL with a password in a variable", `"urls":["redis://:{env.TOLLGATE_TEST_PASSWORD}@127.0.0.1:x"]`, []string{"read URL of Redis"}},
		{"unset password", url + `,"password":"{env.TOLLGATE_TEST_UNSET}"`, []string{"password:", "TOLLGATE_TEST_UNSET"}},
		{"no CA", url + `,"tls":{"ca":"/nonexistent/ca.pem"}`, []string{"read tls ca", "/nonexistent/ca.pem"}},
		{"CA that is none", url + `,"tls":{"ca":"` + notPEM + `"}`, []string{"read tls ca", notPEM, "no certificate"}},
		{"certificate without a key", url + `,"tls":{"client_certificate":"/c.pem"}`, []string{"give both"}},
		{"no certificate", url + `,"tls":{"client_certificate":"/nonexistent/c.pem","client_key":"/nonexistent/k.pem"}`, []string{"read client certificate", "/nonexistent/c.pem"}},
		{"TLS without it", `"urls":["redis://127.0.0.1"],"tls":{"server_name":"x"}`, []string{"rediss://"}},
		{"timeout", url + `,"timeout":-1`, []string{"timeout is -1ns", "from 1ms to 10s"}},
		{"dial_timeout", url + `,"dial_timeout":"1h"`, []string{"dial_timeout is 1h0m0s"}},
		{"sync", url + `,"sync":"1ns"`, []string{"sync is 1ns", "from 10ms to 1m0s"}},
		{"pool_size", url + `,"pool_size":-1`, []string{"pool_size is -1"}},
		{"unknown field", url + `,"insecure":true`, []string{"insecure"}},
		{"unknown field of TLS", url + `,"tls":{"insecure_skip_verify":true}`, []string{"insecure_skip_verify"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := provision(t, "", test.give)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if strings.Contains(err.Error(), password) {
				t.Errorf("error %q shows the password", err)
			}
		})
	}
}

// A config is validated beside an instance that runs, and where Redis is not.
func TestProvisionDialsNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dialled := make(chan struct{})
	go func() {
		defer close(dialled)
		if conn, err := l.Accept(); err == nil {
			t.Error("provisioning has dialled")
			_ = conn.Close()
		}
	}()
	ledger := filepath.Join(t.TempDir(), "ledger")
	app, err := provision(t, ledger, `"urls":["redis://`+l.Addr().String()+`"]`)
	if err != nil {
		t.Fatal(err)
	}
	app.NeedLimits()
	cleanup(t, app)
	_ = l.Close()
	<-dialled
	if _, err := os.Stat(ledger); err == nil {
		t.Error("provisioning has made the directory of the ledger")
	}
}

func TestPasswordInTheConfig(t *testing.T) {
	t.Setenv("TOLLGATE_TEST_PASSWORD", password)
	for _, test := range []struct {
		name, give string
		warn       bool
	}{
		{"none", `"urls":["redis://127.0.0.1"]`, false},
		{"in a URL", `"urls":["redis://:` + password + `@127.0.0.1"]`, true},
		{"in an option", `"urls":["redis://127.0.0.1"],"password":"` + password + `"`, true},
		{"in a variable", `"urls":["redis://:{env.TOLLGATE_TEST_PASSWORD}@127.0.0.1"]`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			logged.take()
			app, err := provision(t, "", test.give)
			if err != nil {
				t.Fatal(err)
			}
			cleanup(t, app)
			text := logged.take()
			if warned := strings.Contains(text, "a password of Redis stands in the config"); warned != test.warn {
				t.Errorf("warned: %t, want %t", warned, test.warn)
			}
			if strings.Contains(text, password) {
				t.Errorf("the log shows the password: %s", text)
			}
		})
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	identity := func(change func(*resolved)) string {
		t.Helper()
		r := &resolved{urls: []string{"redis://127.0.0.1"}, prefix: "x", pool: 1}
		change(r)
		id, err := r.identity()
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	seen := map[string]string{identity(func(*resolved) {}): "nothing"}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(ca, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(*resolved){
		"URL":              func(r *resolved) { r.urls = []string{"redis://127.0.0.2"} },
		"password":         func(r *resolved) { r.password = password },
		"sentinelPassword": func(r *resolved) { r.sentinelPassword = password },
		"prefix":           func(r *resolved) { r.prefix = "y" },
		"timeout":          func(r *resolved) { r.timeout = 1 },
		"pool":             func(r *resolved) { r.pool = 2 },
		"sync":             func(r *resolved) { r.sync = 1 },
		"cluster":          func(r *resolved) { r.cluster = true },
		"name":             func(r *resolved) { r.tls.ServerName = "x" },
		"authorities":      func(r *resolved) { write("one"); r.tls.CA = ca },
		"their renewal":    func(r *resolved) { write("two"); r.tls.CA = ca },
	} {
		id := identity(change)
		if other, same := seen[id]; same {
			t.Errorf("with another %s the store is the same as with another %s", name, other)
		}
		seen[id] = name
		if strings.Contains(id, password) {
			t.Errorf("the identity %q shows the password", id)
		}
	}
}
