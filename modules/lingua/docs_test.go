// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package lingua

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// TestDocumentedOptions reads the examples of the page, in both of their forms.
func TestDocumentedOptions(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "language-identification.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	block := regexp.MustCompile(`(?s)\tdetector (lingua \{.*?\n\t\})`).FindStringSubmatch(page)
	members := regexp.MustCompile(`\{"detector": "lingua", (.*?)\}`).FindStringSubmatch(page)
	if block == nil || members == nil {
		t.Fatal("the page has no example of the detector with options")
	}
	var fromCaddyfile, fromJSON Detector
	if err := fromCaddyfile.UnmarshalCaddyfile(caddyfile.NewTestDispenser(block[1])); err != nil {
		t.Error(err)
	}
	d := json.NewDecoder(strings.NewReader("{" + members[1] + "}"))
	d.DisallowUnknownFields()
	if err := d.Decode(&fromJSON); err != nil {
		t.Error(err)
	}
	if fromCaddyfile != fromJSON || fromJSON == (Detector{}) {
		t.Errorf("the Caddyfile says %+v, JSON %+v", fromCaddyfile, fromJSON)
	}
	all, err := json.Marshal(Detector{LowAccuracy: true, MinimumDistance: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	for _, option := range regexp.MustCompile(`"([a-z_]+)":`).FindAllSubmatch(all, -1) {
		if !bytes.Contains(text, append(append([]byte("| `"), option[1]...), "` |"...)) {
			t.Errorf("the page does not describe the option %s", option[1])
		}
	}
}
