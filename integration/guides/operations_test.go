// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestOperations(t *testing.T) {
	t.Parallel()
	m := machine(t, "operations.md", "https://api.deepseek.com", provider(t), "localhost:9180", "127.0.0.1:"+freePort(t))
	for _, dir := range []string{"/etc/", "/var/", "/usr/local/bin/", "/backup"} {
		m.says = append(m.says, dir, m.Root+dir)
	}
	for _, dir := range []string{"usr/local/bin", "etc/systemd/system"} {
		m.must(os.MkdirAll(filepath.Join(m.Root, dir), 0o700))
	}
	m.standIn()
	m.follow()
}

// metricName is the name of a metric.
var metricName = regexp.MustCompile(`\bcaddy_[a-z_]+[a-z]`)

// TestMetricsOfTheGuidesExist looks for each metric that a guide speaks of among those
// of the reference, or of Caddy's proxy.
func TestMetricsOfTheGuidesExist(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"caddy_reverse_proxy_upstreams_healthy": true}
	for _, name := range []string{"observability.md", "gateway.md"} {
		for _, metric := range metricName.FindAllString(read(t, filepath.Join(pagesDir, "..", name)), -1) {
			known[metric] = true
		}
	}
	pages, err := filepath.Glob(filepath.Join(pagesDir, "*.md"))
	if err != nil || len(pages) < 7 {
		t.Fatalf("find guides: %d, error %v; want at least 7", len(pages), err)
	}
	for _, page := range pages {
		for _, metric := range metricName.FindAllString(read(t, page), -1) {
			if !known[strings.TrimSuffix(metric, "_bucket")] {
				t.Errorf("%s speaks of %s, which the reference does not know", filepath.Base(page), metric)
			}
		}
	}
}

// TestAlertsAreInTheRunbook checks that each alert has its paragraph, and each paragraph
// its alert.
func TestAlertsAreInTheRunbook(t *testing.T) {
	t.Parallel()
	page := read(t, filepath.Join(pagesDir, "operations.md"))
	_, runbook, _ := strings.Cut(page, "\n## Runbook\n")
	collect := func(text, pattern string) []string {
		names := make(map[string]bool)
		for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			names[found[1]] = true
		}
		return slices.Sorted(maps.Keys(names))
	}
	alerts, paragraphs := collect(page, `- alert: (\w+)`), collect(runbook, `(?m)^### (\w+)$`)
	if len(alerts) == 0 || !slices.Equal(alerts, paragraphs) {
		t.Errorf("alerts are %q, paragraphs of the runbook %q", alerts, paragraphs)
	}
}
