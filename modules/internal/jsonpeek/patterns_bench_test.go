// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import (
	"encoding/base64"
	"strings"
	"testing"
)

// translation is a request to a translation service, of about 1 KB.
func translation() []byte {
	const text = `{"source":"\u0928\u092e\u0938\u094d\u0924\u0947, यह एक वाक्य है जिसका अनुवाद किया जाना है।"}`
	return []byte(`{"pipelineTasks":[{"taskType":"translation","config":{"language":{"sourceLanguage":"hi","targetLanguage":"ta"},` +
		`"serviceId":"nmt-demo","modelId":"demo-model-1","preProcessors":[],"postProcessors":["glossary"]}}],` +
		`"inputData":{"input":[` + strings.TrimSuffix(strings.Repeat(text+",", 5), ",") + `],"audio":null},` +
		`"controlConfig":{"dataTracking":true},"config":{"language":{"sourceLanguage":"hi","targetLanguage":"ta"}}}`)
}

// recording is a request to a speech service: 1 MB of audio in base64.
func recording() []byte {
	sound := make([]byte, 1<<20*3/4)
	for i := range sound {
		sound[i] = byte(i * i >> 3)
	}
	return []byte(`{"audio":[{"audioContent":"` + base64.StdEncoding.EncodeToString(sound) + `"}],` +
		`"config":{"language":{"sourceLanguage":"hi"},"audioFormat":"wav","samplingRate":16000}}`)
}

// BenchmarkPatterns compares the search for the patterns of a language router with
// validation alone.
func BenchmarkPatterns(b *testing.B) {
	patterns, err := NewPatterns("config.language.sourceLanguage", "config.language.targetLanguage",
		"inputData.input.#.source", "input.#.source", "messages.#.role", "messages.#.content", "input",
		"input.#.role", "input.#.content", "contents.#.role", "contents.#.parts", "prompt")
	if err != nil {
		b.Fatal(err)
	}
	none := NewNames()
	for _, c := range []struct {
		name string
		doc  []byte
	}{
		{"translation 1 KB", translation()},
		{"chat 20 KB", request(20 << 10)},
		{"audio 1 MB", recording()},
		{"messages 20 KB", []byte(`{"messages":[` + strings.TrimSuffix(strings.Repeat(
			`{"role":"user","content":"What is the weather like in Chennai today?"},`, 280), ",") + `]}`)},
	} {
		b.Run(c.name+"/validate", func(b *testing.B) {
			b.SetBytes(int64(len(c.doc)))
			b.ReportAllocs()
			for b.Loop() {
				if err := Scan(c.doc, none, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/patterns", func(b *testing.B) {
			b.SetBytes(int64(len(c.doc)))
			b.ReportAllocs()
			matches := 0
			for b.Loop() {
				if err := patterns.Scan(c.doc, func(Match) { matches++ }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
