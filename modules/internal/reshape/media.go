// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package reshape

import (
	"fmt"
	"strings"
)

// Media is how a body is edited.
type Media uint8

// The kinds of bodies.
const (
	Other    Media = iota // not at all
	Document              // one JSON document
	Events                // server-sent events
	Lines                 // NDJSON
	Form                  // application/x-www-form-urlencoded
)

// MediaOf says how a body with that Content-Type is edited, if it is one of types, or,
// where there are none, one that is known: JSON, which is application/json and
// everything that ends in +json, and the others. What is among types and not known is
// JSON. Of a type such as text/* everything that begins so counts.
func MediaOf(contentType string, types []string) Media {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.Trim(media, " \t"))
	m := Other
	switch {
	case media == "text/event-stream":
		m = Events
	case media == "application/x-ndjson" || media == "application/ndjson" || media == "application/jsonl" || media == "application/x-jsonlines":
		m = Lines
	case media == "application/x-www-form-urlencoded":
		m = Form
	case media == "application/json" || strings.HasSuffix(media, "+json"):
		m = Document
	}
	if len(types) == 0 {
		return m
	}
	for _, t := range types {
		if begin, ok := strings.CutSuffix(t, "*"); t == media || ok && strings.HasPrefix(media, begin) {
			if m == Other {
				m = Document
			}
			return m
		}
	}
	return Other
}

// CheckMedia returns an error unless a text is a media type in lower case and without
// parameters, or a range such as text/*.
func CheckMedia(text string) error {
	typ, subtype, ok := strings.Cut(text, "/")
	if !ok || !validName(typ) || !validName(subtype) || strings.ToLower(text) != text || strings.Contains(strings.TrimSuffix(text, "/*"), "*") {
		return fmt.Errorf("%q is not a media type; write one in small letters and without parameters, such as application/json or text/*", text)
	}
	return nil
}
