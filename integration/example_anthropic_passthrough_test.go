// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net/http"
	"strings"
	"testing"

	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
)

func TestAnthropicPassthrough(t *testing.T) {
	const teamKey, ownKey = "demo-team-key-not-a-secret", "demo-own-anthropic-key-not-a-secret"
	answer := strings.Replace(cannedAnswers["/v1/messages"], `"model":"m"`, `"model":"claude-sonnet-4-5"`, 1)
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	})
	g := exampleGateway(t, "anthropic-passthrough.Caddyfile", map[string]string{"TEAM_KEY": teamKey, "ANTHROPIC_URL": up.URL})
	ask := func(model string, headers ...string) *Answer {
		return g.Post("/v1/messages", `{"model":"`+model+`","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}`, headers...)
	}

	t.Run("both keys go where they belong", func(t *testing.T) {
		got := ask("claude-sonnet-4-5", "apikey: "+teamKey, "x-api-key: "+ownKey, "anthropic-version: 2023-06-01")
		if got.Status != 200 || got.Body != answer {
			t.Fatalf("answer = %d %s", got.Status, got.Body)
		}
		r := up.Only()
		if r.URI != "/v1/messages" || r.Header.Get("X-Api-Key") != ownKey || r.Header.Get("Anthropic-Version") != "2023-06-01" {
			t.Errorf("upstream had %s %v", r.URI, r.Header)
		}
		if r.Header.Get("Apikey") != "" || strings.Contains(up.Wire(), teamKey) {
			t.Errorf("upstream had the gateway's key: %v", r.Header)
		}
		if row := onlyUsage(t, g, "?consumer=team&model=claude-sonnet-4-5"); row.Requests != 1 || row.Cost != usd(3e6+15e6) {
			t.Errorf("usage is %+v, want a token in and a token out of claude-sonnet-4-5", row)
		}
	})
	t.Run("Anthropic's client with one more header", func(t *testing.T) {
		client := anthropicClient(g.URL, ownKey)
		res, err := client.Messages.New(t.Context(), messageParams("hi"), anthropicoption.WithHeader("apikey", teamKey),
			anthropicoption.WithJSONSet("model", "claude-sonnet-4-5"))
		if err != nil || res.Content[0].Text != "hello" {
			t.Errorf("answer %+v, error %v", res, err)
		}
	})

	before := len(up.Requests())
	tests := []struct {
		name    string
		model   string
		headers []string
		status  int
		kind    string // of Anthropic's error object
		code    string
		says    string
	}{
		{
			name: "without the gateway's key", model: "claude-sonnet-4-5", headers: []string{"x-api-key: " + ownKey},
			status: 401, kind: "authentication_error", code: "key_missing", says: "key",
		},
		{
			name: "with the gateway's key in place of Anthropic's", model: "claude-sonnet-4-5", headers: []string{"x-api-key: " + teamKey},
			status: 401, kind: "authentication_error", code: "key_missing", says: "key",
		},
		{
			name: "a model that is not on the list", model: "gpt-5", headers: []string{"apikey: " + teamKey, "x-api-key: " + ownKey},
			status: 403, kind: "permission_error", code: "model_not_allowed", says: "gpt-5",
		},
		{
			name: "a model on the list without a price", model: "claude-of-nobody", headers: []string{"apikey: " + teamKey, "x-api-key: " + ownKey},
			status: 403, kind: "permission_error", code: "model_price_unknown", says: "claude-of-nobody",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ask(tt.model, tt.headers...)
			o := decoded(t, got)
			says, _ := member(o, "error.message").(string)
			if got.Status != tt.status || o["type"] != "error" || member(o, "error.type") != tt.kind ||
				member(o, "error.code") != tt.code || !strings.Contains(says, tt.says) {
				t.Errorf("answer = %d %s, want %d %s %s", got.Status, got.Body, tt.status, tt.kind, tt.code)
			}
			if id := got.Header.Get("X-Correlation-Id"); id == "" || o["request_id"] != id {
				t.Errorf("X-Correlation-ID %q, body %s", id, got.Body)
			}
		})
	}
	if n := len(up.Requests()); n != before {
		t.Errorf("%d refused requests reached the upstream", n-before)
	}
}
