// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycors

import (
	"fmt"
	"net/netip"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

// Bounds of the lists, and of what is taken for an origin.
const (
	maxOrigins = 1000
	maxOrigin  = 512 // bytes
)

// null is the origin of pages that have none: in sandboxed frames, files, data URLs.
const null = "null"

// origins are those that are admitted.
type origins struct {
	any      bool
	null     bool
	exact    map[string]struct{}
	wild     []wildcard
	patterns []*regexp.Regexp
}

// wildcard is an origin with "*" for names below a domain, or for ports.
type wildcard struct {
	scheme string
	host   string // begins with a dot where names below it are meant
	port   string // "*" for any, and none
}

// origin is an origin in its parts.
type origin struct{ scheme, host, port string }

// parseOrigin reads an origin in the form that browsers send: scheme, host and, unless
// it is the scheme's own, the port, in lower case (RFC 6454 section 6.2).
func parseOrigin(s string) (o origin, ok bool) {
	if len(s) > maxOrigin {
		return o, false
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || !isScheme(scheme) {
		return o, false
	}
	o.scheme, o.host = scheme, rest
	if strings.HasPrefix(rest, "[") {
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			return o, false
		}
		if a, err := netip.ParseAddr(rest[1:end]); err != nil || !a.Is6() || a.Zone() != "" || rest[1:end] != strings.ToLower(rest[1:end]) {
			return o, false
		}
		o.host, rest = rest[:end+1], rest[end+1:]
		if rest == "" {
			return o, true
		}
		if rest[0] != ':' {
			return o, false
		}
		o.port = rest[1:]
		return o, isPort(o.port)
	}
	if i := strings.IndexByte(rest, ':'); i >= 0 {
		o.host, o.port = rest[:i], rest[i+1:]
		if !isPort(o.port) {
			return o, false
		}
	}
	return o, isHost(o.host)
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return false
		}
	}
	return s != ""
}

func isHost(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return s != "" && s[0] != '.' && !strings.Contains(s, "..")
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == s
}

// compileOrigins reads the lists. Nothing at all admits everybody.
func compileOrigins(list, patterns []string) (origins, error) {
	o := origins{exact: make(map[string]struct{})}
	if len(list)+len(patterns) > maxOrigins {
		return o, options.Wrong("origins", "there are %d; there may be %d", len(list)+len(patterns), maxOrigins)
	}
	o.any = len(list) == 0 && len(patterns) == 0
	for i, s := range list {
		if slices.Contains(list[:i], s) {
			return o, options.Wrong("origins", "%s is listed twice", s)
		}
		switch {
		case s == "*" && (len(list) > 1 || len(patterns) > 0):
			return o, options.Wrong("origins", "* is all of them; write it alone")
		case s == "*":
			o.any = true
		case s == null:
			o.null = true
		case strings.Contains(s, "*"):
			w, err := parseWildcard(s)
			if err != nil {
				return o, &options.MisuseError{Option: "origins", Err: err}
			}
			o.wild = append(o.wild, w)
		default:
			if err := checkOrigin(s); err != nil {
				return o, &options.MisuseError{Option: "origins", Err: err}
			}
			o.exact[s] = struct{}{}
		}
	}
	for _, s := range patterns {
		p, err := compilePattern(s)
		if err != nil {
			return o, &options.MisuseError{Option: "origin_patterns", Err: err}
		}
		o.patterns = append(o.patterns, p)
	}
	return o, nil
}

// checkOrigin says what is wrong with an origin, in words that lead to the right one.
func checkOrigin(s string) error {
	o, ok := parseOrigin(s)
	lower, valid := parseOrigin(strings.ToLower(s))
	scheme, rest, slashes := strings.Cut(s, "://")
	switch {
	case ok && (o.scheme == "https" && o.port == "443" || o.scheme == "http" && o.port == "80"):
		return fmt.Errorf("browsers leave the port %s of %s out; write %s://%s", o.port, o.scheme, o.scheme, o.host)
	case ok:
		return nil
	case valid && lower.host != "":
		return fmt.Errorf("browsers send %q in lower case; write %s", s, strings.ToLower(s))
	case !slashes:
		return fmt.Errorf("%q has no scheme; write https://%s, or http://%s", s, s, s)
	case strings.ContainsAny(rest, "/?#"):
		host, _, _ := strings.Cut(rest, "/")
		return fmt.Errorf("%q has a path; an origin ends behind host and port: write %s://%s", s, scheme, host)
	case !isASCII(s):
		return fmt.Errorf("%q is not as browsers send it; write the host in its ASCII form, which begins with xn--", s)
	}
	return fmt.Errorf("%q is no origin; write one such as https://app.example.com, http://localhost:5173, https://*.example.com, null or *", s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// parseWildcard reads an origin with "*." before the host or ":*" behind it. All names
// below "com" are not meant, so there are at least two labels.
func parseWildcard(s string) (w wildcard, err error) {
	plain, anyPort := strings.CutSuffix(s, ":*")
	scheme, host, _ := strings.Cut(plain, "://")
	below, isBelow := strings.CutPrefix(host, "*.")
	if isBelow {
		plain = scheme + "://" + below
	}
	if strings.Contains(plain, "*") {
		return w, fmt.Errorf("%q: * stands before the host, as in https://*.example.com, or for the port, as in http://localhost:*; for anything else there is origin_patterns", s)
	}
	if err := checkOrigin(plain); err != nil {
		return w, err
	}
	o, _ := parseOrigin(plain)
	w = wildcard(o)
	if anyPort {
		if w.port != "" {
			return w, fmt.Errorf("%q has two ports", s)
		}
		w.port = "*"
	}
	if isBelow {
		if !strings.Contains(below, ".") || strings.HasPrefix(below, "[") {
			return w, fmt.Errorf("%q is far too much; name a domain, as in https://*.example.com", s)
		}
		if _, err := netip.ParseAddr(o.host); err == nil {
			return w, fmt.Errorf("%q: there is nothing below an address", s)
		}
		w.host = "." + o.host
	}
	return w, nil
}

func (w *wildcard) matches(o *origin) bool {
	if o.scheme != w.scheme || w.port != "*" && o.port != w.port {
		return false
	}
	if w.host[0] == '.' {
		return len(o.host) > len(w.host) && strings.HasSuffix(o.host, w.host)
	}
	return o.host == w.host
}

// compilePattern compiles a regular expression for whole origins. A dot for any one
// character is nearly always meant to be a dot.
func compilePattern(s string) (*regexp.Regexp, error) {
	parsed, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("%q is no regular expression: %w", s, err)
	}
	if bareDot(parsed, false) {
		return nil, fmt.Errorf(`%q: a dot stands for any character; write \. for a dot, and .* or .+ for anything`, s)
	}
	return regexp.Compile("^(?:" + s + ")$")
}

// bareDot finds a dot that is not repeated.
func bareDot(re *syntax.Regexp, repeated bool) bool {
	switch re.Op {
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return !repeated
	case syntax.OpStar, syntax.OpPlus, syntax.OpRepeat:
		repeated = true
	case syntax.OpCapture, syntax.OpQuest:
	default:
		repeated = false
	}
	for _, sub := range re.Sub {
		if bareDot(sub, repeated) {
			return true
		}
	}
	return false
}

// allows says that an origin, as a request has it, is admitted.
func (o *origins) allows(s string) bool {
	if o.any {
		return true
	}
	if _, ok := o.exact[s]; ok {
		return true
	}
	if s == null {
		return o.null
	}
	if len(o.wild) == 0 && len(o.patterns) == 0 {
		return false
	}
	parsed, ok := parseOrigin(s)
	if !ok {
		return false // whatever sends this is no browser
	}
	for i := range o.wild {
		if o.wild[i].matches(&parsed) {
			return true
		}
	}
	for _, p := range o.patterns {
		if p.MatchString(s) {
			return true
		}
	}
	return false
}

// strangers are origins that no list means: who admits one of them admits everybody.
var strangers = [...]string{"https://admits-everyone.invalid", "http://admits-everyone.invalid", "https://x.test:8443"}

// everyone says that all origins are admitted, if only by a pattern.
func (o *origins) everyone() bool {
	return o.any || slices.ContainsFunc(strangers[:], func(s string) bool { return o.allows(s) })
}

// insecure returns the origins without TLS, in order, but for those of the machine itself.
func (o *origins) insecure() []string {
	var list []string
	for s := range o.exact {
		if p, ok := parseOrigin(s); ok && p.scheme == "http" && !loopback(p.host) {
			list = append(list, s)
		}
	}
	for _, w := range o.wild {
		if w.scheme == "http" && !loopback(strings.TrimPrefix(w.host, ".")) {
			list = append(list, "http://*"+w.host)
		}
	}
	slices.Sort(list)
	return list
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && a.IsLoopback()
}
