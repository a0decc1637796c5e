// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package lingua is a detector of languages for those of the world that the gateway's own
// detector lacks. It wraps lingua-go, which adds 131 MB of models to a program: that is
// why it is a package of its own, which the whole of Tollgate does not import. The
// program in cmd/caddy does, unless it is built with the tag nolingua.
package lingua

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/languages"
)

func init() {
	caddy.RegisterModule(Detector{})
}

// Detector tells 75 languages of the world by the n-grams of their letters, with
// github.com/pemistahl/lingua-go. It has no scripts: it knows "hi", but not "hi-Latn".
//
// Its models are loaded in the background when the first text comes that needs them, and
// only those of the languages that it is asked for. Until then nothing is identified.
// They are loaded one after the other, on one core, at most once for all routes, and stay
// in memory until the process ends, whatever becomes of the configuration. A language
// that shares its script takes some 25 MB, with low_accuracy 1 MB; ten of Europe 250 MB,
// 330 while they are loaded, which takes two seconds; all 75 1.2 GB, 1.6 GB while they are
// loaded, which takes ten, with low_accuracy 65 MB and a second. A language with a script
// of its own takes next to nothing, but for Thai. If only one of those asked for is
// written in the Latin, Cyrillic, Arabic or Devanagari script, a second one is loaded for
// the contrast: English, Russian, Arabic or Hindi, or, beside these, French, Ukrainian,
// Persian or Marathi.
//
// Of a text, up to 119 letters are looked at, of the script that most of its letters are
// in, within its first 2 KB. That takes up to 0.7 ms with ten languages and 2 ms with
// all, and allocates up to 110 KB. So no more texts are looked at together than there are
// cores; others wait for up to a second, and what then had no turn is not identified.
//
// Confidence says how probable the language is among those asked for, not how probable
// it is at all: text in a language that is not among them goes to the nearest one, often
// with a confidence near 1. Text in a script of none of them is called other.
//
// The source of an answer is lingua.
type Detector struct {
	// LowAccuracy takes a twentieth of the memory and half of the time, at the price of
	// more errors in texts of less than ten words.
	LowAccuracy bool `json:"low_accuracy,omitempty"`
	// MinimumDistance is by how much the confidence in the most probable language has to
	// exceed that in the next, from 0 to 0.99; otherwise the text is called other.
	// Default: 0, which leaves only ties undecided.
	MinimumDistance float64 `json:"minimum_distance,omitempty"`
}

// source names the detector in results.
const source = "lingua"

// CaddyModule returns the Caddy module information.
func (Detector) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "gateway.language_detectors.lingua",
		New: func() caddy.Module { return new(Detector) },
	}
}

// UnmarshalCaddyfile sets up the detector from the option detector of a handler:
//
//	detector lingua {
//		low_accuracy
//		minimum_distance <share>
//	}
func (l *Detector) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	return options.Parse(d, "detector lingua", options.Set{
		"low_accuracy":     options.Flag(&l.LowAccuracy),
		"minimum_distance": options.Func("<share>", l.readDistance),
	})
}

// maxDistance is the largest MinimumDistance.
const maxDistance = 0.99

// Validate checks the configuration.
func (l *Detector) Validate() error {
	if !(l.MinimumDistance >= 0 && l.MinimumDistance <= maxDistance) { // not a number is neither
		return fmt.Errorf("minimum_distance is %v; it lies between 0 and %v", l.MinimumDistance, maxDistance)
	}
	return nil
}

// Languages returns the languages that it can tell, sorted.
func (*Detector) Languages() []languages.Code { return slices.Clone(known().codes) }

// Among returns an identifier that answers with the languages given, or with all if none
// is given. It loads nothing.
func (l *Detector) Among(codes ...languages.Code) (languages.Identifier, error) {
	if len(codes) == 0 {
		codes = known().codes
	}
	for _, code := range codes {
		if _, ok := known().languages[code]; !ok {
			return nil, fmt.Errorf("recognise language %q: known are %v", code, known().codes)
		}
	}
	return newIdentifier(codes, l.LowAccuracy, l.MinimumDistance), nil
}

func (l *Detector) readDistance(args []string) error {
	var err error
	if l.MinimumDistance, err = strconv.ParseFloat(args[0], 64); err != nil {
		return fmt.Errorf("%q is no number; write one from 0 to %v, such as 0.1", args[0], maxDistance)
	}
	return l.Validate()
}

// Interface guards
var (
	_ caddy.Module          = (*Detector)(nil)
	_ caddy.Validator       = (*Detector)(nil)
	_ caddyfile.Unmarshaler = (*Detector)(nil)
	_ languages.Detector    = (*Detector)(nil)
	_ languages.Loader      = (*identifier)(nil)
)
