// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link      = regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	unsettled = regexp.MustCompile("[^a-z0-9 _-]")
)

// TestLinksOfTheGuidesLead checks that each link within the repository leads to a file,
// and to a heading of it.
func TestLinksOfTheGuidesLead(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join(pagesDir, "*.md"))
	if err != nil {
		t.Fatalf("find guides: %v", err)
	}
	count := 0
	for _, page := range pages {
		text := read(t, page)
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			count++
			target := page
			if found[1] != "" {
				target = filepath.Join(filepath.Dir(page), found[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: a link leads nowhere: %v", filepath.Base(page), err)
				continue
			}
			if anchor := strings.TrimPrefix(found[2], "#"); anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s: %s has no heading %q", filepath.Base(page), found[1], anchor)
			}
		}
	}
	if count < 20 {
		t.Errorf("there are %d links, want more", count)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("read page: %v", err)
	}
	return string(data)
}

// anchors are the names by which headings are linked.
func anchors(text string) []string {
	var names []string
	for _, found := range heading.FindAllStringSubmatch(text, -1) {
		name := unsettled.ReplaceAllString(strings.ToLower(found[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}
