// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"bytes"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/tokens"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// FuzzBound compares the bound with what the text of the same request comes to by
// a tokenizer: it must never be less, unless the request says that it may be.
func FuzzBound(f *testing.F) {
	for _, body := range []string{
		`{"messages":[{"role":"user","name":"x","content":[{"type":"text","text":"a"},"b"]}],"max_tokens":3,"n":2}`,
		`{"input":[{"type":"message","content":"\u00e9\ufdfa"}],"tools":[{"type":"function","name":"f","parameters":{"properties":{}}}]}`,
		`{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"AAAA"}}]}],"thinking":{"budget_tokens":5}}`,
		`{"contents":[{"parts":[{"text":"x"},{"inlineData":{"data":"AA"}}]}],"generationConfig":{"maxOutputTokens":2,"responseSchema":{"properties":{}}}}`,
		`{"prompt":[[1,2],[3]],"options":{"num_predict":-1},"images":["AA"],"context":[1,2,3]}`,
		`{"input":["a","b",""],"functions":[{}],"response_format":{"schema":1}}`,
		`{"content":{"parts":[{"text":"x"}]},"requests":[{"content":{"parts":[{}]}}]}`,
		`{"messages":[{},{},{"role":""}],"system":"s","context_management":{"edits":[{"type":"clear_x"}]}}`,
	} {
		for format := range 7 {
			f.Add(uint8(format), uint8(format), []byte(body))
		}
	}
	operations := []string{"chat", "completions", "responses", "messages", "generate", Embeddings}
	providers := []string{"openai", "vllm", "anthropic"}
	f.Fuzz(func(t *testing.T, format, operation uint8, body []byte) {
		c := Call{
			Format:    usage.Format(format % 7),
			Operation: operations[int(operation)%len(operations)],
			Provider:  providers[int(operation)%len(providers)],
			Body:      body,
		}
		before := bytes.Clone(body)
		b, err := Bound(&c)
		if !bytes.Equal(body, before) {
			t.Fatal("the body was altered")
		}
		if err != nil {
			return
		}
		if b.Input < 0 || b.Answers < 1 || b.PerAnswer() < None || b.Total(b.PerAnswer()) < 0 {
			t.Fatalf("impossible: %+v", b)
		}
		if b.Refers != "" || b.Unbounded != "" {
			return
		}
		if n := Prompt(c.Format, c.Operation, body, tokens.O200kBase); n > b.Input {
			t.Errorf("a request of %d tokens is said to have at most %d", n, b.Input)
		}
	})
}
