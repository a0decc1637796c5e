// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package versioning

import (
	"mime"
	"strconv"
	"strings"
)

// Bounds of what is read of an Accept header.
const (
	maxAccept = 4 << 10
	maxRanges = 32
)

// Accepted is what an Accept header says of versions.
type Accepted struct {
	// Version is the one that is preferred among those that exist; -1 if none does.
	Version int
	// Unknown is the first that is named and does not exist; empty if there is none.
	Unknown string
}

// Accept reads the version from the Accept header: from the parameter of that name
// ("application/json; version=2"), or else from the name of a type in the vendor tree
// ("application/vnd.example.v2+json"). The media range with the highest quality wins,
// the first among equals; those with quality 0, or that name no version, count for
// nothing. Of more than 4 KiB or 32 ranges the rest is not read.
func (s *Set) Accept(lines []string, parameter string) Accepted {
	found := Accepted{Version: -1}
	best, budget, ranges := 0.0, maxAccept, 0
	for _, line := range lines {
		for part := range splitRanges(line) {
			if budget -= len(part) + 1; budget < 0 {
				return found
			}
			if ranges++; ranges > maxRanges {
				return found
			}
			said, exact, q := s.inRange(part, parameter)
			if said == "" || q <= 0 {
				continue
			}
			version, ok := s.Find(said)
			if exact {
				version, ok = s.Exact(said)
			}
			switch {
			case !ok && found.Unknown == "":
				found.Unknown = said
			case ok && q > best:
				best, found.Version = q, version
			}
		}
	}
	return found
}

// splitRanges yields the media ranges of a line: what stands between commas that are
// in no quoted string.
func splitRanges(line string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		quoted, from := false, 0
		for i := 0; i < len(line); i++ {
			switch c := line[i]; {
			case c == '\\' && quoted:
				i++
			case c == '"':
				quoted = !quoted
			case c == ',' && !quoted:
				if !yield(line[from:i]) {
					return
				}
				from = i + 1
			}
		}
		yield(line[from:])
	}
}

// inRange returns what a media range says of a version, if anything, whether that has to
// be its name as written, and the quality of the range.
func (s *Set) inRange(text, parameter string) (said string, exact bool, q float64) {
	if !strings.ContainsAny(text, ";.") {
		return "", false, 0 // as most are
	}
	media, params, err := mime.ParseMediaType(text)
	if err != nil {
		return "", false, 0
	}
	q = 1
	if v, there := params["q"]; there {
		if q, err = strconv.ParseFloat(v, 64); err != nil || !(q >= 0 && q <= 1) {
			return "", false, 0
		}
	}
	if said = params[parameter]; said != "" {
		return said, false, q
	}
	_, subtype, _ := strings.Cut(media, "/")
	vendor, ok := strings.CutPrefix(subtype, "vnd.")
	if !ok {
		return "", false, 0
	}
	vendor, _, _ = strings.Cut(vendor, "+")
	return s.inVendor(vendor), true, q
}

// inVendor finds a version among the parts of a vendor's type behind the first, which
// is the vendor's name. Media types have no case, so the name of the version is given
// as the set has it.
func (s *Set) inVendor(vendor string) string {
	for {
		_, rest, ok := strings.Cut(vendor, ".")
		if !ok {
			return ""
		}
		// The longest that fits, since names may hold dots.
		for end := len(rest); end > 0; end = strings.LastIndexByte(rest[:end], '.') {
			if part := rest[:end]; s.LooksLike(part) {
				for _, name := range s.names {
					if strings.EqualFold(name, part) {
						return name
					}
				}
				return part
			}
		}
		vendor = rest
	}
}
