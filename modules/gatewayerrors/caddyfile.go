// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewayerrors

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() { httpcaddyfile.RegisterHandlerDirective("gateway_errors", parseCaddyfile) }

func parseCaddyfile(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	gateway_errors [<matcher>] {
//		format auto|problem|html|plain
//		page   <status|4xx|5xx|any>... {
//			body         <template>
//			file         <path>
//			content_type <type>
//			policy       <content_security_policy>|off
//		}
//	}
//
// There is at least one option; page may repeat, and has one of body and file.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	var tried []Page
	err := options.Parse(d, "gateway_errors", options.Set{
		"format": options.Enum(&h.Format, FormatAuto, FormatProblem, FormatHTML, FormatPlain),
		"page":   options.Raw(func(d *caddyfile.Dispenser) error { return h.readPage(d, &tried) }).Repeat(),
	})
	if err != nil {
		return err
	}
	if h.Format == "" && len(h.Pages) == 0 {
		return d.Err("gateway_errors: it changes nothing; write format or page")
	}
	return nil
}

// readPage reads one page, on whose name d stands, and tries it beside those before it: all
// but files, which may be elsewhere when the configuration is loaded.
func (h *Handler) readPage(d *caddyfile.Dispenser, tried *[]Page) error {
	on, err := options.Args(d, "<status|4xx|5xx|any>...")
	if err != nil {
		return err
	}
	p := Page{On: on}
	err = options.Parse(d, "page "+on[0], options.Set{
		"body":         options.String(&p.Body),
		"file":         options.String(&p.File),
		"content_type": options.String(&p.ContentType),
		"policy":       options.String(&p.Policy),
	})
	if err != nil {
		return err
	}
	h.Pages = append(h.Pages, p)
	if p.File != "" && p.Body == "" {
		p.File, p.Body = "", "from a file"
	}
	*tried = append(*tried, p)
	if _, err := compile(*tried); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
