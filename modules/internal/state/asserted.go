// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"net/http"
	"slices"
)

// AssertHeader tells the upstream something about the caller in a header whose name the
// config has chosen, in place of whatever stands there, and notes that it was the gateway.
func (rq *Request) AssertHeader(h http.Header, name, value string) {
	h[name] = []string{value}
	if !slices.Contains(rq.asserted, name) {
		rq.asserted = append(rq.asserted, name)
	}
}

// RetractHeader removes a header that only the gateway may set, unless AssertHeader has set
// it for this request: then another way to authenticate has accepted the caller.
func (rq *Request) RetractHeader(h http.Header, name string) {
	if !slices.Contains(rq.asserted, name) {
		delete(h, name)
	}
}

// disown removes what AssertHeader has set: the caller is nobody of whom that was said.
func (rq *Request) disown(h http.Header) {
	for _, name := range rq.asserted {
		delete(h, name)
	}
	rq.asserted = rq.asserted[:0]
}
