// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/order"
)

// TestOrderIsDocumented checks that docs/README.md names the directives in the order in
// which they run, and no other that has a place among them.
func TestOrderIsDocumented(t *testing.T) {
	t.Parallel()
	tree := readRepository(t)
	registered := directives(tree)
	var want []string
	for _, name := range order.Directives() {
		if slices.Contains(registered, name) { // a place may be kept for what is to come
			want = append(want, name)
		}
	}
	_, text, found := strings.Cut(tree.texts(t, "docs", ".md")["docs/README.md"], "\nDirectives run in this order")
	text, _, ended := strings.Cut(text, "\n\n")
	if !found || !ended || len(want) == 0 {
		t.Fatal("docs/README.md does not say in which order directives run")
	}
	var got []string
	for _, quoted := range regexp.MustCompile("`[a-z0-9_]+`").FindAllString(text, -1) {
		if name := strings.Trim(quoted, "`"); slices.Contains(order.Directives(), name) {
			got = append(got, name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/README.md has directives in the order\n%s\nand they run in the order\n%s", strings.Join(got, " "), strings.Join(want, " "))
	}
}
