// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package order

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

// Every name is registered as a directive that leaves a header operation with
// its own name, so that the adapted routes show the order which Caddy applied.
func init() {
	for _, name := range Directives() {
		httpcaddyfile.RegisterHandlerDirective(name, func(httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
			return mark(name), nil
		})
	}
}

func mark(name string) *headers.Handler {
	return &headers.Handler{Request: &headers.HeaderOps{Delete: []string{name}}}
}

// adaptedOrder adapts one site holding the lines and returns the names which
// mark left, or the handler's module name for standard directives.
func adaptedOrder(t *testing.T, lines []string) []string {
	t.Helper()
	adapter := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}
	src := "http://127.0.0.1 {\n\t" + strings.Join(lines, "\n\t") + "\n}\n"
	out, _, err := adapter.Adapt([]byte(src), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatalf("adapting %q: %v", src, err)
	}
	return handlerNames(t, out)
}

func handlerNames(t *testing.T, config []byte) []string {
	t.Helper()
	var names []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if h, ok := v["handler"].(string); ok && h != "subroute" {
				if req, ok := v["request"].(map[string]any); ok && h == "headers" {
					if del, ok := req["delete"].([]any); ok {
						names = append(names, del[0].(string))
						return
					}
				}
				names = append(names, h)
				return
			}
			for _, k := range []string{"apps", "http", "servers", "srv0", "routes", "handle"} {
				if e, ok := v[k]; ok {
					walk(e)
				}
			}
		}
	}
	var doc any
	if err := json.Unmarshal(config, &doc); err != nil {
		t.Fatalf("decoding adapted config: %v", err)
	}
	walk(doc)
	return names
}

func TestAdaptKeepsTheSequence(t *testing.T) {
	t.Parallel()
	want := Directives()
	written := slices.Clone(want)
	slices.Reverse(written)
	if got := adaptedOrder(t, written); !slices.Equal(got, want) {
		t.Errorf("adapted order\n got %v\nwant %v", got, want)
	}
}

func TestAdaptAmongStandardDirectives(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name  string
		lines []string
		want  []string
	}{
		{"identity before vars", []string{"vars a b", "request_guard", "correlation_id"}, []string{"correlation_id", "request_guard", "vars"}},
		{"key_auth after rewrite", []string{"key_auth", "rewrite /x"}, []string{"rewrite", "key_auth"}},
		{"acl after forward_auth", []string{"acl", "forward_auth 127.0.0.1:9 {\nuri /\n}"}, []string{"reverse_proxy", "acl"}},
		{"llm_cost inside encode", []string{"llm_cost", "encode gzip"}, []string{"encode", "llm_cost"}},
		{"mock_llm before reverse_proxy", []string{"reverse_proxy 127.0.0.1:9", "mock_llm"}, []string{"mock_llm", "reverse_proxy"}},
		{"llm_cost around handle", []string{"handle {\nmock_llm\n}", "llm_cost"}, []string{"llm_cost", "mock_llm"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := adaptedOrder(t, row.lines); !slices.Equal(got, row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

func TestDirectivesAreUniqueAndOwned(t *testing.T) {
	t.Parallel()
	names := Directives()
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	if len(slices.Compact(sorted)) != len(names) {
		t.Errorf("a directive is listed twice: %v", names)
	}
	names[0] = "changed"
	if Directives()[0] == "changed" {
		t.Error("changing the returned slice changed the list")
	}
}
