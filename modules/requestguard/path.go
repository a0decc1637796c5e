// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

import (
	"net/url"
	"unicode/utf8"
)

// pathFault says why a path could be read in two ways. It is the bit of the
// rule that the path breaks, or zero.
type pathFault = ruleSet

// faultMessages says to people what is wrong with a path.
var faultMessages = map[pathFault]string{
	checkPathCharacters: "The path holds a control character, invalid UTF-8 or an unencoded #",
	checkBackslashes:    "The path holds a backslash",
	checkEncodedSlashes: "The path holds an encoded slash",
	checkDoubleEncoding: "The path is percent-encoded twice",
	checkDotSegments:    "The path holds a segment that is . or .. or that ends in a dot or a space",
	checkEmptySegments:  "The path holds an empty segment",
	checkPathParameters: "The path holds a semicolon",
}

// Classes of bytes in a decoded path. Everything that is zero in pathClass
// needs no look.
const (
	classSlash uint8 = iota + 1
	classControl
	classBackslash
	classPercent
	classSemicolon
	classHigh
)

var pathClass = func() (t [256]uint8) {
	for c := range 0x20 {
		t[c] = classControl
	}
	for c := 0x80; c <= 0xff; c++ {
		t[c] = classHigh
	}
	t[0x7f] = classControl
	t['/'], t['\\'], t['%'], t[';'] = classSlash, classBackslash, classPercent, classSemicolon
	return t
}()

// checkPath returns the first fault of u's path among the rules of s.
//
// The decoded path shows everything but a slash that was encoded and a "#"
// that was not: net/url decodes exactly once, so a dot or a backslash looks
// the same there in every spelling, and a percent sign can only come from
// "%25". The raw path is kept by net/url only where it is not the usual
// encoding of the decoded one, so most requests cost one pass.
func (s ruleSet) checkPath(u *url.URL) pathFault {
	path := u.Path
	high := false
	for i := range len(path) {
		class := pathClass[path[i]]
		if class == 0 {
			continue
		}
		if class == classHigh {
			high = true
		} else if fault := pathFaultAt(path, i, class); s.has(fault) {
			return fault
		}
	}
	if s.has(checkDotSegments) && endsAmbiguously(path, len(path)) {
		return checkDotSegments
	}
	if high && s.has(checkPathCharacters) && !cleanText(path) {
		return checkPathCharacters
	}
	if u.RawPath != "" {
		return s.checkRawPath(u.RawPath)
	}
	return 0
}

// pathFaultAt is the rule broken by the byte at i, which is of the class.
func pathFaultAt(path string, i int, class uint8) pathFault {
	switch class {
	case classSlash:
		if i > 0 && path[i-1] == '/' {
			return checkEmptySegments
		}
		if endsAmbiguously(path, i) {
			return checkDotSegments
		}
	case classControl:
		return checkPathCharacters
	case classBackslash:
		return checkBackslashes
	case classSemicolon:
		return checkPathParameters
	case classPercent:
		if isEscape(path[i:]) {
			return checkDoubleEncoding
		}
	}
	return 0
}

// endsAmbiguously says that the segment which ends before end does so in a
// dot or a space. Windows drops both from names, and "." and ".." are such
// segments too.
func endsAmbiguously(path string, end int) bool {
	return end > 0 && (path[end-1] == '.' || path[end-1] == ' ')
}

// isEscape says that s begins with an escape: "%41", or "%u0041" as IIS and
// old scripts read it.
func isEscape(s string) bool {
	if len(s) >= 3 && isHex(s[1]) && isHex(s[2]) {
		return true
	}
	return len(s) >= 6 && s[1]|0x20 == 'u' && isHex(s[2]) && isHex(s[3]) && isHex(s[4]) && isHex(s[5])
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// cleanText says that s is UTF-8 without the control characters of its second
// block (U+0080 to U+009F) and without line separators.
func cleanText(s string) bool {
	for i, r := range s {
		switch {
		case r == utf8.RuneError:
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return false
			}
		case 0x80 <= r && r <= 0x9f, r == '\u2028', r == '\u2029':
			return false
		}
	}
	return true
}

// checkRawPath looks for what only the raw path shows.
func (s ruleSet) checkRawPath(raw string) pathFault {
	for i := range len(raw) {
		switch raw[i] {
		case '#':
			if s.has(checkPathCharacters) {
				return checkPathCharacters
			}
		case '%':
			if s.has(checkEncodedSlashes) && i+2 < len(raw) && raw[i+1] == '2' && raw[i+2]|0x20 == 'f' {
				return checkEncodedSlashes
			}
		}
	}
	return 0
}

// isOriginForm says that the request target is a path, or "*" for OPTIONS
// (RFC 9112 section 3.2).
func isOriginForm(method string, u *url.URL) bool {
	if u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.User != nil {
		return false
	}
	return u.Path != "" && u.Path[0] == '/' || u.Path == "*" && method == "OPTIONS"
}
