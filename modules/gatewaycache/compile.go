// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/cachekey"
	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

// Defaults and bounds of options.
const (
	defaultCallTTL   = 5 * time.Minute
	defaultMaxBody   = 1 << 20
	defaultMaxAnswer = 8 << 20
	mostMaxBody      = 64 << 20
	mostMaxAnswer    = 1 << 30
	mostTags         = 16
)

// rules are what the options of a handler amount to.
type rules struct {
	http, partitioned *httpcache.Policy // for answers that others share, and that they do not
	calls             *httpcache.Policy // for model calls
	callTTL           time.Duration
	get, head         bool
	call, jsonPost    bool // POSTs that are calls of models, and all with JSON
	types             []mediaRange
	headers           []string // canonical names
	callIgnore        *cachekey.Ignore
	jsonIgnore        *cachekey.Ignore
	standard, kong    bool // headers
	bypass            caddyhttp.MatcherSets
}

// compile sets defaults and makes the rules. It finds all faults that need no more than
// the options themselves.
func (h *Handler) compile() error {
	h.setDefaults()
	h.place = new(atomic.Pointer[place])
	if err := errors.Join(h.check(), h.checkLists()); err != nil {
		return err
	}
	r := &h.rules
	if err := h.compileMethods(); err != nil {
		return err
	}
	for _, s := range h.ContentType {
		m, err := parseMediaRange(s)
		if err != nil {
			return &options.MisuseError{Option: "content_type", Err: err}
		}
		r.types = append(r.types, m)
	}
	for _, name := range h.KeyHeaders {
		r.headers = append(r.headers, http.CanonicalHeaderKey(name))
	}
	h.compilePolicies()
	fields := h.IgnoreFields
	if len(fields) > 0 {
		r.jsonIgnore = cachekey.NewIgnore(fields...)
	} else {
		fields = []string{"user", "metadata"}
	}
	r.callIgnore = cachekey.NewIgnore(append(slices.Clone(fields), "stream", "stream_options")...)
	r.standard = h.Headers == HeadersAll || h.Headers == HeadersStandard
	r.kong = h.Headers == HeadersAll || h.Headers == HeadersKong
	return nil
}

func (h *Handler) setDefaults() {
	h.Scope = or(h.Scope, ScopeConsumer)
	h.Sampling = or(h.Sampling, SamplingDeterministic)
	h.Headers = or(h.Headers, HeadersAll)
	h.StoreCookies = or(h.StoreCookies, CookiesRefuse)
	h.MaxBody = or(h.MaxBody, defaultMaxBody)
	h.MaxAnswer = or(h.MaxAnswer, defaultMaxAnswer)
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func (h *Handler) check() error {
	switch {
	case !slices.Contains(scopes, h.Scope):
		return options.Wrong("scope", "%q is none; write one of: consumer, group, shared", h.Scope)
	case !slices.Contains([]Sampling{SamplingDeterministic, SamplingTemperature, SamplingAny}, h.Sampling):
		return options.Wrong("sampling", "%q is none; write one of: deterministic, temperature, any", h.Sampling)
	case h.Sampling != SamplingTemperature && h.MaxTemperature != 0:
		return options.Wrong("max_temperature", "it needs sampling temperature")
	case !(h.MaxTemperature >= 0 && h.MaxTemperature <= 100):
		return options.Wrong("max_temperature", "%v is no temperature; write a number from 0 to 100", h.MaxTemperature)
	case !slices.Contains(headerChoices, h.Headers):
		return options.Wrong("headers", "%q is none; write one of: all, standard, kong, off", h.Headers)
	case !slices.Contains(append(cookieChoices, CookiesRefuse), h.StoreCookies):
		return options.Wrong("store_cookies", "%q is none; write one of: strip, keep", h.StoreCookies)
	case h.TTL < 0 || h.StaleIfError < 0 || h.StaleWhileRevalidate < 0 || h.Heuristic < 0:
		return errors.New("a duration is below zero")
	case h.Override && h.TTL == 0:
		return options.Wrong("override", "it has the ttl take the place of what answers say, and there is none; write also, for instance: ttl 5m")
	case h.Heuristic > 0 && h.TTL > 0:
		return options.Wrong("heuristic", "ttl says already how long answers are fresh that do not say it; write one of ttl and heuristic")
	case h.MaxBody < 0 || h.MaxBody > mostMaxBody:
		return options.Wrong("max_body", "%d bytes are not from 1 to 64 MiB", h.MaxBody)
	case h.MaxAnswer < 0 || h.MaxAnswer > mostMaxAnswer:
		return options.Wrong("max_answer", "%d bytes are not from 1 to 1 GiB", h.MaxAnswer)
	}
	return nil
}

func (h *Handler) checkLists() error {
	for _, status := range h.Status {
		switch {
		case status < 200 || status > 599:
			return options.Wrong("status", "%d is not the status of an answer; write numbers from 200 to 599", status)
		case status == http.StatusPartialContent || status == http.StatusNotModified || status == http.StatusPreconditionFailed || status == http.StatusRequestedRangeNotSatisfiable:
			return options.Wrong("status", "%d is an answer to the condition or the range of one request, and never stored", status)
		}
	}
	for _, name := range h.KeyHeaders {
		if err := options.CheckHeader(name); err != nil {
			return &options.MisuseError{Option: "key", Err: err}
		}
	}
	if len(h.Tags) > mostTags {
		return options.Wrong("tags", "there are %d, of at most %d", len(h.Tags), mostTags)
	}
	for _, tag := range h.Tags {
		if tag == "" || len(gateway.CacheTagOwn)+len(tag) > caching.MaxTagBytes {
			return options.Wrong("tags", "a tag has %d bytes, of 1 to %d", len(tag), caching.MaxTagBytes-len(gateway.CacheTagOwn))
		}
	}
	return nil
}

func (h *Handler) compileMethods() error {
	r := &h.rules
	if len(h.Methods) == 0 {
		r.get, r.head, r.call = true, true, true
		return nil
	}
	for _, method := range h.Methods {
		switch method {
		case http.MethodGet:
			r.get = true
		case http.MethodHead:
			r.head = true
		case http.MethodPost:
			r.call, r.jsonPost = true, true
		default:
			return options.Wrong("methods", "%q is none that is cached; write one or more of: GET, HEAD, POST", method)
		}
	}
	if r.head && !r.get {
		return options.Wrong("methods", "HEAD is answered from what GET has stored; write both: GET HEAD")
	}
	return nil
}

func (h *Handler) compilePolicies() {
	r := &h.rules
	o := httpcache.Options{
		TTL:                  time.Duration(h.TTL),
		Override:             h.Override,
		HeuristicMax:         time.Duration(h.Heuristic),
		IgnoreRequest:        h.IgnoreRequestDirectives,
		StaleWhileRevalidate: time.Duration(h.StaleWhileRevalidate),
		StaleIfError:         time.Duration(h.StaleIfError),
		Statuses:             h.Status,
		Cookies:              map[Cookies]httpcache.Cookies{CookiesStrip: httpcache.StripCookies, CookiesKeep: httpcache.KeepCookies}[h.StoreCookies],
	}
	for method, on := range map[string]bool{http.MethodGet: r.get, http.MethodHead: r.head, http.MethodPost: r.jsonPost} {
		if on {
			o.Methods = append(o.Methods, method)
		}
	}
	r.http = httpcache.New(o)
	o.Scope = httpcache.Partitioned
	r.partitioned = httpcache.New(o)
	r.callTTL = or(time.Duration(h.TTL), defaultCallTTL)
	r.calls = httpcache.New(httpcache.Options{
		Scope: httpcache.Partitioned, TTL: r.callTTL, Override: true, IgnoreRequest: h.IgnoreRequestDirectives,
		Methods: []string{http.MethodPost}, Statuses: []int{http.StatusOK}, Cookies: httpcache.StripCookies,
	})
}

// mediaRange is a media type, with "*" for any subtype.
type mediaRange struct{ kind, subtype string }

func parseMediaRange(s string) (mediaRange, error) {
	kind, subtype, ok := strings.Cut(strings.ToLower(s), "/")
	if !ok || kind == "" || subtype == "" || kind == "*" || strings.ContainsAny(s, "; ,") || strings.Contains(subtype, "/") {
		return mediaRange{}, fmt.Errorf("%q is no media type; write one such as application/json or text/*", s)
	}
	return mediaRange{kind, subtype}, nil
}

// storesType says that an answer with a Content-Type may be stored.
func (r *rules) storesType(contentType string) bool {
	if len(r.types) == 0 {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	kind, subtype, _ := strings.Cut(media, "/")
	return slices.ContainsFunc(r.types, func(m mediaRange) bool {
		return m.kind == kind && (m.subtype == "*" || m.subtype == subtype)
	})
}
