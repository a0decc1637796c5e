// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotaoptions

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/internal/quotaspec"
)

// read reads a directive of both forms and returns it as JSON.
func read(text string) (string, error) {
	d := caddyfile.NewTestDispenser(text)
	d.Next()
	var s quotaspec.Spec
	if err := Line(d, &s); err != nil {
		return "", err
	}
	if err := options.Parse(d, "quota", Set(&s)); err != nil {
		return "", err
	}
	got, err := json.Marshal(s)
	return string(got), err
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, give, want string }{
		{"nothing", "quota", `{}`},
		{"one line", "quota requests 100/min 1000/hour", `{"limits":[{"unit":"requests","limits":["100/min","1000/hour"]}]}`},
		{"one line of tokens", "quota tokens output 10k/min", `{"limits":[{"unit":"output_tokens","limits":["10k/min"]}]}`},
		{"one line of cost", "quota cost 5usd/day soft", `{"limits":[{"unit":"cost","limits":["5usd/day"],"soft":true}]}`},
		{"one line of concurrent", "quota concurrent 20", `{"limits":[{"unit":"concurrent","limits":["20"]}]}`},
		{
			"a line and a block", "quota requests 100/min {\nby ip 24 56\nshadow\n}",
			`{"limits":[{"unit":"requests","limits":["100/min"]}],"by":"ip 24 56","shadow":true}`,
		},
		{
			"everything",
			"quota {\nrequests 10/s burst 50\nrequests 1000/day fixed\ntokens 200k/min\ntokens input 100k/min\n" +
				"cost 50usd/month timezone Asia/Kolkata\nconcurrent 20\nby header x-tenant\nweight {http.vars.weight}\nmax_output 4096\nshadow\n}",
			`{"limits":[{"unit":"requests","limits":["10/s"],"burst":"50"},{"unit":"requests","limits":["1000/day"],"window":"fixed"},` +
				`{"unit":"tokens","limits":["200k/min"]},{"unit":"input_tokens","limits":["100k/min"]},` +
				`{"unit":"cost","limits":["50usd/month"],"timezone":"Asia/Kolkata"},{"unit":"concurrent","limits":["20"]}],` +
				`"by":"header X-Tenant","weight":"{http.vars.weight}","max_output":4096,"shadow":true}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := read(test.give)
			if err != nil || got != test.want {
				t.Errorf("got\n%s, %v\nwant\n%s", got, err, test.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, give string
		want       []string
	}{
		{"unknown unit in a line", "quota calls 1/min", []string{"Testfile:1", "quota: ", `"calls" cannot be limited; write requests, tokens, cost, concurrent`}},
		{"line without limits", "quota requests", []string{"Testfile:1", "write one such as requests 1000/min"}},
		{"bad limit in a line", "quota requests 1/fortnight", []string{"Testfile:1", `"fortnight" is not a window`}},
		{"limits of two units in a line", "quota requests 1/min cost 5usd/day", []string{"Testfile:1", `"cost" is not a number`}},
		{"unknown option", "quota {\nlimit 5\n}", []string{"Testfile:2", `unknown option "limit"`, "by, concurrent, cost, max_output, requests, shadow, tokens, weight"}},
		{"option without limits", "quota {\nrequests\n}", []string{"Testfile:2", "write: requests <amount>/<window>..."}},
		{"bad limit", "quota {\nrequests 1/min\ncost 5/day\n}", []string{"Testfile:3", "quota: cost: 5 has no currency; write 5usd"}},
		{"the same window on two lines", "quota {\nrequests 1/min\nrequests 2/min\n}", []string{"Testfile:3", "are about the same window"}},
		{"the same window in line and block", "quota requests 1/min {\nrequests 2/min\n}", []string{"Testfile:2", "are about the same window"}},
		{"contradiction", "quota {\nrequests 10/hour\nrequests 20/min\n}", []string{"Testfile:3", "requests 20/min can never be reached"}},
		{"concurrent with a window", "quota {\nconcurrent 5/min\n}", []string{"Testfile:2", "write concurrent 5"}},
		{"concurrent twice", "quota {\nconcurrent 5\nconcurrent 6\n}", []string{"Testfile:3", "concurrent is limited twice"}},
		{"by nothing", "quota {\nby\n}", []string{"Testfile:2", "by takes at least 1 argument"}},
		{"by what does not exist", "quota {\nby user\n}", []string{"Testfile:2", `"user" is nothing to count by`}},
		{"by twice", "quota {\nby ip\nby route\n}", []string{"Testfile:3", "given twice"}},
		{"weight", "quota {\nweight -1\n}", []string{"Testfile:2", "a whole number from 0 to 1000000"}},
		{"weight empty", "quota {\nweight \"\"\n}", []string{"Testfile:2", "the weight is empty"}},
		{"max_output", "quota {\nmax_output 0\n}", []string{"Testfile:2", "from 1 to 100000000"}},
		{"shadow with an argument", "quota {\nshadow on\n}", []string{"Testfile:2", "shadow takes no arguments"}},
		{"block behind limits", "quota {\nrequests 1/min {\n}\n}", []string{"Testfile:2", "takes no block"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := read(test.give)
			if err == nil {
				t.Fatalf("accepted as %s", got)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}
