// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package responsetransform

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/internal/reshape"
)

func init() { httpcaddyfile.RegisterHandlerDirective("response_transform", parseHandler) }

func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	m := new(Handler)
	return m, m.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler:
//
//	response_transform [<matcher>] {
//		remove  header|body <name>...
//		rename  header|body <name> <new name>
//		replace header <name> <value>
//		replace body <path> <value> [string|number|boolean|json]
//		set     ...
//		add     ...
//		append  ...
//
//		status       <code|class>...
//		content_type <type/subtype>...
//		unedited     pass|reject
//		max_body     <size>
//	}
//
// Set, add and append are written like replace. Where header and body are left out, body
// is meant. A class is written as 2xx. All lines that edit may repeat.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	set := options.Set{
		"status":       options.Func("<code|class>...", h.readStatus),
		"content_type": options.Func("<type/subtype>...", h.readTypes),
		"unedited":     options.Enum(&h.Unedited, UneditedPass, UneditedReject),
		"max_body":     options.SizeBetween(&h.MaxBody, 1, mostMaxBody),
	}
	for _, verb := range reshape.Verbs {
		set[string(verb)] = options.Func("header|body|<path>...", func(args []string) error { return h.readEdit(verb, args) }).Repeat()
	}
	if err := options.Parse(d, "response_transform", set); err != nil {
		return err
	}
	if _, err := h.compile(); err != nil {
		return d.Errf("response_transform: %w", err)
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
	_, err = reshape.Compile(h.Edits, planOptions)
	return err
}

// readStatus reads codes and classes.
func (h *Handler) readStatus(args []string) error {
	for _, text := range args {
		n, err := strconv.Atoi(text)
		switch {
		case len(text) == 3 && text[1:] == "xx" && text[0] >= '2' && text[0] <= '5':
			n = int(text[0] - '0')
		case err != nil || n < 200 || n > 599:
			return fmt.Errorf("%q is neither a status from 200 to 599 nor one of 2xx, 3xx, 4xx and 5xx", text)
		}
		if slices.Contains(h.Status, n) {
			return fmt.Errorf("%q is listed twice", text)
		}
		h.Status = append(h.Status, n)
	}
	return nil
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
