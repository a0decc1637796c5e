// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() {
	// A directive that refers to a group and to a consumer.
	httpcaddyfile.RegisterHandlerDirective("gateway_test_refer", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		h.Next()
		for h.NextArg() {
			kind, name, _ := strings.Cut(h.Val(), ":")
			refer := DeclaredIn(h).Group
			if kind == "consumer" {
				refer = DeclaredIn(h).Consumer
			}
			if err := refer(name); err != nil {
				return nil, h.WrapErr(err)
			}
		}
		return caddyhttp.StaticResponse{}, nil
	})
}

func TestDeclared(t *testing.T) {
	const option = "gateway {\ngroup llm\nconsumer alice\n}"
	for _, test := range []struct{ name, option, refer, want string }{ // want: the error, or empty
		{"group", option, "group:llm", ""},
		{"consumer", option, "consumer:alice", ""},
		{"consumer's own group", option, "group:alice", ""},
		{"several", option, "group:llm consumer:alice", ""},
		{"unknown group", option, "group:llm group:lml", `group "lml" does not exist; declare it in the gateway option with: group lml`},
		{"unknown consumer", option, "consumer:bob", `consumer "bob" does not exist; declare it in the gateway option with: consumer bob`},
		{"group for a consumer", option, "consumer:llm", `consumer "llm" does not exist`},
		{"no option", "", "group:llm", `group "llm" does not exist`},
		{"group that a file could have", "gateway {\nconsumers more.json\n}", "group:llm consumer:bob", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := "{\n" + test.option + "\n}\n:80 {\nroute {\ngateway_test_refer " + test.refer + "\n}\n}\n"
			_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "Caddyfile:") {
				t.Errorf("error is %v, want %q with file and line", err, test.want)
			}
		})
	}
}

func TestLogError(t *testing.T) {
	app, err := provisionWith(t, `{"logs":{"default":{"level":"DEBUG","writer":{"output":"gateway_test"}}}}`, map[string]string{"gateway": `{}`})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.Cleanup() })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://gateway.example/v1/x?apikey=demo-query-not-a-secret", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Apikey", "demo-header-not-a-secret")
	for _, test := range []struct {
		name    string
		failure state.Failure
		err     error
		want    []string
	}{
		{
			"denial",
			state.Failure{Status: 403, Code: "group_not_allowed", Message: "Not in the group", Denied: true},
			state.Deny(403, "group_not_allowed", "Not in the group"),
			[]string{`"level":"debug"`, `"msg":"Not in the group"`, `"code":"group_not_allowed"`, `"status":403`, `"correlation_id":"`, `"path":"/v1/x"`, `"consumer":"alice"`},
		},
		{
			"failure",
			state.Failure{Status: 502, Code: "upstream_unreachable", Message: "No upstream"},
			caddyhttp.Error(502, errors.New("demo refused")),
			[]string{`"level":"error"`, `"status":502`, `"cause":"demo refused"`, `"err_trace"`},
		},
		{
			"error without a status",
			state.Failure{Status: 500, Code: "internal_server_error", Message: "Internal Server Error"},
			errors.New("demo broke"),
			[]string{`"level":"error"`, `"status":500`, `"cause":"demo broke"`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			logged.take()
			rq := request("alice", "gpt-4o")
			rq.Failure = test.failure
			app.LogError(rq, r, test.err)
			line := logged.take()
			for _, want := range test.want {
				if !strings.Contains(line, want) {
					t.Errorf("the log says %s, not %s", line, want)
				}
			}
			if strings.Contains(line, "not-a-secret") {
				t.Errorf("the log shows a key: %s", line)
			}
			if test.failure.Denied && strings.Contains(line, `"cause"`) {
				t.Error("a denial is logged twice")
			}
		})
	}
}
