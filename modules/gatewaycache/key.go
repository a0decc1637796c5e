// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/cachekey"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// callHeaders are the fields of a request that change what a model answers.
var callHeaders = [...]string{
	"Accept-Language", "Anthropic-Beta", "Anthropic-Version", "Openai-Beta", "Openai-Organization", "Openai-Project",
}

// partition says among whom an answer is shared. It is not ok if there is no telling who
// asks, although that may matter.
func (v *visit) partition(rq *state.Request) (kind string, members []string, ok bool) {
	h := v.h
	if h.Scope == ScopeShared {
		return "shared", nil, true
	}
	c := rq.Credential
	if c == nil || rq.Anonymous {
		if v.elsewhere || v.marks.credential {
			return "", nil, false
		}
		if c == nil {
			return "anonymous", nil, true
		}
	}
	if h.Scope == ScopeGroup && len(c.Groups) > 0 {
		groups := slices.Clone(c.Groups)
		slices.Sort(groups)
		return "groups", slices.Compact(groups), true
	}
	return "consumer", []string{c.Consumer.Name}, true
}

// begin adds what every key consists of. What a request is for is its URL as the
// upstream is to get it and as the client has written it: a prefix that was stripped may
// have decided on the upstream.
func (v *visit) begin(hs *cachekey.Hasher, kind, method string) bool {
	h, r, rq := v.h, v.r, v.rq
	who, members, ok := v.partition(rq)
	if !ok {
		return false
	}
	v.who = who
	// Words of a closed set are labels of what belongs to them, and what is empty is left
	// out: the shorter this is, the less there is to hash for each request.
	hs.Text(kind, method)
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	hs.Text(scheme, lower(r.Host))
	hs.List(who, members)
	hs.Text("answers", h.answersOf(r))
	some(hs, "route", rq.Route)
	v.addMarks(hs)
	if version := rq.APIVersion.Name; version != "" {
		hs.Text("version", version) // which the path may not say
	}
	if code := rq.Language.Code; code != "" || rq.Language.Target != "" {
		hs.Text("language", string(code))
		hs.Text("target", string(rq.Language.Target))
	}
	for _, name := range h.rules.headers {
		hs.Header(name, r.Header[name])
	}
	if len(h.KeyPlaceholders) > 0 {
		repl, _ := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		for _, s := range h.KeyPlaceholders {
			if repl != nil {
				hs.Text("placeholder", s)
				hs.Text("value", repl.ReplaceAll(s, ""))
			}
		}
	}
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && original.URL != nil &&
		(original.URL.Path != r.URL.Path || original.URL.RawPath != r.URL.RawPath) {
		hs.Text("asked", v.path(original.URL.Path))
		hs.Text("asked raw", v.path(original.URL.RawPath))
	}
	hs.Text("path", v.path(r.URL.Path))
	some(hs, "raw", v.path(r.URL.RawPath))
	v.query(hs)
	return true
}

// some adds a part that few requests have.
func some(hs *cachekey.Hasher, label, value string) {
	if value != "" {
		hs.Text(label, value)
	}
}

// lower is strings.ToLower, and returns s itself where it is that already.
func lower(s string) string { return strings.ToLower(s) }

// path is a path without what tells only how a client of Gemini wants its answer.
func (v *visit) path(path string) string {
	if v.call.is && v.call.endpoint.Format == usage.Gemini {
		if before, ok := strings.CutSuffix(path, ":streamGenerateContent"); ok {
			return before + ":generateContent"
		}
	}
	return path
}

// query adds the query, or the parameters of it that count.
func (v *visit) query(hs *cachekey.Hasher) {
	raw := v.r.URL.RawQuery
	gemini := v.call.is && v.call.endpoint.Format == usage.Gemini
	if len(v.h.KeyQuery) == 0 && !gemini {
		some(hs, "query", raw)
		return
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		hs.Text("query", raw)
		return
	}
	if len(v.h.KeyQuery) > 0 {
		for _, name := range v.h.KeyQuery {
			hs.Text("parameter", name)
			hs.List("values", values[name])
		}
		return
	}
	values.Del("alt")
	hs.Text("query", values.Encode())
}

// httpKey sets the key of a GET, of a HEAD, and of a POST with JSON that is no model call.
func (v *visit) httpKey(body []byte) (reason string) {
	hs := cachekey.New()
	defer hs.Release()
	method := v.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if !v.begin(hs, "http", method) {
		return reasonCredential
	}
	if method == http.MethodPost {
		hs.List("ignored", v.h.IgnoreFields)
		if err := hs.JSON("body", body, v.h.rules.jsonIgnore); err != nil {
			return jsonReason(err)
		}
	}
	return v.setKey(hs)
}

func (v *visit) setKey(hs *cachekey.Hasher) (reason string) {
	key, err := hs.Sum()
	if err != nil {
		return jsonReason(err)
	}
	v.key = cacheKey(key)
	return ""
}

// variantKey is where the answer is that belongs to the values of the fields by which
// answers differ. It begins with the byte with which the key of the request begins, because
// a store may have marks of purges that are for such keys alone.
func (v *visit) variantKey(is *variants, header http.Header) cacheKey {
	hs := cachekey.New()
	defer hs.Release()
	var room [256]byte
	hs.Bytes("of", v.key[:])
	hs.Text("life", strconv.FormatUint(is.life, 36))
	hs.List("names", is.names)
	hs.Bytes("values", v.policy.AppendVaryKey(room[:0], is.names, header))
	key, _ := hs.Sum() // without a document there is nothing to fail
	key[0] = v.key[0]
	return cacheKey(key)
}
