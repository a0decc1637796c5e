// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import "net/http"

// echo is a header that the answer carries whoever writes it, and those after it. The
// first one, which as a rule is the only one, stands in the writer and needs no memory
// of its own.
type echo struct {
	name  string
	value *[1]string // nil for none
	next  *echo
}

// Echo puts a header with one value on the answer, in place of whatever the
// upstream says under that name and of what was echoed under it before. Without
// a value the answer has no such header. The name is in canonical form, value
// has at most one element, and the answer keeps the slice. Names are the
// configuration's and not the client's, which bounds how many there can be.
//
// The header is set at once, for answers that nobody writes a header for, and
// again before the final header goes out, because reverse_proxy adds to a
// header that is there instead of replacing it.
func (rq *Request) Echo(name string, value []string) {
	e := rq.writer.echo.named(name)
	e.value = nil
	if len(value) > 0 {
		e.value = (*[1]string)(value)
	}
	if rq.writer.ResponseWriter != nil {
		e.set(rq.writer.Header())
	}
}

// Echoes reports whether something has been echoed under a name.
func (rq *Request) Echoes(name string) bool {
	for e := &rq.writer.echo; e != nil; e = e.next {
		if e.name == name {
			return true
		}
	}
	return false
}

// named returns the header of that name, which is made if it is new.
func (e *echo) named(name string) *echo {
	for e.name != name && e.name != "" {
		if e.next == nil {
			e.next = new(echo)
		}
		e = e.next
	}
	e.name = name
	return e
}

// setAll puts the headers on an answer.
func (e *echo) setAll(h http.Header) {
	for ; e != nil && e.name != ""; e = e.next {
		e.set(h)
	}
}

func (e *echo) set(h http.Header) {
	if e.value == nil {
		delete(h, e.name)
		return
	}
	h[e.name] = e.value[:]
}
