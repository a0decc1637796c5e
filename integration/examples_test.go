// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const examplesDir = "../caddyfile-examples"

// exampleFiles lists the example Caddyfiles by name.
func exampleFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(examplesDir, "*.Caddyfile"))
	if err != nil || len(files) < 4 {
		t.Fatalf("find examples: %d, error %v; want at least 4", len(files), err)
	}
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	return files
}

// exampleVariables reads the .env.example beside an example: the variables that have
// to be filled in, and, commented out, those that have a default. An example without
// the file has none of the former.
func exampleVariables(t *testing.T, name string) (required, optional map[string]string) {
	t.Helper()
	required, optional = make(map[string]string), make(map[string]string)
	data, err := os.ReadFile(filepath.Join(examplesDir, strings.TrimSuffix(name, ".Caddyfile")+".env.example"))
	if os.IsNotExist(err) {
		return required, optional
	}
	if err != nil {
		t.Fatalf("read variables: %v", err)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		into := required
		if commented, ok := strings.CutPrefix(line, "# "); ok {
			line, into = commented, optional
		}
		if variable, value, ok := strings.Cut(line, "="); ok && variableName.MatchString(variable) {
			into[variable] = value
		}
	}
	return required, optional
}

var (
	variableName = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	atRunTime    = regexp.MustCompile(`\{env\.([A-Za-z0-9_]+)\}`)
	withDefault  = regexp.MustCompile(`\{\$([A-Za-z0-9_]+):([^}]*)\}`)
	atLoad       = regexp.MustCompile(`\{\$([A-Za-z0-9_]+)\}`)
)

// exampleGateway loads an example with the environment that its .env.example asks for,
// on a port of its own and with nothing behind it, except for what env says.
func exampleGateway(t *testing.T, name string, env map[string]string, replacements ...string) *Gateway {
	t.Helper()
	port := exampleEnvironment(t, name, env)
	return gateway(t, example(t, name, replacements...), named(name), with("PORT", port))
}

// exampleEnvironment sets the variables of an example and returns its port.
func exampleEnvironment(t *testing.T, name string, env map[string]string) (port string) {
	t.Helper()
	values, _ := exampleVariables(t, name)
	port = freePort(t)
	values["GATEWAY_PORT"], values["SITE"] = port, ":"+port
	values["SITE_ROOT"] = t.TempDir()
	values["GATEWAY_LOG"] = filepath.Join(t.TempDir(), "access.json")
	nobody := "127.0.0.1:" + freePort(t)
	for variable, value := range values {
		if value == "" {
			values[variable] = "demo-" + strings.ToLower(variable) + "-not-a-secret"
		}
	}
	for _, upstream := range []string{"ANTHROPIC_URL", "DEEPSEEK_URL", "GROK_URL", "OPENAI_URL"} {
		values[upstream] = "http://" + nobody
	}
	values["ALICE_PASSWORD_HASH"] = aliceDigest
	values["LEDGER"] = filepath.Join(t.TempDir(), "ledger")
	for _, upstream := range []string{"OLLAMA_1", "OLLAMA_2", "API_SERVER", "API_SERVER_V1", "MODEL_SERVER"} {
		values[upstream] = nobody
	}
	values[nextSpeech] = nobody
	for variable := range languageServices {
		values[variable] = nobody
	}
	for variable := range speechLanguages {
		values[variable] = "127.0.0.1:" + freePort(t)
	}
	values["REDIS_URLS"] = "redis://" + nobody
	maps.Copy(values, env)
	for variable, value := range values {
		t.Setenv(variable, value)
	}
	return port
}

// eventually asks until the answer is yes, and fails the test when it stays no.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-deadline.C:
			t.Fatalf("after %s still not: %s", patience, what)
		case <-tick.C:
		}
	}
}

func TestExamplesLoad(t *testing.T) {
	for _, name := range exampleFiles(t) {
		t.Run(name, func(t *testing.T) {
			g := exampleGateway(t, name, nil) // fails on warnings, such as one about formatting
			checkNotFound(t, g.Get("/no/such/path"))
			checkLogFormats(t, g)
		})
	}
}

// checkNotFound checks that a 404 is JSON which carries the correlation id.
func checkNotFound(t *testing.T, got *Answer) {
	t.Helper()
	if got.Status != 404 || got.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("unknown path = %d %s %q, want 404 as problem+json", got.Status, got.Header.Get("Content-Type"), got.Body)
	}
	problem, id := decoded(t, got), got.Header.Get("X-Correlation-Id")
	if id == "" || problem["request_id"] != id || problem["status"] != 404.0 {
		t.Errorf("unknown path with X-Correlation-ID %q = %s", id, got.Body)
	}
}

// checkLogFormats checks that every log keeps keys out: the global one, that of each
// site, and in the opinion of the gateway.
func checkLogFormats(t *testing.T, g *Gateway) {
	t.Helper()
	logs := decoded(t, g.Admin("/config/logging/logs"))
	if len(logs) < 2 || logs["default"] == nil {
		t.Errorf("logs are %v, want the default one and that of each site", logs)
	}
	for name, log := range logs {
		if got := member(log.(object), "encoder.format"); got != "gateway" {
			t.Errorf("log %s has format %v, want gateway", name, got)
		}
	}
	for name, server := range decoded(t, g.Admin("/config/apps/http/servers")) {
		if server.(object)["logs"] == nil {
			t.Errorf("%s writes no access log", name)
		}
	}
	if strings.Contains(g.Logs().String(), "can show API keys") {
		t.Errorf("the gateway warns about a log:\n%s", g.Logs())
	}
}

func TestExampleVariablesAreListed(t *testing.T) {
	for _, name := range exampleFiles(t) {
		t.Run(name, func(t *testing.T) {
			text := example(t, name)
			required, optional := exampleVariables(t, name)
			read := make(map[string]bool)
			for _, expression := range []*regexp.Regexp{atRunTime, atLoad} {
				for _, found := range expression.FindAllStringSubmatch(text, -1) {
					read[found[1]] = true
					if _, ok := required[found[1]]; !ok {
						t.Errorf("%s is read and not listed", found[1])
					}
				}
			}
			for variable := range required {
				if !read[variable] {
					t.Errorf("%s is listed and not read", variable)
				}
			}
			defaults := make(map[string]string)
			for _, found := range withDefault.FindAllStringSubmatch(text, -1) {
				defaults[found[1]] = found[2]
			}
			for variable, value := range optional {
				if got, ok := defaults[variable]; !ok || got != value {
					t.Errorf("%s is listed with the default %q; the Caddyfile says %q", variable, value, got)
				}
			}
			for consumer, variables := range keyVariables(t, name) {
				for _, variable := range variables {
					if value := required[variable]; value != "" {
						t.Errorf("%s of %s is listed as %q; whoever forgets to fill it in has a key that everybody knows", variable, consumer, value)
					}
				}
			}
			if len(required) == 0 {
				return // the Caddyfile says it all
			}
			for variable := range defaults {
				if _, ok := optional[variable]; !ok {
					t.Errorf("%s has a default and is not listed with it", variable)
				}
			}
		})
	}
}

func TestExamplesAreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(examplesDir, "README.md"))
	if err != nil {
		t.Fatalf("read page: %v", err)
	}
	for _, name := range exampleFiles(t) {
		if !strings.Contains(string(page), "["+name+"]("+name+")") {
			t.Errorf("the README of the examples has no link to %s", name)
		}
	}
}

// TestExamplesNeedTheirKeys leaves out each variable that holds a consumer's key, in
// turn: the example is refused and says what is missing.
func TestExamplesNeedTheirKeys(t *testing.T) {
	g := gateway(t, respondCaddyfile)
	for _, name := range exampleFiles(t) {
		exampleEnvironment(t, name, nil)
		for consumer, variables := range keyVariables(t, name) {
			for _, variable := range variables {
				for _, state := range []string{"unset", "empty"} {
					t.Run(name+"/"+variable+"/"+state, func(t *testing.T) {
						t.Setenv(variable, "")
						if state == "unset" {
							_ = os.Unsetenv(variable) // fails for impossible names only
						}
						err := g.TryReload(example(t, name))
						if err == nil || !strings.Contains(err.Error(), variable) || !strings.Contains(err.Error(), consumer) {
							t.Errorf("error is %v, want one that names %s and %s", err, variable, consumer)
						}
					})
				}
			}
		}
	}
	if got := g.Get("/here"); got.Body != "you asked for /here" {
		t.Errorf("after the refusals the old configuration answers %d %q", got.Status, got.Body)
	}
}

// keyVariables are the variables that hold the keys of the consumers of an example.
func keyVariables(t *testing.T, name string) map[string][]string {
	t.Helper()
	var config struct {
		Apps struct {
			Gateway struct {
				Consumers []struct {
					Name string
					Keys []struct{ Key string }
				}
			}
		}
	}
	adapted := newSettings([]option{named(name)}).adapt(t, example(t, name))
	if err := json.Unmarshal(adapted, &config); err != nil {
		t.Fatalf("decode adapted config: %v", err)
	}
	if len(config.Apps.Gateway.Consumers) == 0 {
		t.Fatalf("%s has no consumers", name)
	}
	variables := make(map[string][]string)
	for _, c := range config.Apps.Gateway.Consumers {
		for _, k := range c.Keys {
			if found := atRunTime.FindStringSubmatch(k.Key); found != nil && !slices.Contains(variables[c.Name], found[1]) {
				variables[c.Name] = append(variables[c.Name], found[1])
			}
		}
	}
	return variables
}
