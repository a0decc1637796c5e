// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"strings"
	"testing"
)

func TestWholeGemini(t *testing.T) {
	t.Parallel()
	chunks := []string{
		`{"candidates":[{"content":{"parts":[{"text":"So ","thought":true}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":4},"modelVersion":"g","responseId":"r"}`,
		`{"candidates":[{"content":{"parts":[{"text":"be it","thought":true}],"role":"model"},"index":0}],"modelVersion":"g"}`,
		`{"candidates":[{"content":{"parts":[{"text":"Gr"}],"role":"model"},"index":0},{"content":{"parts":[{"text":"other"}],"role":"model"},"finishReason":"STOP","index":1}],"modelVersion":"g"}`,
		`{"candidates":[{"content":{"parts":[{"text":"\u00fc\u00dfe"},{"text":"","thoughtSignature":"c2ln"},{"functionCall":{"name":"f","args":{"a":1.0}}},{"text":"."}],"role":"model"},"index":0}]}`,
		`{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","avgLogprobs":-0.10,"index":0}],"usageMetadata":{"promptTokenCount":4,"totalTokenCount":9}}`,
	}
	want := `{"candidates":[
		{"content":{"parts":[{"text":"So be it","thought":true},{"text":"Grüße","thoughtSignature":"c2ln"},{"functionCall":{"name":"f","args":{"a":1.0}}},{"text":"."}],"role":"model"},"index":0,"finishReason":"STOP","avgLogprobs":-0.10},
		{"content":{"parts":[{"text":"other"}],"role":"model"},"finishReason":"STOP","index":1}],
		"usageMetadata":{"promptTokenCount":4,"totalTokenCount":9},"modelVersion":"g","responseId":"r"}`
	sameJSON(t, wholeOf(t, geminiAPI, strings.ReplaceAll(sseOf(chunks...), "\n", "\r\n")), want)
	sameJSON(t, wholeOf(t, geminiAPI, "["+strings.Join(chunks, "\n,\r\n")+"\n]\n"), want)
}

func TestBlockedGemini(t *testing.T) {
	t.Parallel()
	blocked := `{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4}}`
	sameJSON(t, wholeOf(t, geminiAPI, sseOf(blocked)), blocked)
	if got := streamOf(t, geminiAPI, blocked, Options{}); got != "data: "+blocked+"\r\n\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestGeminiThatCannotBeWhole(t *testing.T) {
	t.Parallel()
	part := func(raw string) string {
		return sseOf(`{"candidates":[{"content":{"parts":[` + raw + `]},"finishReason":"STOP"}]}`)
	}
	checkRefusals(t, wholeError, []refusal{
		{"empty", geminiAPI, "", Truncated},
		{"no candidate", geminiAPI, sseOf(`{"usageMetadata":{}}`), Truncated},
		{"no finish reason", geminiAPI, sseOf(`{"candidates":[{"content":{"parts":[{"text":"x"}]}}]}`), Truncated},
		{"array that does not end", geminiAPI, `[{"candidates":[]}`, Truncated},
		{"an error", geminiAPI, sseOf(`{"error":{"code":503}}`), Failed},
		{"not JSON", geminiAPI, sseOf(`{"candidates":[`), Malformed},
		{"part of text", geminiAPI, part(`"x"`), Malformed},
		{"arguments by paths", geminiAPI, part(`{"functionCall":{"name":"f","partialArgs":[]}}`), Unsupported},
		{"grounding that changes", geminiAPI, sseOf(
			`{"candidates":[{"groundingMetadata":{"a":1}}]}`, `{"candidates":[{"groundingMetadata":{"a":2},"finishReason":"STOP"}]}`), Unsupported},
	})
}

func TestStreamGemini(t *testing.T) {
	t.Parallel()
	whole := `{"candidates":[{"content":{"parts":[{"text":"Two words, and then some more of them.","thoughtSignature":"s"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"totalTokenCount":3},"modelVersion":"g"}`
	want := []string{
		`{"candidates":[{"content":{"parts":[{"text":"Two words, and then some "}],"role":"model"},"index":0}],"modelVersion":"g"}`,
		`{"candidates":[{"content":{"parts":[{"text":"more of them.","thoughtSignature":"s"}],"role":"model"},"index":0,"finishReason":"STOP"}],"modelVersion":"g","usageMetadata":{"totalTokenCount":3}}`,
	}
	if got, want := streamOf(t, geminiAPI, whole, Options{}), strings.ReplaceAll(sseOf(want...), "\n", "\r\n"); got != want {
		t.Errorf("events: got\n%swant\n%s", got, want)
	}
	if got, want := streamOf(t, geminiAPI, whole, Options{Array: true}), "["+strings.Join(want, ",\r\n")+"]"; got != want {
		t.Errorf("array: got\n%s\nwant\n%s", got, want)
	}
}

func TestGeminiThatCannotBeStreams(t *testing.T) {
	t.Parallel()
	checkRefusals(t, streamError, []refusal{
		{"an error", geminiAPI, `{"error":{"code":503}}`, Failed},
		{"no candidate", geminiAPI, `{"candidates":[]}`, Truncated},
		{"no finish reason", geminiAPI, `{"candidates":[{"content":{"parts":[]}}]}`, Truncated},
		{"long head", geminiAPI, `{"candidates":[],"modelVersion":"` + strings.Repeat("x", maxHead) + `"}`, Unsupported},
		{"text of another type", geminiAPI, `{"candidates":[{"content":{"parts":[{"text":1}]},"finishReason":"STOP"}]}`, Unsupported},
	})
}
