// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langroute

import (
	"fmt"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

// Sources of a decision besides those that detectors name.
const (
	SourceBody     = "body"
	SourceQuery    = "query"
	SourceHeader   = "header"
	SourceAccept   = "accept_language"
	SourceFallback = "fallback"
)

// Reasons why a language was neither stated nor identified.
const (
	ReasonNoText        = "no_text"        // there is none, or no letter in it
	ReasonTooShort      = "too_short"      // it has fewer letters than are asked for
	ReasonLowConfidence = "low_confidence" // it is less probable than is asked for
	ReasonOther         = "other"          // it is in no language that is looked for
	ReasonNotServed     = "not_served"     // it is in a language that is not served
	ReasonNotReady      = "not_ready"      // the detector is still being loaded
	ReasonInvalidBody   = "invalid_body"   // what should hold the text cannot be read
	ReasonTooLarge      = "too_large"      // what holds the text is too long to be read
)

// Unserved says what becomes of a stated language that is not served.
type Unserved string

// What becomes of a stated language that is not served: the text is identified, the
// fallback is taken, or the request is refused.
const (
	UnservedIdentify Unserved = "identify"
	UnservedFallback Unserved = "fallback"
	UnservedReject   Unserved = "reject"
)

// AcceptLanguage says when the header of that name decides.
type AcceptLanguage string

// When Accept-Language decides: among the languages in which the script of a text is
// written, if that could not be identified for certain; whenever nothing else has; never.
const (
	AcceptTiebreak AcceptLanguage = "tiebreak"
	AcceptAlways   AcceptLanguage = "always"
	AcceptOff      AcceptLanguage = "off"
)

// Options is how a route decides.
type Options struct {
	// Served is what it serves.
	Served *Served
	// Identifiers are asked for the language of a text, each if the one before has
	// found it to be in another language or has found nothing.
	Identifiers []languages.Identifier
	// Fallback is the language of what cannot be decided; empty for none.
	Fallback languages.Code
	// Unserved and AcceptLanguage are as their types say.
	Unserved       Unserved
	AcceptLanguage AcceptLanguage
	// Confidence is the probability, from 0 to 1, that an identified language must
	// have to count.
	Confidence float32
	// MinLetters is how many letters a text must have to be identified by more than
	// its script.
	MinLetters int
}

// Decider decides in which language requests are. It is safe for concurrent use.
type Decider struct{ Options }

// New makes a decider. A fallback that is not served is an error.
func New(o Options) (*Decider, error) {
	if o.Fallback != "" && len(o.Served.patterns) > 0 {
		from := languages.Code("")
		for _, p := range o.Served.patterns {
			if p.Source == "" || p.Source.Covers(o.Fallback) {
				if from, _, _ = o.Served.Find(o.Fallback, p.Target); from == o.Fallback {
					break
				}
			}
		}
		if from == "" {
			return nil, fmt.Errorf("the fallback %s is not among the languages that are served (%s); add it to languages, or name one of them",
				o.Fallback, o.Served)
		}
		o.Fallback = from
	}
	return &Decider{o}, nil
}

// Request is what is known of a request.
type Request struct {
	// Body, Query and Header are the names of languages that are stated there, in any
	// form; empty if none is. They count in this order.
	Body, Query, Header string
	// Target is the stated language of a translation.
	Target string
	// AcceptLanguage are the values of that header.
	AcceptLanguage []string
	// Text has what can be identified; nil if nothing has.
	Text Text
}

// Text is asked when no stated language decides.
type Text interface {
	// Text returns the text of a request, or why there is none: a reason. An error
	// ends the decision.
	Text() (text []byte, missing string, err error)
}

// Decision is the language of a request, with the meanings of state.Language.
type Decision struct {
	Code, Target   languages.Code
	Script         string
	Confidence     float32
	Source, Reason string
}

// NotServedError is the refusal of a stated language.
type NotServedError struct {
	Stated string // the name that the request gives, and the target if it has one
	Served string // what is served; empty if every known language is
}

// Error says what is stated and what is served.
func (e *NotServedError) Error() string {
	const most = 64
	stated := e.Stated
	if len(stated) > most {
		stated = strings.ToValidUTF8(stated[:most], "") + "..."
	}
	if e.Served == "" {
		return fmt.Sprintf("%q is no language that is known", stated)
	}
	return fmt.Sprintf("the language %q is not served; served are: %s", stated, e.Served)
}

// Decide decides in which language a request is. It returns a *NotServedError where that
// is asked for, and what q.Text fails with. Names, text and headers may be anything.
func (d *Decider) Decide(q *Request) (Decision, error) {
	target, _ := languages.Canonical(q.Target)
	reason := ""
	if name, source := q.stated(); !asksToIdentify(name) {
		if code, ok := languages.Canonical(name); ok {
			if from, into, ok := d.Served.findStated(code, target); ok {
				return Decision{Code: from, Target: into, Confidence: 1, Source: source}, nil
			}
		}
		switch reason = ReasonNotServed; d.Unserved {
		case UnservedReject:
			if target != "" {
				name += ">" + string(target)
			}
			return Decision{}, &NotServedError{name, d.Served.String()}
		case UnservedFallback:
			return d.fallback(target, reason), nil
		case UnservedIdentify:
		}
	}
	return d.decideByText(q, target, reason)
}

// decideByText decides where no stated language does. Reason is why not, if one is
// stated.
func (d *Decider) decideByText(q *Request, target languages.Code, reason string) (Decision, error) {
	var r languages.Result
	why := ReasonNoText
	if q.Text != nil {
		text, missing, err := q.Text.Text()
		if err != nil {
			return Decision{}, err
		}
		if why = missing; why == "" {
			r, why = d.identify(text)
		}
	}
	if why == "" {
		if from, into, ok := d.Served.Find(r.Language, target); ok {
			return Decision{from, into, r.Script, r.Confidence, r.Source, ""}, nil
		}
		why = ReasonNotServed
	}
	if reason == "" {
		reason = why
	}
	if len(q.AcceptLanguage) > 0 && d.AcceptLanguage != AcceptOff {
		if code, ok := d.accept(q.AcceptLanguage, target, &r, why); ok {
			from, into, _ := d.Served.Find(code, target)
			dec := Decision{Code: from, Target: into, Script: r.Script, Source: SourceAccept, Reason: reason}
			if from.Covers(r.Language) {
				dec.Confidence = r.Confidence
			}
			return dec, nil
		}
	}
	dec := d.fallback(target, reason)
	dec.Script = r.Script
	return dec, nil
}

// fallback is the decision when nothing has decided.
func (d *Decider) fallback(target languages.Code, reason string) Decision {
	if _, into, ok := d.Served.Find(d.Fallback, target); ok {
		target = into
	} else {
		target = d.Served.narrow(target)
	}
	return Decision{Code: d.Fallback, Target: target, Source: SourceFallback, Reason: reason}
}

// stated returns the first language that is named, and where.
func (q *Request) stated() (name, source string) {
	if name = strings.TrimSpace(q.Body); name != "" {
		return name, SourceBody
	}
	if name = strings.TrimSpace(q.Query); name != "" {
		return name, SourceQuery
	}
	return strings.TrimSpace(q.Header), SourceHeader
}

// asksToIdentify says that a name stands for no language but for finding it out, as
// clients and ISO 639 have it.
func asksToIdentify(name string) bool {
	for _, word := range [...]string{"auto", "und", "detect", "unknown"} {
		if strings.EqualFold(name, word) {
			return true
		}
	}
	return name == ""
}
