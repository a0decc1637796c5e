// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagepolicy

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	_ "github.com/caddy-gateway/tollgate/modules/internal/order"
)

func init() {
	// In the place of the handler of that name, which this package must not know.
	httpcaddyfile.RegisterHandlerDirective("language_router", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		h.Next()
		h.NextSegment()
		return stated{}, nil
	})
}

var fence = regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```")

// TestDocumentedConfigs checks that what the page shows is accepted.
func TestDocumentedConfigs(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "lb_policy_language.md"))
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(map[string]int)
	for _, m := range fence.FindAllSubmatch(page, -1) {
		language, text := string(m[1]), m[2]
		switch {
		case language == "caddyfile" && !bytes.Contains(text, []byte("<")): // < is the syntax
			config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, nil)
			if err != nil {
				t.Fatalf("%v in the example\n%s", err, text)
			}
			var whole any
			if err := json.Unmarshal(config, &whole); err != nil {
				t.Fatal(err)
			}
			proxy := find(whole, "handler", "reverse_proxy")
			delete(proxy, "health_checks") // nobody is there
			delete(proxy, "handler")
			config, err = json.Marshal(proxy)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := loadProxy(t, string(config), ""); err != nil {
				t.Errorf("%v in the example\n%s", err, text)
			}
			accepted[language]++
		case language == "json":
			if _, err := loadProxy(t, proxyJSON(t, string(text), "asr-hi-1:8087", "asr-hi-2:8087",
				"asr-ta-1:8087", "asr-ta-2:8087", "nmt-hi-ta:8089", "asr:8087"), ""); err != nil {
				t.Errorf("%v in the example\n%s", err, text)
			}
			accepted[language]++
		}
	}
	if accepted["caddyfile"] != 1 || accepted["json"] != 1 {
		t.Errorf("the page has examples: %v", accepted)
	}
}

// find returns the object, at any depth of a document, that has a member of that value.
func find(v any, name, value string) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		if v[name] == value {
			return v
		}
		for _, member := range v {
			if found := find(member, name, value); found != nil {
				return found
			}
		}
	case []any:
		for _, element := range v {
			if found := find(element, name, value); found != nil {
				return found
			}
		}
	}
	return nil
}
