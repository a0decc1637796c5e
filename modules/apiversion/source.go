// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apiversion

import (
	"fmt"
	"net/http"

	"github.com/caddy-gateway/tollgate/modules/internal/versioning"
)

// said is what a source says.
type said struct {
	from    From   // empty: nothing
	version int    // -1 if it does not exist
	unknown string // what it is called then
	twice   bool   // the source names two
}

// inPath returns the version in the part of a path behind the prefix, and that part
// without it.
func (h *Handler) inPath(rest versioning.Path) (said, versioning.Path) {
	segment, after, ok := versioning.CutSegment(rest)
	if !ok {
		return said{}, rest
	}
	if version, ok := h.set.Exact(segment); ok {
		return said{from: FromPath, version: version}, after
	}
	if h.set.LooksLike(segment) {
		return said{from: FromPath, version: -1, unknown: segment}, rest
	}
	return said{}, rest
}

// decide asks the sources. What decides has an empty source if none says anything.
func (h *Handler) decide(r *http.Request, inPath said) (decided said, refusal error) {
	if inPath.unknown != "" {
		return inPath, h.unknown(inPath.unknown) // whoever else says what: there is no such path
	}
	for i := range h.sources {
		s := inPath
		if source := &h.sources[i]; source.From != FromPath {
			s = h.ask(r, source)
		}
		switch {
		case s.from == "":
			continue
		case s.twice:
			return s, conflict(fmt.Sprintf("The request names two API versions in one place (%s); name one", &h.sources[i]))
		case s.version < 0:
			return s, h.unknown(s.unknown)
		case decided.from == "":
			decided = s
		case decided.version != s.version:
			return s, conflict(fmt.Sprintf("The request names API version %s (%s) and %s (%s); name one",
				h.set.Name(decided.version), decided.from, h.set.Name(s.version), &h.sources[i]))
		}
		if h.Conflict == ConflictFirst {
			break
		}
	}
	return decided, nil
}

// ask reads one source other than the path.
func (h *Handler) ask(r *http.Request, source *Source) said {
	switch source.From {
	case FromHeader:
		return h.among(FromHeader, r.Header[source.Name])
	case FromQuery:
		if r.URL.RawQuery == "" {
			return said{}
		}
		return h.among(FromQuery, r.URL.Query()[source.Name])
	case FromAccept:
		a := h.set.Accept(r.Header["Accept"], source.Name)
		if a.Version < 0 && a.Unknown == "" {
			return said{}
		}
		return said{from: FromAccept, version: a.Version, unknown: a.Unknown}
	case FromPath: // was asked beforehand
	}
	return said{}
}

// among reads values, of which empty ones count for nothing. Several may say the same.
func (h *Handler) among(from From, values []string) (s said) {
	for _, v := range values {
		if v == "" {
			continue
		}
		one := said{from: from, version: -1, unknown: v}
		if version, ok := h.set.Find(v); ok {
			one.version, one.unknown = version, ""
		}
		if s.from != "" && s != one {
			s.twice = true
			return s
		}
		s = one
	}
	return s
}
