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
		if !hasParam(line, drop) {
			continue
		}
		lines := append([]string(nil), h[name]...) // whoever has kept the old ones keeps them
		lines[i] = withoutParams(line, drop)
		h[name] = lines
	}
}

// hasParam says that drop is true of a parameter of an address, in its fragment, too, where
// some servers put tokens.
func hasParam(address string, drop func(name, value string) bool) bool {
	rest, fragment, _ := strings.Cut(address, "#")
	_, query, _ := strings.Cut(rest, "?")
	for _, list := range [...]string{query, fragment} {
		for pair := range strings.SplitSeq(list, "&") {
			if dropped(pair, drop) {
				return true
			}
		}
	}
	return false
}

// withoutParams removes parameters from an address, and with them the fragment, which is none
// of the address of a page that refers (RFC 9110, section 10.1.3).
func withoutParams(address string, drop func(name, value string) bool) string {
	rest, _, _ := strings.Cut(address, "#")
	path, query, _ := strings.Cut(rest, "?")
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		if !dropped(pair, drop) {
			kept = append(kept, pair)
		}
	}
	if query = strings.Join(kept, "&"); query != "" {
		path += "?" + query
	}
	return path
}

func dropped(pair string, drop func(name, value string) bool) bool {
	name, value, _ := strings.Cut(pair, "=")
	return pair != "" && drop(unescaped(name), unescaped(value))
}

func unescaped(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	return s
}
