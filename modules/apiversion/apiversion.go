// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package apiversion lets one API have several versions: it reads from a request which
// one it asks for, puts that into the path, and tells clients which of them come to
// their end.
//
// See docs/api_version.md.
package apiversion

import (
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // places the directive
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/versioning"
)

func init() { caddy.RegisterModule(new(Handler)) }

// Defaults.
const (
	DefaultPrefix    = "/api"
	DefaultHeader    = "X-API-Version"
	DefaultParameter = "version"
)

// Handler reads the version of an API that a request asks for, from the sources that
// are listed: a segment of the path, headers, parameters of the query, and the Accept
// header. The first source that names one decides, else Default does. Requests whose
// path is not beneath Prefix pass untouched.
//
// The version is put into the path behind Prefix, so that routes and upstreams see
// /api/v1/asr whether a client has sent /api/v1/asr or /api/asr; every other byte of
// the URI stays as it was sent. It stands in the request header that is the first header
// among the sources, or else X-API-Version, in place of what the client said there.
//
// A version that does not exist is refused with the status Unknown (code
// api_version_unknown), and so are none where there is no Default (400,
// api_version_missing), two at once (400, api_version_conflict), and one whose end has
// come (410, api_version_gone). Answers tell of deprecation and sunset, those of the
// gateway itself included.
//
// Placeholders: {gateway.api_version}, {gateway.api_version.path}, which is the path
// without the version, and {gateway.api_version.source}. The handler itself uses none.
type Handler struct {
	// Versions are the names of the versions, as they stand in paths: v1, 1.2,
	// 2026-01-31. Up to 64, which differ in more than case and a leading "v".
	Versions []string `json:"versions,omitempty"`

	// Default is the version of requests that name none. Without it they are refused.
	Default string `json:"default,omitempty"`

	// Prefix is the path beneath which there are versions. Default: /api.
	Prefix string `json:"prefix,omitempty"`

	// Sources are where a version is looked for, in this order; the path comes first
	// where it is not listed. Default: the path, and the header X-API-Version.
	Sources []Source `json:"sources,omitempty"`

	// Conflict says what happens when sources name different versions: first, where
	// the first source decides and the others are not looked at, or reject, where all
	// are. Default: first. One source that names two is refused in any case.
	Conflict Conflict `json:"conflict,omitempty"`

	// Unknown is the status with which a version that does not exist is refused: 400,
	// 404 or 406. Default: 400.
	Unknown int `json:"unknown,omitempty"`

	// Rewrite says what the path becomes: full, with the version; strip, without it,
	// for upstreams that go by the header; off, as the client has sent it. Default:
	// full.
	Rewrite Rewrite `json:"rewrite,omitempty"`

	// ResponseHeader puts the version on the answer too, in the header in which the
	// upstream gets it. Default: false.
	ResponseHeader bool `json:"response_header,omitempty"`

	// Lifecycle says of versions how they come to their end, by their names.
	Lifecycle map[string]*Lifecycle `json:"lifecycle,omitempty"`

	app      *gateway.App
	set      *versioning.Set
	prefix   versioning.Prefix
	sources  []Source
	standard int // the default version; -1 if there is none
	header   string
	vary     []string
	lives    []life // of each version
	now      func() time.Time
}

// Conflict says what happens when sources name different versions.
type Conflict string

// The ways to settle a conflict.
const (
	ConflictFirst  Conflict = "first"
	ConflictReject Conflict = "reject"
)

// Rewrite says what the path becomes.
type Rewrite string

// The ways to rewrite the path.
const (
	RewriteFull  Rewrite = "full"
	RewriteStrip Rewrite = "strip"
	RewriteOff   Rewrite = "off"
)

// From is a kind of source.
type From string

// The kinds of sources.
const (
	FromPath   From = "path"
	FromHeader From = "header"
	FromQuery  From = "query"
	FromAccept From = "accept"
)

// fromDefault is the source of versions that no source names.
const fromDefault = "default"

// Source is where a version is looked for.
type Source struct {
	// From is path, header, query or accept.
	From From `json:"from,omitempty"`

	// Name is the header or the parameter of the query; of accept, the parameter of a
	// media type. Default: X-API-Version for a header, else version.
	Name string `json:"name,omitempty"`
}

// Lifecycle says how a version comes to its end. Dates are days, which begin at midnight
// UTC, or times in the form of RFC 3339.
type Lifecycle struct {
	// Deprecated is since or from when nobody should begin to use the version: the
	// Deprecation header (RFC 9745).
	Deprecated string `json:"deprecated,omitempty"`

	// DeprecationLink is a page about that: a Link with rel="deprecation".
	DeprecationLink string `json:"deprecation_link,omitempty"`

	// Sunset is when the version is expected to end: the Sunset header (RFC 8594).
	Sunset string `json:"sunset,omitempty"`

	// SunsetLink is a page about that: a Link with rel="sunset".
	SunsetLink string `json:"sunset_link,omitempty"`

	// Successor is the version to use instead: a Link with rel="successor-version"
	// (RFC 5829) to the same path in that version.
	Successor string `json:"successor,omitempty"`

	// Gone refuses the version with 410 from its sunset on. Default: false.
	Gone bool `json:"gone,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.api_version", New: func() caddy.Module { return new(Handler) }}
}

// Provision compiles the versions.
func (h *Handler) Provision(ctx caddy.Context) (err error) {
	if h.app, err = gateway.Get(ctx); err != nil {
		return err
	}
	return h.compile()
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
)
