// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langtext

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// service is the places of a translation service.
var service = Places{
	Stated: []string{"config.language.sourceLanguage", "tasks.#.lang", "lang"},
	Target: []string{"config.language.targetLanguage", "to"},
	Text:   []string{"input.#.source", "text"},
}

func TestJSON(t *testing.T) {
	t.Parallel()
	service := mustCompile(t, service)
	for _, c := range []struct{ name, doc, stated, target, text string }{
		{
			name:   "translation",
			doc:    `{"input":[{"source":"नमस्ते"},{"source":"दुनिया"}],"config":{"language":{"sourceLanguage":"hi","targetLanguage":"ta"}}}`,
			stated: "hi", target: "ta", text: "नमस्ते\nदुनिया",
		},
		{name: "order of configuration", doc: `{"lang":"late","tasks":[{"lang":"second"}],"config":{"language":{"sourceLanguage":"first"}}}`, stated: "first"},
		{name: "order of configuration, first in the document", doc: `{"tasks":[{},{"lang":"second"},{"lang":"third"}],"lang":"late"}`, stated: "second"},
		{name: "shorter over longer", doc: `{"lang":"something long","tasks":[{"lang":"x"}]}`, stated: "x"},
		{name: "empty is absent", doc: `{"config":{"language":{"sourceLanguage":"","targetLanguage":""}},"lang":"ta","to":"te"}`, stated: "ta", target: "te"},
		{name: "number is absent", doc: `{"config":{"language":{"sourceLanguage":1234}},"lang":"ta"}`, stated: "ta"},
		{name: "null, booleans and containers are absent", doc: `{"tasks":[{"lang":null},{"lang":true},{"lang":["hi"]},{"lang":{"a":"hi"}}],"lang":"ta"}`, stated: "ta"},
		{name: "escaped language", doc: `{"lang":"\u0068i"}`, stated: "hi"},
		{name: "Python's escapes", doc: `{"text":"\u0928\u092e\u0938\u094d\u0924\u0947 \ud83d\ude00"}`, text: "नमस्ते 😀"},
		{name: "escapes", doc: `{"text":"a\n\"b\"\t"}`, text: "a\n\"b\"\t"},
		{name: "strings of an array", doc: `{"text":["a","b",3,null,["c"],"d"]}`, text: "a\nb\nd"},
		{name: "content parts", doc: `{"text":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"text"}},{"text":7},"b",{"text":"c"}]}`, text: "a\nb\nc"},
		{name: "one content part", doc: `{"text":{"type":"text","text":"a"}}`, text: "a"},
		{name: "content part with an escaped name", doc: `{"text":{"te\u0078t":"a"}}`, text: "a"},
		{name: "empty pieces", doc: `{"text":["","a","","b",""]}`, text: "a\nb"},
		{name: "order of the document", doc: `{"text":"first","input":[{"source":"second"}]}`, text: "first\nsecond"},
		{name: "other types of text", doc: `{"text":5,"input":[{"source":null},{"source":false}]}`},
		{name: "wrong types on the way", doc: `{"config":"hi","tasks":{"lang":"hi"},"input":[["a"],"b"]}`},
		{name: "nothing", doc: `{}`},
		{name: "array", doc: `[{"text":"a"}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := Found{Stated: []byte("old"), Target: []byte("old"), Text: []byte("old")}
			if err := service.JSON([]byte(c.doc), &f); err != nil {
				t.Fatal(err)
			}
			if string(f.Stated) != c.stated || string(f.Target) != c.target || string(f.Text) != c.text {
				t.Errorf("got %q, %q and %q; want %q, %q and %q", f.Stated, f.Target, f.Text, c.stated, c.target, c.text)
			}
		})
	}
}

// TestJSONIsLenientAboutText checks that text which is only identified is no reason to
// refuse a document in another spelling.
func TestJSONIsLenientAboutText(t *testing.T) {
	t.Parallel()
	p := service
	p.LastUserMessage = true
	r := mustCompile(t, p)
	for _, c := range []struct{ name, doc, want string }{
		{"duplicate text", `{"input":[{"source":"a","source":"b"}]}`, "a"},
		{"duplicate on the way", `{"input":[{"source":"a"}],"input":[{"source":"b"}]}`, "a"},
		{"Pascal case", `{"Prompt":"a","Input":[{"Source":"b"}],"Messages":[{"Role":"user","Content":"c"}],"Contents":{}}`, ""},
		{"Pascal case beside", `{"Prompt":"a","prompt":"b"}`, "b"},
		{"variant within", `{"messages":[{"Role":"user","role":"user","content":"a"}]}`, "a"},
		{"duplicate role", `{"messages":[{"role":"user","role":"system","content":"a"}]}`, "a"},
		{"in what is stated", `{"config":{"Text":"x"},"Text":"y","lang":"hi","text":"a"}`, "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var f Found
			if err := r.JSON([]byte(c.doc), &f); err != nil || string(f.Text) != c.want {
				t.Errorf("got %q, %v; want %q", f.Text, err, c.want)
			}
		})
	}
	// Beside the built-in members, one of an operator's own in another case.
	own := mustCompile(t, Places{Text: []string{"Prompt"}, LastUserMessage: true})
	var f Found
	if err := own.JSON([]byte(`{"Prompt":"a"}`), &f); err != nil || string(f.Text) != "a" {
		t.Errorf("got %q, %v", f.Text, err)
	}
}

func TestJSONOfATopLevelArray(t *testing.T) {
	t.Parallel()
	r := mustCompile(t, Places{Stated: []string{"#.from"}, Text: []string{"#.text", "#.text"}})
	var f Found
	if err := r.JSON([]byte(`[{"text":"a"},{"from":"hi","text":"b"}]`), &f); err != nil {
		t.Fatal(err)
	}
	if string(f.Stated) != "hi" || string(f.Text) != "a\nb" {
		t.Errorf("got %q and %q", f.Stated, f.Text)
	}
}

func TestJSONRefuses(t *testing.T) {
	t.Parallel()
	p := service
	p.LastUserMessage = true
	r := mustCompile(t, p)
	const duplicate, syntax = "duplicate", "syntax"
	for _, c := range []struct{ name, doc, want string }{
		{"duplicate language", `{"text":"a","lang":"hi","lang":"ta"}`, duplicate},
		{"variant of a language", `{"text":"a","Lang":"ta"}`, duplicate},
		{"duplicate on the way", `{"config":{},"config":{"language":{"sourceLanguage":"hi"}}}`, duplicate},
		{"duplicate target", `{"text":"a","to":"hi","to":"ta"}`, duplicate},
		{"syntax", `{"text":"a","lang":"hi",}`, syntax},
		{"invalid UTF-8", "{\"lang\":\"hi\",\"text\":\"a\xff\"}", syntax},
		{"lone surrogate", `{"lang":"hi","text":"\ud800"}`, syntax},
		{"data after the document", `{"lang":"hi"}{}`, syntax},
		{"too deep", `{"lang":"hi","x":` + strings.Repeat("[", jsonpeek.MaxDepth) + strings.Repeat("]", jsonpeek.MaxDepth) + `}`, syntax},
		{"string", `"text"`, syntax},
		{"nothing", ``, syntax},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var f Found
			err := r.JSON([]byte(c.doc), &f)
			kind := "none"
			if _, ok := errors.AsType[*jsonpeek.DuplicateError](err); ok {
				kind = duplicate
			} else if _, ok := errors.AsType[*jsonpeek.SyntaxError](err); ok {
				kind = syntax
			}
			if kind != c.want {
				t.Errorf("got error %v, want one about: %s", err, c.want)
			}
			if len(f.Stated)+len(f.Target)+len(f.Text) > 0 {
				t.Errorf("found %q, %q and %q before the error", f.Stated, f.Target, f.Text)
			}
		})
	}
}

func TestJSONBoundsText(t *testing.T) {
	t.Parallel()
	r := mustCompile(t, Places{Stated: []string{"lang"}, Text: []string{"a", "b.#.c"}, LastUserMessage: true})
	nearly := strings.Repeat("x", MaxText-2)
	for _, c := range []struct{ name, doc, want string }{
		{"one long text", `{"a":"` + strings.Repeat("x", 10*MaxText) + `"}`, strings.Repeat("x", MaxText)},
		{"long and escaped", `{"a":"` + strings.Repeat(`\u0928`, MaxText) + `"}`, strings.Repeat("न", MaxText/3)},
		{"exactly full", `{"a":"` + strings.Repeat("x", MaxText) + `"}`, strings.Repeat("x", MaxText)},
		{"many texts", `{"b":[` + strings.TrimSuffix(strings.Repeat(`{"c":"abc"},`, MaxText), ",") + `]}`, strings.Repeat("abc\n", MaxText/4-1) + "abc"},
		{"many parts", `{"a":[` + strings.TrimSuffix(strings.Repeat(`{"text":"abc"},`, MaxText), ",") + `]}`, strings.Repeat("abc\n", MaxText/4-1) + "abc"},
		{"nothing after what did not fit", `{"a":["` + nearly + `न","y"],"prompt":"z"}`, nearly},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var f Found
			if err := r.JSON([]byte(c.doc), &f); err != nil {
				t.Fatal(err)
			}
			checkBounds(t, &f)
			if string(f.Text) != c.want {
				t.Errorf("got %d bytes of text, want %d", len(f.Text), len(c.want))
			}
		})
	}
	var f Found
	if err := r.JSON([]byte(`{"lang":"`+strings.Repeat("é", MaxText)+`"}`), &f); err != nil {
		t.Fatal(err)
	}
	if checkBounds(t, &f); len(f.Stated) != maxStated {
		t.Errorf("%d bytes of a long language, want %d", len(f.Stated), maxStated)
	}
}
