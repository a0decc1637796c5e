// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

// ReservedHeader says why an operator's edits may not touch a header field, by its
// canonical name; empty if they may: those that say how a message is framed or where it
// goes, which HTTP servers and clients write themselves, and those by which the gateway
// tells who calls.
func ReservedHeader(name string) (why string) {
	switch name {
	case "Host":
		return "reverse_proxy chooses it; write there: header_up Host <name>"
	case "Content-Length", "Transfer-Encoding", "Content-Encoding", "Content-Range", "Trailer":
		return "it says how the body is framed, and follows from the body"
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Upgrade", "Expect":
		return "it concerns the connection, not the request"
	}
	if IsIdentityHeader(name) {
		return "the gateway alone says who calls; to hide it from an upstream write in reverse_proxy: header_up -" + name
	}
	return ""
}
