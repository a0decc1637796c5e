// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"net/http"
	"strings"
)

// Finisher has the last word about the header of an answer.
type Finisher interface {
	// FinishHeader changes the final header just before it leaves for the
	// client. It may be called by another goroutine than the one that serves
	// the request, and must not touch the request's state.
	FinishHeader(h http.Header)
}

// Finish registers f to be shown the header of the answer, whoever writes it: the
// upstream, a cache, an error route, or the gateway itself when it refuses the
// request. Finishers run in the order of registration, after all taps, so what
// they say is never stored with an answer and never doubles what was there before.
func (rq *Request) Finish(f Finisher) { rq.finishers = append(rq.finishers, f) }

// finishHeader lets finishers have their word, once for a header.
func (w *Writer) finishHeader() {
	if w != &w.rq.writer || w.ResponseWriter == nil {
		return // a writer further in: its header is not yet the client's
	}
	for _, f := range w.rq.finishers {
		f.FinishHeader(w.Header())
	}
}

// AddVary adds a name to the Vary header, unless that names it already, in whatever
// case, or says "*".
func AddVary(h http.Header, name string) {
	for _, line := range h["Vary"] {
		for member := range strings.SplitSeq(line, ",") {
			if member = strings.TrimSpace(member); member == "*" || strings.EqualFold(member, name) {
				return
			}
		}
	}
	h["Vary"] = append(h["Vary"], name)
}
