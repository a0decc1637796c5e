// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"strconv"

	"go.uber.org/zap/zapcore"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

// Headers that tell upstreams, and by option clients, in which language a request is.
// What a client sends under these names is removed.
const (
	HeaderLanguage           = "X-Detected-Language"
	HeaderLanguageConfidence = "X-Detected-Language-Confidence"
	HeaderLanguageSource     = "X-Detected-Language-Source"
	HeaderTargetLanguage     = "X-Detected-Target-Language"
)

// Language is in which language a request is, and how that is known.
type Language struct {
	// Code is the language that was decided on; empty if there is none.
	Code languages.Code
	// Target is the language into which the request asks for a translation; empty if
	// it names none.
	Target languages.Code
	// Script is the ISO 15924 code of the script of the text that was looked at; empty
	// if no text was.
	Script string
	// Confidence is the probability that Code is right: 1 if the client has stated it,
	// 0 for the fallback.
	Confidence float32
	// Source says what decided, from a closed set: the signal by which the client has
	// stated it (body, query, header), what identified it (script, model, or the
	// source that another detector names), accept_language, or fallback. Empty while
	// nothing has decided.
	Source string
	// Reason says, from a closed set, why the language was neither stated nor
	// identified; empty if it was.
	Reason string
}

// Pair returns the languages of a translation, as in "hi>ta", and the language alone
// where there is no target.
func (l *Language) Pair() string {
	if l.Target == "" {
		return string(l.Code)
	}
	return string(l.Code) + ">" + string(l.Target)
}

// confidence is Confidence with two digits.
func (l *Language) confidence() string {
	return strconv.FormatFloat(float64(l.Confidence), 'f', 2, 32)
}

func (l *Language) placeholder(name string) (any, bool) {
	switch name {
	case "language":
		return string(l.Code), true
	case "language.target":
		return string(l.Target), true
	case "language.pair":
		return l.Pair(), true
	case "language.script":
		return l.Script, true
	case "language.source":
		return l.Source, true
	case "language.reason":
		return l.Reason, true
	case "language.confidence":
		if l.Source == "" {
			return "", true
		}
		return l.confidence(), true
	}
	return nil, false
}

type languageLogObject struct{ l *Language }

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (o languageLogObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	l := o.l
	enc.AddString("code", string(l.Code))
	if l.Target != "" {
		enc.AddString("target", string(l.Target))
	}
	if l.Script != "" {
		enc.AddString("script", l.Script)
	}
	enc.AddString("confidence", l.confidence())
	enc.AddString("source", l.Source)
	if l.Reason != "" {
		enc.AddString("reason", l.Reason)
	}
	return nil
}

// Interface guards
var _ zapcore.ObjectMarshaler = languageLogObject{}
