// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import "net/http"

// echo is a header that the answer carries whoever writes it.
type echo struct {
	name  string
	value []string
}

// Echo puts a header with one value on the answer, in place of whatever the
// upstream says under that name. The name is in canonical form and value has
// exactly one element; the answer keeps the slice.
//
// The header is set at once, for answers that nobody writes a header for, and
// again before the final header goes out, because reverse_proxy adds to a
// header that is there instead of replacing it.
func (rq *Request) Echo(name string, value []string) {
	rq.writer.echo = echo{name, value}
	if rq.writer.ResponseWriter != nil {
		rq.writer.echo.set(rq.writer.Header())
	}
}

func (e *echo) set(h http.Header) {
	if e.name != "" {
		h[e.name] = e.value
	}
}
