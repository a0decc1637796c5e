// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"strings"
)

// reply is an answer, whatever the API in which it is written.
type reply struct {
	model      string
	prompt     int // tokens, the cached ones included
	cached     int
	completion int
	// pieces is the text, one word each, which together make it up. It is nil
	// when a tool is called.
	pieces []string
	call   *toolCall
	// truncated says that the request's limit cut the answer off.
	truncated bool
	silent    bool // nothing is said about usage
}

// reply makes the answer to a request of at most limit tokens, unless limit is
// zero or less.
func (x *exchange) reply(model string, p prompt, tools []toolSpec, choice []byte, limit int) (reply, error) {
	if model == "" {
		return reply{}, invalid("model", "model: you must provide a model")
	}
	if x.h.Model != "" {
		model = x.h.Model
	}
	rep := reply{model: model, prompt: p.tokens, cached: min(x.h.CachedTokens, p.tokens), silent: x.h.UsageOff}
	call, err := chooseTool(p, tools, choice, x.number)
	if err != nil {
		return reply{}, err
	}
	if call != nil {
		rep.call, rep.completion = call, call.tokens()
		return rep, nil
	}
	n := x.h.Words
	if limit > 0 && limit < n {
		n, rep.truncated = limit, true
	}
	rep.pieces = echo(p.lastUser, n)
	rep.completion = n
	return rep, nil
}

// text is the whole text.
func (r reply) text() string { return strings.Join(r.pieces, "") }

// echo returns n words that repeat what was said, each but the first with the
// space before it.
func echo(said string, n int) []string {
	words := append([]string{"You", "said:"}, strings.Fields(said)...)
	pieces := make([]string, n)
	for i := range pieces {
		pieces[i] = " " + words[i%len(words)]
	}
	pieces[0] = pieces[0][1:]
	return pieces
}

// finish returns the word with which an API says why the answer ended.
func (r reply) finish(stop, length, tool string) string {
	switch {
	case r.call != nil:
		return tool
	case r.truncated:
		return length
	}
	return stop
}
