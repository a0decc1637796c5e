// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewayauth

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// snapshot is what ways may take out of a request, as it was before. Header values are
// replaced or removed as a whole, never edited in place, so the slices need no copy.
type snapshot struct {
	fields []field
	lost   []string // headers that a way has removed which rejects what stood in them
	query  string
	uri    string
	ctx    context.Context //nolint:containedctx // the request's own, in which Caddy keeps the original URL
}

type field struct {
	name   string
	values []string
}

var snapshots = sync.Pool{New: func() any { return new(snapshot) }}

// take notes what a request holds.
func take(r *http.Request) *snapshot {
	s := snapshots.Get().(*snapshot)
	for name, values := range r.Header {
		s.fields = append(s.fields, field{name, values})
	}
	s.query, s.uri, s.ctx = r.URL.RawQuery, r.RequestURI, r.Context()
	return s
}

// restore puts back what was removed since. The request stays the same object, and so does
// its header, since others hold both.
func (s *snapshot) restore(r *http.Request) {
	clear(r.Header)
	for _, f := range s.fields {
		r.Header[f.name] = f.values
	}
	r.URL.RawQuery, r.RequestURI = s.query, s.uri
	if r.Context() != s.ctx {
		*r = *r.WithContext(s.ctx)
	}
}

// adopt makes what a way that accepts has set part of what is put back: headers that tell the
// upstream about the caller, in place of what the client says in them. Cookies are no such
// header; a way may have taken one out that the next shares.
func (s *snapshot) adopt(r *http.Request) {
	for name, values := range r.Header {
		if name == "Cookie" {
			continue
		}
		i := slices.IndexFunc(s.fields, func(f field) bool { return f.name == name })
		if i < 0 {
			s.fields = append(s.fields, field{name, values})
		} else {
			s.fields[i].values = values
		}
	}
}

// note remembers which headers are gone. Authorization is not among them: ways share it, and
// the one to which it belongs may be told to leave it.
func (s *snapshot) note(r *http.Request) {
	for _, f := range s.fields {
		if _, still := r.Header[f.name]; !still && f.name != "Authorization" {
			s.lost = append(s.lost, f.name)
		}
	}
}

// forget removes again what note remembers: a credential that was wrong here may be good
// elsewhere, and is nothing for the upstream. A header that another way has set since is no
// credential: else a client could take away what is said of it, by sending the header itself.
func (s *snapshot) forget(r *http.Request, rq *state.Request) {
	for _, name := range s.lost {
		rq.RetractHeader(r.Header, name)
	}
}

// release gives the memory back, without what it holds of the request.
func (s *snapshot) release() {
	clear(s.fields)
	s.lost = s.lost[:0]
	s.fields, s.query, s.uri, s.ctx = s.fields[:0], "", "", nil
	snapshots.Put(s)
}
