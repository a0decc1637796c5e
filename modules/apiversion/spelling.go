// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apiversion

import (
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/versioning"
)

// evades says that the matchers of routes, or servers behind them, take a path for one of
// another version than the one that has been decided on, or, where none has (-1), for one
// beneath the prefix. A client could else reach the routes of a version that is gone, with a
// version in the header that nobody has checked.
//
// Matchers mind neither case nor escapes, and see a path without dot segments, empty segments,
// and dots and spaces at its end. Some servers drop what follows a semicolon in a segment as
// well, some take a backslash for a slash, some do both. What leads out of the prefix for one of
// them stays in it for another, so none of them may see another version.
func (h *Handler) evades(path string, decided int) bool {
	seen := strings.ToLower(path)
	if !strings.ContainsAny(seen, `;\`) {
		return h.leads(seen, decided)
	}
	slashed := strings.ReplaceAll(seen, `\`, "/")
	bare := withoutParameters(seen)
	for _, seen := range [...]string{seen, bare, slashed, withoutParameters(slashed), strings.ReplaceAll(bare, `\`, "/")} {
		if h.leads(seen, decided) {
			return true
		}
	}
	return false
}

// leads says that who cleans a path, which is in lower case, finds it beneath the prefix, or,
// where a version has been decided on, in another one.
func (h *Handler) leads(seen string, decided int) bool {
	seen = caddyhttp.CleanPath(strings.TrimRight(seen, ". "), true)
	rest, beneath := versioning.Prefix(strings.ToLower(string(h.prefix))).Cut(versioning.Path{Decoded: seen})
	if !beneath || decided < 0 {
		return beneath
	}
	segment, _, ok := versioning.CutSegment(rest)
	return ok && h.set.LooksLike(segment) && !strings.EqualFold(segment, h.set.Name(decided))
}

// withoutParameters is a path without what follows a semicolon in its segments.
func withoutParameters(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		segments[i], _, _ = strings.Cut(segment, ";")
	}
	return strings.Join(segments, "/")
}
