// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langtext

import "github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"

// The shapes of requests with messages, in the order in which they are asked for text.
const (
	messages  = iota // OpenAI chat completions, Anthropic, Ollama
	responses        // OpenAI Responses
	gemini           // Gemini
	prompt           // completions, Ollama generate
	shapes
)

// chatPaths holds where each shape has what.
var chatPaths = [shapes][]struct {
	path string
	use  use
}{
	messages:  {{"messages.#.role", useRole}, {"messages.#.content", useContent}},
	responses: {{"input.#.role", useRole}, {"input.#.content", useContent}, {"input", useWhole}},
	gemini:    {{"contents.#.role", useRole}, {"contents.#.parts", useContent}},
	prompt:    {{"prompt", useWhole}},
}

// chat is what is known of the messages, by shape.
type chat [shapes]turns

// turns follows the messages of one shape, whose role and content may come in either
// order. Of a message with neither there is no match, and it is nobody's.
type turns struct {
	implied bool   // a message of nobody is a user's
	open    bool   // a message has begun
	element int    // its index
	role    author // whose it is
	content []byte // what it says, raw, nil if not known
	last    []byte // what the last message of a user with text said, of those before pending
	whole   []byte // the value of a member that is a message itself

	// What the last messages of a user said, of which it is not known if it has text:
	// to look costs time, and is necessary for the very last as a rule.
	pending  [8][]byte
	npending int
}

// author is whose a message is.
type author uint8

const (
	nobody author = iota // it does not say
	user
	another // the model, the system or a tool
)

// see takes over a match.
func (t *turns) see(u use, m jsonpeek.Match) {
	if u == useWhole {
		t.whole = m.Value
		return
	}
	if t.open && m.Element != t.element {
		t.end()
	}
	t.open, t.element = true, m.Element
	if u == useRole {
		t.role = authorOf(m.Value)
	} else {
		t.content = m.Value
	}
}

// end closes a message.
func (t *turns) end() {
	if t.role == user || t.role == nobody && t.implied {
		if t.npending == len(t.pending) {
			t.settle()
		}
		t.pending[t.npending] = t.content
		t.npending++
	}
	t.open, t.role, t.content = false, nobody, nil
}

// settle finds the last message with text. One without, as the results of tools are in
// Anthropic's and Gemini's requests, leaves the one before it the last.
func (t *turns) settle() {
	for t.npending > 0 {
		if t.npending--; hasText(t.pending[t.npending]) {
			t.last, t.npending = t.pending[t.npending], 0
		}
	}
}

// authorOf reads a role.
func authorOf(raw []byte) author {
	var buf [len("user") + 1]byte
	name, ok := jsonpeek.AppendString(buf[:0], raw, len(buf))
	switch {
	case ok && string(name) == "user":
		return user
	case !ok && jsonpeek.IsNull(raw):
		return nobody
	}
	return another
}

// addTo adds the text of the last message of a user, of the first shape that has some.
func (c *chat) addTo(f *Found) {
	before := len(f.Text)
	for shape := range c {
		t := &c[shape]
		if t.open {
			t.end()
		}
		t.settle()
		f.addContent(t.last)
		// An array of input is messages, and those have been seen.
		if shape == prompt || len(t.whole) > 0 && t.whole[0] == '"' {
			f.addContent(t.whole)
		}
		if len(f.Text) > before {
			return
		}
	}
}
