// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

func TestConsumersFiles(t *testing.T) {
	t.Setenv("TOLLGATE_TEST_KEY", "demo-c-not-a-secret")
	array := file(t, "array.json", `[{"name": "in-array", "groups": ["llm"], "keys": ["`+digest("a")+`"]}]`)
	object := file(t, "object.json", `{"consumers": [{"name": "in-object", "keys": [{"key": "`+digest("b")+`", "until": "2030-01-01"}]}]}`)
	table := file(t, "table.csv", "name,groups,key,allow_ips\nin-table,llm,{env.TOLLGATE_TEST_KEY},10.0.0.0/8\nin-table,,"+digest("d")+",\n")
	t.Setenv("TOLLGATE_TEST_FILE", object)
	app := provision(t, `{"groups":[{"name":"llm"}],"consumers":[{"name":"in-config"}],"consumers_files":[`+
		inJSON(t, array)+`,"{env.TOLLGATE_TEST_FILE}",`+inJSON(t, table)+`]}`)

	var names []string
	for c := range app.ConsumerTable().All() {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, " "); got != "in-config in-array in-object in-table" {
		t.Errorf("consumers are %q", got)
	}
	for key, name := range map[string]string{"a": "in-array", "b": "in-object", "c": "in-table", "d": "in-table"} {
		c := app.ConsumerTable().Lookup(apikey.Hash("demo-" + key + "-not-a-secret"))
		if c == nil || c.Consumer.Name != name {
			t.Errorf("key %s belongs to %v, want %s", key, c, name)
		}
	}
	if !app.ConsumerTable().Consumer("in-table").Credentials()[1].InGroup("llm") {
		t.Error("the second key of the table is in no group")
	}
	if app.KnowsGroup("in-object") != true {
		t.Error("the name of a consumer in a file is no group")
	}
}

func TestPriceFiles(t *testing.T) {
	own := file(t, "own.json", `{"schema": 1, "as_of": "2026-01-01", "unit": "USD_per_1M_tokens", "models": [
		{"id": "demo-model", "provider": "demo", "prices": [{"input": "1", "output": "2"}]},
		{"id": "gpt-4o", "provider": "openai", "prices": [{"input": "0.5", "output": "7"}]}]}`)
	lite := file(t, "lite.json", `{"sample_spec": {}, "demo/other": {"litellm_provider": "demo", "mode": "chat",
		"input_cost_per_token": 3e-06, "output_cost_per_token": 4e-06}}`)
	app := provision(t, `{"price_files":[`+inJSON(t, own)+`,`+inJSON(t, lite)+`]}`)

	for _, test := range []struct{ provider, model, input string }{
		{"demo", "demo-model", "1"},
		{"demo", "other", "3"},
		{"openai", "gpt-4o", "0.5"},
	} {
		m, ok := app.Prices().Lookup(test.provider, test.model)
		if !ok {
			t.Errorf("%s of %s is not in the book", test.model, test.provider)
			continue
		}
		if got := m.InForce(time.Now()).Tables[0].Rates[usage.Input].String(); got != test.input {
			t.Errorf("input of %s costs %s, want %s", test.model, got, test.input)
		}
	}
	if _, ok := app.Prices().Lookup("anthropic", "claude-opus-4-5"); !ok {
		t.Error("the built-in book is gone")
	}
}

func TestPriceFileWarnings(t *testing.T) {
	odd := file(t, "odd.json", `{"schema": 1, "as_of": "2026-01-01", "unit": "USD_per_1M_tokens", "models": [
		{"id": "demo-model", "provider": "demo", "prices": [{"input": "5", "output": "2"}]}]}`)
	provision(t, `{"price_files":[`+inJSON(t, odd)+`]}`)
	if got := logged.take(); !strings.Contains(got, "unusual price") || !strings.Contains(got, "demo-model") || !strings.Contains(got, odd) {
		t.Errorf("the log says %q, not which price is odd", got)
	}
}

// A table of this size must not make a reload a matter of minutes. The bound
// leaves room for the race detector on a busy machine.
func TestManyConsumers(t *testing.T) {
	const n = 100_000
	var b strings.Builder
	b.WriteString("[")
	for i := range n {
		if i > 0 {
			b.WriteString(",")
		}
		key := apikey.Hash(fmt.Sprintf("demo-%d-not-a-secret", i))
		fmt.Fprintf(&b, "{\"name\":\"consumer-%d\",\"groups\":[\"llm\"],\"keys\":[%q]}\n", i, key)
	}
	b.WriteString("]")
	path := file(t, "many.json", b.String())
	start := time.Now()
	app := provision(t, `{"groups":[{"name":"llm"}],"consumers_files":[`+inJSON(t, path)+`]}`)
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("loading took %s", took)
	} else {
		t.Logf("loaded %d consumers in %s", n, took)
	}
	if app.ConsumerTable().Len() != n {
		t.Errorf("there are %d consumers, want %d", app.ConsumerTable().Len(), n)
	}
	if c := app.ConsumerTable().Lookup(apikey.Hash("demo-99999-not-a-secret")); c == nil || c.Consumer.Name != "consumer-99999" {
		t.Errorf("the last key belongs to %v", c)
	}
}
