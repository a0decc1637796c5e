// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

// command runs "caddy gateway" with arguments and standard input, and returns
// what it prints.
func command(t *testing.T, input string, args ...string) (out, notes string, err error) {
	t.Helper()
	root := &cobra.Command{Use: "gateway", SilenceErrors: true, SilenceUsage: true}
	addCommands(root)
	var stdout, stderr bytes.Buffer
	root.SetIn(strings.NewReader(input))
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetArgs(args)
	err = root.Execute()
	return stdout.String(), stderr.String(), err
}

// run is command for one that succeeds.
func run(t *testing.T, args ...string) string {
	t.Helper()
	out, notes, err := command(t, "", args...)
	if err != nil || notes != "" {
		t.Fatalf("caddy gateway %s: %v %s", strings.Join(args, " "), err, notes)
	}
	return out
}

func TestUnknownCommands(t *testing.T) {
	for _, args := range [][]string{{"key"}, nil} {
		if out := run(t, args...); !strings.Contains(out, "Available Commands:") {
			t.Errorf("%q prints %q, want its subcommands", args, out)
		}
		if _, _, err := command(t, "", append(args, "nonsense")...); err == nil || !strings.Contains(err.Error(), "unknown command") {
			t.Errorf("%q with nonsense: error is %v", args, err)
		}
	}
}

var aKey = regexp.MustCompile(`tg_[0-9A-Za-z]{49}`)

func TestCommandIsRegistered(t *testing.T) {
	if _, ok := caddycmd.Commands()["gateway"]; !ok {
		t.Error("caddy has no command gateway")
	}
}

func TestKeyNew(t *testing.T) {
	out := run(t, "key", "new")
	key := aKey.FindString(out)
	if !apikey.WellFormed(key) {
		t.Fatalf("prints no key: %s", out)
	}
	d := apikey.Hash(key)
	for _, want := range []string{"key " + d.String() + "\n", d.ID() + "\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("output %q lacks %q", out, want)
		}
	}
	var k newKey
	if err := json.Unmarshal([]byte(run(t, "key", "new", "--json")), &k); err != nil {
		t.Fatal(err)
	}
	if d := apikey.Hash(k.Key); !apikey.WellFormed(k.Key) || k.Digest != d.String() || k.ID != d.ID() || k.Line != "key "+d.String() {
		t.Errorf("in JSON it is %+v", k)
	}
	if k.Key == key {
		t.Error("prints the same key twice")
	}
}

func TestKeyHash(t *testing.T) {
	for _, test := range []struct{ name, give, want string }{
		{"a key", "demo-a-not-a-secret", digest("a")},
		{"with a line break", "demo-a-not-a-secret\n", digest("a")},
		{"with a line break of Windows", "demo-a-not-a-secret\r\n", digest("a")},
	} {
		t.Run(test.name, func(t *testing.T) {
			for source, args := range map[string][]string{"input": nil, "file": {"--file", file(t, "key", test.give)}} {
				out, _, err := command(t, test.give, append([]string{"key", "hash"}, args...)...)
				if err != nil || out != test.want+"\n" {
					t.Errorf("from %s: %q, %v; want %q", source, out, err, test.want)
				}
			}
		})
	}
	for _, test := range []struct {
		name, give string
		args       []string
		want       string
	}{
		{"nothing", "", nil, "the input is empty"},
		{"an empty line", "\n", nil, "the input is empty"},
		{"two line breaks", "demo-not-a-secret\n\n", nil, "one word"},
		{"two words", "demo not-a-secret", nil, "one word"},
		{"a control character", "demo\x00not-a-secret", nil, "one word"},
		{"a digest", digest("a"), nil, "is a digest already"},
		{"a whole file", strings.Repeat("not-a-secret", 1000), nil, "longer than 8192 bytes"},
		{"an argument", "", []string{"demo-not-a-secret"}, "not taken as an argument"},
		{"no such file", "", []string{"--file", "/nonexistent/key"}, "/nonexistent/key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, _, err := command(t, test.give, append([]string{"key", "hash"}, test.args...)...)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %q", err, test.want)
			}
			if strings.Contains(out, "not-a-secret") || err != nil && strings.Contains(err.Error(), "not-a-secret") {
				t.Errorf("shows the key: %q, %v", out, err)
			}
		})
	}
}

func TestKeyRotateFromConfig(t *testing.T) {
	more := file(t, "more.json", `[{"name":"bob","keys":["`+digest("b")+`"]}]`)
	config := file(t, "Caddyfile", "{\n\tadmin 127.0.0.1:1\n\tgateway {\n\t\tconsumers "+more+"\n\t\tconsumer alice {\n\t\t\tkey {env.ALICE_KEY}\n\t\t\tkey "+
		digest("a")+" not_before 2026-01-01\n\t\t\tkey {env.ALICE_OLD} until 2026-02-01\n\t\t}\n\t\tconsumer keyless\n\t}\n}\n")

	before := time.Now().Add(2 * time.Hour).Truncate(time.Second)
	out := run(t, "key", "rotate", "alice", "--config", config, "--overlap", "2h")
	key := aKey.FindString(out)
	until := regexp.MustCompile(`until (\S+)`).FindStringSubmatch(out)
	if !apikey.WellFormed(key) || until == nil {
		t.Fatalf("prints no key or no time: %s", out)
	}
	if at, err := time.Parse(time.RFC3339, until[1]); err != nil || at.Before(before) || at.After(before.Add(time.Minute)) {
		t.Errorf("the old keys end at %s, want two hours from now", until[1])
	}
	for _, want := range []string{
		"\tkey " + apikey.Hash(key).String() + "\n",
		"\tkey {env.ALICE_KEY} until " + until[1] + "\n",
		"\tkey " + digest("a") + " not_before 2026-01-01 until " + until[1] + "\n",
		"caddy reload",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("output %q lacks %q", out, want)
		}
	}
	if strings.Contains(out, "ALICE_OLD") {
		t.Error("a key that ends anyway gets another end")
	}

	var r rotation
	if err := json.Unmarshal([]byte(run(t, "key", "rotate", "bob", "--config", config, "--json")), &r); err != nil {
		t.Fatal(err)
	}
	if r.Source != more || len(r.Limit) != 1 || r.Limit[0] != `{"key":"`+digest("b")+`","until":"`+r.Until.Format(time.RFC3339)+`"}` {
		t.Errorf("rotation of a consumer in a file is %+v", r)
	}
	if out := run(t, "key", "rotate", "keyless", "--config", config); !strings.Contains(out, "write at the end of the line") {
		t.Errorf("rotation of a consumer without a key is %q", out)
	}
	for name, args := range map[string][]string{
		`consumer "carol" does not exist in ` + config: {"carol", "--config", config},
		"/nonexistent/Caddyfile":                       {"alice", "--config", "/nonexistent/Caddyfile"},
		"not negative":                                 {"alice", "--config", config, "--overlap", "-1h"},
		"accepts 1 arg":                                nil,
	} {
		if out, _, err := command(t, "", append([]string{"key", "rotate"}, args...)...); err == nil || !strings.Contains(err.Error(), name) || aKey.MatchString(out) {
			t.Errorf("rotate %v prints %q, %v; want an error with %q and no key", args, out, err, name)
		}
	}
}

func TestKeyRotateFromRunningInstance(t *testing.T) {
	address := instanceOf(t, team)
	out := run(t, "key", "rotate", "alice", "--address", address)
	if !strings.Contains(out, "\tkey "+digest("a")+" until 20") || strings.Contains(out, digest("old")) {
		t.Errorf("rotation is %q", out)
	}
	if _, _, err := command(t, "", "key", "rotate", "carol", "--address", address); err == nil || !strings.Contains(err.Error(), `consumer "carol" does not exist`) {
		t.Errorf("error is %v", err)
	}
	closed := unused(t)
	if _, _, err := command(t, "", "key", "rotate", "alice", "--address", closed); err == nil || !strings.Contains(err.Error(), closed) {
		t.Errorf("without the instance that was named, the error is %v", err)
	}
}

func TestKeyRotateWithoutSource(t *testing.T) {
	address := unused(t)
	old := caddy.DefaultAdminListen
	caddy.DefaultAdminListen = address
	t.Cleanup(func() { caddy.DefaultAdminListen = old })
	out, notes, err := command(t, "", "key", "rotate", "alice")
	if err != nil || !apikey.WellFormed(aKey.FindString(out)) || !strings.Contains(out, "write at the end of the line") {
		t.Errorf("prints %q, %v", out, err)
	}
	if !strings.Contains(notes, "was not looked up") || !strings.Contains(notes, address) {
		t.Errorf("notes are %q", notes)
	}
	// Where an instance runs, what it says counts.
	caddy.DefaultAdminListen = instanceOf(t, team)
	if _, _, err := command(t, "", "key", "rotate", "carol"); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("error is %v", err)
	}
}

func TestUsageCommand(t *testing.T) {
	address := instanceOf(t, team)
	app := active(t)
	app.Record(request("alice", "gpt-4o"))
	app.Record(request("bob", "gpt-4o"))
	anonymous := request("", "_other")
	anonymous.LLM.PriceKnown = false
	app.Record(anonymous)

	table := run(t, "usage", "--address", address)
	lines := strings.Split(strings.TrimSpace(table), "\n")
	fields := func(i int) string { return strings.Join(strings.Fields(lines[i]), " ") }
	if len(lines) != 7 ||
		fields(0) != "consumer model requests failed input_tokens output_tokens cost_usd cache_savings_usd exact_calls estimated_calls unpriced_calls" ||
		fields(1) != "- _other 1 0 10 5 0 0 0 1 1" || fields(2) != "alice gpt-4o 1 0 10 5 0.0025 -0.0025 0 1 0" ||
		fields(4) != "total - 3 0 30 15 0.005 -0.005 0 3 1" || !strings.HasPrefix(lines[5], "from 20") ||
		!strings.HasSuffix(lines[5], "USD a day") || !strings.Contains(lines[6], ": 0.005 USD so far, ") {
		t.Errorf("the table is\n%s", table)
	}
	want := "model,requests,failed,input_tokens,output_tokens,cost_usd,cache_savings_usd,exact_calls,estimated_calls,unpriced_calls," +
		"input,cache_read,cache_write,cache_write_1h,input_audio,input_image,output,reasoning,output_audio,output_image,web_search,first,last,response_cache_hits,response_cache_saved_usd\n" +
		"gpt-4o,1,0,10,5,0.0025,-0.0025,0,1,0,10,0,0,0,0,0,5,0,0,0,0,"
	if got := run(t, "usage", "--address", address, "--by", "model", "--consumer", "alice", "--format", "csv", "--since", "2h"); !strings.HasPrefix(got, want) ||
		strings.Count(got, "\n") != 2 {
		t.Errorf("as CSV it is\n%s\nwant\n%s", got, want)
	}
	day := time.Now().UTC().Format(time.DateOnly)
	if got := run(t, "usage", "--address", address, "--by", "day,tag", "--format", "csv"); !strings.Contains(got, "\n"+day+",,3,") {
		t.Errorf("by day it is\n%s", got)
	}
	var list usageList
	if err := json.Unmarshal([]byte(run(t, "usage", "--address", address, "--by", "route", "--provider", "openai", "--model", "gpt-4o", "--route", "demo", "--format", "json")), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Rows) != 1 || *list.Rows[0].Route != "demo" || list.Total.Requests != 2 {
		t.Errorf("in JSON it is %+v", list)
	}
	for want, args := range map[string][]string{
		"write one of: table, json, csv":  {"--address", address, "--format", "xml"},
		"unknown dimension":               {"--address", address, "--by", "key"},
		"how long ago":                    {"--address", address, "--since", "noon"},
		"have no meaning beside it":       {"--address", address, "--ledger", t.TempDir()},
		"there is no ledger in":           {"--ledger", t.TempDir()},
		"copy its ledger with":            {"--ledger", active(t).disk.dir},
		"unknown command":                 {"everything"},
		"ask the admin API at 127.0.0.1:": {"--address", unused(t)},
		"find admin API":                  {"--config", "/nonexistent/Caddyfile"},
	} {
		if _, _, err := command(t, "", append([]string{"usage"}, args...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("usage %v: error is %v, want %q", args, err, want)
		}
	}
}

func TestShowCommands(t *testing.T) {
	address := instanceOf(t, team)
	config := file(t, "caddy.json", `{"admin":{"listen":"`+address+`"}}`)
	id := active(t).ConsumerTable().Consumer("alice").Credentials()[1].ID
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"consumers"}, []string{"CONSUMER", "alice     llm alice  gpt-*", "10.0.0.1 10.1.0.0/16", id + " (inactive)", "bob"}},
		{[]string{"consumers", "bob", "--format", "json"}, []string{`"name": "bob"`, `"keys": []`}},
		{[]string{"prices"}, []string{`"version"`, `"provider": "anthropic"`}},
		{[]string{"prices", "gpt-4o", "openai"}, []string{`"id": "gpt-4o"`, `"tier": "standard"`}},
		{[]string{"health"}, []string{`"status": "ok"`, `"ledger"`}},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			for _, where := range [][]string{{"--address", address}, {"--config", config}} {
				out := run(t, append(test.args, where...)...)
				for _, want := range test.want {
					if !strings.Contains(out, want) {
						t.Errorf("output %q lacks %q", out, want)
					}
				}
			}
		})
	}
	for want, args := range map[string][]string{
		`consumer "carol" does not exist`: {"consumers", "carol"},
		"write one of: table, json":       {"consumers", "--format", "csv"},
		"HTTP 404":                        {"prices", "nobody-sells-this"},
	} {
		if _, _, err := command(t, "", append(args, "--address", address)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error is %v, want %q", args, err, want)
		}
	}
	active(t).AddHealthChecker("demo", HealthFunc(func(context.Context) Health { return Health{Status: HealthFailed, Detail: "demo down"} }))
	if _, _, err := command(t, "", "health", "--address", address); err == nil || !strings.Contains(err.Error(), "demo down") {
		t.Errorf("health of a failed gateway: %v", err)
	}
}
