// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apiversion

import (
	"errors"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() { httpcaddyfile.RegisterHandlerDirective("api_version", parseCaddyfile) }

func parseCaddyfile(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	v := new(Handler)
	return v, v.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	api_version [<matcher>] [<version>...] {
//		versions        <version>...
//		default         <version>
//		prefix          <path>
//		path
//		header          [<name>]
//		query           [<parameter>]
//		accept          [<parameter>]
//		conflict        first|reject
//		unknown         400|404|406
//		rewrite         full|strip|off
//		response_header
//		version <version> {
//			deprecated <date> [<link>]
//			sunset     <date> [<link>]
//			successor  <version>
//			gone
//		}
//	}
//
// The versions stand on the first line or in the option, and there is at least one.
// path, header, query and accept are the sources, asked in the order in which they are
// written; header, query and version may repeat.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	h.Versions = d.RemainingArgs()
	lines := make(map[string]int) // of the blocks about versions
	source := func(from From, form string) options.Option {
		return options.Func(form, func(args []string) error {
			s := Source{From: from}
			if len(args) > 0 {
				if s.Name = args[0]; s.Name == "" {
					return errors.New("the name is empty")
				}
			}
			h.Sources = append(h.Sources, s)
			return nil
		})
	}
	text := func(form string, p *string) options.Option {
		return options.Func(form, func(args []string) error {
			*p = args[0]
			return nil
		})
	}
	return options.ParseThen(d, "api_version", options.Set{
		"versions": options.Func("<version>...", func(args []string) error {
			if len(h.Versions) > 0 {
				return errors.New("the versions stand on the first line already")
			}
			h.Versions = args
			return nil
		}),
		"default":         text("<version>", &h.Default),
		"prefix":          text("<path>", &h.Prefix),
		"path":            source(FromPath, ""),
		"header":          source(FromHeader, "[<name>]").Repeat(),
		"query":           source(FromQuery, "[<parameter>]").Repeat(),
		"accept":          source(FromAccept, "[<parameter>]"),
		"conflict":        options.Enum(&h.Conflict, ConflictFirst, ConflictReject),
		"unknown":         options.Int(&h.Unknown, 400, 406),
		"rewrite":         options.Enum(&h.Rewrite, RewriteFull, RewriteStrip, RewriteOff),
		"response_header": options.Flag(&h.ResponseHeader),
		"version": options.Block("<version>", func(args []string) (options.Set, error) {
			lines["version "+args[0]] = d.Line()
			return h.lifecycleOptions(args[0])
		}).Repeat(),
	}, func() error {
		rehearsal := *h
		err := rehearsal.compile()
		if m, ok := errors.AsType[*options.MisuseError](err); ok {
			m.Line = lines[m.Option]
		}
		return err
	})
}

// lifecycleOptions are those of a block about one version.
func (h *Handler) lifecycleOptions(version string) (options.Set, error) {
	if h.Lifecycle == nil {
		h.Lifecycle = make(map[string]*Lifecycle)
	}
	if h.Lifecycle[version] != nil {
		return nil, errors.New("it has a block already")
	}
	l := new(Lifecycle)
	h.Lifecycle[version] = l
	dated := func(date, link *string) options.Option {
		return options.Func("<date> [<link>]", func(args []string) error {
			if *date = args[0]; len(args) > 1 {
				*link = args[1]
			}
			return nil
		})
	}
	return options.Set{
		"deprecated": dated(&l.Deprecated, &l.DeprecationLink),
		"sunset":     dated(&l.Sunset, &l.SunsetLink),
		"successor":  options.String(&l.Successor),
		"gone":       options.Flag(&l.Gone),
	}, nil
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
