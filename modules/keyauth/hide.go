// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// hideOutside removes the carrier at, which decided, and every other carrier
// outside the body whose value is a key of this gateway.
func (k *Keys) hideOutside(r *http.Request, at place) {
	for _, p := range k.hidden {
		var values []string
		if p.kind <= inBearer {
			values = r.Header[p.name]
		}
		for _, v := range values {
			if p.kind == inBearer {
				v, _ = bearerToken(v)
			}
			if p == at || k.isKey(v) {
				delete(r.Header, p.name)
				break
			}
		}
	}
	if r.URL.RawQuery != "" {
		drop := func(name, value string) bool { return k.drops(inQuery, at, name, value) }
		if queryHas(r.URL.RawQuery, drop) {
			k.hideInURL(r, drop)
		}
	}
	// A page whose address held the key names that address in what it asks for.
	if referer := r.Header["Referer"]; len(referer) > 0 {
		drop := func(name, value string) bool { return k.drops(inQuery, place{}, name, value) }
		if _, query, ok := strings.Cut(referer[0], "?"); ok && queryHas(query, drop) {
			r.Header["Referer"] = []string{withoutURIParams(referer[0], drop, false)}
		}
	}
}

// drops says whether the parameter or field called name is to be removed: the
// carrier at itself, or one whose name, in whatever case, is a carrier's and whose
// value is a key.
func (k *Keys) drops(kd kind, at place, name, value string) bool {
	if p := (place{kd, name}); p == at && slices.Contains(k.hidden, p) {
		return true
	}
	named := func(p place) bool { return p.kind == kd && strings.EqualFold(p.name, name) }
	return slices.ContainsFunc(k.hidden, named) && k.isKey(value)
}

// hideInURL removes parameters from the URL, from the request line as it was
// received, and from the original request that Caddy keeps for placeholders
// such as {http.request.orig_uri} and for error routes. That one is a value in
// the request's context, so the context is replaced, in the request itself:
// the replacer and the server hold the same pointer.
func (k *Keys) hideInURL(r *http.Request, drop func(name, value string) bool) {
	r.URL.RawQuery = withoutParams(r.URL.RawQuery, drop, k.kong)
	r.RequestURI = withoutURIParams(r.RequestURI, drop, k.kong)
	orig, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
	if !ok {
		return
	}
	orig.RequestURI = withoutURIParams(orig.RequestURI, drop, k.kong)
	if orig.URL != nil {
		orig.URL.RawQuery = withoutParams(orig.URL.RawQuery, drop, k.kong)
	}
	*r = *r.WithContext(context.WithValue(r.Context(), caddyhttp.OriginalRequestCtxKey, orig))
}

// hideInBody removes the field that decided, and others that hold a key of
// this gateway, from a body of a type that is looked into.
func (k *Keys) hideInBody(r *http.Request, rq *state.Request, at place) error {
	if !k.hide || !k.readsBody {
		return nil
	}
	var fields body
	if err := fields.read(k, r, rq); err != nil {
		return err
	}
	drop := func(name, value string) bool { return k.drops(inBody, at, name, value) }
	if data, changed := fields.without(drop); changed {
		rq.SetBody(r, data)
	}
	return nil
}

// hideKnown removes whatever is a key of this gateway from a request that
// passes without being asked for one.
func (k *Keys) hideKnown(r *http.Request, rq *state.Request) error {
	if !k.hide {
		return nil
	}
	k.hideOutside(r, place{})
	return k.hideInBody(r, rq, place{})
}
