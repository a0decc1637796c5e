// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, array := range []bool{false, s.api.format == usage.Gemini} {
				stream := streamOf(t, s.api, s.doc, Options{IncludeUsage: true, Array: array})
				sameJSON(t, wholeOf(t, s.api, stream), s.doc)
				if !utf8.ValidString(stream) {
					t.Error("the stream is cut within a character")
				}
			}
		})
	}
}

// What is made for a stream passes for one: the meter of the gateway finds the same
// usage in either form, and the end.
func TestBothFormsHaveOneUsage(t *testing.T) {
	t.Parallel()
	for _, s := range samples {
		media := usage.MediaSSE
		if s.api.format == usage.OllamaNative {
			media = usage.MediaNDJSON
		}
		var m usage.Meter
		m.Reset(s.api.format, usage.MediaJSON)
		m.Write([]byte(s.doc))
		want := m.Finish()
		m.Reset(s.api.format, media)
		m.Write([]byte(streamOf(t, s.api, s.doc, Options{IncludeUsage: true})))
		got := m.Finish()
		if got.Counts != want.Counts || got.Model != want.Model || !got.Complete || got.Failed || got.Malformed {
			t.Errorf("%s: got %+v, want %+v", s.name, got, want)
		}
	}
}

// A stream that is cut anywhere is no document, apart from cuts within what ends its
// last event.
func TestCutStreams(t *testing.T) {
	t.Parallel()
	for _, s := range samples {
		stream := streamOf(t, s.api, s.doc, Options{IncludeUsage: true})
		if len(stream) > 4000 {
			continue // takes the square of it
		}
		slack := 1 + strings.Count(stream[max(0, len(stream)-4):], "\r")
		for n := range len(stream) - slack {
			if s.api.format == usage.Gemini && strings.Count(stream[:n], "finishReason") == strings.Count(s.doc, "finishReason") {
				continue // complete but for lists that have no end mark
			}
			if whole, err := Whole(s.api.format, s.api.operation, []byte(stream[:n])); err == nil {
				t.Fatalf("%s: cut at %d of %d, it is %s", s.name, n, len(stream), whole)
			}
		}
	}
}

// An answer of many things that say nothing does not become a stream of any length.
func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	head := strings.Repeat("x", maxHead-500)
	many := strings.Repeat("{},", 20_000) + "{}"
	for _, s := range []sample{
		{"calls", chatAPI, `{"id":"` + head + `","choices":[{"message":{"tool_calls":[` + many + `]},"finish_reason":"stop"}]}`},
		{"choices", completionAPI, `{"id":"` + head + `","choices":[` + strings.Repeat(`{"finish_reason":1},`, 20_000) + `{"finish_reason":1}]}`},
		{"blocks", messagesAPI, `{"content":[` + many + `],"stop_reason":"end_turn"}`},
		{"citations", messagesAPI, `{"content":[{"type":"text","citations":[` + many + `]}],"stop_reason":"end_turn"}`},
		{"items", responsesAPI, `{"output":[` + many + `]}`},
		{"notes", responsesAPI, `{"output":[{"type":"message","id":"` + head + `","content":[{"type":"output_text","text":"","annotations":[` + many + `]}]}]}`},
		{"calls of Ollama", ollamaChatAPI, `{"model":"` + head + `","message":{"tool_calls":[` + many + `]},"done":true}`},
		{"parts", geminiAPI, `{"modelVersion":"` + head + `","candidates":[{"content":{"parts":[` + many + `]},"finishReason":"STOP"}]}`},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			stream, err := Stream(s.api.format, s.api.operation, []byte(s.doc), Options{})
			if len(stream) > int(limitOf([]byte(s.doc))) || reasonOf(t, err) != Unsupported {
				t.Errorf("%d bytes became %d, error %v", len(s.doc), len(stream), err)
			}
		})
	}
}

// maker makes random answers.
type maker struct{ *rand.Rand }

func (m maker) words() string {
	var b strings.Builder
	for range m.IntN(40) {
		b.WriteString([]string{"word ", "a", "漢字", `\"`, `\\`, `\n`, `\u00e9`, `\ud83d\ude00`, "👩‍👧", " ", "}", "data:"}[m.IntN(12)])
	}
	return b.String()
}

// some returns up to n things with commas.
func (m maker) some(n int, thing func(i int) string) string {
	var all []string
	for i := range m.IntN(n + 1) {
		all = append(all, thing(i))
	}
	return strings.Join(all, ",")
}

func (m maker) maybe(text string) string {
	if m.IntN(2) == 0 {
		return ""
	}
	return text
}

func (m maker) arguments() string {
	return fmt.Sprintf(`{\"a\":\"%s\"}`, strings.Repeat("x ", m.IntN(60)))
}

func (m maker) answers() []sample {
	w := m.words
	return []sample{
		{"chat", chatAPI, fmt.Sprintf(`{"id":"%s","choices":[{"index":0,"message":{"role":"assistant","content":"%s"%s%s,"tool_calls":[%s]},"finish_reason":"stop"%s}%s]%s}`,
			m.maybe("c"), w(), m.maybe(`,"refusal":"`+w()+`"`), m.maybe(`,"reasoning":"`+w()+`"`),
			m.some(3, func(i int) string {
				return fmt.Sprintf(`{"id":"t%d","type":"function","function":{"name":"f%d","arguments":"%s"}}`, i, i, m.arguments())
			}),
			m.maybe(fmt.Sprintf(`,"logprobs":{"content":[%s]}`, m.some(50, func(i int) string { return fmt.Sprintf(`{"token":"%d"}`, i) }))),
			m.maybe(`,{"index":1,"message":{"role":"assistant","content":null},"finish_reason":"x"}`),
			m.maybe(`,"usage":{"total_tokens":1}`))},
		{"completion", completionAPI, fmt.Sprintf(`{"choices":[{"index":0,"text":"%s","finish_reason":"stop"}]}`, w())},
		{"response", responsesAPI, fmt.Sprintf(`{"id":"r","output":[{"type":"message","id":"i","content":[{"type":"output_text","text":"%s"}]}]}`, w())},
		{"message", messagesAPI, fmt.Sprintf(`{"type":"message","content":[%s],"stop_reason":"end_turn","usage":{"output_tokens":%d}}`,
			m.some(4, func(i int) string {
				return []string{
					`{"type":"text","text":"` + w() + `"}`,
					`{"type":"thinking","thinking":"` + w() + `","signature":"` + m.maybe("c2ln") + `"}`,
					fmt.Sprintf(`{"type":"tool_use","id":"t%d","input":{"a":"%s"}}`, i, w()),
				}[m.IntN(3)]
			}), m.IntN(9))},
		{"Ollama chat", ollamaChatAPI, fmt.Sprintf(`{"model":"l","message":{"role":"assistant","content":"%s"%s},"done":true%s}`,
			w(), m.maybe(`,"thinking":"`+w()+`"`), m.maybe(`,"eval_count":1`))},
		{"Ollama generate", generateAPI, fmt.Sprintf(`{"model":"l","response":"%s","done":true}`, w())},
		{"Gemini", geminiAPI, fmt.Sprintf(`{"candidates":[{"content":{"parts":[{"text":"%s"},{"functionCall":{"name":"f"}}%s]},"finishReason":"STOP"}]}`,
			w(), m.maybe(`,{"text":"`+w()+`x","thought":true}`))},
	}
}

func TestRoundTripOfRandomAnswers(t *testing.T) {
	t.Parallel()
	m := maker{rand.New(rand.NewPCG(11, 12))}
	for range 1000 {
		for _, s := range m.answers() {
			sameJSON(t, wholeOf(t, s.api, streamOf(t, s.api, s.doc, Options{IncludeUsage: true})), s.doc)
			if t.Failed() {
				t.Fatal(s.name)
			}
		}
	}
}
