// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagematch

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func provisioned(t testing.TB) caddy.Context {
	t.Helper()
	ctx, err := caddy.ProvisionContext(new(caddy.Config))
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// in makes a request in a language; without one, no handler has decided.
func in(t testing.TB, l state.Language) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), httptest.NewRecorder(), new(caddyhttp.Server))
	if l.Source != "" {
		state.Ensure(r).Language = l
	}
	return r
}

// load makes a matcher of the namespace from its JSON.
func load(t testing.TB, name, config string) caddyhttp.RequestMatcherWithError {
	t.Helper()
	m, err := provisioned(t).LoadModuleByID("http.matchers."+name, json.RawMessage(config))
	if err != nil {
		t.Fatal(err)
	}
	return m.(caddyhttp.RequestMatcherWithError)
}

func TestMatch(t *testing.T) {
	hindi := state.Language{Code: "hi", Confidence: 1, Source: "body"}
	translation := state.Language{Code: "hi", Target: "ta", Source: "query"}
	rows := []struct {
		name, config, expression string
		l                        state.Language
		want                     bool
	}{
		{"the language", `["hi"]`, `language('hi')`, hindi, true},
		{"one of several", `["ta","hi"]`, `language('ta', 'hi')`, hindi, true},
		{"any form of it", `["hin_Deva"]`, `language('Hindi')`, hindi, true},
		{"another", `["ta"]`, `language('ta')`, hindi, false},
		{"negated", `["ta"]`, `!(!language('ta'))`, hindi, false},
		{"a script of it", `["sd"]`, `language('sd')`, state.Language{Code: "sd-Deva", Source: "model"}, true},
		{"its language", `["sd-Deva"]`, `language('sd-Deva')`, state.Language{Code: "sd", Source: "body"}, false},
		{"romanised", `["hi"]`, `language('hi')`, state.Language{Code: "hi-Latn", Source: "model"}, false},
		{"pair", `["hi>ta"]`, `language('hi>ta')`, translation, true},
		{"pair the other way round", `["ta>hi"]`, `language('ta>hi')`, translation, false},
		{"into the target", `["*>ta"]`, `language('*>ta')`, translation, true},
		{"the language of a translation", `["hi"]`, `language('hi')`, translation, true},
		{"no target", `["hi>ta"]`, `language('hi>ta')`, hindi, false},
		{"the fallback", `["en"]`, `language('en')`, state.Language{Code: "en", Source: "fallback"}, true},
		{"no language", `["en"]`, `language('en')`, state.Language{Source: "fallback"}, false},
		{"nothing decided", `["en"]`, `language('en')`, state.Language{}, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if got, err := load(t, "language", row.config).MatchWithError(in(t, row.l)); err != nil || got != row.want {
				t.Errorf("%s matches: %v, %v, want %v", row.config, got, err, row.want)
			}
			expression, err := json.Marshal(row.expression)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := load(t, "expression", string(expression)).MatchWithError(in(t, row.l)); err != nil || got != row.want {
				t.Errorf("%s is %v, %v, want %v", row.expression, got, err, row.want)
			}
		})
	}
	t.Run("outside the gateway", func(t *testing.T) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if got, err := load(t, "language", `["hi"]`).MatchWithError(r); err != nil || got {
			t.Errorf("%v, %v, want false", got, err)
		}
	})
}

func TestLoadRefuses(t *testing.T) {
	rows := []struct{ name, module, config, want string }{
		{"none", "language", `[]`, "language matcher: no language is listed"},
		{"unknown", "language", `["hi","klingon"]`, `language matcher: "klingon" is no language that is known`},
		{"twice", "language", `["hi","hin_Deva"]`, "language matcher: hi is listed twice"},
		{"all", "language", `["*"]`, `language matcher: "*" matches every request`},
		{"another type", "language", `{"hi":1}`, "cannot unmarshal"},
		{"unknown in CEL", "expression", `"language('klingon')"`, `"klingon" is no language that is known`},
		{"none in CEL", "expression", `"language()"`, "at least one argument"},
		{"no literal in CEL", "expression", `"language(1)"`, "string constants"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := provisioned(t).LoadModuleByID("http.matchers."+row.module, json.RawMessage(row.config))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %s", err, row.want)
			}
		})
	}
}

func TestCaddyfile(t *testing.T) {
	rows := []struct{ name, src, want, err string }{
		{"one", "@m language hi", `"match":[{"language":["hi"]}]`, ""},
		{"several and pairs", "@m language hi ta *>ta", `"match":[{"language":["hi","ta","*\u003eta"]}]`, ""},
		{"several lines", "@m {\nlanguage hi\nlanguage ta\n}", `"match":[{"language":["hi","ta"]}]`, ""},
		{"twice", "@m language hi Hindi", "", "language: hi is listed twice, at Caddyfile:2"},
		{"unknown", "@m language xx", "", `language: "xx" is no language that is known`},
		{"none", "@m language", "", "language takes at least 1 argument, not 0"},
		{"all", "@m language *", "", "matches every request"},
		{"block", "@m language hi {\nta\n}", "", "language takes no block"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			src := "http://127.0.0.1 {\n" + row.src + "\nrespond @m ok\n}\n"
			adapter := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}
			got, _, err := adapter.Adapt([]byte(src), map[string]any{"filename": "Caddyfile"})
			if row.err != "" {
				if err == nil || !strings.Contains(err.Error(), row.err) {
					t.Errorf("error %v, want %s", err, row.err)
				}
				return
			}
			if err != nil || !strings.Contains(string(got), row.want) {
				t.Errorf("error %v, got %s, want %s", err, got, row.want)
			}
		})
	}
}

func BenchmarkMatch(b *testing.B) {
	r := in(b, state.Language{Code: "ta", Target: "hi", Source: "body"})
	m := load(b, "language", `["hi","te","*>hi"]`)
	b.ReportAllocs()
	for b.Loop() {
		if ok, _ := m.MatchWithError(r); !ok {
			b.Fatal("no match")
		}
	}
}
