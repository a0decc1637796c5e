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

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile" // the adapter itself

	"github.com/caddy-gateway/tollgate/integration/ports"
)

// settings are what a test may choose about the text of its Caddyfile.
type settings struct {
	values    map[string]string // placeholder name -> text
	filename  string
	unixAdmin bool
}

// option changes the settings of one gateway.
type option func(*settings)

// with replaces {{name}} in the Caddyfile by value.
func with(name, value string) option {
	return func(s *settings) { s.values[name] = value }
}

// named makes the adapter believe that the text is in the file of this name, which
// matters to error messages and to relative imports.
func named(filename string) option {
	return func(s *settings) { s.filename = filename }
}

// unixAdmin puts the admin endpoint on a Unix socket instead of a TCP port.
func unixAdmin() option {
	return func(s *settings) { s.unixAdmin = true }
}

func newSettings(opts []option) *settings {
	s := &settings{values: make(map[string]string), filename: "Caddyfile"}
	for _, o := range opts {
		o(s)
	}
	return s
}

var placeholder = regexp.MustCompile(`\{\{([A-Z][A-Z0-9_]*)\}\}`)

// fill replaces the placeholders of a Caddyfile. {{PORT}}, {{PORT2}} and so on become
// free ports, the same ones each time; {{DIR}} a directory that is removed after the
// test; the others are given with [with].
func (s *settings) fill(t *testing.T, text string) string {
	t.Helper()
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		name := strings.Trim(found, "{}")
		if value, ok := s.values[name]; ok {
			return value
		}
		switch {
		case strings.HasPrefix(name, "PORT"):
			s.values[name] = freePort(t)
		case name == "DIR":
			s.values[name] = t.TempDir()
		default:
			t.Fatalf("fill Caddyfile: nothing given for %s", found)
		}
		return s.values[name]
	})
}

// ports are those that placeholders stand for.
func (s *settings) ports() []string {
	var ports []string
	for name, value := range s.values {
		if strings.HasPrefix(name, "PORT") {
			ports = append(ports, value)
		}
	}
	return ports
}

// freePort returns a TCP port on which nothing listens.
func freePort(t *testing.T) string {
	t.Helper()
	return ports.Free(t)
}

// adapt turns a Caddyfile into Caddy's JSON. It fails the test on any warning, among
// them the one about a file that is not formatted.
func (s *settings) adapt(t *testing.T, text string) []byte {
	t.Helper()
	config, warnings, err := s.tryAdapt(t, text)
	if err != nil {
		t.Fatalf("adapt %s: %v", s.filename, err)
	}
	for _, w := range warnings {
		t.Errorf("adapt %s: warning: %s", s.filename, w)
	}
	if t.Failed() {
		t.FailNow()
	}
	return config
}

func (s *settings) tryAdapt(t *testing.T, text string) ([]byte, []caddyconfig.Warning, error) {
	t.Helper()
	adapter := caddyconfig.GetAdapter("caddyfile")
	return adapter.Adapt([]byte(s.fill(t, text)), map[string]any{"filename": s.filename})
}

// refused returns the message with which the adapter refuses a Caddyfile, and fails
// the test if it accepts it.
func refused(t *testing.T, text string, opts ...option) string {
	t.Helper()
	_, _, err := newSettings(opts).tryAdapt(t, text)
	if err == nil {
		t.Fatalf("adapt Caddyfile: accepted, want an error:\n%s", text)
	}
	return err.Error()
}

// example returns the text of a file in caddyfile-examples. The replacements are pairs
// of old and new text; an old text that the file does not hold fails the test, so that
// an example which changes is not tested in a form that nobody uses.
func example(t *testing.T, name string, replacements ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "caddyfile-examples", name))
	if err != nil {
		t.Fatalf("read example: %v", err)
	}
	text := string(data)
	for pair := range slices.Chunk(replacements, 2) {
		if !strings.Contains(text, pair[0]) {
			t.Fatalf("example %s does not contain %q", name, pair[0])
		}
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	return text
}

// object is a JSON object.
type object = map[string]any

// child returns the object under name, which it creates when it is absent.
func child(parent object, name string) object {
	if c, ok := parent[name].(object); ok {
		return c
	}
	c := make(object)
	parent[name] = c
	return c
}

// domesticate changes an adapted configuration so that it leaves no trace outside the
// test: it listens on the loopback interface, saves nothing, installs no root
// certificate, has its admin endpoint at admin and writes its logs to the given sink.
// What the Caddyfile says about the admin endpoint and about log outputs stays.
func domesticate(t *testing.T, adapted []byte, admin, sink string) []byte {
	t.Helper()
	var config object
	if err := json.Unmarshal(adapted, &config); err != nil {
		t.Fatalf("decode adapted config: %v", err)
	}
	endpoint := child(config, "admin")
	if _, ok := endpoint["listen"]; !ok {
		endpoint["listen"] = admin
	}
	child(endpoint, "config")["persist"] = false

	logs := child(child(config, "logging"), "logs")
	child(logs, "default")
	for name := range maps.Keys(logs) {
		if log := child(logs, name); log["writer"] == nil {
			log["writer"] = object{"output": "test_sink", "sink": sink}
		}
	}

	apps := child(config, "apps")
	for _, server := range child(child(apps, "http"), "servers") {
		server := server.(object)
		listen, _ := server["listen"].([]any)
		for i, address := range listen {
			if a := address.(string); strings.HasPrefix(a, ":") {
				listen[i] = "127.0.0.1" + a
			}
		}
	}
	if strings.Contains(string(adapted), `"module":"internal"`) {
		authorities := child(child(apps, "pki"), "certificate_authorities")
		child(authorities, "local")["install_trust"] = false
	}

	out, err := json.Marshal(config)
	if err != nil {
		t.Fatalf("encode config: %v", err)
	}
	return out
}
