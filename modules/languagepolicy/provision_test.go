// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagepolicy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

func TestProvisionRefuses(t *testing.T) {
	many := make([]string, 30)
	for i := range many {
		many[i] = fmt.Sprintf("m%d:1", i)
	}
	tests := []struct {
		name, policy string
		pool         []string
		want         string
	}{
		{
			"not an upstream", `{"*":{"upstreams":["a:1"]},"hi":{"upstreams":["c:1"]}}`,
			[]string{"a:1", "b:1"},
			"hi: c:1 is no upstream of this reverse_proxy; write one of those it has, a:1, b:1, or add it: to c:1",
		},
		{"of many", `{"*":{"upstreams":["c:1"]}}`, many, "m19:1 and 10 more, or add it: to c:1"},
		{"of none", `{"*":{"upstreams":["c:1"]}}`, nil, "which has none; add it: to c:1"},
		{"no language", `{}`, []string{"a:1"}, `no language is written; write at least "*"`},
		{"unknown code", `{"xx":{"upstreams":["a:1"]}}`, []string{"a:1"}, `"xx" is no language that is known`},
		{"two forms", `{"hi":{"upstreams":["a:1"]},"hin":{"upstreams":["a:1"]}}`, []string{"a:1"}, "hin: hi is there twice, in another form; keep one of them"},
		{"no upstreams", `{"hi":{}}`, []string{"a:1"}, "hi: no upstream is written"},
		{"null", `{"hi":null}`, []string{"a:1"}, "hi: no upstream is written"},
		{"upstream twice", `{"hi":{"upstreams":["a:1","a:1"]}}`, []string{"a:1"}, "hi: upstream a:1 is there twice"},
		{"too few weights", `{"hi":{"upstreams":["a:1","b:1"],"weights":[1]}}`, []string{"a:1", "b:1"}, "hi: there are 1 weights for 2 upstreams"},
		{"weight 0", `{"hi":{"upstreams":["a:1","b:1"],"weights":[1,0]}}`, []string{"a:1", "b:1"}, "hi: weight 0 of b:1: an upstream without weight is never chosen"},
		{"negative weight", `{"hi":{"upstreams":["a:1"],"weights":[-1]}}`, []string{"a:1"}, "hi: weight -1 of a:1: a weight is a whole number from 1 to 1000"},
		{"weights and policy", `{"hi":{"upstreams":["a:1"],"weights":[1],"policy":{"policy":"first"}}}`, []string{"a:1"}, "hi: weights and a policy"},
		{"unknown policy", `{"hi":{"upstreams":["a:1"],"policy":{"policy":"fastest"}}}`, []string{"a:1"}, "hi: load policy: "},
		{"unknown default that nobody uses", `{"hi":{"upstreams":["a:1"],"weights":[1]}},"default":{"policy":"fastest"}`, []string{"a:1"}, "default: load policy: "},
		{
			"language in language", `{"hi":{"upstreams":["a:1"],"policy":{"policy":"language","languages":{"hi":{"upstreams":["a:1"]}}}}}`,
			[]string{"a:1"},
			"language cannot choose among the upstreams of a language",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := loadProxy(t, proxyJSON(t, `{"policy":"language","languages":`+tt.policy+`}`, tt.pool...), "")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestProvisionRefusesDynamicUpstreams(t *testing.T) {
	_, err := loadProxy(t, `{"upstreams":[{"dial":"a:1"}],"dynamic_upstreams":{"source":"a","name":"example.test","port":"80"},
		"load_balancing":{"selection_policy":{"policy":"language","languages":{"*":{"upstreams":["a:1"]}}}}}`, "")
	if err == nil || !strings.Contains(err.Error(), "finds its upstreams dynamically; write them out") {
		t.Error(err)
	}
}

func TestProvisionOutsideOfReverseProxy(t *testing.T) {
	ctx, err := caddy.ProvisionContext(&caddy.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(ctx)
	defer cancel()
	_, err = ctx.LoadModuleByID("http.reverse_proxy.selection_policies.language", json.RawMessage(`{"languages":{"*":{"upstreams":["a:1"]}}}`))
	if err == nil || !strings.Contains(err.Error(), "the policy stands in no reverse_proxy") {
		t.Error(err)
	}
}

func TestProvisionWarnsOfUnusedUpstreams(t *testing.T) {
	tests := []struct {
		name, languages string
		want            []string
	}{
		{"all used", `{"hi":{"upstreams":["a:1"]},"*":{"upstreams":["b:1","c:1"]}}`, nil},
		{"unused", `{"hi":{"upstreams":["b:1"]},"*":{"upstreams":["b:1"]}}`, []string{"a:1", "c:1"}},
		{"the rest goes to every upstream", `{"hi":{"upstreams":["a:1"]}}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "log")
			_, err := loadProxy(t, proxyJSON(t, `{"policy":"language","languages":`+tt.languages+`}`, "a:1", "b:1", "c:1"), file)
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(file)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			var got []string
			for line := range strings.Lines(string(text)) {
				var entry struct{ Level, Msg, Upstream string }
				if err := json.Unmarshal([]byte(line), &entry); err != nil {
					t.Fatal(err)
				}
				if entry.Level == "warn" && strings.Contains(entry.Msg, "never be chosen") {
					got = append(got, entry.Upstream)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("warned of %q, want %q in %s", got, tt.want, text)
			}
		})
	}
}
