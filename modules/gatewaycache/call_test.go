// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

const (
	chatPath  = "/v1/chat/completions"
	chatWhole = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"It is Tuesday."},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}`
	chatUsage = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}` + "\n\n"
	chatTexts = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"It is"},"finish_reason":null}]}` + "\n\n" +
		`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" Tuesday."},"finish_reason":null}]}` + "\n\n" +
		`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	chatDone   = "data: [DONE]\n\n"
	chatStream = chatTexts + chatUsage + chatDone
)

// chat answers as a server of OpenAI's API: whole, or with a stream that tells its usage.
func chat(w http.ResponseWriter, r *http.Request, _ int) {
	w.Header().Set("X-Request-Id", "of the first")
	w.Header().Set("Set-Cookie", "__session=1")
	w.Header().Set("Vary", "Accept-Encoding, Origin")
	w.Header().Set("Cache-Control", "no-cache")
	if r.Header.Get("X-Answer") == "stream" {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		_, _ = io.WriteString(w, chatTexts)
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, chatUsage+chatDone)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, chatWhole)
}

// ask is a chat request; more are further members.
func ask(prompt, more string, headers ...string) *http.Request {
	return request("POST", chatPath, `{"model":"m","temperature":0,"messages":[{"role":"user","content":"`+prompt+`"}]`+more+`}`, headers...)
}

func TestCallHit(t *testing.T) {
	t.Parallel()
	g := newRig(t, "ttl 5m", chat)
	first := g.do("alice", ask("day?", ""))
	first.want(t, state.CacheMiss, "", chatWhole)
	second := g.do("alice", request("POST", chatPath, ` { "messages" : [{"content":"d\u0061y?","role":"user"}] , "temperature":0.0e1, "user":"u9", "metadata":{"a":1}, "stream":false, "model":"m"}`))
	second.want(t, state.CacheHit, "", chatWhole)
	h := second.Header()
	if h["Set-Cookie"] != nil || h["X-Request-Id"] != nil || h["Cache-Control"] != nil || h.Get("Content-Type") != "application/json" || h.Get("Content-Length") != strconv.Itoa(len(chatWhole)) {
		t.Errorf("header of the hit is %v", h)
	}
	if first.Header().Get("Set-Cookie") == "" || first.Header().Get("X-Request-Id") == "" {
		t.Errorf("header of the miss is %v", first.Header())
	}
	for name, r := range map[string]*http.Request{
		"another prompt":   ask("night?", ""),
		"another limit":    ask("day?", `,"max_tokens":5`),
		"another version":  ask("day?", "", "Openai-Beta: x"),
		"another language": ask("day?", "", "Accept-Language: ta"),
		"another host":     request("POST", "http://other.example.com"+chatPath, `{"model":"m","temperature":0,"messages":[{"role":"user","content":"day?"}]}`),
		"another path":     request("POST", "/b"+chatPath, `{"model":"m","temperature":0,"messages":[{"role":"user","content":"day?"}]}`),
	} {
		if a := g.do("alice", r); a.cache.Status != state.CacheMiss {
			t.Errorf("%s: %+v", name, a.cache)
		}
	}
	for _, consumer := range []string{"bob", ""} {
		g.do(consumer, ask("day?", "")).want(t, state.CacheMiss, "", chatWhole)
		g.do(consumer, ask("day?", "")).want(t, state.CacheHit, "", chatWhole)
	}
	g.do("", ask("day?", "", "Authorization: Bearer x")).want(t, state.CacheBypass, "credential", chatWhole)
}

// TestCallScope looks at who is given the answer of whom.
func TestCallScope(t *testing.T) {
	t.Parallel()
	tests := []struct {
		scope string
		hits  string // consumers that are given what alice has asked for
	}{
		{"consumer", "alice"},
		{"group", "alice bob"},
		{"shared", "alice bob carol dave "},
	}
	for _, tt := range tests {
		t.Run(tt.scope, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, "scope "+tt.scope, chat)
			g.do("alice", ask("x", "")).want(t, state.CacheMiss, "", chatWhole)
			for _, consumer := range []string{"alice", "bob", "carol", "dave"} {
				status := g.do(consumer, ask("x", "")).cache.Status
				if hit := strings.Contains(tt.hits, consumer); hit != (status == state.CacheHit) {
					t.Errorf("%s: %s", consumer, status)
				}
			}
		})
	}
}

// TestCallForms has an answer stored in one form and asks for it in all.
func TestCallForms(t *testing.T) {
	t.Parallel()
	withUsage := `,"stream":true,"stream_options":{"include_usage":true}`
	for _, recorded := range []struct{ name, more, header string }{
		{"whole", "", "X-Answer: whole"},
		{"stream", withUsage, "X-Answer: stream"},
	} {
		t.Run(recorded.name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, "", chat)
			g.do("alice", ask("x", recorded.more, recorded.header))
			for _, asked := range []struct {
				more          string
				stream, usage bool
			}{{"", false, true}, {withUsage, true, true}, {`,"stream":true`, true, false}} {
				a := g.do("alice", ask("x", asked.more))
				if a.cache.Status != state.CacheHit {
					t.Fatalf("%s: %+v", asked.more, a.cache)
				}
				body := a.Body.String()
				if a.Header().Get("Content-Length") != strconv.Itoa(len(body)) {
					t.Errorf("length is %q of %d", a.Header().Get("Content-Length"), len(body))
				}
				if strings.Contains(body, `"usage":{"prompt_tokens":3`) != asked.usage {
					t.Errorf("%s: usage is wrong in %s", asked.more, body)
				}
				if !asked.stream {
					var doc struct {
						Choices []struct{ Message struct{ Content string } }
					}
					if err := json.Unmarshal([]byte(body), &doc); err != nil || len(doc.Choices) != 1 || doc.Choices[0].Message.Content != "It is Tuesday." || a.Header().Get("Content-Type") != "application/json" {
						t.Errorf("whole is %s (%v) %v", body, err, a.Header())
					}
					continue
				}
				if text := streamed(t, body); text != "It is Tuesday." || !strings.HasSuffix(body, chatDone) || !strings.HasPrefix(a.Header().Get("Content-Type"), "text/event-stream") {
					t.Errorf("stream is %q of %s", text, body)
				}
			}
			if g.called() != 1 {
				t.Errorf("%d calls", g.called())
			}
		})
	}
}

// streamed joins the texts of a stream of chat chunks.
func streamed(t *testing.T, body string) (text string) {
	t.Helper()
	for event := range strings.SplitSeq(body, "\n\n") {
		data, ok := strings.CutPrefix(event, "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var chunk struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			t.Fatalf("chunk %q: %v", data, err)
		}
		for _, c := range chunk.Choices {
			text += c.Delta.Content
		}
	}
	return text
}

// TestCallFormWithoutUsage has a stream stored that does not tell its usage, which cannot
// be given to who asks for it.
func TestCallFormWithoutUsage(t *testing.T) {
	t.Parallel()
	g := newRig(t, "", func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, chatTexts+chatDone)
	})
	g.do("alice", ask("x", `,"stream":true`))
	g.do("alice", ask("x", `,"stream":true`)).want(t, state.CacheHit, "", chatTexts+chatDone)
	g.do("alice", ask("x", `,"stream":true,"stream_options":{"include_usage":true}`)).want(t, state.CacheMiss, "form", chatTexts+chatDone)
}

// TestCallBypass tries the calls that are not cached, and what has them cached.
func TestCallBypass(t *testing.T) {
	t.Parallel()
	ollama := func(options string) *http.Request {
		return request("POST", "/api/chat", `{"model":"m","stream":false,"options":{`+options+`},"messages":[]}`)
	}
	gemini := func(config string) *http.Request {
		return request("POST", "/v1beta/models/m:generateContent", `{"generationConfig":{`+config+`},"contents":[]}`)
	}
	plain := func(more string) *http.Request {
		return request("POST", chatPath, `{"model":"m","messages":[]`+more+`}`)
	}
	tests := []struct {
		name, opts string
		r          *http.Request
		reason     string
	}{
		{"no temperature", "", plain(""), "temperature"},
		{"temperature", "", plain(`,"temperature":0.1`), "temperature"},
		{"temperature below zero", "", plain(`,"temperature":-1`), "temperature"},
		{"temperature that is none", "", plain(`,"temperature":"0"`), "temperature"},
		{"temperature zero", "", plain(`,"temperature":0.00`), ""},
		{"top_k one", "", request("POST", "/v1/messages", `{"model":"m","top_k":1,"max_tokens":1,"messages":[]}`), ""},
		{"up to a temperature", "temperature <= 0.5", plain(`,"temperature":0.5`), ""},
		{"above a temperature", "temperature <= 0.5", plain(`,"temperature":0.51`), "temperature"},
		{"any", "any", plain(""), ""},
		{"embedding", "", request("POST", "/v1/embeddings", `{"model":"m","input":"x"}`), ""},
		{"ollama", "", ollama(`"temperature":0`), ""},
		{"ollama without", "", ollama(`"seed":1`), "temperature"},
		{"gemini", "", gemini(`"temperature":0`), ""},
		{"gemini by top k", "", gemini(`"topK":1`), ""},
		{"tools", "any", plain(`,"tools":[{"type":"function"}]`), "tools"},
		{"no tools", "any", plain(`,"tools":[ ]`), ""},
		{"functions", "any", plain(`,"functions":[{}]`), "tools"},
		{"tools by option", "any\ntools", plain(`,"tools":[{"type":"function"}]`), ""},
		{"background", "any", plain(`,"background":true`), "background"},
		{"conversation", "any", plain(`,"conversation":"c1"`), "conversation"},
		{"not JSON", "any", request("POST", chatPath, `{"model":`), "not_json"},
		{"array", "any", request("POST", chatPath, `[]`), "not_json"},
		{"no body", "any", request("POST", chatPath, ""), "not_json"},
		{"member twice", "any", plain(`,"stream":false,"stream":true`), "duplicate_member"},
		{"another member twice", "any", plain(`,"x":1,"x":1`), "duplicate_member"},
		{"nested member twice", "any", plain(`,"x":{"y":1,"y":2}`), "duplicate_member"},
		{"long", "any\nmax_body 20B", plain(""), "body_too_large"},
		{"compressed", "any", request("POST", chatPath, `{}`, "Content-Encoding: gzip"), "encoding"},
		{"tokens counted", "any", request("POST", "/v1/messages/count_tokens", `{}`), "operation"},
		{"model removed", "any", request("POST", "/api/pull", `{}`), "operation"},
		{"no POST", "any\nmethods GET HEAD", plain(""), "method"},
		{"no model call", "any", request("POST", "/things", `{}`), "method"},
		{"a POST by option", "any\nmethods GET POST", request("POST", "/things", `{}`), "no-freshness"},
		{"a PUT", "any", request("PUT", "/things", `{}`), "method"},
		{"a WebSocket", "any", request("GET", "/v1/realtime", "", "Upgrade: websocket"), "upgrade"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, tt.opts, func(w http.ResponseWriter, _ *http.Request, _ int) { _, _ = io.WriteString(w, "x") })
			a := g.do("alice", tt.r)
			if a.err != nil || a.Body.String() != "x" {
				t.Fatalf("error %v, answer %q", a.err, a.Body)
			}
			// What would be stored is refused for its answer, which is none of a model.
			want := tt.reason
			if want == "" {
				want = "content_type"
			}
			if a.cache.Status != state.CacheBypass || a.cache.Reason != want {
				t.Errorf("%s (%s), want %s", a.cache.Status, a.cache.Reason, want)
			}
		})
	}
}

// TestCutAnswersAreNotStored cuts answers at every byte, in all the ways in which an
// upstream can end.
func TestCutAnswersAreNotStored(t *testing.T) {
	t.Parallel()
	for _, form := range []struct{ name, more, contentType, body string }{
		{"whole", "", "application/json", chatWhole},
		{"stream", `,"stream":true,"stream_options":{"include_usage":true}`, "text/event-stream", chatStream},
	} {
		for _, way := range []string{"end", "abort", "length"} {
			t.Run(form.name+" "+way, func(t *testing.T) {
				t.Parallel()
				cut := 0
				g := newRig(t, "", func(w http.ResponseWriter, _ *http.Request, _ int) {
					w.Header().Set("Content-Type", form.contentType)
					if way == "length" {
						w.Header().Set("Content-Length", strconv.Itoa(len(form.body)))
					}
					_, _ = io.WriteString(w, form.body[:cut])
					if way == "abort" {
						panic(http.ErrAbortHandler)
					}
				})
				last := len(form.body)
				if way == "end" && form.name == "stream" {
					last = strings.Index(form.body, "[DONE]") + len("[DONE]") // behind it there is but an empty line
				}
				step := 1
				if testing.Short() {
					step = 7
				}
				for cut = 0; cut < last; cut += step {
					prompt := strconv.Itoa(cut)
					_ = g.do("alice", ask(prompt, form.more))
					before := g.called()
					if a := g.do("alice", ask(prompt, form.more)); g.called() != before+1 || a.cache.Served() {
						t.Fatalf("cut at %d of %d: stored, %+v %q", cut, len(form.body), a.cache, a.Body)
					}
				}
				if way != "abort" {
					cut = len(form.body)
					_ = g.do("alice", ask("all", form.more))
					g.do("alice", ask("all", form.more)).want(t, state.CacheHit, "", form.body)
				}
			})
		}
	}
}

// TestErrorsAreNotStored has a model answer with errors.
func TestErrorsAreNotStored(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, contentType, body string
		status                  int
	}{
		{"error", "application/json", `{"error":{"message":"overloaded"}}`, 529},
		{"error that says it is fine", "application/json", `{"error":{"message":"overloaded","type":"server_error"}}`, 200},
		{"error in a stream", "text/event-stream", chatTexts + "data: {\"error\":{\"message\":\"overloaded\"}}\n\n" + chatDone, 200},
		{"created", "application/json", chatWhole, 201},
		{"page", "text/html", "<p>maintenance</p>", 200},
		{"page as JSON", "application/json", "<p>maintenance</p>", 200},
		{"two answers", "application/json", chatWhole + chatWhole, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, "", func(w http.ResponseWriter, _ *http.Request, _ int) {
				w.Header().Set("Content-Type", tt.contentType)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			for range 2 {
				if a := g.do("alice", ask("x", "")); a.cache.Served() || a.Body.String() != tt.body || a.Code != tt.status {
					t.Fatalf("%+v: %d %s", a.cache, a.Code, a.Body)
				}
			}
			if g.called() != 2 {
				t.Errorf("%d calls", g.called())
			}
		})
	}
}
