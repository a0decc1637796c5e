// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

import (
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// refuse returns the denial of the first rule that the request breaks.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, t *traits) error {
	if !h.serves(r) {
		return state.DenyWith(&state.Denial{
			Status: http.StatusMethodNotAllowed, Code: "method_not_allowed",
			Message: "This method is not served here", Allow: h.allow,
		})
	}
	if h.rules.has(checkEarlyData) && arrivedEarly(r, t) && !isSafe(r.Method) {
		return state.Deny(http.StatusTooEarly, "too_early",
			"Requests that change something are not accepted in TLS early data; send it again")
	}
	if err := h.refuseTarget(r); err != nil {
		return err
	}
	return h.refuseHeaders(w, r, t)
}

// serves says that the method is admitted. Whatever is configured or switched
// off, CONNECT is for WebSockets only, and TRACE and TRACK are for nobody.
func (h *Handler) serves(r *http.Request) bool {
	if neverServed(r.Method) {
		return h.websocket && isExtendedConnect(r)
	}
	return !h.rules.has(checkMethods) || slices.Contains(h.methods, r.Method)
}

// isExtendedConnect says that r opens a WebSocket over HTTP/2 (RFC 8441) or
// HTTP/3 (RFC 9220), whose servers show the pseudo-header differently.
func isExtendedConnect(r *http.Request) bool {
	if r.Method != http.MethodConnect {
		return false
	}
	switch r.ProtoMajor {
	case 2:
		protocol := r.Header[":protocol"]
		return len(protocol) == 1 && protocol[0] == "websocket"
	case 3:
		return r.Proto == "websocket"
	}
	return false
}

// arrivedEarly says that somebody may have recorded the request and sent it
// again: it came before the TLS handshake was complete, or a proxy in front
// says so (RFC 8470).
func arrivedEarly(r *http.Request, t *traits) bool {
	return t.earlyData || r.TLS != nil && !r.TLS.HandshakeComplete
}

func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// refuseTarget judges what stands in the request line.
func (h *Handler) refuseTarget(r *http.Request) error {
	if h.rules.has(checkAbsoluteForm) && !isOriginForm(r.Method, r.URL) {
		return state.Deny(http.StatusBadRequest, "absolute_form",
			"The request target must be a path; this is a gateway and no forward proxy")
	}
	if fault := h.rules.checkPath(r.URL); fault != 0 {
		return state.Deny(http.StatusBadRequest, "ambiguous_path", faultMessages[fault])
	}
	if !h.rules.has(checkQuery) {
		return nil
	}
	switch checkQueryString(r.URL.RawQuery, h.maxQuery, h.maxParams) {
	case queryFine:
	case queryTooLong:
		return state.Deny(http.StatusBadRequest, "query_too_long", "The query is longer than this route accepts")
	case queryTooManyParams:
		return state.Deny(http.StatusBadRequest, "too_many_query_params", "The query has more parameters than this route accepts")
	case queryMalformed:
		return state.Deny(http.StatusBadRequest, "invalid_query",
			"The query holds a semicolon or # that is not encoded, or a % that begins no escape")
	}
	return nil
}

func (h *Handler) refuseHeaders(w http.ResponseWriter, r *http.Request, t *traits) error {
	if h.rules.has(checkHeaders) && t.lines > h.maxLines {
		return state.Deny(http.StatusRequestHeaderFieldsTooLarge, "too_many_headers", "The request has too many header lines")
	}
	if h.rules.has(checkDuplicateHeaders) {
		if t.authorizations {
			w.Header().Set("Www-Authenticate", "Bearer")
			return state.Deny(http.StatusUnauthorized, "ambiguous_credentials", "Authorization is given more than once")
		}
		if t.duplicate != "" {
			return state.Deny(http.StatusBadRequest, "duplicate_header", t.duplicate+" is given more than once")
		}
		// HTTP/2 carries the host in a pseudo-header and may repeat it here.
		if hosts := r.Header["Host"]; t.host && (len(hosts) != 1 || hosts[0] != r.Host) {
			return state.Deny(http.StatusBadRequest, "duplicate_header", "Host contradicts the authority of the request")
		}
	}
	if t.expect && h.rules.has(checkExpect) && !continueOnly(r.Header["Expect"]) {
		return state.Deny(http.StatusExpectationFailed, "expectation_failed", "Only 100-continue can be expected")
	}
	return nil
}

// clean removes what is not a client's to say.
func (h *Handler) clean(r *http.Request, t *traits) {
	if t.connection && h.rules.has(checkConnection) && state.NominatesHeaders(r.Header) {
		state.ProtectHeaders(r.Header)
	}
	if (t.upgrade || t.settings) && h.rules.has(checkUpgrade) {
		restrictUpgrade(r.Header, h.websocket && r.Method == http.MethodGet && r.ProtoMajor == 1)
	}
	if t.override && h.rules.has(checkOverrides) {
		for _, name := range overrideHeaders {
			delete(r.Header, name)
		}
	}
	if t.forwarded && h.rules.has(checkForwarded) && !fromTrustedProxy(r) {
		for _, name := range forwardedHeaders {
			delete(r.Header, name)
		}
	}
	if r.Trailer != nil && h.rules.has(checkTrailers) {
		stripTrailer(r.Trailer)
		if r.Body != nil {
			r.Body = &trailerBody{r.Body, r.Trailer}
		}
	}
}

func fromTrustedProxy(r *http.Request) bool {
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	return trusted
}
