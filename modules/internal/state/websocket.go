// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"net/http"
	"strings"
)

// OpensWebSocket says that r asks for a WebSocket: by an upgrade (RFC 6455), or by an
// extended CONNECT of HTTP/2 (RFC 8441) or HTTP/3 (RFC 9220).
func OpensWebSocket(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet:
		for _, line := range r.Header["Upgrade"] {
			for token := range strings.SplitSeq(line, ",") {
				if strings.EqualFold(strings.Trim(token, " \t"), "websocket") {
					return true
				}
			}
		}
	case http.MethodConnect:
		protocol := r.Header[":protocol"]
		return r.ProtoMajor == 2 && len(protocol) == 1 && protocol[0] == "websocket" || r.ProtoMajor == 3 && r.Proto == "websocket"
	}
	return false
}

// Names of the header in which the subprotocols of a WebSocket stand: as net/http has it,
// and as Caddy's proxy writes it.
const (
	HeaderProtocol      = "Sec-Websocket-Protocol"
	headerProtocolProxy = "Sec-WebSocket-Protocol"
)

// NameProtocol has the answer that opens the WebSocket for which r asks name a subprotocol
// if the upstream names none. It is for who has taken everything that the client has offered
// out of the request: browsers give up a WebSocket whose answer names nothing of what they
// have offered.
func (rq *Request) NameProtocol(r *http.Request, protocol string) {
	rq.subprotocol, rq.opening = protocol, http.StatusSwitchingProtocols
	if r.Method == http.MethodConnect {
		rq.opening = http.StatusOK
	}
}

// answerProtocol names it.
func (rq *Request) answerProtocol(status int, h http.Header) {
	if status == rq.opening && len(h[HeaderProtocol]) == 0 && len(h[headerProtocolProxy]) == 0 { //nolint:staticcheck // not canonical, as the proxy writes it
		h[headerProtocolProxy] = []string{rq.subprotocol}
	}
}
