// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requesttransform

import (
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/internal/reshape"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { httpcaddyfile.RegisterHandlerDirective("request_transform", parseHandler) }

func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	m := new(Handler)
	return m, m.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler:
//
//	request_transform [<matcher>] {
//		remove  header|query|body <name>...
//		rename  header|query|body <name> <new name>
//		replace header|query <name> <value>
//		replace body <path> <value> [string|number|boolean|json]
//		set     ...
//		add     ...
//		append  ...
//
//		content_type  <type/subtype>...
//		malformed     reject|pass
//		form_to_query
//		max_body      <size>
//	}
//
// Set, add and append are written like replace. Where header, query and body are left
// out, body is meant. All lines that edit may repeat.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	set := options.Set{
		"content_type":  options.Func("<type/subtype>...", h.readTypes),
		"malformed":     options.Enum(&h.Malformed, MalformedReject, MalformedPass),
		"form_to_query": options.Flag(&h.FormToQuery),
		"max_body":      options.SizeBetween(&h.MaxBody, 1, mostMaxBody),
	}
	for _, verb := range reshape.Verbs {
		set[string(verb)] = options.Func("header|query|body|<path>...", func(args []string) error { return h.readEdit(verb, args) }).Repeat()
	}
	if err := options.Parse(d, "request_transform", set); err != nil {
		return err
	}
	if _, err := h.compile(); err != nil {
		return d.Errf("request_transform: %w", err)
	}
	return nil
}

// readEdit reads what stands behind a verb, and checks it together with what came
// before, so that errors are reported where they are.
func (h *Handler) readEdit(verb reshape.Verb, args []string) error {
	edits, err := reshape.ParseArgs(verb, args)
	if err != nil {
		return err
	}
	h.Edits = append(h.Edits, edits...)
	_, err = reshape.Compile(h.Edits, reshape.Options{Reserved: state.ReservedHeader})
	return err
}

func (h *Handler) readTypes(args []string) error {
	for _, t := range args {
		if err := reshape.CheckMedia(t); err != nil {
			return err
		}
		if slices.Contains(h.ContentTypes, t) {
			return fmt.Errorf("%q is listed twice", t)
		}
		h.ContentTypes = append(h.ContentTypes, t)
	}
	return nil
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
