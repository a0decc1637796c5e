// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package languages is the contract between the gateway and what identifies the
// language of a text, and how languages are named in it: a [Code] for each, made by
// [Canonical] from whatever form clients and models use.
//
// The package is public, unlike the rest of the gateway's domain, because a module in
// the namespace gateway.language_detectors may come from anywhere. Such a module is a
// Caddy module that implements [Detector].
package languages

import "context"

// Other is the answer for text in a language that is not among those asked for, or in
// none.
const Other Code = "other"

// Detector makes identifiers. Implementations are safe for concurrent use.
type Detector interface {
	// Languages returns the languages that the detector can tell, sorted, with the
	// script where it tells a language in several.
	Languages() []Code
	// Among returns an identifier that answers with the languages given, or with
	// Other; with all of Languages if none is given. A language that the detector
	// cannot tell is an error. It is called while a configuration is read, so
	// whatever takes long or much memory has to wait for the first text.
	Among(codes ...Code) (Identifier, error)
}

// Identifier identifies the language of texts. It is safe for concurrent use.
type Identifier interface {
	// Identify looks at a text, which may be any bytes of any length: it bounds for
	// itself how much it reads. It neither keeps nor alters the text.
	Identify(text []byte) Result
}

// Loader is an identifier that loads in the background what it needs, from the first text
// on. Until it has, its results have letters and no language.
type Loader interface {
	Identifier
	// Load begins to load, unless that has begun, and waits until the identifier is
	// ready. It returns the error of the context, if that ends before, and a permanent
	// one if the identifier will never be ready. It is for programs that would rather
	// wait than go without an answer: the handling of a request never calls it.
	Load(ctx context.Context) error
}

// Result is what an identifier found.
type Result struct {
	// Language is the most probable language of those asked for, with its script where
	// the detector tells the language in several; Other if none of them is as probable
	// as that it is another; empty if nothing can be said: because there are no letters,
	// or, where there are, because the detector is not ready.
	Language Code
	// Script is the ISO 15924 code of the script that most letters are in; "Zyyy" if
	// there are no letters, "Zzzz" if it is none that the detector distinguishes.
	Script string
	// Confidence is the probability that Language is right, from 0 to 1, and 0 if it is
	// empty.
	Confidence float32
	// Letters is how many letters of Script were looked at.
	Letters int
	// Source says what decided, in a word from a closed set of the detector's: it
	// becomes a metric label. It is empty if Language is.
	Source string
}

// Known reports whether the result is one of the languages asked for.
func (r Result) Known() bool { return r.Language != "" && r.Language != Other }
