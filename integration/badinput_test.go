// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net/http"
	"strings"
	"testing"
)

// badInputCaddyfile has a route for each error shape. The client chooses an upstream
// that is well, down or silent.
const badInputCaddyfile = chainGlobals + `
(choice) {
	@down header X-Upstream down
	reverse_proxy @down 127.0.0.1:{{PORT9}}
	@silent header X-Upstream silent
	reverse_proxy @silent {{UPSTREAM}} {
		transport http {
			response_header_timeout 30ms
		}
	}
	reverse_proxy {{UPSTREAM}}
}

(llm) {
	gateway_route {args[0]}
	key_auth
	ip_restriction
	acl allow llm
	llm_cost {args[0]} {
		max_body 4KiB
	}
	import choice
}

http://127.0.0.1:{{PORT}} {
	log {
		format gateway json
	}
	correlation_id
	request_guard

	handle_path /llm/openai/* {
		import llm openai
	}
	handle_path /llm/anthropic/* {
		import llm anthropic
	}
	handle_path /llm/ollama/* {
		import llm ollama
	}
	handle_path /llm/gemini/* {
		import llm gemini
	}
	handle /api/* {
		gateway_route api
		key_auth {
			body apikey
			max_body 4KiB
		}
		ip_restriction
		acl allow llm
		import choice
	}
	handle {
		error 404
	}
}
`

// dialect is a route and how its errors look.
type dialect struct {
	name, path string
	model      string // of a body that names one
	llm        bool
	media      string
	message    string // where the message stands in a body
	code       string // where the code stands
	rest       func(t *testing.T, status int, body object)
}

var dialects = []dialect{
	{
		name: "openai", path: "/llm/openai/v1/chat/completions", model: "test-chat", llm: true,
		media: "application/json", message: "error.message", code: "error.code",
		rest: func(t *testing.T, status int, body object) {
			inner, _ := body["error"].(object)
			if kind, _ := inner["type"].(string); kind == "" {
				t.Errorf("no type in %v", body)
			}
			if param, ok := inner["param"]; !ok || param != nil {
				t.Errorf("param is not null in %v", body)
			}
		},
	},
	{
		name: "anthropic", path: "/llm/anthropic/v1/messages", model: "test-claude", llm: true,
		media: "application/json", message: "error.message", code: "error.code",
		rest: func(t *testing.T, status int, body object) {
			want := map[int]string{
				400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
				413: "request_too_large", 502: "api_error", 504: "timeout_error",
			}[status]
			if body["type"] != "error" || member(body, "error.type") != want {
				t.Errorf("types are %v and %v, want error and %s", body["type"], member(body, "error.type"), want)
			}
		},
	},
	{
		name: "ollama", path: "/llm/ollama/api/chat", model: "test-llama", llm: true,
		media: "application/json", message: "error", code: "code",
		rest: func(*testing.T, int, object) {},
	},
	{
		name: "gemini", path: "/llm/gemini/v1beta/models/test-gemini:generateContent", llm: true,
		media: "application/json", message: "error.message",
		rest: func(t *testing.T, status int, body object) {
			name, _ := member(body, "error.status").(string)
			if member(body, "error.code") != float64(status) || name == "" {
				t.Errorf("code and status are wrong in %v", body)
			}
		},
	},
	{
		name: "problem", path: "/api/things", media: "application/problem+json", message: "detail", code: "code",
		rest: func(t *testing.T, status int, body object) {
			if body["status"] != float64(status) || body["title"] != http.StatusText(status) || body["type"] != "about:blank" {
				t.Errorf("members of RFC 9457 are wrong in %v", body)
			}
		},
	},
}

// goodBody is a request that the API accepts.
func (a dialect) goodBody() string {
	switch a.name {
	case "gemini":
		return `{"contents":[{"parts":[{"text":"hi"}]}]}`
	case "problem":
		return `{"thing":1}`
	}
	return `{"model":"` + a.model + `","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`
}

// badInput is a request that the gateway has to refuse, or cannot forward.
type badInput struct {
	name   string
	key    string // callerKey unless given
	header string
	body   func(a dialect) string // goodBody unless given
	status int
	code   string
	llm    bool // only where models are called
	named  bool // only where the body names the model
}

var badInputs = []badInput{
	{
		name: "body too large", status: 413, code: "body_too_large",
		body: func(a dialect) string {
			return strings.TrimSuffix(a.goodBody(), "}") + `,"user":"` + strings.Repeat("x", 4<<10) + `"}`
		},
	},
	{
		name: "not JSON", status: 400, code: "invalid_json", llm: true,
		body: func(dialect) string { return "model=gpt" },
	},
	{
		name: "two JSON documents", status: 400, code: "invalid_json", llm: true,
		body: func(a dialect) string { return a.goodBody() + a.goodBody() },
	},
	{
		name: "JSON array", status: 400, code: "invalid_json", llm: true,
		body: func(a dialect) string { return "[" + a.goodBody() + "]" },
	},
	{
		name: "JSON cut short", status: 400, code: "invalid_json", llm: true,
		body: func(a dialect) string { return strings.TrimSuffix(a.goodBody(), "}") },
	},
	{
		name: "model twice", status: 400, code: "ambiguous_field", named: true,
		body: func(a dialect) string { return `{"model":"other",` + a.goodBody()[1:] },
	},
	{
		name: "model twice, one escaped", status: 400, code: "ambiguous_field", named: true,
		body: func(a dialect) string { return `{"mod\u0065l":"other",` + a.goodBody()[1:] },
	},
	{
		name: "model in two spellings", status: 400, code: "ambiguous_field", named: true,
		body: func(a dialect) string { return `{"Model":"other",` + a.goodBody()[1:] },
	},
	{
		name: "model in another spelling alone", status: 400, code: "ambiguous_field", named: true,
		body: func(a dialect) string { return strings.Replace(a.goodBody(), `"model"`, `"MODEL"`, 1) },
	},
	{
		name: "stream twice", status: 400, code: "ambiguous_field", llm: true,
		body: func(a dialect) string { return `{"stream":true,"stream":false,` + a.goodBody()[1:] },
	},
	{
		name: "model that is a number", status: 400, code: "invalid_model", named: true,
		body: func(a dialect) string { return strings.Replace(a.goodBody(), `"`+a.model+`"`, "5", 1) },
	},
	{name: "unknown key", key: unknownKey, status: 401, code: "key_invalid"},
	{name: "wrong group", key: outsideKey, status: 403, code: "group_not_allowed"},
	{name: "wrong address", key: elsewhere, status: 403, code: "ip_not_allowed"},
	{name: "wrong model", key: narrowKey, status: 403, code: "model_not_allowed", llm: true},
	{name: "upstream unreachable", header: "X-Upstream: down", status: 502, code: "upstream_unreachable"},
	{name: "upstream silent", header: "X-Upstream: silent", status: 504, code: "upstream_timeout"},
}

func TestBadInputIsAnsweredInTheClientsShape(t *testing.T) {
	up := upstream(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	g := gateway(t, badInputCaddyfile, chained(t, with("UPSTREAM", up.Addr))...)
	for _, a := range dialects {
		for _, bad := range badInputs {
			if bad.llm && !a.llm || bad.named && a.model == "" {
				continue
			}
			t.Run(a.name+"/"+bad.name, func(t *testing.T) {
				id := "id of " + strings.ReplaceAll(a.name+" "+bad.name, ",", "")
				answer := bad.send(g, a, "X-Correlation-ID: "+id)
				checkRefusal(t, a, bad, answer, id)
				entry := g.Logs().WaitObject(t, `"logger":"http.log.access`, `"correlation_id":"`+id+`"`)
				if got := member(entry, "gateway.error"); got != bad.code {
					t.Errorf("access log says error %v, want %s", got, bad.code)
				}
			})
		}
	}
	for _, r := range up.Requests() {
		if r.Header.Get("X-Upstream") != "silent" {
			t.Errorf("a refused request reached the upstream: %+v", r)
		}
	}
}

func (b badInput) send(g *Gateway, a dialect, headers ...string) *Answer {
	body, key := a.goodBody(), callerKey
	if b.body != nil {
		body = b.body(a)
	}
	if b.key != "" {
		key = b.key
	}
	headers = append(headers, "apikey: "+key)
	if b.header != "" {
		headers = append(headers, b.header)
	}
	return g.Post(a.path, body, headers...)
}

func checkRefusal(t *testing.T, a dialect, bad badInput, answer *Answer, id string) {
	t.Helper()
	body := decoded(t, answer)
	if answer.Status != bad.status || answer.Header.Get("Content-Type") != a.media {
		t.Errorf("status %d, type %q, want %d %q: %s", answer.Status, answer.Header.Get("Content-Type"), bad.status, a.media, answer.Body)
	}
	if body["request_id"] != id || answer.Header.Get("X-Correlation-Id") != id {
		t.Errorf("correlation id is %v in the body and %q in the header, want %q",
			body["request_id"], answer.Header.Get("X-Correlation-Id"), id)
	}
	if text, _ := member(body, a.message).(string); text == "" {
		t.Errorf("no message in %s", answer.Body)
	}
	if a.code != "" && member(body, a.code) != bad.code {
		t.Errorf("code is %v, want %s", member(body, a.code), bad.code)
	}
	if a.code == "" && !strings.Contains(answer.Body, `"`+strings.ToUpper(bad.code)+`"`) {
		t.Errorf("code %s is missing in %s", bad.code, answer.Body)
	}
	if challenge := answer.Header.Get("Www-Authenticate"); (challenge != "") != (bad.status == 401) {
		t.Errorf("WWW-Authenticate is %q with status %d", challenge, bad.status)
	}
	a.rest(t, bad.status, body)
}

func TestRefusalsHaveAnIDOfTheGatewaysOwn(t *testing.T) {
	g := gateway(t, badInputCaddyfile, chained(t, with("UPSTREAM", "127.0.0.1:9"))...)
	for _, a := range dialects {
		answer := g.Post(a.path, a.goodBody(), "X-Correlation-ID: not \"fit\" for logs")
		id, _ := decoded(t, answer)["request_id"].(string)
		if answer.Status != 401 || len(id) != 36 || answer.Header.Get("X-Correlation-Id") != id {
			t.Errorf("%s: status %d, id %q in the body, %q in the header", a.name, answer.Status, id, answer.Header.Get("X-Correlation-Id"))
		}
	}
}
