// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// reservedTrailers are fields that decide on framing, routing or identity and
// so come too late in a trailer (RFC 9110 section 6.5.1). A server that merges
// trailers into headers would believe them. Names are lower-case with "-" for
// "_" and ".".
var reservedTrailers = map[string]bool{
	"age": true, "apikey": true, "api-key": true, "authorization": true, "cache-control": true,
	"connection": true, "content-encoding": true, "content-length": true, "content-location": true,
	"content-range": true, "content-type": true, "cookie": true, "date": true, "early-data": true,
	"expect": true, "forwarded": true, "host": true, "keep-alive": true, "max-forwards": true,
	"origin": true, "pragma": true, "proxy-authenticate": true, "proxy-authorization": true,
	"proxy-connection": true, "range": true, "referer": true, "set-cookie": true, "te": true,
	"trailer": true, "transfer-encoding": true, "true-client-ip": true, "upgrade": true,
	"cf-connecting-ip": true, "fastly-client-ip": true, "via": true, "www-authenticate": true,
	"x-api-key": true, "x-auth-token": true, "x-access-token": true, "x-goog-api-key": true,
	"x-client-ip": true, "x-cluster-client-ip": true, "x-correlation-id": true, "x-request-id": true,
	"x-http-method": true, "x-http-method-override": true, "x-method-override": true,
	"x-original-forwarded-for": true, "x-original-host": true, "x-original-url": true,
	"x-real-ip": true, "x-rewrite-url": true,
}

var separators = strings.NewReplacer("_", "-", ".", "-")

func isReservedTrailer(name string) bool {
	if state.IsIdentityHeader(name) {
		return true
	}
	folded := separators.Replace(strings.ToLower(name))
	return reservedTrailers[folded] ||
		strings.HasPrefix(folded, "if-") || strings.HasPrefix(folded, "x-forwarded")
}

// stripTrailer removes reserved fields, whether only announced or received.
func stripTrailer(trailer http.Header) {
	for name := range trailer {
		if isReservedTrailer(name) {
			delete(trailer, name)
		}
	}
}

// trailerBody removes reserved fields at the end of the body, which is when
// the server fills the trailer in and before a proxy behind copies it. The map
// belongs to the request and all its shallow copies.
type trailerBody struct {
	io.ReadCloser
	trailer http.Header
}

func (b *trailerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		stripTrailer(b.trailer)
	}
	return n, err
}
