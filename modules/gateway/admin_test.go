// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

var team = `{"groups":[{"name":"llm"}],"consumers":[
	{"name":"alice","custom_id":"42","tags":["x"],"groups":["llm","alice"],"models":["gpt-*"],"allow_ips":["10.0.0.1","10.1.0.0/16"],
	 "keys":["` + digest("a") + `",{"key":"` + digest("old") + `","until":"2020-01-01","groups":["llm"],"models":["gpt-4*"],"tags":["y"]}]},
	{"name":"bob"}]}`

type consumerPage struct {
	Total, Offset, Limit int
	Consumers            []consumerView
}

func TestAdminGuards(t *testing.T) {
	address := instanceOf(t, team)
	for _, path := range []string{"/gateway/consumers", "/gateway/usage", "/gateway/prices", "/gateway/health"} {
		for _, test := range []struct {
			name, method, query string
			headers             []string
			status              int
			want                string
		}{
			{"read", http.MethodGet, "", nil, 200, "{"},
			{"head", http.MethodHead, "", nil, 200, ""},
			{"own origin", http.MethodGet, "", []string{"Origin: http://" + address}, 200, "{"},
			{"foreign host", http.MethodGet, "", []string{"Host: gateway.example"}, 403, "host not allowed"},
			{"foreign origin", http.MethodGet, "", []string{"Origin: http://gateway.example"}, 403, "not allowed"},
			{"write", http.MethodPost, "", nil, 405, "only answers GET and HEAD"},
			{"delete", http.MethodDelete, "", nil, 405, "only answers GET and HEAD"},
			{"unknown parameter", http.MethodGet, "?verbose=1", nil, 400, `unknown parameter \"verbose\"`},
			{"malformed query", http.MethodGet, "?a=%zz", nil, 400, "read query"},
		} {
			t.Run(path+" "+test.name, func(t *testing.T) {
				status, header, body := ask(t, test.method, address, path+test.query, test.headers...)
				if status != test.status || !strings.Contains(body, test.want) {
					t.Errorf("answers %d %q, want %d with %q", status, body, test.status, test.want)
				}
				if status == 200 && (header.Get("Content-Type") != "application/json" || header.Get("Cache-Control") != "no-store") {
					t.Errorf("headers are %v", header)
				}
				if want := map[bool]string{true: "GET, HEAD"}[status == 405]; header.Get("Allow") != want {
					t.Errorf("Allow is %q, want %q", header.Get("Allow"), want)
				}
			})
		}
	}
	if status, _, body := ask(t, http.MethodGet, address, "/gateway/keys"); status != 404 || !strings.Contains(body, "/gateway/usage") {
		t.Errorf("an unknown path answers %d %s", status, body)
	}
	if status, _, body := ask(t, http.MethodGet, address, "/gateway/usage?model=a&model=b"); status != 400 || !strings.Contains(body, "given twice") {
		t.Errorf("a repeated parameter answers %d %s", status, body)
	}
}

func TestAdminConsumers(t *testing.T) {
	address := instanceOf(t, team)
	_, _, body := ask(t, http.MethodGet, address, "/gateway/consumers")
	keys := active(t).ConsumerTable().Consumer("alice").Credentials()
	want := `{"total":2,"offset":0,"limit":100,"consumers":[` +
		`{"name":"alice","custom_id":"42","groups":["llm","alice"],"tags":["x"],"models":["gpt-*"],"allow_ips":["10.0.0.1","10.1.0.0/16"],"keys":[` +
		`{"id":"` + keys[0].ID + `","active":true,"groups":["llm","alice"],"tags":["x"]},` +
		`{"id":"` + keys[1].ID + `","until":"2020-01-02T00:00:00Z","active":false,"groups":["llm"],"tags":["y"],"models":["gpt-4*"]}]}` +
		"\n,{\"name\":\"bob\",\"keys\":[]}\n]}\n"
	if body != want {
		t.Errorf("answers\n%s\nwant\n%s", body, want)
	}
	for _, key := range []string{"a", "old"} {
		if hex := strings.TrimPrefix(digest(key), "sha256:"); strings.Contains(body, hex[:8]) {
			t.Error("the answer holds part of a digest")
		}
	}
	if p := get[consumerPage](t, address, "/gateway/consumers?name=bob"); p.Total != 1 || len(p.Consumers) != 1 || p.Consumers[0].Name != "bob" {
		t.Errorf("bob alone is %+v", p)
	}
	if p := get[consumerPage](t, address, "/gateway/consumers?name=carol"); p.Total != 0 || len(p.Consumers) != 0 {
		t.Errorf("nobody is %+v", p)
	}
}

func TestAdminConsumerPages(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, `{"name":"c%d"},`, i)
	}
	address := instanceOf(t, `{"consumers":[`+strings.TrimSuffix(b.String(), ",")+`]}`)
	for _, test := range []struct {
		query       string
		first, size int
	}{
		{"", 0, 100},
		{"?limit=7", 0, 7},
		{"?offset=990", 990, 10},
		{"?offset=400&limit=200", 400, 200},
		{"?limit=100000", 0, 1000},
		{"?offset=1000", 0, 0},
		{"?limit=0", 0, 0},
		{"?offset=9223372036854775807&limit=10", 0, 0},
	} {
		t.Run("page"+test.query, func(t *testing.T) {
			p := get[consumerPage](t, address, "/gateway/consumers"+test.query)
			if p.Total != 1000 || len(p.Consumers) != test.size {
				t.Fatalf("page of %d of %d, want %d", len(p.Consumers), p.Total, test.size)
			}
			for i, c := range p.Consumers {
				if want := fmt.Sprintf("c%d", test.first+i); c.Name != want {
					t.Fatalf("number %d is %s, want %s", i, c.Name, want)
				}
			}
		})
	}
	for _, query := range []string{"?limit=-1", "?limit=all", "?offset=1.5", "?offset=99999999999999999999"} {
		if status, _, body := ask(t, http.MethodGet, address, "/gateway/consumers"+query); status != 400 || !strings.Contains(body, "whole number") {
			t.Errorf("%s answers %d %s", query, status, body)
		}
	}
}

func TestAdminUsage(t *testing.T) {
	address := instanceOf(t, team)
	app := active(t)
	for _, call := range []struct{ consumer, model string }{{"alice", "gpt-4o"}, {"alice", "gpt-4o"}, {"alice", "gpt-4o-mini"}, {"bob", "gpt-4o"}} {
		app.Record(request(call.consumer, call.model))
	}
	unpriced := request("bob", "_other")
	unpriced.LLM.PriceKnown, unpriced.Failure.Status = false, 502
	app.Record(unpriced)
	app.Record(&state.Request{}) // neither a caller nor a model call

	all := get[usageList](t, address, "/gateway/usage")
	if len(all.Rows) != 4 || all.Total.Requests != 5 || all.Total.Failed != 1 || all.Total.Cost.String() != "0.01" || all.Total.PriceUnknown != 1 {
		t.Errorf("usage is %+v", all)
	}
	if now := time.Now(); all.Since.After(now) || now.Sub(all.Since) > 2*time.Hour || !all.Until.After(now) || all.Until.Sub(now) > time.Hour {
		t.Errorf("summed from %s to %s, now is %s", all.Since, all.Until, now)
	}
	if all.Ledger != app.disk.dir || all.Month.Cost.String() != "0.01" || all.PerHour == "0" || all.Warning != "" {
		t.Errorf("usage is %+v", all)
	}
	_, _, body := ask(t, http.MethodGet, address, "/gateway/usage?consumer=alice&model=gpt-4o&by=route,consumer")
	row := `"requests":2,"failed":0,"input_tokens":20,"output_tokens":10,"classes":{"input":20,"output":10},` +
		`"cost_usd":"0.005","cache_savings_usd":"-0.005","exact_calls":0,"estimated_calls":2,"unpriced_calls":0`
	if !strings.Contains(body, `"rows":[{"consumer":"alice","route":"demo",`+row) || !strings.Contains(body, `"total":{`+row) {
		t.Errorf("usage of one model is %s", body)
	}
	for _, test := range []struct {
		query string
		rows  []string // consumer/provider/model/route, "-" where a row has none
	}{
		{"", []string{"alice/openai/gpt-4o/demo", "alice/openai/gpt-4o-mini/demo", "bob/openai/_other/demo", "bob/openai/gpt-4o/demo"}},
		{"?by=consumer", []string{"alice/-/-/-", "bob/-/-/-"}},
		{"?by=model,%20provider", []string{"-/openai/_other/-", "-/openai/gpt-4o/-", "-/openai/gpt-4o-mini/-"}},
		{"?consumer=bob", []string{"bob/openai/_other/demo", "bob/openai/gpt-4o/demo"}},
		{"?provider=anthropic", nil},
		{"?route=demo&by=route", []string{"-/-/-/demo"}},
	} {
		t.Run("rows"+test.query, func(t *testing.T) {
			var got []string
			for _, row := range get[usageList](t, address, "/gateway/usage"+test.query).Rows {
				var names []string
				for _, name := range []*string{row.Consumer, row.Provider, row.Model, row.Route} {
					if name == nil {
						names = append(names, "-")
					} else {
						names = append(names, *name)
					}
				}
				got = append(got, strings.Join(names, "/"))
			}
			if !slices.Equal(got, test.rows) {
				t.Errorf("rows are %q, want %q", got, test.rows)
			}
		})
	}
	for query, want := range map[string]string{
		"?by=":                  "unknown dimension",
		"?by=key":               "unknown dimension",
		"?by=consumer,":         "unknown dimension",
		"?by=consumer,consumer": "listed twice",
		"?by=hour,day":          "leave out day",
		"?since=yesterday":      "how long ago",
		"?until=-1h":            "how long ago",
		"?since=1h&until=2h":    "is not before until",
		"?since=0001-01-01":     "year 1",
		"?limit=0":              "from 1 to 50000",
		"?limit=50001":          "from 1 to 50000",
		"?limit=3":              "more rows than its limit of 3",
		"?by=hour,consumer,provider,model&limit=2": "more rows than its limit of 2",
	} {
		if status, _, body := ask(t, http.MethodGet, address, "/gateway/usage"+query); status != 400 || !strings.Contains(body, want) {
			t.Errorf("%s answers %d %s, want %q", query, status, body, want)
		}
	}
}

func TestAdminPrices(t *testing.T) {
	prices := file(t, "prices.json", `{"schema": 1, "as_of": "2026-01-01", "unit": "USD_per_1M_tokens", "models": [
		{"id": "demo-model", "provider": "demo", "match": ["demo-*"], "max_input": 1000, "prices": [
			{"from": "2020-01-01", "input": "1", "output": "2", "tiers": [{"input_tokens_gt": 500, "input": "3", "output": "4"}],
			 "batch": {"input": "0.5", "output": "1"}, "fees": {"web_search": "0.01"}, "multipliers": {"inference_geo=us": "1.1"}},
			{"from": "2099-01-01", "input": "9", "output": "9"}]}]}`)
	address := instanceOf(t, `{"price_files":[`+inJSON(t, prices)+`]}`)
	list := get[priceList](t, address, "/gateway/prices")
	if list.Version != active(t).Prices().Version() || !slices.Contains(list.Models, modelName{"demo", "demo-model"}) || len(list.Models) != active(t).Prices().Len() {
		t.Errorf("the list of models has version %q and %d models", list.Version, len(list.Models))
	}
	for _, query := range []string{"?model=demo-model", "?model=demo-7&provider=demo"} {
		v := get[priceView](t, address, "/gateway/prices"+query)
		if v.ID != "demo-model" || v.Provider != "demo" || v.MaxInput != 1000 || v.Multipliers["us"] != "1.1" ||
			v.From.Year() != 2020 || v.Next.Year() != 2099 {
			t.Errorf("%s answers %+v", query, v)
		}
		var tiers []string
		for _, p := range v.Prices {
			tiers = append(tiers, fmt.Sprint(p.Tier, " ", p.MinInput, " ", p.Rates["input"], " ", p.Rates["reasoning"], " ", p.Fees["web_search"], " ", p.Open))
		}
		if want := []string{
			"standard 0 1 2 0.01 true", "standard/>500 501 3 4 0.01 true",
			"batch 0 0.5 1 0.01 true", "batch/>500 501 3 4 0.01 true",
		}; !slices.Equal(tiers, want) {
			t.Errorf("%s answers with the tables %q, want %q", query, tiers, want)
		}
	}
	for query, want := range map[string]string{
		"?model=nobody-sells-this":          "/gateway/prices lists what is",
		"?model=demo-model&provider=openai": "provider openai",
	} {
		if status, _, body := ask(t, http.MethodGet, address, "/gateway/prices"+query); status != 404 || !strings.Contains(body, want) {
			t.Errorf("%s answers %d %s", query, status, body)
		}
	}
	if status, _, body := ask(t, http.MethodGet, address, "/gateway/prices?provider=demo"); status != 400 || !strings.Contains(body, "needs a model") {
		t.Errorf("a provider alone answers %d %s", status, body)
	}
}

func TestAdminHealth(t *testing.T) {
	address := instanceOf(t, team)
	h := get[healthView](t, address, "/gateway/health")
	for name, facts := range map[string]map[string]any{
		"consumers": {"consumers": 2.0, "keys": 2.0},
		"prices":    {"version": active(t).Prices().Version()},
		"ledger":    {"path": active(t).disk.dir, "keep": "400d", "records": 0.0, "pending_rows": 0.0},
		"logs":      {},
	} {
		part, there := h.Parts[name]
		if !there || part.Status != HealthOK {
			t.Errorf("part %s is %+v", name, part)
		}
		for fact, want := range facts {
			if part.Facts[fact] != want {
				t.Errorf("%s of %s is %v, want %v", fact, name, part.Facts[fact], want)
			}
		}
	}
	if h.Status != HealthOK {
		t.Errorf("the whole is %s", h.Status)
	}
	for _, test := range []struct {
		part   Health
		status int
		whole  HealthStatus
	}{
		{Health{Status: HealthDegraded, Detail: "demo slow"}, 200, HealthDegraded},
		{Health{Status: HealthFailed, Detail: "demo down"}, 503, HealthFailed},
		{Health{Status: HealthDegraded}, 503, HealthFailed}, // the failed part stays
	} {
		app := active(t)
		app.AddHealthChecker("demo "+string(test.part.Status), HealthFunc(func(ctx context.Context) Health {
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("the check has no deadline")
			}
			return test.part
		}))
		status, _, body := ask(t, http.MethodGet, address, "/gateway/health")
		if status != test.status || !strings.HasPrefix(body, `{"status":"`+string(test.whole)+`"`) || !strings.Contains(body, test.part.Detail) {
			t.Errorf("with %+v, health answers %d %s", test.part, status, body)
		}
	}
}

func TestAdminWithoutGateway(t *testing.T) {
	address := instanceOf(t, "")
	for _, path := range []string{"/gateway/consumers", "/gateway/usage", "/gateway/prices", "/gateway/health", "/gateway/ledger/backup"} {
		if status, _, body := ask(t, http.MethodGet, address, path); status != 404 || !strings.Contains(body, "no gateway is configured") {
			t.Errorf("%s answers %d %s", path, status, body)
		}
	}
}
