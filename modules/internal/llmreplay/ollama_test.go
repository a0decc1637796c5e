// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"strings"
	"testing"
)

func TestWholeOllama(t *testing.T) {
	t.Parallel()
	sameJSON(t, wholeOf(t, ollamaChatAPI, `{"model":"l","created_at":"1","message":{"role":"assistant","content":"","thinking":"h"},"done":false}
{"model":"l","created_at":"2","message":{"role":"assistant","content":"","thinking":"m"},"done":false}
`+"\r\n"+`{"model":"l","created_at":"3","message":{"role":"assistant","content":"G\u00fc"},"logprobs":[{"token":"G","logprob":-1}],"done":false}
{"model":"l","created_at":"4","message":{"role":"assistant","content":"te"},"logprobs":[{"token":"t","logprob":-2.0}],"done":false}
{"model":"l","created_at":"5","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},"done":false}
{"model":"l","created_at":"6","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"g","arguments":{}}}]},"done":false}
{"model":"l","created_at":"7","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","eval_count":9}`),
		`{"model":"l","created_at":"7","message":{"role":"assistant","content":"Güte","thinking":"hm","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}},{"function":{"name":"g","arguments":{}}}]},"logprobs":[{"token":"G","logprob":-1},{"token":"t","logprob":-2.0}],"done":true,"done_reason":"stop","eval_count":9}`)
	sameJSON(t, wholeOf(t, generateAPI, `{"model":"l","response":"a","done":false}
{"model":"l","response":" b","thinking":"h","done":false}
{"model":"l","response":"","done":true,"context":[1,2],"eval_count":2}
`), `{"model":"l","response":"a b","thinking":"h","done":true,"context":[1,2],"eval_count":2}`)
}

func TestOllamaThatCannotBeWhole(t *testing.T) {
	t.Parallel()
	checkRefusals(t, wholeError, []refusal{
		{"empty", ollamaChatAPI, "", Truncated},
		{"not done", ollamaChatAPI, `{"message":{"content":"x"},"done":false}` + "\n", Truncated},
		{"an error", ollamaChatAPI, `{"error":"out of memory"}` + "\n", Failed},
		{"cut", ollamaChatAPI, `{"message":{"content":"x"},"done":tr`, Malformed},
		{"after the end", generateAPI, `{"response":"","done":true}` + "\n" + `{"response":"x"}` + "\n", Malformed},
		{"message of text", ollamaChatAPI, `{"message":"x","done":true}`, Malformed},
		{"content of parts", ollamaChatAPI, `{"message":{"content":[]},"done":true}`, Unsupported},
		{"unknown text in pieces", ollamaChatAPI, `{"message":{"x":"a"}}` + "\n" + `{"message":{"x":"b"},"done":true}`, Unsupported},
		{"response of another type", generateAPI, `{"response":1,"done":true}`, Unsupported},
	})
}

func TestStreamOllama(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		api   api
		whole string
		want  []string
	}{
		{
			"chat", ollamaChatAPI,
			`{"model":"l","created_at":"t","message":{"role":"assistant","thinking":"Hm.","content":"Two words, and then some more of them.","tool_calls":[{"function":{"name":"f","arguments":{}}}]},"done":true,"done_reason":"stop","eval_count":3}`,
			[]string{
				`{"model":"l","created_at":"t","message":{"role":"assistant","content":"","thinking":"Hm."},"done":false}`,
				`{"model":"l","created_at":"t","message":{"role":"assistant","content":"Two words, and then some "},"done":false}`,
				`{"model":"l","created_at":"t","message":{"role":"assistant","content":"more of them."},"done":false}`,
				`{"model":"l","created_at":"t","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{}}}]},"done":false}`,
				`{"model":"l","created_at":"t","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","eval_count":3}`,
			},
		},
		{
			"generate", generateAPI,
			`{"model":"l","created_at":"t","response":"Hi.","done":true,"context":[1],"eval_count":3}`,
			[]string{
				`{"model":"l","created_at":"t","response":"Hi.","done":false}`,
				`{"model":"l","created_at":"t","response":"","done":true,"context":[1],"eval_count":3}`,
			},
		},
		{
			"nothing said", ollamaChatAPI,
			`{"model":"l","message":{"role":"assistant","content":""},"done_reason":"load","done":true}`,
			[]string{`{"model":"l","message":{"role":"assistant","content":""},"done":true,"done_reason":"load"}`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got, want := streamOf(t, c.api, c.whole, Options{}), strings.Join(c.want, "\n")+"\n"; got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func TestOllamaThatCannotBeStreams(t *testing.T) {
	t.Parallel()
	checkRefusals(t, streamError, []refusal{
		{"an error", ollamaChatAPI, `{"error":"model not found"}`, Failed},
		{"not done", ollamaChatAPI, `{"message":{"content":"x"},"done":false}`, Truncated},
		{"no message", ollamaChatAPI, `{"done":true}`, Malformed},
		{"long head", ollamaChatAPI, `{"model":"` + strings.Repeat("x", maxHead) + `","message":{},"done":true}`, Unsupported},
	})
}
