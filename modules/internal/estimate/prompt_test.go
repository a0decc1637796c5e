// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/tokens"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

func TestPrompt(t *testing.T) {
	t.Parallel()
	picture := strings.Repeat("iVBORw0KGgoAAAANSUhEUg", 500)
	const tool = `[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]`
	tests := []struct {
		name      string
		format    usage.Format
		operation string
		body      string
		texts     []string // each counted by itself
		others    int64
	}{
		{"chat", usage.OpenAIChat, "chat", `{"model":"gpt-4o","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"What is \"it\"?\n"}],"stream":true}`, []string{"system", "Be brief.", "user", "What is \"it\"?\n"}, 2*3 + 3},
		{"chat with a name", usage.OpenAIChat, "chat", `{"messages":[{"role":"user","name":"alice","content":"Hi"}]}`, []string{"user", "alice", "Hi"}, 3 + 1 + 3},
		{"chat in parts", usage.OpenAIChat, "chat", `{"messages":[{"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + picture + `"}}]}]}`, []string{"user", "What is this?"}, 3 + 3 + 765},
		{"chat with a rough image", usage.OpenAIChat, "chat", `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"detail":"low","url":"https://example.com/a.png"}}]}]}`, []string{"user"}, 3 + 3 + 85},
		{"chat with sound", usage.OpenAIChat, "chat", `{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"format":"wav","data":"` + strings.Repeat("AAAA", 32_000) + `"}}]}]}`, []string{"user"}, 3 + 3 + 1 + 20},
		{"chat with a file", usage.OpenAIChat, "chat", `{"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"` + picture + `"}}]}]}`, []string{"user"}, 3 + 3 + 2000},
		{"chat with tools", usage.OpenAIChat, "chat", `{"messages":[{"role":"user","content":"Hi"}],"tools":` + tool + `}`, []string{"user", "Hi", tool}, 3 + 3},
		{"chat about calls", usage.OpenAIChat, "chat", `{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Bern\"}"}}]},{"role":"tool","tool_call_id":"call_1","content":"sunny"}]}`, []string{"assistant", "weather", `{"city":"Bern"}`, "tool", "sunny"}, 2*3 + 1 + 3},
		{"chat with a schema", usage.OpenAIChat, "chat", `{"messages":[],"response_format":{"type":"json_schema","json_schema":{"schema":{}}}}`, []string{`{"type":"json_schema","json_schema":{"schema":{}}}`}, 0},
		{"chat with a plain format", usage.OpenAIChat, "chat", `{"messages":[],"response_format":{"type":"json_object"}}`, nil, 0},
		{"completion", usage.OpenAIChat, "completions", `{"prompt":"Once upon","suffix":" the end"}`, []string{"Once upon", " the end"}, 0},
		{"completions", usage.OpenAIChat, "completions", `{"prompt":["Once","Twice"]}`, []string{"Once", "Twice"}, 0},
		{"completion of tokens", usage.OpenAIChat, "completions", `{"prompt":[1,2,3]}`, nil, 3},
		{"embedding", usage.OpenAIEmbeddings, "embeddings", `{"input":"hello world","model":"text-embedding-3-small"}`, []string{"hello world"}, 0},
		{"embeddings", usage.OpenAIEmbeddings, "embeddings", `{"input":["hello","world"]}`, []string{"hello", "world"}, 0},
		{"embeddings of tokens", usage.OpenAIEmbeddings, "embeddings", `{"input":[[1,2],[3,4,5]]}`, nil, 5},
		{"responses", usage.OpenAIResponses, "responses", `{"instructions":"Be brief.","input":"Hi"}`, []string{"Be brief.", "Hi"}, 2*3 + 3},
		{"responses of items", usage.OpenAIResponses, "responses", `{"input":[{"role":"user","content":[{"type":"input_text","text":"Hi"},{"type":"input_image","image_url":"data:image/png;base64,` + picture + `","detail":"low"},{"type":"input_image","file_id":"file_1"},{"type":"input_file","file_id":"file_2"}]},{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"` + picture + `"},{"type":"function_call","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"sunny"}],"text":{"format":{"type":"text"}},"tools":` + tool + `}`, []string{"user", "Hi", "hm", "f", "{}", "sunny", tool}, 4*3 + 3 + 85 + 765 + 2000 + 1},
		{"Anthropic", usage.AnthropicMessages, "messages", `{"system":"Be brief.","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}`, []string{"Be brief.", "user", "Hi"}, 2*3 + 3},
		{"Anthropic in blocks", usage.AnthropicMessages, "messages", `{"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"tools":` + tool + `,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + picture + `"}},{"type":"document","title":"T","source":{"type":"text","media_type":"text/plain","data":"Some text"}},{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"` + picture + `"}}]},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"` + picture + `"},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"sunny"}]}]}]}`, []string{"Be brief.", tool, "user", "T", "Some text", "assistant", "hm", "f", `{"a":1}`, "user", "sunny"}, 4*3 + 3 + 346 + 1600 + 2000 + 1},
		{"Ollama chat", usage.OllamaNative, "chat", `{"model":"llava","messages":[{"role":"user","content":"Hi","images":["` + picture + `"]}]}`, []string{"user", "Hi"}, 3 + 3 + 576},
		{"Ollama generate", usage.OllamaNative, "generate", `{"system":"Be brief.","prompt":"Hi","images":["` + picture + `","` + picture + `"],"context":[1,2,3],"format":"json"}`, []string{"Be brief.", "Hi"}, 3 + 2*576},
		{"Ollama embed", usage.OllamaNative, "embeddings", `{"input":["hello","world"]}`, []string{"hello", "world"}, 0},
		{"Ollama embeddings", usage.OllamaNative, "embeddings", `{"prompt":"hello"}`, []string{"hello"}, 0},
		{"Gemini", usage.Gemini, "generate", `{"systemInstruction":{"parts":[{"text":"Be brief."}]},"contents":[{"role":"user","parts":[{"text":"Hi"},{"inlineData":{"mimeType":"image/png","data":"` + picture + `"}},{"fileData":{"mimeType":"application/pdf","fileUri":"files/1"}}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{"a":1}}}]}],"generationConfig":{"temperature":1,"responseSchema":{"properties":{}}}}`, []string{"Be brief.", "user", "Hi", "model", "f", `{"a":1}`, `{"properties":{}}`}, 3*3 + 3 + 258 + 258 + 1},
		{"Gemini, one content", usage.Gemini, "generate", `{"contents":{"parts":[{"text":"Hi"}]}}`, []string{"Hi"}, 3 + 3},
		{"Gemini with media", usage.Gemini, "generate", `{"contents":[{"parts":[{"inlineData":{"mimeType":"audio/mp3","data":"` + strings.Repeat("AAAA", 16_000) + `"}},{"inline_data":{"mime_type":"video/mp4","data":"` + strings.Repeat("AAAA", 25_000) + `"}},{"inlineData":{"mimeType":"text/csv","data":"` + strings.Repeat("AAAA", 400) + `"}}]}]}`, nil, 3 + 3 + 1 + 96 + 1 + 90 + 300},
		{"Gemini embeddings", usage.Gemini, "embeddings", `{"requests":[{"content":{"parts":[{"text":"hello"}]}},{"content":{"parts":[{"text":"world"}]}}]}`, []string{"hello", "world"}, 0},
		{"nothing known", usage.OpenAIChat, "chat", `{"model":"gpt-4o","messages":null,"input":null,"tools":null,"system":null}`, nil, 0},
		{"no object", usage.OpenAIChat, "chat", `["messages"]`, nil, 3},
		{"cut", usage.OpenAIChat, "chat", `{"messages":[{"role":"user","content":"Hi`, nil, 11},
		{"empty", usage.OpenAIChat, "chat", ``, nil, 0},
		{"unknown format", usage.FormatNone, "", `{"messages":[]}`, nil, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, e := range []tokens.Encoding{tokens.O200kBase, tokens.Cl100kBase} {
				want := tt.others
				for _, text := range tt.texts {
					want += e.Count([]byte(text))
				}
				if got := Prompt(tt.format, tt.operation, []byte(tt.body), e); got != want {
					t.Errorf("%s: Prompt() = %d, want %d", e.Name(), got, want)
				}
			}
		})
	}
}

// TestLongPrompts compares with a count of all the text.
func TestLongPrompts(t *testing.T) {
	t.Parallel()
	for _, size := range []int{20_000, 200_000, 600_000} {
		r := rand.New(rand.NewPCG(uint64(size), 4))
		var messages []string
		var want int64 = perAnswer
		for left := size; left > 0; {
			said := speech(r, 1+r.IntN(20_000))
			left -= len(said)
			want += exact(said) + perMessage + 1
			messages = append(messages, fmt.Sprintf(`{"role":"user","content":"%s"}`, quote(said, len(messages)%2 == 0)))
		}
		body := []byte(`{"messages":[` + strings.Join(messages, ",") + `]}`)
		got := Prompt(usage.OpenAIChat, "chat", body, tokens.O200kBase)
		if off := float64(got)/float64(want) - 1; off > 0.02 || off < -0.02 {
			t.Errorf("%d bytes: Prompt() = %d, want %d", size, got, want)
		}
	}
}

// TestPromptIsBounded compares with one text of the longest kind that is counted
// as a whole.
func TestPromptIsBounded(t *testing.T) {
	chat := func(messages, size int) []byte {
		message := `{"role":"user","content":"` + strings.Repeat("word ", size/5) + `"},`
		return []byte(`{"messages":[` + strings.TrimSuffix(strings.Repeat(message, messages), ",") + `]}`)
	}
	took := func(body []byte) time.Duration {
		least := time.Duration(1 << 62)
		for range 2 {
			start := time.Now()
			Prompt(usage.OpenAIChat, "chat", body, tokens.O200kBase)
			least = min(least, time.Since(start))
		}
		return least
	}
	took(chat(1, 1)) // loads the vocabulary
	limit := 5 * took(chat(1, tokens.MaxExact-100))
	if long := took(chat(60, 100_000)); long > limit {
		t.Errorf("6 MB in messages took %v, want at most %v", long, limit)
	}
}

func TestDeepContentEnds(t *testing.T) {
	t.Parallel()
	body := `{"messages":[` + strings.Repeat(`{"content":[`, 5000) + `{"text":"x"}` + strings.Repeat(`]}`, 5000) + `]}`
	if got := Prompt(usage.AnthropicMessages, "messages", []byte(body), tokens.O200kBase); got != perMessage+perAnswer {
		t.Errorf("Prompt() = %d", got)
	}
}

func FuzzPrompt(f *testing.F) {
	f.Add(uint8(usage.OpenAIChat), []byte(`{"messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"image_url","image_url":{"url":"x","detail":"low"}}]}],"tools":[{}]}`))
	f.Add(uint8(usage.AnthropicMessages), []byte(`{"system":"a","messages":[{"content":[{"type":"document","source":{"type":"text","data":"b"}},{"type":"image","source":{}}]}]}`))
	f.Add(uint8(usage.OpenAIResponses), []byte(`{"input":[{"type":"function_call","arguments":"{}"},{"output":[{"file_data":"AAAA"}]}],"text":{"format":{"schema":1}}}`))
	f.Add(uint8(usage.OllamaNative), []byte(`{"prompt":"a","images":["b"],"input":[[1,2],3,"c",null,{}]}`))
	f.Add(uint8(usage.Gemini), []byte(`{"contents":[{"parts":[{"inlineData":{"mimeType":"audio/wav","data":"AAAA"}},{"functionResponse":{"response":{}}}]}]}`))
	f.Fuzz(func(t *testing.T, format uint8, body []byte) {
		before := bytes.Clone(body)
		n := Prompt(usage.Format(format%7), "chat", body, tokens.O200kBase)
		// A part takes at most perPage tokens or perToolUse more than its bytes.
		if limit := int64(len(body)+1) * perPage; n < 0 || n > limit {
			t.Errorf("Prompt() = %d of %d bytes", n, len(body))
		}
		if !bytes.Equal(body, before) {
			t.Error("the body was altered")
		}
	})
}
