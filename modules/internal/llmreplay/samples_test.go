// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import "strings"

// sample is a whole answer.
type sample struct {
	name string
	api  api
	doc  string
}

// longText has what texts are hard to cut at.
var longText = strings.Repeat(`Ein längerer Satz — 漢字 \"Zitat\" \\ \u00e9\ud83d\ude00 👩‍👩‍👧\n`, 40)

// samples are whole answers of each format, to be made streams of and put together
// again.
var samples = []sample{
	{"chat", chatAPI, `{"id":"c1","object":"chat.completion","created":1790000000,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"` + longText + `","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"cost":1.10e-7},"service_tier":"default","system_fingerprint":null}`},
	{"chat on several lines", chatAPI, "{\n \"id\": \"c1\",\r\n \"choices\": [\n  {\"index\": 0, \"message\": {\"role\": \"assistant\", \"content\": \"x\"}, \"finish_reason\": \"stop\"}\n ]\n}\n"},
	{"chat without a word", chatAPI, `{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"stop"}]}`},
	{"calls of tools", chatAPI, `{"id":"c1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"find","arguments":"{\"q\":\"` + `über das Wetter von morgen und übermorgen` + `\"}"},"extra_content":{"google":{"thought_signature":"s"}}},{"id":"b","type":"function","function":{"name":"now","arguments":""}},{"id":"c","type":"custom","custom":{"name":"run","input":"print(1)"}}]},"finish_reason":"tool_calls"}]}`},
	{"text and call", chatAPI, `{"choices":[{"index":0,"message":{"role":"assistant","content":"Let me see.","reasoning_content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`},
	{"a function", chatAPI, `{"choices":[{"index":0,"message":{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{\"a\":1}"}},"finish_reason":"function_call"}]}`},
	{"choices", chatAPI, `{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"a b"},"logprobs":{"content":[{"token":"a","logprob":-1.0,"bytes":[97],"top_logprobs":[]},{"token":" b","logprob":-2,"bytes":null,"top_logprobs":[]}],"refusal":null},"finish_reason":"stop","x":{"y":[1]}},{"index":1,"message":{"role":"assistant","content":null,"refusal":"No, I had rather not do that at all."},"logprobs":{"content":null,"refusal":[{"token":"No"},{"token":","}]},"finish_reason":"stop"},{"index":2,"message":{"role":"assistant","content":"","z":null},"logprobs":{"content":[{"token":""}]},"finish_reason":"length"}],"citations":["u"],"w":null}`},
	{"reasoning", chatAPI, `{"choices":[{"index":0,"message":{"role":"assistant","reasoning_content":"` + longText + `","reasoning":"so","content":"x","tool_calls":[],"audio":null,"images":[{"u":1}]},"logprobs":{},"finish_reason":"stop","token_ids":[1,2]}]}`},
	{"completion", completionAPI, `{"id":"c1","object":"text_completion","created":1,"model":"m","choices":[{"text":"` + longText + `","index":0,"logprobs":{"tokens":["a","b"],"token_logprobs":[-1,null],"top_logprobs":null,"text_offset":[0,1]},"finish_reason":"stop"},{"text":"","index":1,"logprobs":null,"finish_reason":"stop"}],"usage":{"total_tokens":3}}`},
	{"response", responsesAPI, responseSample},
	{"response without items", responsesAPI, `{"id":"r","output":[],"usage":null}`},
	{"message", messagesAPI, `{"id":"m1","type":"message","role":"assistant","model":"c","content":[{"type":"thinking","thinking":"` + longText + `","signature":"c2ln"},{"type":"redacted_thinking","data":"ZGF0YQ=="},{"type":"text","text":"` + longText + `","citations":[{"type":"char_location","cited_text":"x"},{"type":"page_location","cited_text":"y"}]},{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"q"}},{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","title":"t"}]},{"type":"tool_use","id":"t","name":"f","input":{"a":"` + longText + `","b":[1.50,null]}},{"type":"tool_use","id":"u","name":"g","input":{}},{"type":"text","text":"","citations":null}],"container":{"id":"k"},"context_management":null,"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":5,"cache_creation_input_tokens":1,"cache_read_input_tokens":2,"cache_creation":{"ephemeral_5m_input_tokens":1},"output_tokens":9,"output_tokens_details":{"thinking_tokens":4},"server_tool_use":{"web_search_requests":1},"service_tier":"standard"}}`},
	{"message on several lines", messagesAPI, "{\n\"type\": \"message\",\n\"content\": [\n{\"type\": \"tool_use\", \"input\": {\n \"a\": [\n1 ]}}],\n\"stop_reason\": \"stop_sequence\", \"stop_sequence\": \"x\", \"usage\": {\"input_tokens\": 1, \"output_tokens\": 0}}"},
	{"message without a word", messagesAPI, `{"type":"message","content":[],"stop_reason":"refusal","stop_details":{"type":"refusal"},"usage":null}`},
	{"Ollama chat", ollamaChatAPI, `{"model":"l","created_at":"2026-11-21T20:00:00.1Z","message":{"role":"assistant","thinking":"` + longText + `","content":"` + longText + `","tool_calls":[{"id":"a","function":{"index":0,"name":"f","arguments":{"a":1.0}}},{"function":{"name":"g","arguments":{}}}],"images":["QQ=="]},"logprobs":[{"token":"a","logprob":-1.0},{"token":"b","logprob":-2}],"done":true,"done_reason":"stop","total_duration":174560334,"prompt_eval_count":11,"eval_count":18}`},
	{"Ollama chat, thinking alone", ollamaChatAPI, `{"model":"l","message":{"role":"assistant","thinking":"hm","content":""},"logprobs":[{"token":"a"}],"done":true,"x":{"y":1}}`},
	{"Ollama chat, little", ollamaChatAPI, `{"message":{},"done":true,"logprobs":[]}`},
	{"Ollama generate", generateAPI, `{"model":"l","created_at":"2026-11-21T20:00:00Z","response":"` + longText + `","thinking":"hm","done":true,"done_reason":"length","context":[1,2,3],"eval_count":18,"remote_model":"r"}`},
	{"Ollama generate, nothing", generateAPI, `{"model":"l","response":"","thinking":"","done":true,"done_reason":"load"}`},
	{"Gemini", geminiAPI, `{"candidates":[{"content":{"parts":[{"text":"` + longText + `","thought":true},{"text":"` + longText + `","thoughtSignature":"s"},{"text":"more"},{"functionCall":{"name":"f","args":{"a":1.0}},"thoughtSignature":"t"},{"text":"end"}],"role":"model"},"finishReason":"STOP","safetyRatings":[{"category":"x"}],"logprobsResult":{"chosenCandidates":[{"token":"a"}]},"index":0},{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"QQ=="}}],"role":"model"},"finishReason":"MAX_TOKENS","groundingMetadata":{"a":[1]},"index":1},{"finishReason":"SAFETY","index":2}],"usageMetadata":{"totalTokenCount":9},"modelVersion":"g","responseId":"r"}`},
	{"Gemini, empty content", geminiAPI, `{"candidates":[{"content":{"role":"model"},"finishReason":"MAX_TOKENS"}],"modelVersion":"g"}`},
	{"Gemini, no parts", geminiAPI, `{"candidates":[{"content":{"parts":[]},"finishReason":"STOP"}]}`},
}
