// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

// logged is what the test log has taken since the last provision.
var logged logSink

func init() {
	caddy.RegisterModule(&logged)
	caddy.RegisterModule(new(redactingEncoder))
}

// logSink is a log writer that keeps everything in memory.
type logSink struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (*logSink) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.logging.writers.gateway_test", New: func() caddy.Module { return &logged }}
}
func (*logSink) String() string                        { return "gateway_test" }
func (*logSink) WriterKey() string                     { return "gateway_test" }
func (s *logSink) OpenWriter() (io.WriteCloser, error) { return s, nil }
func (*logSink) Close() error                          { return nil }

func (s *logSink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

// take returns what was logged and forgets it.
func (s *logSink) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.buf.String()
	s.buf.Reset()
	return text
}

// redactingEncoder is an encoder that says it keeps keys out of the log.
type redactingEncoder struct{ zapcore.Encoder }

func (*redactingEncoder) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.logging.encoders.gateway_test", New: func() caddy.Module {
		return &redactingEncoder{zapcore.NewJSONEncoder(zapcore.EncoderConfig{MessageKey: "msg"})}
	}}
}

// Provision sets the encoder again, because Caddy loses it where a module's
// New gives more than a zero value and there is configuration to decode.
func (e *redactingEncoder) Provision(caddy.Context) error {
	e.Encoder = zapcore.NewJSONEncoder(zapcore.EncoderConfig{MessageKey: "msg"})
	return nil
}

func (*redactingEncoder) RedactsKeys()             {}
func (e *redactingEncoder) Clone() zapcore.Encoder { return &redactingEncoder{e.Encoder.Clone()} }

// provisionWith provisions a config of apps, in JSON, and logging options.
func provisionWith(t *testing.T, logging string, apps map[string]string) (*App, error) {
	t.Helper()
	logged.take()
	config := &caddy.Config{
		Admin:   &caddy.AdminConfig{Disabled: true},
		AppsRaw: caddy.ModuleMap{},
	}
	if err := json.Unmarshal([]byte(logging), &config.Logging); err != nil {
		t.Fatal(err)
	}
	for name, app := range apps {
		config.AppsRaw[name] = json.RawMessage(app)
	}
	ctx, err := caddy.ProvisionContext(config)
	if err != nil {
		return nil, err
	}
	app, err := Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return app, nil
}

const toTestLog = `{"logs":{"default":{"writer":{"output":"gateway_test"}}}}`

// tryProvision provisions the gateway app alone. The caller cleans up.
func tryProvision(t *testing.T, app string) (*App, error) {
	t.Helper()
	return provisionWith(t, toTestLog, map[string]string{"gateway": app})
}

// provision is tryProvision for a config that is valid, with cleaning up.
func provision(t *testing.T, app string) *App {
	t.Helper()
	a, err := tryProvision(t, app)
	if err != nil {
		t.Fatalf("provision: %v", err)
	}
	t.Cleanup(func() {
		if err := a.Cleanup(); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return a
}

// file writes a file for one test and returns its name.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// inJSON is v as a piece of JSON.
func inJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestProvisionRefusals(t *testing.T) {
	t.Setenv("TOLLGATE_TEST_SHARED", "demo-shared-not-a-secret")
	t.Setenv("TOLLGATE_TEST_EMPTY", "")
	badPrices := file(t, "prices.json", "{\n\"schema\": 1,\n}")
	badJSON := file(t, "bad.json", "[\n{\"name\": \"alice\", \"secret\": 1}]")
	dupJSON := file(t, "dup.json", `[{"name": "alice"}]`)
	for _, test := range []struct {
		name, give string
		want       []string
	}{
		{"unset variable", `{"consumers":[{"name":"alice","keys":["{env.TOLLGATE_TEST_UNSET}"]}]}`, []string{`"alice"`, "key 1", "{env.TOLLGATE_TEST_UNSET} is not set or empty"}},
		{"empty variable", `{"consumers":[{"name":"alice","keys":["{env.TOLLGATE_TEST_EMPTY}"]}]}`, []string{`"alice"`, "is not set or empty"}},
		{"empty key", `{"consumers":[{"name":"alice","keys":[""]}]}`, []string{`"alice"`, "the key is empty"}},
		{"key in clear", `{"consumers":[{"name":"alice","keys":["demo-key-not-a-secret"]}]}`, []string{`"alice"`, "sha256:<64 hex digits>"}},
		{
			"one key, two consumers, one by digest and one by variable",
			`{"consumers":[{"name":"alice","keys":["` + digest("shared") + `"]},{"name":"bob","keys":["{env.TOLLGATE_TEST_SHARED}"]}]}`,
			[]string{`"alice"`, `"bob"`, "a key belongs to one consumer"},
		},
		{"unknown group", `{"consumers":[{"name":"alice","groups":["llm"]}]}`, []string{`"alice"`, `unknown group "llm"`}},
		{"group without a name", `{"groups":[{"name":""}]}`, []string{"a group has no name"}},
		{"all problems at once", `{"consumers":[{"name":"alice","keys":[""]},{"name":"bob","groups":["x"]}]}`, []string{`"alice"`, `"bob"`}},
		{"unknown field", `{"consumer":[]}`, []string{"consumer"}},
		{"unknown field of a consumer", `{"consumers":[{"name":"alice","secret":"x"}]}`, []string{"secret"}},
		{"unknown_model", `{"unknown_model":"maybe"}`, []string{`"maybe"`, "allow or refuse"}},
		{"profile", `{"profile":"envoy"}`, []string{`"envoy"`, "kong"}},
		{"metrics_consumers", `{"metrics_consumers":-1}`, []string{"-1", "positive"}},
		{"too many metrics_consumers", `{"metrics_consumers":1000001}`, []string{"1000001", "at most 1000000"}},
		{"ledger at a relative path", `{"ledger":{"path":"usage"}}`, []string{"find ledger", `"usage" is not an absolute path`}},
		{"ledger named by an unset variable", `{"ledger":{"path":"/srv/{env.TOLLGATE_TEST_UNSET}"}}`, []string{"find ledger", "TOLLGATE_TEST_UNSET"}},
		{"ledger named by an empty variable", `{"ledger":{"path":"/srv/{env.TOLLGATE_TEST_EMPTY}"}}`, []string{"find ledger", "TOLLGATE_TEST_EMPTY"}},
		{"ledger in two places", `{"ledger":{"path":"/srv/usage","memory":true}}`, []string{"both in memory and in a directory"}},
		{"ledger in memory that keeps", `{"ledger":{"keep":"30d","memory":true}}`, []string{"remove keep"}},
		{"ledger that keeps little", `{"ledger":{"keep":"1h"}}`, []string{"for 1h0m0s", "at least 1d"}},
		{"ledger that keeps less than nothing", `{"ledger":{"keep":"-1h"}}`, []string{"at least 1d"}},
		{"unknown field of the ledger", `{"ledger":{"retain":"1h"}}`, []string{"retain"}},
		{"no consumers file", `{"consumers_files":["/nonexistent/consumers.json"]}`, []string{"/nonexistent/consumers.json"}},
		{"malformed consumers file", `{"consumers_files":[` + inJSON(t, badJSON) + `]}`, []string{badJSON, "line 2", `"alice"`, `"secret"`}},
		{"consumer in config and file", `{"consumers":[{"name":"alice"}],"consumers_files":[` + inJSON(t, dupJSON) + `]}`, []string{`"alice"`, "used twice"}},
		{"consumers file named by an unset variable", `{"consumers_files":["{env.TOLLGATE_TEST_UNSET}"]}`, []string{"read consumers file", "TOLLGATE_TEST_UNSET"}},
		{"no price file", `{"price_files":["/nonexistent/prices.json"]}`, []string{"/nonexistent/prices.json"}},
		{"malformed price file", `{"price_files":[` + inJSON(t, badPrices) + `]}`, []string{badPrices + ":3"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			app, err := tryProvision(t, test.give)
			if err == nil {
				_ = app.Cleanup()
				t.Fatal("accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "not-a-secret") {
				t.Errorf("error %q shows a key", err)
			}
			if refs, in := sharedPool.References(sharedKey); in {
				t.Errorf("a refused config keeps %d references to the shared state", refs)
			}
		})
	}
}

// A config is validated beside an instance that runs: nothing may be opened.
func TestProvisionTouchesNoLedger(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_DATA_HOME", home)
	t.Setenv("TOLLGATE_TEST_LEDGER", filepath.Join(home, "x"))
	for config, want := range map[string]string{
		`{}`:                          filepath.Join(home, "caddy", "gateway", "ledger"),
		`{"ledger":{"keep":"1000d"}}`: filepath.Join(home, "caddy", "gateway", "ledger"),
		`{"ledger":{"path":"{env.TOLLGATE_TEST_LEDGER}/../y/"}}`: filepath.Join(home, "y"),
		`{"ledger":{"memory":true}}`:                             "",
	} {
		app := provision(t, config)
		if app.ledgerDir != want {
			t.Errorf("the ledger of %s is in %q, want %q", config, app.ledgerDir, want)
		}
		app.Record(request("alice", "gpt-4o"))
		if rows, err := app.Ledger().Rows(ledger.Query{}); err != nil || len(rows) != 1 || app.LedgerErr() != nil {
			t.Errorf("before the start, the ledger has %+v, %v", rows, err)
		}
	}
	if files, err := os.ReadDir(home); err != nil || len(files) != 0 {
		t.Errorf("provisioning has made %v, %v", files, err)
	}
}

func TestProvisionDefaults(t *testing.T) {
	app := provision(t, `{}`)
	if app.ConsumerTable().Len() != 0 || app.MetricsConsumers != 1000 || app.Kong() || app.UnknownModel != "" {
		t.Errorf("defaults are %+v", app)
	}
	if app.Prices().Len() == 0 {
		t.Error("the price book is empty")
	}
}

func TestGroups(t *testing.T) {
	app := provision(t, `{"groups":[{"name":"llm"}],"consumers":[{"name":"alice","groups":["llm"]}],"profile":"kong"}`)
	for name, want := range map[string]bool{"llm": true, "alice": true, "bob": false, "": false} {
		if got := app.KnowsGroup(name); got != want {
			t.Errorf("KnowsGroup(%q) is %t", name, got)
		}
	}
	if !app.Kong() {
		t.Error("profile kong is not in force")
	}
}
