// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package versioning

import (
	"fmt"
	"strings"
)

// Path is a path of a URL in its two forms, as in [net/url.URL]: decoded, and as it was
// sent where the two differ in a way that matters.
type Path struct {
	Decoded string
	Raw     string // empty if Decoded says it all
}

// Prefix is the path beneath which an API has versions, such as "/api"; empty for "/".
type Prefix string

// ParsePrefix reads a prefix: "/", or a path of letters, digits, "-", ".", "_" and "~"
// without a slash at its end, which is the same in each of its forms.
func ParsePrefix(s string) (Prefix, error) {
	if s == "/" {
		return "", nil
	}
	if !strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/") {
		return "", fmt.Errorf("%q is no prefix; begin with a slash and end without one, as in /api", s)
	}
	for segment := range strings.SplitSeq(s[1:], "/") {
		if segment == "" || segment == "." || segment == ".." {
			return "", fmt.Errorf("%q has a segment %q; leave it out", s, segment)
		}
		for i := range len(segment) {
			if c := segment[i]; !isLetter(c) && !isDigit(c) && !strings.ContainsRune("-._~", rune(c)) {
				return "", fmt.Errorf("%q holds %q; a prefix consists of letters, digits, - . _ ~ and slashes", s, c)
			}
		}
	}
	return Prefix(s), nil
}

// Cut returns what of a path follows the prefix: nothing, or a path that begins with a
// slash. It is not ok if the path is not beneath the prefix. The prefix may have been
// sent with escapes; the slash behind it may not, since an escaped one divides no
// segments.
func (p Prefix) Cut(path Path) (rest Path, ok bool) {
	rest.Decoded, ok = strings.CutPrefix(path.Decoded, string(p))
	if !ok || rest.Decoded != "" && rest.Decoded[0] != '/' {
		return Path{}, false
	}
	if path.Raw == "" {
		return rest, true
	}
	raw := path.Raw
	for range len(p) {
		n, valid := unit(raw)
		if !valid {
			return Path{}, false
		}
		raw = raw[n:]
	}
	if raw != "" && raw[0] != '/' {
		return Path{}, false
	}
	if slashes := strings.Count(string(p), "/"); strings.Count(path.Raw[:len(path.Raw)-len(raw)], "/") != slashes {
		return Path{}, false // a slash of the prefix was escaped
	}
	rest.Raw = raw
	return rest, true
}

// unit is how long the first byte of a path is in its escaped form.
func unit(raw string) (n int, ok bool) {
	switch {
	case raw == "":
		return 0, false
	case raw[0] != '%':
		return 1, true
	case len(raw) >= 3 && isHex(raw[1]) && isHex(raw[2]):
		return 3, true
	}
	return 0, false
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// CutSegment divides a path, which is empty or begins with a slash, into its first
// segment and what follows. It is not ok if the segment was sent with escapes, or there
// is none: the name of a version needs no escapes.
func CutSegment(path Path) (segment string, rest Path, ok bool) {
	if path.Decoded == "" {
		return "", path, false
	}
	segment, rest.Decoded = cutSegment(path.Decoded)
	if path.Raw == "" {
		return segment, rest, segment != ""
	}
	raw, after := cutSegment(path.Raw)
	if raw != segment || segment == "" {
		return "", path, false
	}
	rest.Raw = after
	return segment, rest, true
}

func cutSegment(path string) (segment, rest string) {
	path = path[1:]
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}

// Join puts a version, or nothing where it is empty, between the prefix and the rest
// of a path.
func (p Prefix) Join(version string, rest Path) Path {
	before := string(p)
	if version != "" {
		before += "/" + version
	}
	joined := Path{Decoded: before + rest.Decoded}
	if joined.Decoded == "" {
		joined.Decoded = "/"
	}
	if rest.Raw != "" {
		joined.Raw = before + rest.Raw
	}
	return joined
}
