// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package scriptdetector is the default detector of languages: it tells the scheduled
// languages of India, English and romanised Hindi, by script and by n-grams of letters.
// How accurate it is, docs/language-identification.md says.
package scriptdetector

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-gateway/tollgate/modules/internal/langid"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/languages"
)

func init() {
	caddy.RegisterModule(Detector{})
}

// Detector tells in which of the 22 scheduled languages of India, in English or in
// romanised Hindi a text is. Kashmiri, Manipuri and Sindhi it tells in two scripts each.
// The script decides what it can, and among languages that share a script a model does,
// whose answer carries a calibrated probability. Text in other languages it calls other,
// mostly.
//
// It has no options, no state and nothing to load: its tables, 1.5 MB, are part of the
// program. It reads at most 2 KB of a text, takes at most some microseconds for that,
// allocates nothing and cannot fail. The source of an answer is script or model.
type Detector struct{}

// CaddyModule returns the Caddy module information.
func (Detector) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "gateway.language_detectors.script",
		New: func() caddy.Module { return new(Detector) },
	}
}

// UnmarshalCaddyfile sets up the detector from the option detector of a handler:
//
//	detector script
func (*Detector) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	return options.Parse(d, "detector script", options.Set{})
}

// Languages returns the languages that it can tell, sorted, with the script where it
// tells a language in several.
func (*Detector) Languages() []languages.Code { return langid.Labels() }

// Among returns an identifier that answers with the languages given, or with all if none
// is given. A code without a script stands for the language in each of its own scripts.
func (*Detector) Among(codes ...languages.Code) (languages.Identifier, error) {
	set, err := langid.NewSet(codes...)
	if err != nil {
		return nil, err
	}
	return set, nil
}

// Interface guards
var (
	_ caddy.Module          = (*Detector)(nil)
	_ caddyfile.Unmarshaler = (*Detector)(nil)
	_ languages.Detector    = (*Detector)(nil)
	_ languages.Identifier  = (*langid.Set)(nil)
)
