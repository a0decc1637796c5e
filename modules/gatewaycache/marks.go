// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/cachekey"
)

// credentialHeaders are fields that tell who asks, to whoever understands them.
var credentialHeaders = [...]string{"Authorization", "Cookie", "X-Api-Key", "Api-Key", "X-Goog-Api-Key", "Proxy-Authorization"}

// overrideHeaders are fields by which servers are told another method or URL than the
// request has. No Vary names them, and anybody can send them.
var overrideHeaders = [...]string{
	"Forwarded", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Forwarded-Server",
	"X-Host", "X-Http-Method", "X-Http-Method-Override", "X-Method-Override", "X-Original-Host", "X-Original-Url", "X-Rewrite-Url",
}

// marks say what a request has that most have not.
type marks struct {
	credential bool // one that the gateway has not taken off it
	override   bool // one of overrideHeaders
}

// marksOf looks at each field once.
func marksOf(r *http.Request) (m marks) {
	m.credential = r.TLS != nil && len(r.TLS.PeerCertificates) > 0
	for name, values := range r.Header {
		if len(values) == 0 || name == "" {
			continue
		}
		switch name[0] {
		case 'A', 'C', 'P':
			m.credential = m.credential || name == "Authorization" || name == "Cookie" || name == "Api-Key" || name == "Proxy-Authorization"
		case 'F':
			m.override = m.override || slices.Contains(overrideHeaders[:], name)
		case 'X':
			m.credential = m.credential || name == "X-Api-Key" || name == "X-Goog-Api-Key"
			m.override = m.override || slices.Contains(overrideHeaders[:], name)
		}
	}
	return m
}

// addMarks adds to a key what may have the upstream answer otherwise. A consumer may be a
// program with users of its own, who have credentials for the upstream.
func (v *visit) addMarks(hs *cachekey.Hasher) {
	h := v.r.Header
	if v.marks.credential && v.who != "shared" {
		for _, name := range credentialHeaders {
			if values := h[name]; len(values) > 0 && !v.isOwn(values) {
				hs.Header(name, values)
			}
		}
		if v.r.TLS != nil && len(v.r.TLS.PeerCertificates) > 0 {
			hs.Bytes("certificate", v.r.TLS.PeerCertificates[0].Raw)
		}
	}
	if !v.marks.override {
		return
	}
	for _, name := range overrideHeaders {
		if values := h[name]; len(values) > 0 && (name != "Forwarded" || tellsURL(values)) {
			hs.Header(name, values)
		}
	}
}

// isOwn says that a field has the key of the consumer who is known already.
func (v *visit) isOwn(values []string) bool {
	c := v.rq.Credential
	if c == nil || c.ID == "" || len(values) != 1 {
		return false
	}
	value := values[0]
	if scheme, key, ok := strings.Cut(value, " "); ok && strings.EqualFold(scheme, "Bearer") {
		value = key
	}
	return apikey.Hash(value).ID() == c.ID
}

// tellsURL says that a field Forwarded tells more than who has forwarded for whom.
func tellsURL(values []string) bool {
	for _, value := range values {
		value = lower(value)
		if strings.Contains(value, "host=") || strings.Contains(value, "proto=") {
			return true
		}
	}
	return false
}

// hasBody says that a GET or HEAD has a body. It is not known from the header where it
// has no length, as in HTTP/3.
func (v *visit) hasBody() (bool, error) {
	switch {
	case v.r.ContentLength >= 0 || v.r.Body == nil || v.r.Body == http.NoBody:
		return v.r.ContentLength > 0, nil
	case v.r.ProtoMajor < 3, v.r.Header["Content-Encoding"] != nil, v.r.Header["Incremental"] != nil:
		return true, nil
	}
	body, whole, err := v.rq.BodyWithin(v.r, 1)
	return len(body) > 0 || !whole, err
}
