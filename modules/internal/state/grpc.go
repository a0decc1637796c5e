// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"net/http"
	"strconv"
	"strings"
)

// isGRPC says that r is a call of gRPC, whose clients look for errors in trailers.
func isGRPC(r *http.Request) bool {
	return r.ProtoMajor >= 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
}

// writeGRPCError answers a call of gRPC by headers alone, which stand for trailers
// where nothing follows ("Trailers-Only" of the protocol over HTTP/2).
func (rq *Request) writeGRPCError(w *Writer, r *http.Request, f Failure) {
	h := w.Header()
	h.Set("Content-Type", r.Header.Get("Content-Type"))
	h.Set("Grpc-Status", strconv.Itoa(grpcStatus(f.Status)))
	h.Set("Grpc-Message", grpcMessage(f.Code+": "+f.Message))
	w.WriteHeader(http.StatusOK)
}

// grpcStatus is the status code of gRPC for an HTTP status. Where the gateway knows
// better than the mapping for proxies that know nothing of gRPC, it says so: over a limit is
// RESOURCE_EXHAUSTED, as in Kong and Envoy.
func grpcStatus(status int) int {
	switch status {
	case StatusClientClosed:
		return 1 // CANCELLED
	case http.StatusBadRequest, http.StatusUnsupportedMediaType:
		return 3 // INVALID_ARGUMENT
	case http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return 4 // DEADLINE_EXCEEDED
	case http.StatusForbidden:
		return 7 // PERMISSION_DENIED
	case http.StatusTooManyRequests, http.StatusPaymentRequired, http.StatusRequestEntityTooLarge:
		return 8 // RESOURCE_EXHAUSTED
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return 12 // UNIMPLEMENTED
	case http.StatusBadGateway, http.StatusServiceUnavailable:
		return 14 // UNAVAILABLE
	case http.StatusUnauthorized:
		return 16 // UNAUTHENTICATED
	case http.StatusInternalServerError:
		return 13 // INTERNAL
	}
	return 2 // UNKNOWN
}

// grpcMessage encodes a text for the header: bytes that are not printable ASCII, and
// the percent sign, as % and two hexadecimal digits.
func grpcMessage(text string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c >= ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
