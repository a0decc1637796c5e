// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-gateway/tollgate/modules/gateway"
)

var fence = regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```")

// TestDocumentedConfigs checks what the page of the stores shows, and that it names
// every option.
func TestDocumentedConfigs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "stores.md"))
	if err != nil {
		t.Fatal(err)
	}
	adapted, decoded := 0, 0
	for _, m := range fence.FindAllSubmatch(page, -1) {
		language, text := string(m[1]), m[2]
		switch {
		case language == "caddyfile" && !bytes.Contains(text, []byte("<")): // < is the syntax
			if _, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, nil); err != nil {
				t.Errorf("%v in the example\n%s", err, text)
			}
			adapted++
		case language == "json":
			var which struct{ Module string }
			if err := json.Unmarshal(text, &which); err != nil {
				t.Fatalf("%v in the example\n%s", err, text)
			}
			var into any = new(struct {
				Module string
				Store
			})
			if which.Module == "embedded" {
				into = new(struct {
					Module string
					gateway.EmbeddedStore
				})
			}
			d := json.NewDecoder(bytes.NewReader(text))
			d.DisallowUnknownFields()
			if err := d.Decode(into); err != nil {
				t.Errorf("%v in the example\n%s", err, text)
			}
			decoded++
		}
	}
	if adapted != 2 || decoded != 2 {
		t.Errorf("the page has %d examples of Caddyfiles and %d of JSON", adapted, decoded)
	}
	for _, store := range []string{"embedded {\nnonsense\n}", "redis redis://127.0.0.1 {\nnonsense\n}"} {
		_, err := adapt(t, "store "+store)
		_, valid, ok := strings.Cut(err.Error(), "valid options are: ")
		if !ok {
			t.Fatal(err)
		}
		valid, _, _ = strings.Cut(valid, ", at ")
		for option := range strings.SplitSeq(valid, ", ") {
			if !strings.Contains(string(page), "| `"+option+"`") && !strings.Contains(string(page), ", `"+option+"` |") {
				t.Errorf("the page does not describe the option %s", option)
			}
		}
	}
}
