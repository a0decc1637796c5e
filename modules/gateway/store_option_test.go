// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStoreOption(t *testing.T) {
	for _, test := range []struct{ name, give, want string }{
		{"embedded", "store embedded", `{"store":{"module":"embedded"}}`},
		{"in a directory", "store embedded /srv/limits", `{"store":{"module":"embedded","path":"/srv/limits"}}`},
		{"that a variable names", "store embedded {env.LIMITS}/x", `{"store":{"module":"embedded","path":"{env.LIMITS}/x"}}`},
		{"in memory", "store embedded memory", `{"store":{"memory":true,"module":"embedded"}}`},
		{
			"with everything, and something after it", "store embedded /srv/limits {\nmax_entries 5000\nmax_memory 64MiB\n}\nprofile kong",
			`{"profile":"kong","store":{"max_entries":5000,"max_memory":67108864,"module":"embedded","path":"/srv/limits"}}`,
		},
		{"of another author", "store demo x", `{"store":{"module":"demo","name":"x"}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := adapt(t, "gateway {\n"+test.give+"\n}")
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("adapted to\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestStoreOptionRefusals(t *testing.T) {
	for _, test := range []struct {
		name, give string
		want       []string
	}{
		{"no store", "store", []string{"Caddyfile:3", "no store is named", "demo, embedded"}},
		{"no store but a block", "store {\n}", []string{"Caddyfile:3", "no store is named"}},
		{"unknown store", "store memcached", []string{"Caddyfile:3", `no store "memcached"`, "embedded"}},
		{"twice", "store embedded\nstore embedded memory", []string{"Caddyfile:4", "given twice"}},
		{"two paths", "store embedded /a /b", []string{"Caddyfile:3", "write: embedded [<path>|memory]"}},
		{"relative path", "store embedded limits", []string{"Caddyfile:3", `"limits" is not an absolute path`, "/var/lib/caddy/limits"}},
		{"empty path", `store embedded ""`, []string{"Caddyfile:3", "not an absolute path"}},
		{"unknown option", "store embedded {\nmax_keys 5\n}", []string{"Caddyfile:4", `unknown option "max_keys"`, "max_entries, max_memory"}},
		{"option twice", "store embedded {\nmax_entries 5000\nmax_entries 5000\n}", []string{"Caddyfile:5", "given twice"}},
		{"too few entries", "store embedded {\nmax_entries 10\n}", []string{"Caddyfile:4", "from 1000 to 1000000000"}},
		{"entries in words", "store embedded {\nmax_entries many\n}", []string{"Caddyfile:4", "not a whole number"}},
		{"memory without a unit", "store embedded {\nmax_memory 1000000\n}", []string{"Caddyfile:4", "lacks a unit"}},
		{"too little memory", "store embedded {\nmax_memory 1KiB\n}", []string{"Caddyfile:4", "at least 1.0 MiB"}},
		{"block of an option", "store embedded {\nmax_entries 5000 {\n}\n}", []string{"Caddyfile:4", "takes no block"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := adapt(t, "gateway {\n"+test.give+"\n}")
			if err == nil {
				t.Fatalf("accepted as %s", got)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}

func TestStoreProvisionRefusals(t *testing.T) {
	t.Setenv("TOLLGATE_TEST_EMPTY", "")
	for _, test := range []struct {
		name, give string
		want       []string
	}{
		{"no module", `{}`, []string{"load store", "module"}},
		{"unknown module", `{"module":"memcached"}`, []string{"load store", "memcached"}},
		{"unknown field", `{"module":"embedded","max_keys":1}`, []string{"load store", "max_keys"}},
		{"relative path", `{"module":"embedded","path":"limits"}`, []string{"find counters", "absolute path"}},
		{"unset variable", `{"module":"embedded","path":"/srv/{env.TOLLGATE_TEST_UNSET}"}`, []string{"find counters", "TOLLGATE_TEST_UNSET"}},
		{"empty variable", `{"module":"embedded","path":"{env.TOLLGATE_TEST_EMPTY}"}`, []string{"find counters", "TOLLGATE_TEST_EMPTY"}},
		{"in two places", `{"module":"embedded","path":"/srv/limits","memory":true}`, []string{"both in memory alone and in a directory"}},
		{"few entries", `{"module":"embedded","max_entries":-1}`, []string{"max_entries is -1"}},
		{"little memory", `{"module":"embedded","max_memory":5}`, []string{"max_memory is 5 bytes", "from 1MiB to 1TiB"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := tryProvision(t, `{"store":`+test.give+`}`)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if refs, in := sharedPool.References(sharedKey); in {
				t.Errorf("a refused config keeps %d references to the shared state", refs)
			}
		})
	}
}

func TestEmbeddedStoreIdentity(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_DATA_HOME", home)
	link := filepath.Join(home, "link")
	if err := os.Symlink(home, link); err != nil {
		t.Fatal(err)
	}
	for give, want := range map[string]string{
		`{}`: filepath.Join(home, "caddy", "gateway", "limits"),
		`{"store":{"module":"embedded","memory":true}}`:                               "memory",
		`{"store":{"module":"embedded","path":"{env.XDG_DATA_HOME}/a/../b/"}}`:        filepath.Join(home, "b"),
		`{"store":{"module":"embedded","path":` + inJSON(t, link+"/not/there") + `}}`: filepath.Join(home, "not", "there"),
	} {
		if got := provision(t, give).counters.module.Identity(); got != want {
			t.Errorf("the store of %s is %q, want %q", give, got, want)
		}
	}
}
