// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycors

import (
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// Header names of the protocol, in canonical form.
const (
	headerOrigin         = "Origin"
	headerVary           = "Vary"
	headerRequestMethod  = "Access-Control-Request-Method"
	headerRequestHeaders = "Access-Control-Request-Headers"
	headerRequestPrivate = "Access-Control-Request-Private-Network"
	headerAllowOrigin    = "Access-Control-Allow-Origin"
	headerCredentials    = "Access-Control-Allow-Credentials"
	headerExpose         = "Access-Control-Expose-Headers"
	headerMaxAge         = "Access-Control-Max-Age"
	headerAllowMethods   = "Access-Control-Allow-Methods"
	headerAllowHeaders   = "Access-Control-Allow-Headers"
	headerAllowPrivate   = "Access-Control-Allow-Private-Network"
)

// ours are the headers of an answer that are the gateway's to set.
var ours = [...]string{
	headerAllowOrigin, headerCredentials, headerExpose, headerMaxAge, headerAllowMethods, headerAllowHeaders, headerAllowPrivate,
}

// Bounds of what a preflight may ask for.
const (
	maxAskedHeaders = 100
	maxAskedBytes   = 8 << 10
)

// Handle answers a preflight, and has the answer to any other request say what a page
// may read of it.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	if h.kong != nil {
		return h.kong.handle(w, r, rq, next)
	}
	from := r.Header[headerOrigin]
	if isPreflight(r) {
		rq.Finish(h.preflight(r))
		w.WriteHeader(http.StatusOK)
		return nil
	}
	s := h.sharingFor(from)
	rq.Finish(s)
	if h.Enforce && s == h.stranger && !ownOrigin(r) {
		return state.Deny(http.StatusForbidden, "origin_not_allowed", "Pages of this origin may not use the API")
	}
	return next.ServeHTTP(w, r)
}

// isPreflight says that a request is a preflight of the Fetch standard (section 4.8,
// CORS-preflight fetch). OPTIONS without these headers is a request like any other.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && len(r.Header[headerOrigin]) > 0 && len(r.Header[headerRequestMethod]) > 0
}

// ownOrigin says that a request comes from a page of the server it goes to. Without TLS
// there may be a proxy in front that has it.
func ownOrigin(r *http.Request) bool {
	from := r.Header[headerOrigin]
	if len(from) != 1 {
		return false
	}
	scheme, host, ok := strings.Cut(from[0], "://")
	return ok && strings.EqualFold(host, r.Host) && (scheme == "https" || scheme == "http" && r.TLS == nil)
}

// sharing is what an answer says to pages.
type sharing struct{ header http.Header }

// FinishHeader implements state.Finisher.
func (s *sharing) FinishHeader(h http.Header) {
	for _, name := range ours {
		delete(h, name)
	}
	for name, values := range s.header {
		if name == headerVary {
			for _, v := range values {
				state.AddVary(h, v)
			}
			continue
		}
		h[name] = slices.Clone(values) // others edit headers in place, and the next answer has these
	}
}

// prepare asks the library once for whatever it will say again and again.
func (h *Handler) prepare() {
	h.closed = h.ask(http.Header{headerRequestMethod: {http.MethodGet}})
	if h.origins.any {
		// The same for all, with an Origin or without, since nothing says that
		// answers differ: a cache may give one to anybody.
		h.absent = h.ask(http.Header{headerOrigin: {null}})
		h.stranger = h.absent
		return
	}
	h.known = make(map[string]*sharing, len(h.origins.exact)+1)
	for o := range h.origins.exact {
		h.known[o] = h.ask(http.Header{headerOrigin: {o}})
	}
	if h.origins.null {
		h.known[null] = h.ask(http.Header{headerOrigin: {null}})
	}
	h.absent = h.ask(http.Header{})
	h.stranger = &sharing{header: h.absent.header}
}

// sharingFor is what is said to the page that an actual request comes from.
func (h *Handler) sharingFor(from []string) *sharing {
	switch {
	case h.origins.any, len(from) == 0, len(from) == 1 && from[0] == "":
		return h.absent
	case len(from) > 1:
		return h.stranger
	}
	if s, ok := h.known[from[0]]; ok {
		return s
	}
	if !h.origins.allows(from[0]) {
		return h.stranger
	}
	return h.ask(http.Header{headerOrigin: from})
}

// ask has the library judge a request by its header. It is a preflight if that asks for
// a method. If not, the method is none of the library's business, since browsers send
// GET and POST without a preflight, and OPTIONS is one that it always admits.
func (h *Handler) ask(header http.Header) *sharing {
	a := &answer{header: make(http.Header, 8)}
	h.cors.HandlerFunc(a, &http.Request{Method: http.MethodOptions, Header: header})
	s := &sharing{header: a.header}
	if vary := s.header[headerVary]; len(vary) > 0 {
		var names []string
		for _, line := range vary {
			for name := range strings.SplitSeq(line, ",") {
				names = append(names, strings.TrimSpace(name))
			}
		}
		if h.origins.any {
			names = slices.DeleteFunc(names, func(s string) bool { return s == headerOrigin })
		}
		s.header[headerVary] = names
	}
	return s
}

// preflight is the answer to a preflight. The library gets it as a browser would have
// sent it: one origin, one method, and names of headers in lower case, each once and in
// order, because it takes whatever else it gets for granted.
func (h *Handler) preflight(r *http.Request) *sharing {
	from, method := r.Header[headerOrigin], r.Header[headerRequestMethod]
	if len(from) != 1 || len(method) != 1 || !httpguts.ValidHeaderFieldName(method[0]) {
		return h.closed
	}
	header := http.Header{headerOrigin: from, headerRequestMethod: method}
	if lines := r.Header[headerRequestHeaders]; len(lines) > 0 {
		names, ok := asked(lines)
		if !ok {
			return h.closed
		}
		if len(names) > 0 {
			header[headerRequestHeaders] = []string{strings.Join(names, ",")}
		}
	}
	if v := r.Header[headerRequestPrivate]; len(v) == 1 {
		header[headerRequestPrivate] = v
	}
	return h.ask(header)
}

// asked reads the names of headers that a page wants to send.
func asked(lines []string) (names []string, ok bool) {
	room := maxAskedBytes
	for _, line := range lines {
		if room -= len(line); room < 0 {
			return nil, false
		}
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.ToLower(strings.Trim(name, " \t")); name == "" {
				continue
			}
			if !httpguts.ValidHeaderFieldName(name) || len(names) == maxAskedHeaders {
				return nil, false
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), true
}

// answer takes what the library says.
type answer struct{ header http.Header }

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) Write(p []byte) (int, error) { return len(p), nil }
func (a *answer) WriteHeader(int)             {}

// Interface guards
var (
	_ state.Finisher      = (*sharing)(nil)
	_ http.ResponseWriter = (*answer)(nil)
)
