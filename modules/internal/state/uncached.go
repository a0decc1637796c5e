// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import "net/http"

// Uncached marks the answer to a request whose URL held a credential: neither caches nor
// the Referer of the next request may carry the URL on (RFC 6750, section 2.3). The
// headers are set at once, for refusals, and again on the final answer in place of what
// the upstream says. The rest of the chain gets the writer that is returned, and when it
// has returned without an error, [Request.EndTapped] ends the answer.
func (rq *Request) Uncached(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	ForbidKeeping(w.Header())
	return rq.Tapped(w, r, uncached{})
}

// ForbidKeeping sets the headers of [Request.Uncached].
func ForbidKeeping(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
}

// uncached is the tap that marks the answer.
type uncached struct{}

// ResponseHeader implements Tap.
func (uncached) ResponseHeader(_ int, h http.Header) int64 {
	ForbidKeeping(h)
	return 0
}

// ResponseBody implements Tap.
func (uncached) ResponseBody([]byte) bool { return false }

// HeldHeader implements Tap.
func (uncached) HeldHeader(http.Header) {}

// Interface guards
var _ Tap = uncached{}
