// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/langroute"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/languages"
)

func init() { httpcaddyfile.RegisterHandlerDirective("language_router", parseHandler) }

func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	m := new(Handler)
	return m, m.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler:
//
//	language_router [<matcher>] {
//		languages         <language|pair>...
//		body              <path>...
//		query             <parameter>...
//		header            <header>...
//		target_body       <path>...
//		target_query      <parameter>...
//		target_header     <header>...
//		detect            <path>...
//		detect_form       <field>...
//		last_user_message
//		detector          <module> ...
//		accept_language   tiebreak|always|off
//		fallback          <language>
//		unserved          identify|fallback|reject
//		confidence        <probability>
//		min_letters       <number>
//		max_body          <size>
//		set_body          <path> {
//			<language|pair|*> <text>
//		}
//		response_headers
//	}
//
// Lists may go on in further lines of the same name; detector and set_body may repeat.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	list := func(form string, p *[]string, check func(string) error) options.Option {
		return options.Func(form, func(args []string) error { return appendEach(p, args, check) }).Repeat()
	}
	return options.ParseThen(d, "language_router", options.Set{
		"languages":         options.Func("<language|pair>...", h.readLanguages).Repeat(),
		"body":              list("<path>...", &h.Body, checkPath),
		"query":             list("<parameter>...", &h.Query, checkFilled),
		"header":            options.Headers(&h.Header).Repeat(),
		"target_body":       list("<path>...", &h.TargetBody, checkPath),
		"target_query":      list("<parameter>...", &h.TargetQuery, checkFilled),
		"target_header":     options.Headers(&h.TargetHeader).Repeat(),
		"detect":            list("<path>...", &h.Detect, checkPath),
		"detect_form":       list("<field>...", &h.DetectForm, checkFilled),
		"last_user_message": options.Flag(&h.LastUserMessage),
		"detector":          options.Raw(h.readDetector).Repeat(),
		"accept_language":   options.Enum(&h.AcceptLanguage, acceptModes...),
		"fallback": options.Func("<language>", func(args []string) error {
			h.Fallback = args[0]
			return nil
		}),
		"unserved":         options.Enum(&h.Unserved, unservedModes...),
		"confidence":       options.Func("<probability>", h.readConfidence),
		"min_letters":      options.Int(&h.MinLetters, 1, mostMinLetters),
		"max_body":         options.SizeBetween(&h.MaxBody, leastMaxBody, mostMaxBody),
		"set_body":         options.Raw(h.readEdit).Repeat(),
		"response_headers": options.Flag(&h.ResponseHeaders),
	}, h.rehearse)
}

// rehearse compiles a copy, without the detectors, which are loaded later: whatever
// values are written for counts as something that they can tell.
func (h *Handler) rehearse() error {
	copied := *h
	copied.setDefaults()
	var written []languages.Code
	for _, e := range h.SetBody {
		for name := range e.Values {
			if p, err := langroute.ParsePattern(name); err == nil {
				written = append(written, p.Source, p.Target)
			}
		}
	}
	return copied.compile(nil, written)
}

func appendEach(p *[]string, args []string, check func(string) error) error {
	for _, s := range args {
		if err := check(s); err != nil {
			return err
		}
		if slices.Contains(*p, s) {
			return fmt.Errorf("%q is listed twice", s)
		}
		*p = append(*p, s)
	}
	return nil
}

func (h *Handler) readLanguages(args []string) error {
	for _, name := range args {
		p, err := langroute.ParsePattern(name)
		if err != nil {
			return err
		}
		for _, have := range h.Languages {
			if other, err := langroute.ParsePattern(have); err == nil && other == p {
				return fmt.Errorf("%s is listed twice", p)
			}
		}
		h.Languages = append(h.Languages, name)
	}
	return nil
}

func (h *Handler) readConfidence(args []string) error {
	p, err := strconv.ParseFloat(args[0], 64)
	if err != nil || !(p >= 0 && p <= 1) {
		return fmt.Errorf("%q is no probability; write a number from 0 to 1, such as 0.8", args[0])
	}
	h.Confidence = &p
	return nil
}

// readDetector reads the option of that name, on which d stands.
func (h *Handler) readDetector(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.Errf("no detector is named; there are: %s", detectorNames())
	}
	name := d.Val()
	for _, have := range h.DetectorsRaw {
		var module struct {
			Name string `json:"detector"`
		}
		if json.Unmarshal(have, &module) == nil && module.Name == name {
			return d.Errf("detector %s is named twice; keep one of them", name)
		}
	}
	id := detectorNamespace + "." + name
	if _, err := caddy.GetModule(id); err != nil {
		return d.Errf("there is no detector %q in this build; there are: %s", name, detectorNames())
	}
	module, err := caddyfile.UnmarshalModule(d, id)
	if err != nil {
		return err
	}
	if _, ok := module.(languages.Detector); !ok {
		return d.Errf("module %s is %T, which is no language detector", id, module)
	}
	h.DetectorsRaw = append(h.DetectorsRaw, caddyconfig.JSONModuleObject(module, detectorInlineKey, name, nil))
	return nil
}

// readEdit reads the option set_body, on which d stands.
func (h *Handler) readEdit(d *caddyfile.Dispenser) error {
	args, err := options.Args(d, "<path>")
	if err != nil {
		return err
	}
	e := Edit{Path: args[0], Values: make(map[string]string)}
	if _, err := splitPath(e.Path); err != nil {
		return d.WrapErr(err)
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		values := d.RemainingArgs()
		if len(values) != 1 {
			return d.Errf("%s takes exactly 1 value, not %d; write: %s <text>", name, len(values), name)
		}
		p, err := langroute.ParsePattern(name)
		if err != nil {
			return d.WrapErr(err)
		}
		for have := range e.Values {
			if other, err := langroute.ParsePattern(have); err == nil && other == p {
				return d.Errf("%s is there twice", p)
			}
		}
		e.Values[name] = values[0]
	}
	h.SetBody = append(h.SetBody, e)
	return nil
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
