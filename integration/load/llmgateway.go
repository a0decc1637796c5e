// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// llmConsumers are the consumers of the example llm-gateway by the variables of their keys.
var llmConsumers = map[string]string{
	"REASONING_ENGINE_KEY": "reasoning-engine", "SWARM_AGENT_KEY": "swarm-agent", "QUERY_DEEPSEEK_KEY": "query-deepseek", "ADMIN_KEY": "admin",
}

func keyOf(consumer string) string { return "demo-" + consumer + "-key-not-a-secret" }

func startLLMGateway(ctx context.Context, o options, dir string, providers *process, api string) (*system, error) {
	env := map[string]string{
		"ANTHROPIC_API_KEY": "demo-anthropic-not-a-secret", "DEEPSEEK_API_KEY": "demo-deepseek-not-a-secret", "XAI_API_KEY": "demo-xai-not-a-secret",
		"ANTHROPIC_URL": providers.url, "DEEPSEEK_URL": providers.url, "GROK_URL": providers.url,
		"OLLAMA_1": strings.TrimPrefix(providers.url, "http://"), "OLLAMA_2": strings.TrimPrefix(providers.url, "http://"),
		"API_SERVER": api, "GATEWAY_LOG": filepath.Join(dir, "llm-gateway-access.json"),
	}
	limits := make([]limit, 0, 3*len(llmConsumers)+1)
	for variable, consumer := range llmConsumers {
		env[variable] = keyOf(consumer)
		limits = append(limits,
			limit{name: "llm/min " + consumer, most: 1000, window: time.Minute},
			limit{name: "llm/hour " + consumer, most: 10_000, window: time.Hour},
			limit{name: "api/min " + consumer, most: 10_000, window: time.Minute})
	}
	p, err := startExample(ctx, o, dir, "llm-gateway", env)
	if err != nil {
		return nil, err
	}
	kinds := append(llmKinds(), kind{
		name: "WebSocket with a ticket", weight: 1, method: http.MethodPost, path: "/api/ticket", want: []int{http.StatusOK, http.StatusTooManyRequests},
		header: [][2]string{{"apikey", keyOf("swarm-agent")}, {"Origin", appOrigin}}, limits: []string{"ticket/min swarm-agent"}, check: opens(ctx, p.url),
	})
	return newSystem(p, kinds, append(limits, limit{name: "ticket/min swarm-agent", most: 60, window: time.Minute})), nil
}

const (
	anthropicPath, deepseekPath = "/llm/anthropic/v1/messages", "/llm/deepseek/v1/chat/completions"
	grokPath, ollamaPath        = "/llm/grok/v1/chat/completions", "/llm/ollama/api/chat"
)

func llmKinds() []kind {
	admitted, ok := []int{http.StatusOK, http.StatusTooManyRequests}, []int{http.StatusOK}
	var kinds []kind
	call := func(name, consumer, path string, weight int, body func(*rand.Rand) string) *kind {
		kinds = append(kinds, kind{
			name: name, weight: weight, method: http.MethodPost, path: path, body: body, want: admitted,
			header: [][2]string{{"apikey", keyOf(consumer)}},
			limits: []string{"llm/min " + consumer, "llm/hour " + consumer}, check: echoes,
		})
		return &kinds[len(kinds)-1]
	}
	call("chat, repeated", "reasoning-engine", deepseekPath, 6, chat("deepseek-chat", "reasoning-engine", 50, false)).hits = 0.5
	call("chat, repeated, of another", "swarm-agent", deepseekPath, 3, chat("deepseek-chat", "swarm-agent", 50, false)).hits = 0.5
	call("stream, repeated", "swarm-agent", grokPath, 3, chat("grok-4.3", "swarm-agent", 50, true)).hits = 0.5
	call("stream, new", "admin", grokPath, 3, various("admin"))
	call("messages", "reasoning-engine", anthropicPath, 3, chat("claude-haiku-4-5", "reasoning-engine", 1_000, false))
	call("ollama", "query-deepseek", ollamaPath, 3, func(r *rand.Rand) string {
		return fmt.Sprintf(`{"model":"llama3.2","stream":false,"options":{"num_predict":50,"temperature":0},"messages":[{"role":"user","content":"%s"}]}`, prompt(r, "query-deepseek", 1_000))
	})
	call("stream, client leaves", "admin", grokPath, 1, various("admin")).leaveAnswer = true
	call("client leaves within its request", "admin", deepseekPath, 1, chat("deepseek-chat", "admin", 10, false)).leaveRequest = true

	for consumer, weight := range map[string]int{"reasoning-engine": 6, "admin": 6} {
		kinds = append(kinds, kind{
			name: "api as " + consumer, weight: weight, method: http.MethodGet, path: "/api/things?n=1", want: ok, limits: []string{"api/min " + consumer},
			header: [][2]string{{"X-API-Key", keyOf(consumer)}, {"X-Consumer-Username", "somebody-else"}}, check: toldAs(consumer),
		})
	}
	return append(kinds, llmHostile()...)
}

// llmHostile is what nobody should send.
func llmHostile() []kind {
	key := func(consumer string) [][2]string { return [][2]string{{"apikey", keyOf(consumer)}} }
	text := func(s string) func(*rand.Rand) string { return func(*rand.Rand) string { return s } }
	usual := chat("deepseek-chat", "nobody", 10, false)
	return []kind{
		{name: "no key", weight: 2, method: http.MethodPost, path: deepseekPath, body: usual, want: []int{401}},
		{name: "wrong key", weight: 2, method: http.MethodPost, path: deepseekPath, body: usual, header: [][2]string{{"apikey", "demo-wrong-key"}}, want: []int{401}},
		{name: "two keys", weight: 1, method: http.MethodPost, path: deepseekPath, body: usual, want: []int{401, 400}, header: append(key("admin"), key("swarm-agent")...)},
		{name: "wrong group", weight: 1, method: http.MethodPost, path: anthropicPath, body: chat("claude-haiku-4-5", "x", 10, false), header: key("query-deepseek"), want: []int{403}},
		{name: "management", weight: 1, method: http.MethodPost, path: "/llm/ollama/api/pull", body: text(`{"model":"llama3.2"}`), header: key("swarm-agent"), want: []int{403}},
		{name: "admin's path", weight: 1, method: http.MethodGet, path: "/api/admin/users", header: key("swarm-agent"), want: []int{403}},
		{name: "model twice", weight: 1, method: http.MethodPost, path: deepseekPath, header: key("admin"), want: []int{400}, body: text(`{"model":"deepseek-chat","model":"gpt-5","max_tokens":5,"messages":[]}`)},
		{name: "model in another spelling", weight: 1, method: http.MethodPost, path: deepseekPath, header: key("admin"), want: []int{400}, body: text(`{"model":"deepseek-chat","MODEL":"gpt-5","max_tokens":5,"messages":[]}`)},
		{name: "broken JSON", weight: 1, method: http.MethodPost, path: deepseekPath, header: key("admin"), want: []int{400}, body: text(`{"model":`)},
		{name: "compressed", weight: 1, method: http.MethodPost, path: deepseekPath, header: append(key("admin"), [2]string{"Content-Encoding", "gzip"}), want: []int{415}, body: usual},
		{name: "encoded slash", weight: 1, method: http.MethodGet, path: "/api/..%2fadmin", header: key("swarm-agent"), want: []int{400}},
		{name: "unknown path", weight: 1, method: http.MethodGet, path: "/secret", want: []int{404}},
		{name: "header too large", weight: 1, method: http.MethodGet, path: "/api/things", want: []int{431}, header: append(key("admin"), [2]string{"X-Large", strings.Repeat("x", 2<<20)})},
	}
}

// prompt is one of some questions of a consumer.
func prompt(r *rand.Rand, consumer string, of int) string {
	return fmt.Sprintf("question %d of %s", r.IntN(of), consumer)
}

// chat is a call in the format of OpenAI, which Anthropic's understands as well.
func chat(model, consumer string, of int, stream bool) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		return fmt.Sprintf(`{"model":"%s","max_tokens":50,"temperature":0,"stream":%v,"messages":[{"role":"user","content":"%s"}]}`, model, stream, prompt(r, consumer, of))
	}
}

// various is a stream whose client wants another answer each time: nothing is cached of it.
func various(consumer string) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		return strings.Replace(chat("grok-4.3", consumer, 1_000_000_000, true)(r), `"temperature":0`, `"temperature":0.7`, 1)
	}
}

// echoes checks that an answer of the imitated providers is one to the question.
func echoes(request, answer string) string {
	_, asked, _ := strings.Cut(request, `"content":"`)
	asked, _, _ = strings.Cut(asked, `"`)
	for word := range strings.FieldsSeq(asked) {
		if !strings.Contains(answer, word) {
			return fmt.Sprintf("the answer to %q is one to another question: %.300s", asked, answer)
		}
	}
	return ""
}

// toldAs checks that the service was told who calls.
func toldAs(consumer string) func(string, string) string {
	return func(_, answer string) string {
		var h heard
		if err := json.Unmarshal([]byte(answer), &h); err != nil || h.Consumer != consumer {
			return fmt.Sprintf("the service was called as %q instead of %q", h.Consumer, consumer)
		}
		return ""
	}
}
