// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"net/url"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

// redacted stands in for what is hidden.
const redacted = "REDACTED"

// text returns s with secrets hidden: the values of query parameters with
// secret names, wherever in s a URL stands, and anything that looks like a key
// that "caddy gateway key new" makes. What holds neither is returned as it is.
func (n *secretNames) text(s string) string {
	if strings.Contains(s, apikey.Prefix) {
		s = withoutGenerated(s)
	}
	if strings.IndexByte(s, '=') >= 0 && strings.ContainsAny(s, "?&#") {
		s = n.withoutParams(s)
	}
	return s
}

// withoutParams hides the values of secret parameters. Every "?", "&", ";" and
// "#" may begin a parameter; what is not one has no "=" or no secret name. A
// value goes on to the next "&" or "#" or to what cannot stand in a URL, so a
// ";" or "?" inside a secret does not let its rest through.
func (n *secretNames) withoutParams(s string) string {
	var out strings.Builder
	copied := 0
	for i := 0; i < len(s); i++ {
		if !beginsParam(s[i]) {
			continue
		}
		eq := i + 1
		for eq < len(s) && s[eq] != '=' && !beginsParam(s[eq]) && !endsURL(s[eq]) {
			eq++
		}
		if eq == len(s) || s[eq] != '=' || !n.parameter(s[i+1:eq]) {
			continue
		}
		end := eq + 1
		for end < len(s) && s[end] != '&' && s[end] != '#' && !endsURL(s[end]) {
			end++
		}
		if copied == 0 {
			out.Grow(len(s) + len(redacted))
		}
		out.WriteString(s[copied : eq+1])
		if end > eq+1 {
			out.WriteString(redacted)
		}
		copied, i = end, end-1
	}
	if copied == 0 {
		return s
	}
	out.WriteString(s[copied:])
	return out.String()
}

// parameter says that the value of the query parameter called name is secret.
func (n *secretNames) parameter(name string) bool {
	if strings.IndexByte(name, '%') >= 0 {
		decoded, err := url.QueryUnescape(name)
		if err != nil {
			return false
		}
		name = decoded
	}
	return inSet(n.query, name)
}

func beginsParam(c byte) bool { return c == '?' || c == '&' || c == ';' || c == '#' }

func endsURL(c byte) bool {
	return c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '\\' || c == 0x7f
}

// withoutGenerated hides what has the shape of a generated key. The checksum
// is not asked for: a key with a slip of the pen in it is nobody's business
// either.
func withoutGenerated(s string) string {
	var out strings.Builder
	copied := 0
	for from := 0; ; {
		i := strings.Index(s[from:], apikey.Prefix)
		if i < 0 {
			break
		}
		start := from + i
		end := start + len(apikey.Prefix)
		for end < len(s) && end-start < apikey.Length && isAlphanumeric(s[end]) {
			end++
		}
		if end-start == apikey.Length {
			out.WriteString(s[copied:start])
			out.WriteString(redacted)
			copied = end
		}
		from = end
	}
	if copied == 0 {
		return s
	}
	out.WriteString(s[copied:])
	return out.String()
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}
