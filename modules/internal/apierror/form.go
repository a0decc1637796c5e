// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apierror

import (
	"math"
	"strings"
)

// Form is what kind of body tells of an error, where the client's API does not say so. The
// zero value is JSON.
type Form uint8

const (
	// JSON is the object of a [Shape].
	JSON Form = iota
	// HTML is a page for people, see [AppendHTML].
	HTML
	// Plain is text without markup, see [AppendPlain].
	Plain
	forms
)

// String returns the name of f in lower case.
func (f Form) String() string {
	switch f {
	case HTML:
		return "html"
	case Plain:
		return "plain"
	default:
		return "json"
	}
}

// offered are the media types of each form: any of them asks for it.
var offered = [forms][]string{
	JSON:  {"application/problem+json", "application/json"},
	HTML:  {"text/html"},
	Plain: {"text/plain"},
}

// mostRanges is how many media ranges of Accept are looked at.
const mostRanges = 64

// Preferred returns the form that the lines of an Accept header prefer (RFC 9110, section
// 12.5.1): of each form the most specific range counts, and of forms with the same weight
// the first in the order above. Parameters other than q are not looked at. Without the
// header, and where it accepts none of the forms, it is JSON.
func Preferred(accept []string) Form {
	var weights [forms]weight
	n := 0
	for _, line := range accept {
		for line != "" && n < mostRanges {
			var element string
			element, line = cutElement(line, ',')
			n++
			mediaType, q, ok := mediaRange(element)
			if !ok {
				continue
			}
			for f, types := range offered {
				for _, t := range types {
					weights[f].hear(t, mediaType, q)
				}
			}
		}
	}
	best := JSON
	for f := HTML; f < forms; f++ {
		if weights[f].q() > weights[best].q() {
			best = f
		}
	}
	return best
}

// weight is what an Accept header says about one form.
type weight struct {
	// exact, subtypes and all are the weights, in thousandths and raised by one, by how
	// specific the range is that gives them; 0 if none does.
	exact, subtypes, all int
}

// hear takes a range into account that may be about the media type t.
func (w *weight) hear(t, mediaType string, q int) {
	switch {
	case strings.EqualFold(mediaType, t):
		w.exact = max(w.exact, q+1)
	case mediaType == "*/*":
		w.all = max(w.all, q+1)
	case strings.HasSuffix(mediaType, "/*"):
		main := mediaType[:len(mediaType)-1]
		if len(t) > len(main) && strings.EqualFold(t[:len(main)], main) {
			w.subtypes = max(w.subtypes, q+1)
		}
	}
}

func (w *weight) q() int {
	switch {
	case w.exact > 0:
		return w.exact - 1
	case w.subtypes > 0:
		return w.subtypes - 1
	default:
		return w.all - 1
	}
}

// cutElement returns the first element of a list and the rest. Separators in quoted strings
// do not separate.
func cutElement(list string, separator byte) (element, rest string) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			return list[:i], list[i+1:]
		}
	}
	return list, ""
}

// mediaRange reads one element: the range and its weight in thousandths.
func mediaRange(element string) (mediaType string, q int, ok bool) {
	mediaType, params, _ := strings.Cut(element, ";")
	mediaType = strings.Trim(mediaType, " \t")
	if !strings.Contains(mediaType, "/") {
		return "", 0, false
	}
	for params != "" {
		var param string
		param, params = cutElement(params, ';')
		name, value, _ := strings.Cut(strings.Trim(param, " \t"), "=")
		if strings.EqualFold(name, "q") {
			q, ok = thousandths(value)
			return mediaType, q, ok
		}
	}
	return mediaType, thousand, true
}

const thousand = 1000

// thousandths reads a weight, 0 to 1 with at most three decimals.
func thousandths(s string) (int, bool) {
	whole, fraction, dotted := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || dotted && len(fraction) > 3 {
		return 0, false
	}
	n := int(whole[0]-'0') * thousand
	for i := range len(fraction) {
		c := fraction[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n += int(c-'0') * int(math.Pow10(2-i))
	}
	return n, n <= thousand
}
