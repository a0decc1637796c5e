// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

// adapt turns a Caddyfile with the given global options into the JSON of the
// gateway app.
func adapt(t *testing.T, globals string) (string, error) {
	t.Helper()
	text := "{\n" + globals + "\n}\n:80 {\n\trespond ok\n}\n"
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return "", err
	}
	var decoded struct {
		Apps map[string]json.RawMessage `json:"apps"`
	}
	if err := json.Unmarshal(config, &decoded); err != nil {
		t.Fatal(err)
	}
	return string(decoded.Apps["gateway"]), nil
}

// digest is the text of the digest of a key that is no secret.
func digest(key string) string { return apikey.Hash("demo-" + key + "-not-a-secret").String() }

func TestCaddyfile(t *testing.T) {
	for _, test := range []struct{ name, give, want string }{
		{"nothing", "gateway", `{}`},
		{"empty block", "gateway {\n}", `{}`},
		{
			"groups, in one line and in two", "gateway {\ngroup a b\ngroup c\n}",
			`{"groups":[{"name":"a"},{"name":"b"},{"name":"c"}]}`,
		},
		{
			"consumer without a block", "gateway {\nconsumer alice\n}",
			`{"consumers":[{"name":"alice"}]}`,
		},
		{
			"consumer with everything",
			"gateway {\nconsumer alice {\ncustom_id 42\ntags x y\ngroups llm alice\nmodels gpt-* claude-*\n" +
				"allow_ip 127.0.0.1 10.0.0.0/8\nkey {env.A}\nkey {file./run/a} {\ngroups llm\nmodels gpt-4*\ntags z\n}\n}\ngroup llm\n}",
			`{"groups":[{"name":"llm"}],"consumers":[{"name":"alice","custom_id":"42","tags":["x","y"],"groups":["llm","alice"],` +
				`"keys":[{"key":"{env.A}"},{"key":"{file./run/a}","groups":["llm"],"models":["gpt-4*"],"tags":["z"]}],` +
				`"allow_ips":["127.0.0.1","10.0.0.0/8"],"models":["gpt-*","claude-*"]}]}`,
		},
		{
			"key by digest with both times",
			"gateway {\nconsumer alice {\nkey " + digest("a") + " not_before 2026-01-01 until 2026-12-31T18:00:00Z\n}\n}",
			`{"consumers":[{"name":"alice","keys":[{"key":"` + digest("a") + `","not_before":"2026-01-01","until":"2026-12-31T18:00:00Z"}]}]}`,
		},
		{
			"times in the other order",
			"gateway {\nconsumer alice {\nkey {env.A} until 2026-12-31 not_before 2026-01-01\n}\n}",
			`{"consumers":[{"name":"alice","keys":[{"key":"{env.A}","not_before":"2026-01-01","until":"2026-12-31"}]}]}`,
		},
		{
			"files and the rest",
			"gateway {\nconsumers a.json\nconsumers b.csv\nprices p.json\nprices q.json\nunknown_model refuse\nprofile kong\nmetrics_consumers 5\n}",
			`{"consumers_files":["a.json","b.csv"],"price_files":["p.json","q.json"],"unknown_model":"refuse","profile":"kong","metrics_consumers":5}`,
		},
		{"ledger in a directory", "gateway {\nledger /srv/usage\n}", `{"ledger":{"path":"/srv/usage"}}`},
		{"ledger in a directory that a variable names", "gateway {\nledger {env.LEDGER}/usage\n}", `{"ledger":{"path":"{env.LEDGER}/usage"}}`},
		{"ledger in memory", "gateway {\nledger memory\n}", `{"ledger":{"memory":true}}`},
		{"ledger at its default", "gateway {\nledger\n}", `{"ledger":{}}`},
		{"ledger that keeps less", "gateway {\nledger {\nkeep 30d\n}\n}", `{"ledger":{"keep":2592000000000000}}`},
		{"ledger that keeps everything", "gateway {\nledger /srv/usage {\nkeep forever\n}\n}", `{"ledger":{"path":"/srv/usage","keep":0}}`},
		{"the same in a number", "gateway {\nledger {\nkeep 0\n}\n}", `{"ledger":{"keep":0}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := adapt(t, test.give)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("adapted to\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestCaddyfileRefusals(t *testing.T) {
	consumer := func(lines string) string { return "gateway {\nconsumer alice {\n" + lines + "\n}\n}" }
	for _, test := range []struct {
		name, give string
		want       []string // Caddyfile:N counts from the opening brace
	}{
		{"an argument", "gateway on", []string{"Caddyfile:2", "gateway takes no arguments"}},
		{"twice", "gateway {\n}\ngateway", []string{"Caddyfile:4", "configured twice"}},
		{"unknown option", "gateway {\nusers x\n}", []string{"Caddyfile:3", `unknown option "users"`, "consumer, consumers, group"}},
		{"group without a name", "gateway {\ngroup\n}", []string{"Caddyfile:3", "write: group <name>..."}},
		{"group twice", "gateway {\ngroup a\ngroup b a\n}", []string{"Caddyfile:4", `group "a" is declared twice`}},
		{"group with a block", "gateway {\ngroup a {\nplan x\n}\n}", []string{"Caddyfile:4", `group a: plan "x" does not exist; declare it in the gateway option with: plan x { ... }`}},
		{"consumer without a name", "gateway {\nconsumer {\n}\n}", []string{"Caddyfile:3", "write: consumer <name>"}},
		{"consumer twice", "gateway {\nconsumer alice\nconsumer alice\n}", []string{"Caddyfile:4", `consumer "alice" is declared twice`}},
		{"name with a comma", "gateway {\nconsumer a,b\n}", []string{"Caddyfile:3", "holds a comma"}},
		{"unknown option of a consumer", consumer("secret x"), []string{"Caddyfile:4", "consumer alice", `unknown option "secret"`}},
		{"custom id twice", consumer("custom_id a\ncustom_id b"), []string{"Caddyfile:5", "given twice"}},
		{"group unknown", consumer("tags x\ngroups llm"), []string{"Caddyfile:5", "consumer alice", `group "llm" does not exist`, "group llm"}},
		{
			"group of another consumer", "gateway {\nconsumer bob\nconsumer alice {\ngroups bob\n}\n}",
			[]string{"Caddyfile:5", "consumer alice", `group "bob" does not exist`},
		},
		{"groups twice", consumer("groups alice\ngroups alice"), []string{"Caddyfile:5", "given twice"}},
		{"group listed twice in one line", "gateway {\ngroup a b\nconsumer alice {\ngroups a b a\n}\n}", []string{"Caddyfile:5", "listed twice"}},
		{"address", consumer("allow_ip 10.0.0.0.0"), []string{"Caddyfile:4", "10.0.0.0.0", "write one such as"}},
		{"model pattern", consumer("models gpt-?"), []string{"Caddyfile:3", `"alice"`, "only * is a wildcard"}},
		{"key missing", consumer("key"), []string{"Caddyfile:4", "write: key <key>"}},
		{"key empty", consumer(`key ""`), []string{"Caddyfile:4", `consumer "alice" has an empty key`}},
		{"key in clear", consumer("key demo-key-not-a-secret"), []string{"Caddyfile:4", "sha256:<64 hex digits>", "{env.NAME}"}},
		{"digest too short", consumer("key sha256:abc"), []string{"Caddyfile:4", "sha256:<64 hex digits>"}},
		{"placeholder with a prefix", consumer("key Bearer-{env.A}"), []string{"Caddyfile:4", "as a placeholder"}},
		{"placeholder of a request", consumer("key {http.request.header.X}"), []string{"Caddyfile:4", "as a placeholder"}},
		{"key with an unknown word", consumer("key {env.A} since 2026-01-01"), []string{"Caddyfile:4", `"since" is not not_before or until`}},
		{"until without a time", consumer("key {env.A} until"), []string{"Caddyfile:4", "write: key"}},
		{"until twice", consumer("key {env.A} until 2026-01-01 until 2026-02-01"), []string{"Caddyfile:4", "until is given twice"}},
		{"until in words", consumer("key {env.A} until tomorrow"), []string{"Caddyfile:3", `"alice"`, "key 1", "2026-12-31T18:00:00Z"}},
		{"until before not_before", consumer("key {env.A} not_before 2026-02-01 until 2026-01-01"), []string{"Caddyfile:3", "until is not after not_before"}},
		{"key that widens", consumer("key {env.A} {\ngroups admin\n}"), []string{"Caddyfile:3", `"alice"`, "would widen"}},
		{"unknown option of a key", consumer("key {env.A} {\nallow_ip 1.2.3.4\n}"), []string{"Caddyfile:5", "valid options are: groups, models, tags"}},
		{"key twice", consumer("key {env.A}\nkey {env.A}"), []string{"Caddyfile:3", `"alice"`, "listed twice"}},
		{
			"one key, two consumers", "gateway {\nconsumer alice {\nkey {env.A}\n}\nconsumer bob {\nkey {env.A}\n}\n}",
			[]string{"Caddyfile:7", `"alice"`, `"bob"`},
		},
		{"file without a name", "gateway {\nconsumers \"\"\n}", []string{"Caddyfile:3", "the file has no name"}},
		{"files in one line", "gateway {\nprices a b\n}", []string{"Caddyfile:3", "write: prices <file>"}},
		{"unknown_model", "gateway {\nunknown_model maybe\n}", []string{"Caddyfile:3", "allow, refuse"}},
		{"profile", "gateway {\nprofile envoy\n}", []string{"Caddyfile:3", "kong"}},
		{"ledger in two places", "gateway {\nledger /a /b\n}", []string{"Caddyfile:3", "write: ledger [<path>|memory]"}},
		{"ledger twice", "gateway {\nledger /a\nledger memory\n}", []string{"Caddyfile:4", "given twice"}},
		{"ledger at a relative path", "gateway {\nledger usage\n}", []string{"Caddyfile:3", `"usage" is not an absolute path`, "/var/lib/caddy/ledger"}},
		{"ledger without a name", "gateway {\nledger \"\"\n}", []string{"Caddyfile:3", "not an absolute path"}},
		{"ledger in memory that keeps", "gateway {\nledger memory {\nkeep 30d\n}\n}", []string{"Caddyfile:3", "ledger memory takes no block"}},
		{"unknown option of the ledger", "gateway {\nledger {\nretain 30d\n}\n}", []string{"Caddyfile:4", `unknown option "retain"`, "valid options are: keep"}},
		{"keep without a time", "gateway {\nledger {\nkeep\n}\n}", []string{"Caddyfile:4", "write: keep <duration>|forever"}},
		{"keep without a unit", "gateway {\nledger {\nkeep 400\n}\n}", []string{"Caddyfile:4", `"400" is not a duration`}},
		{"keep for hours", "gateway {\nledger {\nkeep 23h\n}\n}", []string{"Caddyfile:4", "at least 1d"}},
		{"keep a negative time", "gateway {\nledger {\nkeep -1d\n}\n}", []string{"Caddyfile:4", "negative"}},
		{"keep twice", "gateway {\nledger {\nkeep 30d\nkeep 40d\n}\n}", []string{"Caddyfile:5", "given twice"}},
		{"metrics_consumers in words", "gateway {\nmetrics_consumers many\n}", []string{"Caddyfile:3", "not a whole number"}},
		{"metrics_consumers zero", "gateway {\nmetrics_consumers 0\n}", []string{"Caddyfile:3", "from 1 to 1000000"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := adapt(t, test.give)
			if err == nil {
				t.Fatalf("accepted as %s", got)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "not-a-secret") {
				t.Errorf("error %q shows the key", err)
			}
		})
	}
}
