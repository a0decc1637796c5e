// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package versioning

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// ParseDate reads a date of a version's life: a day, which begins at midnight UTC, or a
// time in the form of RFC 3339.
func ParseDate(s string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no date; write 2026-12-31 or 2026-12-31T18:00:00Z", s)
}

// Deprecation is the value of the Deprecation header (RFC 9745): a date of structured
// fields.
func Deprecation(at time.Time) string { return "@" + strconv.FormatInt(at.Unix(), 10) }

// Sunset is the value of the Sunset header (RFC 8594).
func Sunset(at time.Time) string { return at.UTC().Format(http.TimeFormat) }

// CheckLink says what is wrong with the address of a page about a version: it is
// absolute, or begins with a slash, and has no character that would end it in a header.
func CheckLink(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || strings.ContainsAny(s, "<>\" \\^`{|}\r\n\t"):
		return fmt.Errorf("%q is no URL", s)
	case strings.ContainsFunc(s, func(c rune) bool { return c > unicode.MaxASCII }):
		return fmt.Errorf("%q is not as URLs are sent; write what is not ASCII with escapes, such as %%C3%%BC", s)
	case u.Scheme == "" && !strings.HasPrefix(s, "/"), u.Scheme != "" && u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%q is not a URL with https, nor a path that begins with a slash", s)
	case u.Scheme != "" && u.Host == "":
		return fmt.Errorf("%q has no host", s)
	}
	return nil
}

// Link is a value of the Link header (RFC 8288). The target has to be escaped as URLs
// are.
func Link(target, relation string) string { return "<" + target + `>; rel="` + relation + `"` }
