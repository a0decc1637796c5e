// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package langtext collects from the bodies of requests what tells their language: the
// languages that their clients state, and the beginning of the text to be identified.
//
// It reads JSON documents, forms and plain text in one pass and copies no more than
// MaxText bytes of them, however long they are.
package langtext

import (
	"errors"
	"fmt"
	"slices"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

const (
	// MaxText is how many bytes of text are collected at most: as many as detectors look
	// at.
	MaxText = 2048
	// maxStated is how many bytes are kept of what is stated as a language, which is
	// more than any name of a language has.
	maxStated = 128
)

// Places is where to look. Paths are those of jsonpeek.NewPatterns.
type Places struct {
	// Stated holds the paths of the language that the client says its text is in.
	Stated []string
	// Target holds the paths of the language that the text is to be translated into.
	Target []string
	// Text holds the paths of the text, which is found as far as it can be: of members
	// on the way that appear twice the first counts, and those in a variant spelling do
	// not. A string counts as it is; an array with its
	// strings and with the text of its content parts, objects with a member "text"; an
	// object as a content part.
	Text []string
	// LastUserMessage adds the text of the last message of a user that has text, behind
	// that of the paths. It is looked for in the members "messages" (OpenAI chat completions,
	// Anthropic, Ollama), "input" (OpenAI Responses), "contents" (Gemini) and "prompt"
	// (completions, Ollama generate), of which the first counts that has text. The
	// messages before that one never count. Members that appear twice
	// or in a variant spelling are no error, as with Text.
	LastUserMessage bool
	// Form holds the names of the fields of forms that hold text.
	Form []string
}

// Paths returns all paths that are looked at in JSON documents.
func (p *Places) Paths() []string {
	paths := slices.Concat(p.Stated, p.Target, p.Text)
	if p.LastUserMessage {
		for _, members := range chatPaths {
			for _, m := range members {
				paths = append(paths, m.path)
			}
		}
	}
	return paths
}

// Reader collects from the places it was compiled for. It is immutable and safe for
// concurrent use.
type Reader struct {
	patterns *jsonpeek.Patterns
	sinks    []sink // by the index of their pattern
	form     []string
}

// sink is what a match of a pattern is for.
type sink struct {
	use  use
	rank int // position among the paths of the same use; of a chat, its shape
}

// use says what is done with a match.
type use uint8

const (
	useStated  use = iota // it is the language
	useTarget             // it is the language of the translation
	useText               // it is text
	useRole               // it says whose a message of a chat is
	useContent            // it is what a message of a chat says
	useWhole              // it is the one message of a request that is no chat
)

// Compile returns a Reader for places. It returns an error for a path that is wrong,
// which it names, and for a form field without a name.
func Compile(p Places) (*Reader, error) {
	r := &Reader{form: slices.Clone(p.Form)}
	if slices.Contains(p.Form, "") {
		return nil, errors.New("compile places of text: the name of a form field is empty")
	}
	var paths []string
	add := func(u use, of []string) {
		for i, path := range of {
			paths = append(paths, path)
			r.sinks = append(r.sinks, sink{u, i})
		}
	}
	add(useStated, p.Stated)
	add(useTarget, p.Target)
	strict := len(paths) // what is stated decides, of which no two readings must be possible
	for i, path := range p.Text {
		if !slices.Contains(p.Text[:i], path) { // or the text would be there twice
			add(useText, p.Text[i:i+1])
		}
	}
	if p.LastUserMessage {
		for shape, members := range chatPaths {
			for _, m := range members {
				paths = append(paths, m.path)
				r.sinks = append(r.sinks, sink{m.use, shape})
			}
		}
	}
	var err error
	if r.patterns, err = jsonpeek.NewLenientPatterns(paths[:strict], paths[strict:]); err != nil {
		return nil, fmt.Errorf("compile places of text: %w", err)
	}
	return r, nil
}

// Found is what was collected. It is meant to be used again, which keeps its buffers.
type Found struct {
	// Stated and Target are the languages as the client wrote them: of the first path,
	// in the order of configuration, that leads to a string that is not empty. What is
	// longer than any name of a language is cut.
	Stated, Target []byte
	// Text is the text, of at most MaxText bytes, with a line feed between its pieces.
	Text []byte
}

// Reset forgets what was collected.
func (f *Found) Reset() {
	f.Stated, f.Target, f.Text = f.Stated[:0], f.Target[:0], f.Text[:0]
}

// Plain collects the beginning of a body that is text. It need not be UTF-8; if it is,
// no character is cut.
func (r *Reader) Plain(body []byte, f *Found) {
	f.Reset()
	f.Text = append(f.Text, cut(body, MaxText)...)
}
