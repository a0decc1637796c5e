// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"net/http"
	"net/url"
	"strings"
)

// firstHeader returns the value of the first of some headers that is not blank. Of
// several lines of one header the first counts.
func firstHeader(h http.Header, names []string) string {
	for _, name := range names {
		if v := strings.TrimSpace(h.Get(name)); v != "" {
			return v
		}
	}
	return ""
}

// firstParam returns the value of the first of some parameters of a query that is not
// blank. Of several parameters of one name the first counts.
func firstParam(query string, names []string) string {
	if query == "" {
		return ""
	}
	for _, name := range names {
		if v := strings.TrimSpace(param(query, name)); v != "" {
			return v
		}
	}
	return ""
}

// param returns the value of a parameter. A value that cannot be decoded counts as it is
// written.
func param(query, name string) string {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, value, _ := strings.Cut(pair, "=")
		if key != name {
			if decoded, err := url.QueryUnescape(key); err != nil || decoded != name {
				continue
			}
		}
		if decoded, err := url.QueryUnescape(value); err == nil {
			return decoded
		}
		return value
	}
	return ""
}
