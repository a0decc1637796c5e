// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langtext

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// repeats reports whether an object of a valid document has a member twice, of which
// encoding/json would keep only one.
func repeats(t *testing.T, d *json.Decoder) bool {
	t.Helper()
	token, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	switch token {
	case json.Delim('{'):
		names := map[json.Token]bool{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				t.Fatal(err)
			}
			found = found || names[name]
			names[name] = true
			found = repeats(t, d) || found
		}
		_, _ = d.Token()
	case json.Delim('['):
		for d.More() {
			found = repeats(t, d) || found
		}
		_, _ = d.Token()
	}
	return found
}

// pieces returns the texts of a value as content of a message.
func pieces(value any) (found []string) {
	add := func(value any) {
		if part, ok := value.(map[string]any); ok {
			value = part["text"]
		}
		if s, ok := value.(string); ok && s != "" {
			found = append(found, s)
		}
	}
	elements, ok := value.([]any)
	if !ok {
		elements = []any{value}
	}
	for _, element := range elements {
		add(element)
	}
	return found
}

// lastOf returns the texts of the last message of a user that has any.
func lastOf(list any, content string, implied bool) (found []string) {
	elements, _ := list.([]any)
	for _, element := range elements {
		message, _ := element.(map[string]any)
		role := message["role"]
		_, speaks := message[content]
		if role == "user" || role == nil && implied && speaks {
			if text := pieces(message[content]); len(text) > 0 {
				found = text
			}
		}
	}
	return found
}

// oracle returns with encoding/json alone what FuzzJSON wants.
func oracle(root any) (stated string, text []string) {
	doc, _ := root.(map[string]any)
	config, _ := doc["config"].(map[string]any)
	stated, _ = config["lang"].(string)
	if s, ok := doc["lang"].(string); ok && stated == "" {
		stated = s
	}
	tasks, _ := doc["tasks"].([]any)
	for _, task := range tasks {
		members, _ := task.(map[string]any)
		text = append(text, pieces(members["source"])...)
	}
	input, isString := doc["input"].(string)
	chats := [][]string{
		lastOf(doc["messages"], "content", false), lastOf(doc["input"], "content", false), nil,
		lastOf(doc["contents"], "parts", true), pieces(doc["prompt"]),
	}
	if isString {
		chats[2] = pieces(input)
	}
	for _, chat := range chats {
		if len(chat) > 0 {
			return stated, append(text, chat...)
		}
	}
	return stated, text
}

// FuzzJSON checks that nothing panics, that bounds are kept, and that what is found is
// what encoding/json finds.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"lang":"ta","config":{"lang":"\u0068i"},"tasks":[{"source":"\u0928"},{"source":["a",{"text":"b"}]}]}`,
		`{"messages":[{"role":"user","content":"a"},{"content":[{"type":"text","text":"b"}],"role":"user"},{"role":"x"}]}`,
		`{"input":[{"role":"user","content":[{"type":"input_text","text":"a"}]}],"prompt":["p","q"]}`, `{"input":"a"}`,
		`{"contents":[{"parts":[{"text":"a"}]},{"role":null,"parts":{"text":"b"}},{"role":"model","parts":[]}]}`,
		`{"messages":[],"prompt":"a","lang":7,"config":{"lang":""}}`, `[]`, `{"messages":[{"role":"user","role":"x"}]}`,
	} {
		f.Add([]byte(seed))
	}
	r, err := Compile(Places{Stated: []string{"config.lang", "lang"}, Target: []string{"to"}, Text: []string{"tasks.#.source"}, LastUserMessage: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		var found Found
		err := r.JSON(doc, &found)
		checkBounds(t, &found)
		if err != nil {
			if len(found.Stated)+len(found.Target)+len(found.Text) > 0 {
				t.Fatalf("%q: found %+v and error %v", doc, found, err)
			}
			return
		}
		var root any
		if err := json.Unmarshal(doc, &root); err != nil {
			if !strings.Contains(err.Error(), "number") { // too large for a float
				t.Fatalf("%q is accepted: %v", doc, err)
			}
			return
		}
		d := json.NewDecoder(bytes.NewReader(doc))
		d.UseNumber()
		if repeats(t, d) || len(doc) > MaxText {
			return
		}
		stated, text := oracle(root)
		if len(stated) <= maxStated && string(found.Stated) != stated {
			t.Fatalf("%q: got %q, want %q", doc, found.Stated, stated)
		}
		if want := strings.Join(text, "\n"); len(found.Text) <= MaxText-4 && string(found.Text) != want {
			t.Fatalf("%q: got %q, want %q", doc, found.Text, want)
		}
	})
}
