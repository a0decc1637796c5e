// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package responsetransform

import (
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/reshape"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// askReadable has a request ask for no coding in which an answer could not be edited. Where
// nothing is left, it asks for none at all.
func askReadable(h http.Header) {
	values := h["Accept-Encoding"]
	if !slices.ContainsFunc(values, func(v string) bool { return !readable(v) }) {
		return
	}
	var kept []string
	for _, v := range values {
		for coding := range strings.SplitSeq(v, ",") {
			if coding = strings.Trim(coding, " \t"); coding != "" && readable(coding) {
				kept = append(kept, coding)
			}
		}
	}
	if len(kept) == 0 {
		kept = []string{"identity"}
	}
	h["Accept-Encoding"] = []string{strings.Join(kept, ", ")}
}

// readable says that a value is one coding that can be read, perhaps with a weight, or
// nothing.
func readable(value string) bool {
	name, _, _ := strings.Cut(value, ";")
	switch strings.ToLower(strings.Trim(name, " \t")) {
	case "gzip", "x-gzip", "br", "zstd", "identity", "":
		return true
	}
	return false
}

// takenFrom returns the headers of a request that the placeholders of edits name, for
// edits of the header and of the body.
func takenFrom(edits []reshape.Edit) (header, body []string) {
	for i := range edits {
		e := &edits[i]
		list := &body
		if e.In == reshape.Header {
			list = &header
		}
		for _, text := range [...]string{e.Name, e.To, e.Value} {
			for _, name := range namedIn(text) {
				if !slices.Contains(*list, name) {
					*list = append(*list, name)
				}
			}
		}
	}
	return header, body
}

// namedIn returns the headers of a request that the placeholders in a text name.
func namedIn(text string) (names []string) {
	for {
		_, rest, ok := strings.Cut(text, "{http.request.")
		if !ok {
			return names
		}
		key, after, ok := strings.Cut(rest, "}")
		if !ok {
			return names
		}
		if name, ok := strings.CutPrefix(key, "header."); ok && name != "" {
			names = append(names, http.CanonicalHeaderKey(name))
		} else if strings.HasPrefix(key, "cookie.") {
			names = append(names, "Cookie")
		}
		text = after
	}
}

// vary adds names to the Vary header.
func vary(h http.Header, names []string) {
	for _, name := range names {
		state.AddVary(h, name)
	}
}
