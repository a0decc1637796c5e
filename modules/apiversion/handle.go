// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apiversion

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/versioning"
)

// Handle decides on the version and puts it into the request.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	rest, ok := h.prefix.Cut(versioning.Path{Decoded: r.URL.Path, Raw: r.URL.RawPath})
	if !ok {
		if h.evades(r.URL.Path, -1) {
			return h.misspelt(rq)
		}
		return next.ServeHTTP(w, r)
	}
	inPath, rest := h.inPath(rest)
	decided, refusal := h.decide(r, inPath)
	bare := h.prefix.Join("", rest)
	rq.APIVersion = state.APIVersion{Source: string(decided.from), Path: escaped(bare)}
	if refusal == nil && decided.from == "" {
		rq.APIVersion.Source = fromDefault
		if h.standard < 0 {
			refusal = h.missing()
		}
		decided.version = h.standard
	}
	if refusal != nil {
		rq.KongErrors = rq.KongErrors || h.app.Kong()
		if len(h.vary) > 0 {
			rq.Finish(&ending{life: &life{vary: h.vary}, vary: true})
		}
		return refusal
	}
	path, version := r.URL.Path, decided.version
	switch {
	case h.Rewrite == RewriteFull:
		path = h.prefix.Join(h.set.Name(version), rest).Decoded
	case inPath.from != "":
		version = inPath.version // another source may have been preferred to it
	}
	if h.evades(path, version) {
		return h.misspelt(rq)
	}
	rq.APIVersion.Name = h.set.Name(decided.version)
	h.tell(rq, decided, rest)
	if err := h.refuseGone(decided.version); err != nil {
		rq.KongErrors = rq.KongErrors || h.app.Kong()
		return err
	}
	h.assert(r.Header, rq.APIVersion.Name)
	h.rewrite(r, rq.APIVersion.Name, rest, bare)
	return next.ServeHTTP(w, r)
}

// assert tells the upstream the version, in place of what the client has said there, or in
// a spelling with other separators, which some servers take for the same header.
func (h *Handler) assert(header http.Header, version string) {
	for name := range header {
		if len(name) == len(h.header) && strings.ContainsAny(name, "_.") && sameHeader(name, h.header) {
			delete(header, name)
		}
	}
	header[h.header] = []string{version}
	state.ProtectHeaders(header)
}

// sameHeader says that two names of one length differ in separators and case alone.
func sameHeader(a, b string) bool {
	separators := strings.NewReplacer("_", "-", ".", "-")
	return strings.EqualFold(separators.Replace(a), separators.Replace(b))
}

// rewrite gives the path the form that it shall have.
func (h *Handler) rewrite(r *http.Request, version string, rest, bare versioning.Path) {
	if h.Rewrite == RewriteOff {
		return
	}
	path := bare
	if h.Rewrite == RewriteFull {
		path = h.prefix.Join(version, rest)
	}
	if path.Decoded == r.URL.Path && path.Raw == r.URL.RawPath {
		return
	}
	r.URL.Path, r.URL.RawPath = path.Decoded, path.Raw
	r.RequestURI = r.URL.RequestURI()
}

func escaped(p versioning.Path) string {
	u := url.URL{Path: p.Decoded, RawPath: p.Raw}
	return u.EscapedPath()
}

// tell lets the answer tell of the version, if there is anything to be told.
func (h *Handler) tell(rq *state.Request, decided said, rest versioning.Path) {
	l := &h.lives[decided.version]
	// Where the path decides before anything else is looked at, nothing else matters.
	vary := len(h.vary) > 0 && !(h.Conflict == ConflictFirst && decided.from == FromPath && h.sources[0].From == FromPath)
	if l.quiet() && !vary {
		return
	}
	e := &ending{life: l, header: h.header, vary: vary}
	if l.successor >= 0 {
		e.successor = versioning.Link(escaped(h.prefix.Join(h.set.Name(l.successor), rest)), "successor-version")
	}
	rq.Finish(e)
}

// refuseGone refuses a version whose end has come.
func (h *Handler) refuseGone(version int) error {
	l := &h.lives[version]
	if l.gone.IsZero() || h.now().Before(l.gone) {
		return nil
	}
	message := fmt.Sprintf("API version %s is gone since %s", h.set.Name(version), l.gone.Format("2006-01-02"))
	if l.successor >= 0 {
		message += "; use " + h.set.Name(l.successor)
	}
	return state.Deny(http.StatusGone, "api_version_gone", message)
}

func (h *Handler) missing() error {
	return state.Deny(http.StatusBadRequest, "api_version_missing", "The request names no API version; there are: "+h.set.Names())
}

// maxEcho is how much of what a client calls a version is said back to it.
const maxEcho = 40

func (h *Handler) unknown(said string) error {
	if len(said) > maxEcho {
		said = said[:maxEcho] + "..."
	}
	return state.Deny(h.Unknown, "api_version_unknown", fmt.Sprintf("There is no API version %+q; there are: %s", said, h.set.Names()))
}

// misspelt refuses a path that routes take for another than it is here.
func (h *Handler) misspelt(rq *state.Request) error {
	rq.KongErrors = rq.KongErrors || h.app.Kong()
	return state.Deny(h.Unknown, "api_version_unknown",
		"The path spells the API or its version in another way; write "+string(h.prefix)+"/<version>, of which there are: "+h.set.Names())
}

func conflict(message string) error {
	return state.Deny(http.StatusBadRequest, "api_version_conflict", message)
}
