// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/tickets"
)

// hidingPlaces are where clients send keys besides the carriers: the names that
// providers' own libraries use, and mistakes in the use of Authorization. A key
// of this gateway must not leave through them; anything else in them may.
var hidingPlaces = [...]place{
	{inHeader, "Apikey"},
	{inHeader, "X-Api-Key"},
	{inHeader, "Api-Key"},
	{inHeader, "X-Goog-Api-Key"},
	{inHeader, "Authorization"},
	{inHeader, "Proxy-Authorization"},
	{inQuery, "apikey"},
	{inQuery, "key"},
	{inQuery, "api_key"},
	{inQuery, "api-key"},
	{inQuery, "access_token"},
}

// withHidingPlaces adds the hiding places to the carriers.
func withHidingPlaces(carriers []place) []place {
	all := slices.Clone(carriers)
	for _, p := range carriers {
		if p.kind == inTicket {
			all = append(all, place{inQuery, p.name})
		}
	}
	for _, p := range hidingPlaces {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// headersOf names the headers among places, each once.
func headersOf(places []place) []string {
	var names []string
	for _, p := range places {
		if p.kind <= inBearer && !slices.Contains(names, p.name) {
			names = append(names, p.name)
		}
	}
	return names
}

// hideOutside removes the carrier at, which decided, and everything else
// outside the body that could hold a key and holds one of this gateway.
func (k *Keys) hideOutside(r *http.Request, rq *state.Request, at place) {
	if at.kind <= inBearer {
		delete(r.Header, at.name)
	}
	k.hideProtocols(r, rq, at.kind == inWebSocket)
	if at.kind == inTicket {
		at.kind = inQuery
	}
	for _, name := range k.sensitive {
		if values := r.Header[name]; len(values) > 0 && slices.ContainsFunc(values, k.holdsKey) {
			delete(r.Header, name)
		}
	}
	if r.URL.RawQuery != "" {
		drop := func(name, value string) bool { return k.drops(inQuery, at, name, value) }
		if queryHas(r.URL.RawQuery, drop) {
			k.hideInURL(r, drop)
		}
	}
	// A page whose address held the key names that address in what it asks for.
	state.HideInReferer(r.Header, func(name, value string) bool { return k.drops(inQuery, place{}, name, value) })
}

// isKey says that value is a key of this gateway, valid now or not.
func (k *Keys) isKey(value string) bool {
	return value != "" && len(value) <= apikey.MaxLength && k.table.Lookup(apikey.Hash(value)) != nil
}

// holdsKey says that a header's value is a key of this gateway or has one among
// its words: behind a scheme and any white space, or in one of several lines
// that a proxy has joined.
func (k *Keys) holdsKey(value string) bool {
	if k.isKey(value) {
		return true
	}
	if !strings.ContainsAny(value, " \t,") {
		return false
	}
	for word := range strings.FieldsFuncSeq(value, separatesWords) {
		if k.isKey(word) {
			return true
		}
	}
	return false
}

func separatesWords(c rune) bool { return c == ' ' || c == '\t' || c == ',' }

// drops says whether the parameter or field called name is to be removed: the
// carrier at itself, or one whose name, in whatever case, is that of a place
// where keys hide and whose value is a key.
func (k *Keys) drops(kd kind, at place, name, value string) bool {
	if p := (place{kd, name}); p == at && slices.Contains(k.hidden, p) {
		return true
	}
	if kd == inQuery && tickets.WellFormed(value) {
		return true // of this gateway, or of another one: nobody else has use for it
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
	k.hideOutside(r, rq, place{})
	return k.hideInBody(r, rq, place{})
}
