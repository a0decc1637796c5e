// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Command routes writes, into the guides of the example systems, the tables of their
// routes, consumers and plans. It makes them from the adapted examples, so that they
// say what is configured. Whenever an example has changed, run it in the directory
// integration, or "make route-tables" in that above. A test fails while a guide has
// other tables than its example.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// pages are the guides that have tables, each with the example that they are made from.
var pages = map[string]string{
	"llm-gateway.md":       "llm-gateway.Caddyfile",
	"language-services.md": "language-services.Caddyfile",
}

func main() {
	for page, example := range pages {
		file := filepath.Join("..", "docs", "guides", page)
		_, after, err := update(file, filepath.Join("..", "caddyfile-examples", example))
		if err == nil {
			err = os.WriteFile(file, after, 0o644) //nolint:gosec // a page that everybody may read
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// update returns a page as it is, and as it is with the tables of an example.
func update(page, example string) (before, after []byte, err error) {
	before, err = os.ReadFile(page) //nolint:gosec // a page of this repository
	if err != nil {
		return nil, nil, fmt.Errorf("read guide: %w", err)
	}
	text, err := os.ReadFile(example) //nolint:gosec // an example of this repository
	if err != nil {
		return nil, nil, fmt.Errorf("read example: %w", err)
	}
	c, err := adapt(text, example)
	if err != nil {
		return nil, nil, err
	}
	after, err = replace(before, c.tables(variables(text)))
	if err != nil {
		return nil, nil, fmt.Errorf("write tables into %s: %w", page, err)
	}
	return before, after, nil
}

// The lines between which the tables stand.
var (
	begin = []byte("<!-- Made from the example by: make route-tables -->\n")
	end   = []byte("<!-- End of what was made. -->\n")
)

// replace puts text between the two lines of a page.
func replace(page, text []byte) ([]byte, error) {
	head, rest, found := bytes.Cut(page, begin)
	_, tail, ended := bytes.Cut(rest, end)
	if !found || !ended {
		return nil, fmt.Errorf("the page lacks the line %q, or the line %q behind it", bytes.TrimSpace(begin), bytes.TrimSpace(end))
	}
	return bytes.Join([][]byte{head, begin, []byte("\n"), text, []byte("\n"), end, tail}, nil), nil
}

var withDefault = regexp.MustCompile(`\{\$([A-Z0-9_]+):([^}]+)\}`)

// variables are the variables of a Caddyfile that have a default, by that default.
func variables(caddyfile []byte) map[string]string {
	names := make(map[string]string)
	for _, found := range withDefault.FindAllSubmatch(caddyfile, -1) {
		names[string(found[2])] = string(found[1])
	}
	return names
}
