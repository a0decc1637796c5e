// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langroute

import "github.com/caddy-gateway/tollgate/modules/languages"

// byScript is the source of a result for which the script alone has decided, of which
// one letter is enough.
const byScript = "script"

// identify asks the identifiers in turn, and says why their answer does not count, or "".
// An answer without a language tells by its letters that there was something to
// identify, so that whoever gave it is not ready yet.
func (d *Decider) identify(text []byte) (languages.Result, string) {
	var r languages.Result
	letters, silent := 0, false
	for i, id := range d.Identifiers {
		next := id.Identify(text)
		letters, silent = max(letters, next.Letters), next.Language == ""
		switch {
		case i == 0 || next.Known() || r.Letters == 0:
			r = next
		case !distinguished(r.Script):
			r.Script = next.Script // which one detector may know, and another not
		}
		if r.Known() {
			break
		}
	}
	switch {
	case letters == 0 && !r.Known():
		return r, ReasonNoText
	case silent:
		return r, ReasonNotReady
	case !r.Known():
		return r, ReasonOther
	case r.Source != byScript && r.Letters < d.MinLetters:
		return r, ReasonTooShort
	case r.Confidence < d.Confidence:
		return r, ReasonLowConfidence
	}
	return r, ""
}

// accept returns what a client prefers by its Accept-Language, where that decides.
func (d *Decider) accept(values []string, target languages.Code, r *languages.Result, why string) (languages.Code, bool) {
	if script := r.Script; distinguished(script) && d.uncertain(r, why) {
		code, ok := preferred(values, func(code languages.Code) (languages.Code, bool) {
			if from, _, ok := d.Served.findStated(code, target); ok && from.WrittenIn(script) {
				return from, true
			}
			if code.Script() != "" {
				return "", false
			}
			// A language may be served in this script by a code of its own, as
			// romanised Hindi is.
			from, _, ok := d.Served.Find(code+languages.Code("-"+script), target)
			return from, ok && from.WrittenIn(script)
		})
		if ok {
			return code, true
		}
	}
	if d.AcceptLanguage != AcceptAlways {
		return "", false
	}
	return preferred(values, func(code languages.Code) (languages.Code, bool) {
		from, _, ok := d.Served.findStated(code, target)
		return from, ok
	})
}

// uncertain says that a text may be in a language that was not found for certain.
func (d *Decider) uncertain(r *languages.Result, why string) bool {
	switch why {
	case ReasonTooShort, ReasonLowConfidence, ReasonNotReady:
		return true
	case ReasonOther:
		return r.Confidence < d.Confidence
	}
	return false
}

// distinguished says that a script is one that a detector knows.
func distinguished(script string) bool {
	return script != "" && script != "Zyyy" && script != "Zzzz"
}
