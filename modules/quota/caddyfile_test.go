// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quota

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func TestDirective(t *testing.T) {
	t.Parallel()
	rows := []struct{ text, want string }{
		{"quota", `{}`},
		{"quota requests 10000/min 100000/hour 1000000/day", `{"limits":[{"unit":"requests","limits":["10000/min","100000/hour","1000000/day"]}]}`},
		{"quota cost 50usd/month soft", `{"limits":[{"unit":"cost","limits":["50usd/month"],"soft":true}]}`},
		{`quota {
			requests 100/min 1000/hour
			tokens input 200k/min
			cost 50usd/month timezone Asia/Kolkata
			concurrent 20
			by ip 24 56
			weight {http.request.header.X-Weight}
			max_output 4096
			name demo
			shadow
			headers both
			budget_status 402
		}`, `{"name":"demo","limits":[{"unit":"requests","limits":["100/min","1000/hour"]},{"unit":"input_tokens","limits":["200k/min"]},` +
			`{"unit":"cost","limits":["50usd/month"],"timezone":"Asia/Kolkata"},{"unit":"concurrent","limits":["20"]}],` +
			`"by":"ip 24 56","weight":"{http.request.header.X-Weight}","max_output":4096,"shadow":true,"headers":"both","budget_status":402}`},
	}
	for _, row := range rows {
		h := new(Handler)
		if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(row.text)); err != nil {
			t.Errorf("%s: %v", row.text, err)
			continue
		}
		got, err := json.Marshal(h)
		if err != nil || string(got) != row.want {
			t.Errorf("%s\n got %s, %v\nwant %s", row.text, got, err, row.want)
		}
	}
}

func TestValidation(t *testing.T) {
	rows := []struct{ config, want string }{
		{`{"limits":[{"unit":"requests","limits":["1/min"]}]}`, "it has limits and no name"},
		{`{"name":"a","limits":[{"unit":"requests","limits":["1/min"]}],"headers":"some"}`, `headers is "some"`},
		{`{"name":"a","limits":[{"unit":"requests","limits":["1/min"]}],"budget_status":200}`, "budget_status is 200"},
		{`{"name":"a b","limits":[{"unit":"requests","limits":["1/min"]}]}`, "name"},
		{`{"name":"a","limits":[{"unit":"requests","limits":["1/parsec"]}]}`, "parsec"},
		{`{}`, "has no plan"},
		{`{"name":"a"}`, "need limits beside them"},
	}
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(`{"ledger":{"memory":true}}`)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if _, err := ctx.LoadModuleByID("http.handlers.quota", json.RawMessage(row.config)); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", row.config, err, row.want)
		}
	}
}
