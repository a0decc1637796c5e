// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import "strings"

// isProtocolHeader says that name is Sec-WebSocket-Protocol, in any case, or its CGI
// variable.
func isProtocolHeader(name string) bool {
	const header = "sec-websocket-protocol"
	if len(name) > len(header) && strings.EqualFold(name[:5], "http_") {
		name = name[5:]
	}
	if len(name) != len(header) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c == '_' {
			c = '-'
		}
		if c|0x20 != header[i] && c != header[i] {
			return false
		}
	}
	return true
}

// protocols returns the subprotocols in the lines of a header, without the keys that stand
// among them: what is behind a prefix that keys have, and what follows the word bearer.
// Lines without keys are returned as they are.
func (n *secretNames) protocols(lines []string) []string {
	list := protocolsOf(lines)
	changed := false
	for i, element := range list {
		for _, f := range n.forms {
			switch {
			case f.pair && i > 0 && strings.EqualFold(list[i-1], f.prefix):
				list[i], changed = redacted, true
			case !f.pair && len(element) >= len(f.prefix) && strings.EqualFold(element[:len(f.prefix)], f.prefix):
				list[i], changed = element[:len(f.prefix)]+redacted, true
			}
		}
		if clean := n.text(list[i]); clean != list[i] {
			list[i], changed = clean, true
		}
	}
	if !changed {
		return lines
	}
	return list
}
