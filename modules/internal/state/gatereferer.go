// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"net/http"
	"net/url"
	"strings"
)

// HideInReferer removes parameters from the address in Referer, for which drop is asked with
// their names and values decoded: a page whose address held a credential names that address in
// what it asks for. The others keep their place and spelling, and an address without any such
// parameter stays as it is.
func HideInReferer(h http.Header, drop func(name, value string) bool) {
	const name = "Referer"
	for i, line := range h[name] {
		hidden, changed := withoutParams(line, drop)
		if !changed {
			continue
		}
		lines := append([]string(nil), h[name]...) // whoever has kept the old ones keeps them
		lines[i] = hidden
		h[name] = lines
	}
}

// withoutParams removes parameters from an address. Where it removes any, it removes the
// fragment, too, which is none of the address of a page that refers (RFC 9110, section 10.1.3).
func withoutParams(address string, drop func(name, value string) bool) (string, bool) {
	rest, fragment, _ := strings.Cut(address, "#")
	path, query, _ := strings.Cut(rest, "?")
	changed := false
	hide := func(list string) string {
		kept := make([]string, 0, 4)
		for pair := range strings.SplitSeq(list, "&") {
			name, value, _ := strings.Cut(pair, "=")
			if pair != "" && drop(unescaped(name), unescaped(value)) {
				changed = true
				continue
			}
			kept = append(kept, pair)
		}
		return strings.Join(kept, "&")
	}
	if query = hide(query); query != "" {
		path += "?" + query
	}
	hide(fragment) // where some servers put tokens
	return path, changed
}

func unescaped(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	return s
}
