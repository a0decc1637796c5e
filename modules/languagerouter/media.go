// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"net/http"
	"strings"
)

// kind is what a request body is declared to be.
type kind uint8

const (
	unread     kind = iota // nothing in which a language is looked for, or no body
	jsonBody               // application/json, and what ends in +json
	unlabelled             // no media type is given
	form                   // fields, urlencoded or in parts
	plain                  // text/plain
)

// holdsJSON says that the body is, or may be, JSON.
func (k kind) holdsJSON() bool { return k == jsonBody || k == unlabelled }

// kindOf says what the body of a request is. A connection that turns into a stream has
// none to read: WebSockets begin with GET and Upgrade (RFC 6455) or with CONNECT (RFC
// 8441). With other methods some clients send Upgrade all the time, and a body with it.
func kindOf(r *http.Request) kind {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 ||
		r.Method == http.MethodConnect || r.Method == http.MethodGet && r.Header["Upgrade"] != nil {
		return unread
	}
	values := r.Header["Content-Type"]
	if len(values) == 0 || values[0] == "" {
		return unlabelled
	}
	media, _, _ := strings.Cut(values[0], ";")
	media = strings.Trim(media, " \t")
	switch {
	case strings.EqualFold(media, "application/json") || hasSuffixFold(media, "+json"):
		return jsonBody
	case strings.EqualFold(media, "application/x-www-form-urlencoded") || strings.EqualFold(media, "multipart/form-data"):
		return form
	case strings.EqualFold(media, "text/plain"):
		return plain
	}
	return unread
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// opensJSON says that a body begins as a JSON object or array does.
func opensJSON(body []byte) bool {
	for _, c := range body {
		switch c {
		case ' ', '\t', '\r', '\n':
		case '{', '[':
			return true
		default:
			return false
		}
	}
	return false
}
