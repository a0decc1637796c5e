// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycors

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// kongMethods are the methods that Kong's plugin knows, which are also its default.
var kongMethods = [...]string{
	http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodPost, http.MethodDelete,
	http.MethodOptions, http.MethodTrace, http.MethodConnect,
}

// kongRules are the rules of the profile kong. They are not those of the Fetch standard:
// one literal origin is told to everybody, hosts need no scheme, all origins may be
// combined with credentials, and a preflight always succeeds.
type kongRules struct {
	everyone    bool   // all origins
	literal     string // the one origin that is told to everybody; empty for none
	entries     []kongOrigin
	credentials bool
	private     bool
	onward      bool // preflights go to the upstream
	absent      bool // requests without an Origin get the headers
	methods     string
	headers     string // empty: those that are asked for
	exposed     string
	maxAge      string
}

// kongOrigin is one of several origins, or a pattern.
type kongOrigin struct {
	text    string         // a normalised origin
	pattern *regexp.Regexp // or a pattern, of the host alone if byHost
	byHost  bool
}

func (h *Handler) compileKong() (*kongRules, error) {
	if len(h.OriginPatterns) > 0 {
		return nil, options.Wrong("origin_patterns", "with the profile kong, origins holds patterns as well")
	}
	for _, m := range h.Methods {
		if !slices.Contains(kongMethods[:], m) {
			return nil, options.Wrong("methods", "%q: expected one of: %s", m, strings.Join(kongMethods[:], ", "))
		}
	}
	k := &kongRules{
		credentials: h.Credentials, private: h.PrivateNetwork, onward: h.PreflightContinue,
		absent:  h.AllowOriginAbsent == nil || *h.AllowOriginAbsent,
		methods: strings.Join(kongMethods[:], ","), headers: strings.Join(h.Headers, ","), exposed: strings.Join(h.ExposedHeaders, ","),
	}
	if len(h.Methods) > 0 {
		k.methods = strings.Join(h.Methods, ",")
	}
	if h.MaxAge != nil {
		k.maxAge = strconv.Itoa(int(time.Duration(*h.MaxAge) / time.Second))
	}
	if h.Enforce {
		return nil, options.Wrong("enforce", "the profile kong has no such rule")
	}
	return k, k.readOrigins(h.Origins)
}

var kongLooksLikePattern = regexp.MustCompile(`[^A-Za-z0-9.:/-]`)

func (k *kongRules) readOrigins(list []string) error {
	if len(list) > maxOrigins {
		return options.Wrong("origins", "there are %d; there may be %d", len(list), maxOrigins)
	}
	if len(list) == 0 || slices.Contains(list, "*") {
		k.everyone = true
		return nil
	}
	for _, s := range list {
		e := kongOrigin{text: kongNormalised(s)}
		if kongLooksLikePattern.MatchString(s) {
			p, err := regexp.Compile(s) // alone first: it must not close the group around it
			if err == nil {
				p, err = regexp.Compile("^(?:" + s + ")$")
			}
			if err != nil {
				return options.Wrong("origins", "'%s' is not a valid regex: %w", s, err)
			}
			e = kongOrigin{pattern: p, byHost: !strings.Contains(strings.ReplaceAll(s, "(?:", "("), ":")}
		}
		k.entries = append(k.entries, e)
	}
	if len(list) == 1 && k.entries[0].pattern == nil {
		k.literal = list[0]
	}
	return nil
}

// kongNormalised is an origin without the port that its scheme has anyway.
func kongNormalised(s string) string {
	scheme, host, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	switch {
	case scheme == "http":
		host = strings.TrimSuffix(host, ":80")
	case scheme == "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return scheme + "://" + host
}

// anyone says that all origins are admitted.
func (k *kongRules) anyone() bool { return k.everyone }

// allowed is the origin that a request is told, empty for none.
func (k *kongRules) allowed(from string) string {
	switch {
	case k.everyone && !k.credentials:
		return "*"
	case k.literal != "":
		return k.literal
	case from == "" && k.everyone:
		return "*"
	case from == "" || len(from) > maxOrigin:
		return ""
	}
	normalised := kongNormalised(from)
	if k.everyone {
		return normalised
	}
	host := normalised
	if _, rest, ok := strings.Cut(normalised, "://"); ok {
		host = rest
	}
	host, _, _ = strings.Cut(host, ":")
	for _, e := range k.entries {
		switch {
		case e.pattern == nil:
			if e.text == normalised {
				return normalised
			}
		case e.byHost && e.pattern.MatchString(host), !e.byHost && e.pattern.MatchString(normalised):
			return normalised
		}
	}
	return ""
}

// handle answers a preflight, or has the answer say what Kong's would.
func (k *kongRules) handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	h := make(http.Header, 8)
	from := r.Header.Get(headerOrigin)
	preflight := isPreflight(r) && from != "" && r.Header.Get(headerRequestMethod) != "" && !k.onward
	if from == "" && !k.absent {
		rq.Finish(&sharing{header: h})
		return next.ServeHTTP(w, r)
	}
	to := k.allowed(from)
	if to != "" {
		h[headerAllowOrigin] = []string{to}
	}
	if to != "*" {
		h[headerVary] = []string{headerOrigin}
		if k.credentials {
			h[headerCredentials] = []string{"true"}
		}
	}
	if !preflight {
		if k.exposed != "" {
			h[headerExpose] = []string{k.exposed}
		}
		rq.Finish(&sharing{header: h})
		return next.ServeHTTP(w, r)
	}
	h[headerAllowMethods] = []string{k.methods}
	if k.headers != "" {
		h[headerAllowHeaders] = []string{k.headers}
	} else if names, ok := asked(r.Header[headerRequestHeaders]); ok && len(names) > 0 {
		h[headerAllowHeaders] = []string{strings.Join(r.Header[headerRequestHeaders], ",")}
	}
	if k.maxAge != "" {
		h[headerMaxAge] = []string{k.maxAge}
	}
	if k.private && r.Header.Get(headerRequestPrivate) == "true" {
		h[headerAllowPrivate] = []string{"true"}
	}
	rq.Finish(&sharing{header: h})
	w.WriteHeader(http.StatusOK)
	return nil
}
