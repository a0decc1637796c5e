// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() { httpcaddyfile.RegisterHandlerDirective("gateway_cache", parseHandler) }

var (
	scopes        = []Scope{ScopeConsumer, ScopeGroup, ScopeShared}
	headerChoices = []Headers{HeadersAll, HeadersStandard, HeadersKong, HeadersOff}
	cookieChoices = []Cookies{CookiesStrip, CookiesKeep}
)

func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	m := new(Handler)
	return m, m.parse(h.Dispenser, h.MatcherToken)
}

// UnmarshalCaddyfile sets up the handler:
//
//	gateway_cache [<matcher>] [<cache>] {
//		ttl                    <duration>
//		override
//		ignore_request_directives
//		scope                  consumer|group|shared
//		methods                GET|HEAD|POST...
//		status                 <status>...
//		content_type           <media_type>...
//		max_body               <size>
//		max_answer             <size>
//		stale_while_revalidate <duration>
//		stale_if_error         <duration>
//		heuristic              <max_duration>
//		key                    header|query|placeholder <name>...
//		bypass                 <matcher>
//		ignore_fields          <path>...
//		deterministic
//		temperature            <= <number>
//		any
//		tools
//		tags                   <tag>...
//		headers                all|standard|kong|off
//		store_cookies          strip|keep
//		coalesce               on|off
//	}
//
// Lists may go on in further lines of the same name, and bypass may repeat. Of
// deterministic, temperature and any there is one, and of ttl and heuristic. Matchers
// that are declared elsewhere can only be named where the directive stands in a site.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { return h.parse(d, nil) }

// matcherToken reads a matcher from the next argument, as httpcaddyfile.Helper does.
type matcherToken func() (caddy.ModuleMap, bool, error)

func (h *Handler) parse(d *caddyfile.Dispenser, named matcherToken) error {
	d.Next()
	args, err := options.Args(d, "[<cache>]")
	if err != nil {
		return err
	}
	if len(args) > 0 {
		h.Cache = args[0]
	}
	coalesce := true
	return options.ParseThen(d, "gateway_cache", options.Set{
		"ttl":                       options.DurationBetween(&h.TTL, 1e6, 1e18),
		"override":                  options.Func("", func([]string) error { h.Override = true; return nil }),
		"ignore_request_directives": options.Flag(&h.IgnoreRequestDirectives),
		"scope":                     options.Enum(&h.Scope, scopes...),
		"methods":                   options.Func("GET|HEAD|POST...", func(args []string) error { return addEach(&h.Methods, args) }).Repeat(),
		"status":                    options.Func("<status>...", func(args []string) error { return h.readStatus(args) }).Repeat(),
		"content_type":              options.Func("<media_type>...", func(args []string) error { return addEach(&h.ContentType, args) }).Repeat(),
		"max_body":                  options.SizeBetween(&h.MaxBody, 1, mostMaxBody),
		"max_answer":                options.SizeBetween(&h.MaxAnswer, 1, mostMaxAnswer),
		"stale_while_revalidate":    options.Duration(&h.StaleWhileRevalidate),
		"stale_if_error":            options.Duration(&h.StaleIfError),
		"heuristic":                 options.Func("<max_duration>", func(args []string) error { return h.readHeuristic(args[0]) }),
		"key":                       options.Func("header|query|placeholder <name>...", func(args []string) error { return h.readKey(args) }).Repeat(),
		"bypass":                    options.Raw(func(d *caddyfile.Dispenser) error { return h.readBypass(d, named) }).Repeat(),
		"ignore_fields":             options.Func("<path>...", func(args []string) error { return addEach(&h.IgnoreFields, args) }).Repeat(),
		"deterministic":             options.Func("", func([]string) error { return h.sample(SamplingDeterministic) }),
		"temperature":               options.Func("<= <number>", h.readTemperature),
		"any":                       options.Func("", func([]string) error { return h.sample(SamplingAny) }),
		"tools":                     options.Flag(&h.Tools),
		"tags":                      options.Func("<tag>...", func(args []string) error { return addEach(&h.Tags, args) }).Repeat(),
		"headers":                   options.Enum(&h.Headers, headerChoices...),
		"store_cookies":             options.Enum(&h.StoreCookies, cookieChoices...),
		"coalesce":                  options.Bool(&coalesce),
	}, func() error {
		h.CoalesceOff = !coalesce
		rehearsed := *h
		return rehearsed.compile()
	})
}

// addEach appends what is filled and not there yet.
func addEach(p *[]string, args []string) error {
	for _, s := range args {
		if s == "" {
			return errors.New("a value is empty")
		}
		if slices.Contains(*p, s) {
			return fmt.Errorf("%q is listed twice", s)
		}
		*p = append(*p, s)
	}
	return nil
}

func (h *Handler) readStatus(args []string) error {
	for _, s := range args {
		n, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("%q is no status; write numbers such as 200 404", s)
		}
		if slices.Contains(h.Status, n) {
			return fmt.Errorf("%d is listed twice", n)
		}
		h.Status = append(h.Status, n)
	}
	return nil
}

func (h *Handler) readHeuristic(arg string) error {
	longest, err := options.ParseDuration(arg, time.Second, math.MaxInt64)
	h.Heuristic = caddy.Duration(longest)
	return err
}

func (h *Handler) readKey(args []string) error {
	switch args[0] {
	case "header":
		return addEach(&h.KeyHeaders, args[1:])
	case "query":
		return addEach(&h.KeyQuery, args[1:])
	case "placeholder":
		for _, s := range args[1:] {
			if !strings.HasPrefix(s, "{") || !strings.HasSuffix(s, "}") {
				return fmt.Errorf("%q is no placeholder; write one such as {http.request.cookie.tenant}", s)
			}
		}
		return addEach(&h.KeyPlaceholders, args[1:])
	}
	return fmt.Errorf("%q is nothing that can be added; write one of: header, query, placeholder", args[0])
}

func (h *Handler) sample(s Sampling) error {
	if h.Sampling != "" {
		return fmt.Errorf("it is %s already; write one of deterministic, temperature and any", h.Sampling)
	}
	h.Sampling = s
	return nil
}

func (h *Handler) readTemperature(args []string) error {
	highest, err := strconv.ParseFloat(args[1], 64)
	if args[0] != "<=" || err != nil || !(highest >= 0 && highest <= 100) {
		return errors.New("it takes the highest temperature that is cached; write, for instance: temperature <= 0.3")
	}
	h.MaxTemperature = highest
	return h.sample(SamplingTemperature)
}

// readBypass reads a matcher: the name of one, a path, or one written out.
func (h *Handler) readBypass(d *caddyfile.Dispenser, named matcherToken) error {
	var set caddy.ModuleMap
	var err error
	if !d.NextArg() {
		set, err = caddyhttp.ParseCaddyfileNestedMatcherSet(d)
	} else {
		val := d.Val()
		d.Prev()
		switch token := strings.HasPrefix(val, "@") || strings.HasPrefix(val, "/") || val == "*"; {
		case token && named == nil:
			return d.Errf("bypass: the matcher %s can only be named in a site; write it out, such as: bypass path /live/*", val)
		case token:
			if set, _, err = named(); err == nil && d.NextArg() {
				return d.Errf("bypass: there is %q behind the matcher; write: bypass %s", d.Val(), val)
			}
			if err == nil && set == nil {
				return d.Errf("bypass: the matcher %s is for every request, which leaves nothing to be cached", val)
			}
		default:
			set, err = caddyhttp.ParseCaddyfileNestedMatcherSet(d)
		}
	}
	if err != nil {
		return fmt.Errorf("gateway_cache: bypass: %w, at %s:%d", err, d.File(), d.Line())
	}
	if len(set) == 0 {
		return d.Errf("bypass: no matcher is given; write, for instance: bypass path /live/*")
	}
	h.BypassRaw = append(h.BypassRaw, set)
	return nil
}

// Interface guards
var (
	_ caddyfile.Unmarshaler = (*Handler)(nil)
)
