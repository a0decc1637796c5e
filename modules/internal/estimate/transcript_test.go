// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/stream"
	"github.com/caddy-gateway/tollgate/modules/internal/tokens"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// delivered is what a transcript has read, by kind.
type delivered struct{ text, reasoning, tool string }

// read returns the texts of a transcript that is short enough to hold them all.
func read(t testing.TB, tr *Transcript) (d delivered) {
	t.Helper()
	tr.Output()
	for _, l := range tr.walker.texts.lanes {
		if l.more != 0 {
			t.Fatal("a text was too long to be held")
		}
		switch l.kind {
		case text:
			d.text += string(l.buf)
		case reasoning:
			d.reasoning += string(l.buf)
		case tool:
			d.tool += string(l.buf)
		default:
			t.Errorf("a text of kind %d was delivered", l.kind)
		}
	}
	return d
}

// feed gives a transcript the payloads of a stream, or the pieces of a document.
func feed(f usage.Format, media usage.Media, payloads ...string) *Transcript {
	tr := &Transcript{}
	tr.Reset(f, media, tokens.O200kBase)
	for _, p := range payloads {
		if media == usage.MediaJSON {
			tr.Bytes([]byte(p))
		} else {
			tr.Event(nil, []byte(p))
		}
	}
	return tr
}

func TestTranscriptOfStreams(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		format usage.Format
		media  usage.Media
		events []string
		want   delivered
	}{
		{
			name: "chat", format: usage.OpenAIChat, media: usage.MediaSSE,
			events: []string{
				`{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`,
				`{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}`,
				`{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":", \"w\u00f6rld\"\n"},"finish_reason":null}]}`,
				`{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"refusal":"no"},"finish_reason":null}]}`,
				`{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
				`[DONE]`,
			},
			want: delivered{text: "Hello, \"wörld\"\nno"},
		},
		{
			name: "chat that reasons", format: usage.OpenAIChat, media: usage.MediaSSE,
			events: []string{
				`{"choices":[{"index":0,"delta":{"content":null,"reasoning_content":"Let me"}}]}`,
				`{"choices":[{"index":0,"delta":{"content":null,"reasoning_content":" think"}}]}`,
				`{"choices":[{"delta":{"content":"42","reasoning_content":null},"index":0}]}`,
			},
			want: delivered{text: "42", reasoning: "Let me think"},
		},
		{
			name: "chat that says its reasons twice", format: usage.OpenAIChat, media: usage.MediaSSE,
			events: []string{
				`{"choices":[{"index":0,"delta":{"reasoning":"Let me","reasoning_content":"Let me"}}]}`,
				`{"choices":[{"index":0,"delta":{"reasoning_content":" think","reasoning":" think","reasoning_details":[{"text":" think"}]}}]}`,
				`{"choices":[{"index":0,"delta":{"reasoning":" hard"}}]}`,
			},
			want: delivered{reasoning: "Let me think hard"},
		},
		{
			name: "chat in parts", format: usage.OpenAIChat, media: usage.MediaSSE,
			events: []string{
				`{"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}}]}`,
				`{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"yes"}]}}]}`,
			},
			want: delivered{text: "yes", reasoning: "hm"},
		},
		{
			name: "chat that calls tools", format: usage.OpenAIChat, media: usage.MediaSSE,
			events: []string{
				`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"weather","arguments":""}}]}}]}`,
				`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":"}}]}}]}`,
				`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"Bern\"}"}}]}}]}`,
			},
			want: delivered{tool: `weather{"city":"Bern"}`},
		},
		{
			name: "several answers in turns", format: usage.OpenAIChat, media: usage.MediaSSE,
			events: []string{
				`{"choices":[{"index":0,"delta":{"content":"One"}}]}`,
				`{"choices":[{"delta":{"content":"Two"},"index":1}]}`,
				`{"choices":[{"index":0,"delta":{"content":" and"}},{"index":1,"delta":{"content":" or"}}]}`,
			},
			want: delivered{text: "One andTwo or"},
		},
		{
			name: "what was delivered so far is not counted again", format: usage.OpenAIChat, media: usage.MediaSSE,
			events: []string{
				`{"choices":[{"index":0,"message":{"content":"One"},"delta":{"content":"One"}}]}`,
				`{"choices":[{"index":0,"message":{"content":"One two"},"delta":{"content":" two"}}]}`,
			},
			want: delivered{text: "One two"},
		},
		{
			name: "completion", format: usage.OpenAIChat, media: usage.MediaSSE,
			events: []string{`{"choices":[{"text":"Once","index":0}]}`, `{"choices":[{"text":" upon","index":0}]}`},
			want:   delivered{text: "Once upon"},
		},
		{
			name: "responses", format: usage.OpenAIResponses, media: usage.MediaSSE,
			events: []string{
				`{"type":"response.created","response":{"output":[],"instructions":"Be brief."}}`,
				`{"type":"response.output_item.added","output_index":0,"item":{"type":"message","content":[]}}`,
				`{"type":"response.reasoning_summary_text.delta","delta":"Thinking"}`,
				`{"type":"response.reasoning_summary_text.done","text":"Thinking"}`,
				`{"type":"response.output_text.delta","delta":"Hel"}`,
				`{"delta":"lo","type":"response.output_text.delta"}`,
				`{"type":"response.output_text.done","text":"Hello"}`,
				`{"type":"response.content_part.done","part":{"type":"output_text","text":"Hello"}}`,
				`{"type":"response.output_item.done","item":{"type":"message","name":"x","content":[{"text":"Hello"}]}}`,
				`{"type":"response.output_item.added","item":{"type":"function_call","name":"weather","arguments":""}}`,
				`{"type":"response.function_call_arguments.delta","delta":"{}"}`,
				`{"type":"response.function_call_arguments.done","arguments":"{}"}`,
				`{"type":"response.audio.delta","delta":"UklGRg=="}`,
				`{"type":"response.completed","response":{"output":[{"type":"message","content":[{"text":"Hello"}]}]}}`,
			},
			want: delivered{text: "Hello{}", reasoning: "Thinking", tool: "weather"},
		},
		{
			name: "Anthropic", format: usage.AnthropicMessages, media: usage.MediaSSE,
			events: []string{
				`{"type":"message_start","message":{"model":"claude-demo","content":[],"usage":{"input_tokens":5}}}`,
				`{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}`,
				`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Well"}}`,
				`{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"RXJyb3I="}}`,
				`{"type":"ping"}`,
				`{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Good"}}`,
				`{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":" day"}}`,
				`{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"weather","input":{}}}`,
				`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"city\": \"Bern\"}"}}`,
				`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}`,
			},
			want: delivered{text: "Good day", reasoning: "Well", tool: `weather{"city": "Bern"}`},
		},
		{
			name: "Ollama chat", format: usage.OllamaNative, media: usage.MediaNDJSON,
			events: []string{
				`{"model":"llama3","created_at":"2026-01-01T00:00:00.1Z","message":{"role":"assistant","content":"","thinking":"Hm"},"done":false}`,
				`{"model":"llama3","created_at":"2026-01-01T00:00:00.2Z","message":{"role":"assistant","content":"Hi"},"done":false}`,
				`{"model":"llama3","created_at":"2026-01-01T00:00:00.3Z","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":[1,"}"]}}}]},"done":false}`,
			},
			want: delivered{text: "Hi", reasoning: "Hm", tool: `f{"a":[1,"}"]}`},
		},
		{
			name: "Ollama generate", format: usage.OllamaNative, media: usage.MediaNDJSON,
			events: []string{`{"response":"Hi","done":false}`, `{"response":"!","done":false}`, `{"response":"","done":true,"context":[1,2,3]}`},
			want:   delivered{text: "Hi!"},
		},
		{
			name: "Gemini", format: usage.Gemini, media: usage.MediaSSE,
			events: []string{
				`{"candidates":[{"content":{"parts":[{"text":"Pondering","thought":true}],"role":"model"},"index":0}]}`,
				`{"candidates":[{"content":{"parts":[{"thought":true,"text":" on"},{"text":"Good"}],"role":"model"},"index":0}]}`,
				`{"candidates":[{"content":{"parts":[{"text":" day"},{"functionCall":{"name":"f","args":{"a":1}}},{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}}]},"finishReason":"STOP"}],"modelVersion":"m"}`,
			},
			want: delivered{text: "Good day", reasoning: "Pondering on", tool: `f{"a":1}`},
		},
		{
			name: "characters cut between events", format: usage.OpenAIChat, media: usage.MediaSSE,
			events: []string{
				`{"choices":[{"index":0,"delta":{"content":"a\ud83d"}}]}`,
				`{"choices":[{"index":0,"delta":{"content":"\ude80b ` + "\xe4\xb8" + `"}}]}`,
				`{"choices":[{"index":0,"delta":{"content":"` + "\xad" + ` \ud83d\ude80"}}]}`,
			},
			want: delivered{text: "a🚀b 中 🚀"},
		},
		{
			name: "half a character with no other half", format: usage.OpenAIChat, media: usage.MediaSSE,
			events: []string{
				`{"choices":[{"index":0,"delta":{"content":"䠀"}}]}`,
				`{"choices":[{"index":0,"delta":{"content":"\ude80\ud83d"}}]}`,
				`{"choices":[{"index":0,"delta":{"content":"x"}}]}`,
			},
			want: delivered{text: "䠀\xed\xba\x80\xed\xa0\xbdx"},
		},
		{
			name: "an event that breaks off", format: usage.OpenAIChat, media: usage.MediaSSE,
			events: []string{`{"choices":[{"index":0,"delta":{"content":"whole"}}]}`, `{"choices":[{"index":0,"delta":{"content":" pa`},
			want:   delivered{text: "whole pa"},
		},
		{
			name: "no JSON", format: usage.OpenAIChat, media: usage.MediaSSE,
			events: []string{"", "}{", `"text"`, "<html>", `{"choices":`, `{"choices":[{"delta":{"content":"x"}}]}`},
			want:   delivered{text: "x"},
		},
		{
			name: "embeddings have no text", format: usage.OpenAIEmbeddings, media: usage.MediaJSON,
			events: []string{`{"data":[{"embedding":[0.1,0.2]}]}`},
		},
		{name: "nothing is metered", format: usage.FormatNone, media: usage.MediaSSE, events: []string{`{"choices":[{"text":"x"}]}`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tr := feed(tt.format, tt.media, tt.events...)
			if got := read(t, tr); got != tt.want {
				t.Errorf("read %+v\nwant %+v", got, tt.want)
			}
			var want usage.Counts
			for _, text := range []string{tt.want.text, tt.want.tool} {
				want[usage.Output] += tokens.O200kBase.Count([]byte(text))
			}
			want[usage.Reasoning] = tokens.O200kBase.Count([]byte(tt.want.reasoning))
			if got := tr.Output(); got != want && tt.name != "several answers in turns" {
				t.Errorf("Output() = %v, want %v", got, want)
			}
			if first, second := tr.Output(), tr.Output(); first != second {
				t.Errorf("Output() = %v, then %v", first, second)
			}
		})
	}
}

func TestTranscriptOfDocuments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		format usage.Format
		body   string
		want   delivered
	}{
		{"chat", usage.OpenAIChat, `{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"Hello","reasoning_content":"hm","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}}]}`, delivered{"Hello", "hm", "f{}"}},
		{"completion", usage.OpenAIChat, `{"choices":[{"text":"Hello","index":0,"logprobs":null}]}`, delivered{text: "Hello"}},
		{"responses", usage.OpenAIResponses, `{"object":"response","instructions":"Be brief.","output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"a"}],"content":[{"type":"reasoning_text","text":"b"}],"encrypted_content":"zzzz"},{"type":"message","content":[{"type":"output_text","text":"c"}]},{"type":"function_call","name":"f","arguments":"{}"}],"text":{"format":{"type":"text"}}}`, delivered{"c", "ab", "f{}"}},
		{"Anthropic", usage.AnthropicMessages, `{"type":"message","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"Hello"},{"type":"tool_use","name":"f","input":{"a": "\"}"}}]}`, delivered{"Hello", "hm", `f{"a": "\"}"}`}},
		{"Ollama", usage.OllamaNative, `{"message":{"content":"Hello","thinking":"hm"},"done":true}`, delivered{text: "Hello", reasoning: "hm"}},
		{"Gemini", usage.Gemini, `{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"Hello"}]}}]}`, delivered{text: "Hello", reasoning: "hm"}},
		{"Gemini in an array", usage.Gemini, `[{"candidates":[{"content":{"parts":[{"text":"Hel"}]}}]},` + "\r\n" + `{"candidates":[{"content":{"parts":[{"text":"lo"}]}}]}]`, delivered{text: "Hello"}},
		{"cut in a text", usage.OpenAIChat, `{"choices":[{"index":0,"message":{"content":"Hello wo`, delivered{text: "Hello wo"}},
		{"cut in a thought", usage.Gemini, `{"candidates":[{"content":{"parts":[{"thought":true,"text":"Hello wo`, delivered{reasoning: "Hello wo"}},
		{"cut in an escape", usage.OpenAIChat, `{"choices":[{"index":0,"message":{"content":"Hello\u00`, delivered{text: "Hello"}},
		{"no JSON", usage.OpenAIChat, `upstream connect error`, delivered{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for size := 1; size <= len(tt.body); size += max(1, size/3) {
				var pieces []string
				for rest := tt.body; rest != ""; {
					n := min(size, len(rest))
					pieces, rest = append(pieces, rest[:n]), rest[n:]
				}
				tr := feed(tt.format, usage.MediaJSON, pieces...)
				if got := read(t, tr); got != tt.want {
					t.Fatalf("in pieces of %d: read %+v\nwant %+v", size, got, tt.want)
				}
				// And when somebody asks in between.
				tr = &Transcript{}
				tr.Reset(tt.format, usage.MediaJSON, tokens.O200kBase)
				for _, p := range pieces {
					tr.Bytes([]byte(p))
					tr.Output()
				}
				if got := read(t, tr); got.tool != tt.want.tool || got.text+got.reasoning == "" != (tt.want.text+tt.want.reasoning == "") {
					t.Fatalf("in pieces of %d, with questions: read %+v\nwant %+v", size, got, tt.want)
				}
			}
		})
	}
}

func TestParts(t *testing.T) {
	t.Parallel()
	payload := `{"candidates":[{"content":{"parts":[{"inlineData":{"data":"` + strings.Repeat("QUJD", 5000) + `"}},{"text":"Hello \u4e2d"}]}}]}`
	for _, size := range []int{1, 7, 4096, len(payload)} {
		tr := feed(usage.Gemini, usage.MediaSSE, `{"candidates":[{"content":{"parts":[{"text":"Before. "}]}}]}`)
		for rest := payload; rest != ""; {
			n := min(size, len(rest))
			tr.Part(nil, []byte(rest[:n]), n == len(rest))
			rest = rest[n:]
		}
		tr.Event(nil, []byte(`{"candidates":[{"content":{"parts":[{"text":" After."}]}}]}`))
		if got, want := read(t, tr), (delivered{text: "Before. Hello 中 After."}); got != want {
			t.Errorf("in pieces of %d: read %+v, want %+v", size, got, want)
		}
	}
}

// sink feeds a transcript with what a scanner finds.
type sink struct{ *Transcript }

// TestSamples reads the recorded bodies of the usage package.
func TestSamples(t *testing.T) {
	t.Parallel()
	const dir = "../usage/testdata"
	text, err := os.ReadFile(filepath.Join(dir, "expectations.json"))
	if err != nil {
		t.Fatal(err)
	}
	var samples []struct{ File, Format string }
	if err := json.Unmarshal(text, &samples); err != nil {
		t.Fatal(err)
	}
	wordless := map[string]bool{"openai_embeddings.json": true, "ollama_embed.json": true}
	for _, s := range samples {
		t.Run(s.File, func(t *testing.T) {
			t.Parallel()
			body, err := os.ReadFile(filepath.Join(dir, s.File))
			if err != nil {
				t.Fatal(err)
			}
			format := usage.FormatNone
			for f := range usage.Gemini + 1 {
				if f.String() == s.Format {
					format = f
				}
			}
			var first usage.Counts
			for i, size := range []int{len(body), 1, 100} {
				tr := &Transcript{}
				scan(tr, format, s.File, body, size)
				got := tr.Output()
				if i == 0 {
					first = got
				}
				if got != first {
					t.Errorf("in pieces of %d: %v, not %v", size, got, first)
				}
			}
			total := first.TotalOutput()
			if wordless[s.File] != (total == 0) || total > int64(len(body)/4) {
				t.Errorf("%d tokens in %d bytes", total, len(body))
			}
		})
	}
}

// scan feeds a transcript with a body in pieces.
func scan(tr *Transcript, f usage.Format, name string, body []byte, size int) {
	media := map[string]usage.Media{".json": usage.MediaJSON, ".sse": usage.MediaSSE, ".ndjson": usage.MediaNDJSON}[filepath.Ext(name)]
	tr.Reset(f, media, tokens.O200kBase)
	var lines stream.Scanner
	if media == usage.MediaNDJSON {
		lines.Reset(stream.NDJSON)
	} else {
		lines.Reset(stream.SSE)
	}
	for len(body) > 0 {
		n := min(size, len(body))
		if media == usage.MediaJSON {
			tr.Bytes(body[:n])
		} else {
			lines.Write(body[:n], sink{tr})
		}
		body = body[n:]
	}
	if media != usage.MediaJSON {
		lines.Finish(sink{tr})
	}
}

func ExampleTranscript() {
	var t Transcript
	t.Reset(usage.OpenAIChat, usage.MediaSSE, tokens.EncodingFor("openai", "gpt-4o"))
	t.Event(nil, []byte(`{"choices":[{"index":0,"delta":{"content":"hello"}}]}`))
	t.Event(nil, []byte(`{"choices":[{"index":0,"delta":{"content":" world"}}]}`))
	fmt.Println(t.Output()[usage.Output])
	// Output: 2
}

// Payloads of which only the middle is told come to what they come to whole, also
// where others stand between them.
func TestMiddles(t *testing.T) {
	t.Parallel()
	shapes := [][2]string{
		{`{"id":"c1","choices":[{"index":0,"delta":{"content":"`, `"}}]}`},
		{`{"id":"c1","choices":[{"index":0,"delta":{"reasoning_content":"`, `"},"logprobs":null}]}`},
	}
	var whole, parts Transcript
	whole.Reset(usage.OpenAIChat, usage.MediaSSE, tokens.O200kBase)
	parts.Reset(usage.OpenAIChat, usage.MediaSSE, tokens.O200kBase)
	random := rand.New(rand.NewPCG(7, 8))
	told := -1
	for i := range 20_000 {
		shape := shapes[i/50%len(shapes)]
		word := fmt.Sprint("word", random.IntN(1000), " ", strings.Repeat("and more ", random.IntN(8)))
		if random.IntN(200) == 0 {
			word = strings.Repeat("long ", 40)
		}
		event := []byte(shape[0] + word + shape[1])
		whole.Event(nil, event)
		switch {
		case random.IntN(100) == 0:
			parts.Event(nil, event)
		case told != i/50%len(shapes):
			told = i / 50 % len(shapes)
			parts.Shape([]byte(shape[0]), []byte(shape[1]))
			fallthrough
		default:
			parts.Middles(append([]byte{byte(len(word))}, word...))
		}
	}
	if got, want := parts.Output(), whole.Output(); got != want || want.TotalOutput() < 40_000 {
		t.Errorf("in parts %v, whole %v", got, want)
	}
}
