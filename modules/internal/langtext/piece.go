// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langtext

import (
	"unicode/utf8"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// full reports whether no more text is to be collected. The last character may have
// been one that did not fit: a shorter one from further on must not take its place.
func (f *Found) full() bool { return len(f.Text) > MaxText-utf8.UTFMax }

// begin separates what comes from the text before it and returns the length to go back
// to if nothing comes.
func (f *Found) begin() int {
	n := len(f.Text)
	if n > 0 {
		f.Text = append(f.Text, '\n')
	}
	return n
}

// end takes back the separator if nothing came after it.
func (f *Found) end(begun int) {
	if len(f.Text) == begun+1 && begun > 0 {
		f.Text = f.Text[:begun]
	}
}

// addBytes adds a piece of text that stands for itself.
func (f *Found) addBytes(piece []byte) {
	if !f.full() {
		begun := f.begin()
		f.Text = append(f.Text, cut(piece, MaxText-len(f.Text))...)
		f.end(begun)
	}
}

// addString adds the text of a JSON value if it is a string.
func (f *Found) addString(raw []byte) {
	if !f.full() {
		begun := f.begin()
		f.Text, _ = jsonpeek.AppendString(f.Text, raw, MaxText-len(f.Text))
		f.end(begun)
	}
}

// addContent adds the text of a JSON value: a string, a content part, or an array of
// them. The value has been validated, so that it can be followed.
func (f *Found) addContent(raw []byte) {
	if len(raw) == 0 || f.full() {
		return
	}
	if raw[0] != '[' {
		f.addPart(raw)
		return
	}
	_ = jsonpeek.Array(raw, func(element []byte) bool {
		f.addPart(element)
		return !f.full()
	})
}

// addPart adds the text of a string or of a content part, which is an object with a
// member "text" in the APIs of OpenAI, Anthropic and Gemini alike, if it is text.
func (f *Found) addPart(raw []byte) {
	switch raw[0] {
	case '"':
		f.addString(raw)
	case '{':
		_ = jsonpeek.Object(raw, func(name, value []byte) bool {
			if string(name) == "text" {
				f.addString(value)
			}
			return !f.full()
		})
	}
}

// hasText reports whether addContent adds anything of a value to an empty text.
func hasText(raw []byte) (found bool) {
	if len(raw) == 0 || raw[0] != '[' {
		return partHasText(raw)
	}
	_ = jsonpeek.Array(raw, func(element []byte) bool {
		found = partHasText(element)
		return !found
	})
	return found
}

func partHasText(raw []byte) (found bool) {
	if len(raw) > 0 && raw[0] == '{' {
		_ = jsonpeek.Object(raw, func(name, value []byte) bool {
			found = string(name) == "text" && filled(value)
			return !found
		})
		return found
	}
	return filled(raw)
}

// filled reports whether a value is a string that is not empty.
func filled(raw []byte) bool { return len(raw) > len(`""`) && raw[0] == '"' }

// cut returns the beginning of p, of at most n bytes, without a part of a character at
// its end.
func cut(p []byte, n int) []byte {
	if len(p) <= n {
		return p
	}
	for i := n; i >= 0 && i > n-utf8.UTFMax; i-- {
		if utf8.RuneStart(p[i]) {
			return p[:i]
		}
	}
	return p[:n] // not UTF-8
}
