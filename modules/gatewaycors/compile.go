// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycors

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rs/cors"
	"golang.org/x/net/http/httpguts"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

const (
	defaultMaxAge = 10 * time.Minute
	// mostMaxAge is more than what browsers keep: a day in Firefox, two hours in Chromium.
	mostMaxAge = 30 * 24 * time.Hour
)

var (
	defaultMethods = [...]string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	}
	// defaultExposed are the headers by which the gateway tells clients something.
	defaultExposed = [...]string{
		"Allow", "Cache-Status", "Deprecation", "Link", "RateLimit", "RateLimit-Policy", "Retry-After", "Sunset",
		"WWW-Authenticate", "X-API-Version", "X-Cache-Status", "X-Correlation-ID", "X-Detected-Language",
		"X-Gateway-Budget-Used", "X-Gateway-Cost-Usd", "X-Gateway-Estimated-With", "X-Gateway-Input-Tokens",
		"X-Gateway-Output-Tokens", "X-Should-Retry",
	}
)

// compile checks the configuration and makes of it what requests need.
func (h *Handler) compile(kong bool) (err error) {
	switch h.Profile {
	case "":
	case gateway.ProfileKong:
		kong = true
	default:
		return options.Wrong("profile", "%q is no profile; write kong, or leave it out", h.Profile)
	}
	if h.MaxAge != nil && (*h.MaxAge < 0 || time.Duration(*h.MaxAge) > mostMaxAge) {
		return options.Wrong("max_age", "%s is not from 0 to 30 days", time.Duration(*h.MaxAge))
	}
	if err := h.checkNames(); err != nil {
		return err
	}
	if kong {
		h.kong, err = h.compileKong()
		return err
	}
	switch {
	case h.PreflightContinue:
		return options.Wrong("preflight_continue", "it needs the profile kong; preflights are answered here")
	case h.AllowOriginAbsent != nil:
		return options.Wrong("allow_origin_absent", "it needs the profile kong; without an Origin there are no headers")
	}
	if err := h.checkMethods(); err != nil {
		return err
	}
	if h.origins, err = compileOrigins(h.Origins, h.OriginPatterns); err != nil {
		return err
	}
	if err := h.checkReach(); err != nil {
		return err
	}
	h.cors = cors.New(h.library())
	h.prepare()
	return nil
}

// checkReach refuses what would hand a visitor's session, or network, to any page.
func (h *Handler) checkReach() error {
	for _, w := range []struct {
		option string
		set    bool
	}{{"credentials", h.Credentials}, {"private_network", h.PrivateNetwork}, {"enforce", h.Enforce}} {
		switch {
		case !w.set:
		case h.origins.everyone():
			return options.Wrong(w.option, "with all origins any page could do it; list those that may, such as https://app.example.com")
		case h.origins.null && w.option != "enforce":
			return options.Wrong(w.option, "null is the origin of any page in a sandboxed frame; remove it from the origins")
		}
	}
	return nil
}

// checkNames checks the lists of headers, in which "*" stands alone.
func (h *Handler) checkNames() error {
	for _, l := range []struct {
		option string
		names  []string
	}{{"headers", h.Headers}, {"exposed_headers", h.ExposedHeaders}} {
		for i, name := range l.names {
			switch {
			case name == "*" && len(l.names) > 1:
				return options.Wrong(l.option, "* is all of them; write it alone")
			case name == "*" && h.Credentials && l.option == "exposed_headers":
				return options.Wrong(l.option, "with credentials, browsers take * for the name of a header; list them")
			}
			if err := options.CheckHeader(name); err != nil {
				return &options.MisuseError{Option: l.option, Err: err}
			}
			if slices.ContainsFunc(l.names[:i], func(s string) bool { return strings.EqualFold(s, name) }) {
				return options.Wrong(l.option, "%s is listed twice", name)
			}
		}
	}
	return nil
}

// checkMethods refuses methods that no page can use.
func (h *Handler) checkMethods() error {
	for i, m := range h.Methods {
		switch upper := strings.ToUpper(m); {
		case upper == http.MethodConnect || upper == http.MethodTrace || upper == "TRACK":
			return options.Wrong("methods", "no browser lets a page use %s", upper)
		case !httpguts.ValidHeaderFieldName(m) || m == "*":
			return options.Wrong("methods", "%q is not a method", m)
		case m != upper:
			return options.Wrong("methods", "%q is not in upper case; methods are case-sensitive, write %s", m, upper)
		case slices.Contains(h.Methods[:i], m):
			return options.Wrong("methods", "%s is listed twice", m)
		}
	}
	return nil
}

// library is the configuration of the library.
func (h *Handler) library() cors.Options {
	o := cors.Options{
		AllowedMethods: h.Methods, AllowedHeaders: h.Headers, ExposedHeaders: h.ExposedHeaders,
		AllowCredentials: h.Credentials, AllowPrivateNetwork: h.PrivateNetwork, OptionsSuccessStatus: http.StatusOK,
	}
	if len(o.AllowedMethods) == 0 {
		o.AllowedMethods = defaultMethods[:]
	}
	if len(o.AllowedHeaders) == 0 {
		o.AllowedHeaders = []string{"*"}
	}
	if len(o.ExposedHeaders) == 0 {
		o.ExposedHeaders = defaultExposed[:]
	}
	age := defaultMaxAge
	if h.MaxAge != nil {
		age = time.Duration(*h.MaxAge)
	}
	if o.MaxAge = int(age / time.Second); o.MaxAge == 0 {
		o.MaxAge = -1 // how the library is told to say 0
	}
	if h.origins.any {
		o.AllowedOrigins = []string{"*"}
	} else {
		o.AllowOriginVaryRequestFunc = func(_ *http.Request, origin string) (bool, []string) {
			return h.origins.allows(origin), nil
		}
	}
	return o
}
