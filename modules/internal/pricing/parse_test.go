// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"strings"
	"testing"
	_ "time/tzdata" // zones for machines without a database of their own
)

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	model := func(fields string) string {
		return tableOf(`{"id":"m","provider":"p",` + fields + `}`)
	}
	row := func(fields string) string {
		return model(`"prices":[{"input":"1","output":"2"` + fields + `}]`)
	}
	window := func(fields string) string {
		return row(`,"windows":[{` + fields + `}]`)
	}
	ok := entry("p", "m", ``, "1")
	tests := []struct{ name, text, want string }{
		{"syntax", "{\n\"schema\": 1,\n  oops", "t.json:3:3: "},
		{"empty", "", "t.json:1:1: unexpected end"},
		{"array", "[]", "t.json: the top level must be a JSON object"},
		{"null", "null", "the top level must be a JSON object"},
		{"other shape", `{"a":{"b":1}}`, "t.json: neither a price table"},
		{"schema", `{"schema":2,"as_of":"2026-11-21","unit":"USD_per_1M_tokens","models":[]}`, "schema: version 2 is not supported"},
		{"unit", `{"schema":1,"as_of":"2026-11-21","unit":"EUR","models":[]}`, `unit: want "USD_per_1M_tokens", not "EUR"`},
		{"date", `{"schema":1,"as_of":"yesterday","unit":"USD_per_1M_tokens","models":[]}`, `as_of: "yesterday" is not a date`},
		{"unknown field of the table", `{"schema":1,"modles":[]}`, `unknown field "modles"`},
		{"unknown field of a model", model(`"price":[]`), `models[0] "m" (p): unknown field "price"`},
		{"unknown field of a row", row(`,"cached_read":"1"`), `models[0] "m" (p): unknown field "cached_read"`},
		{"number for a price", model(`"prices":[{"input":1}]`), `models[0] "m" (p): prices.input: a number cannot stand here; prices are decimal strings`},
		{"string for a limit", model(`"max_input":"1","prices":[]`), `models[0] "m" (p): max_input: a string cannot stand here`},
		{"string for a threshold", row(`,"flex":{"tiers":[{"input_tokens_gt":"1"}]}`), `models[0] "m" (p): prices.flex.tiers.input_tokens_gt: a string`},
		{"string for a model", tableOf(`"gpt-4o"`), `models[0] "" (): `},
		{"duplicate field", model(`"prices":[{"input":"1","Input":"2","output":"2"}]`), `"Input" appears twice`},
		{"duplicate model", tableOf(ok + "," + ok), `models[1] "m" (p): match: the name "m" is already taken by "m"`},
		{"duplicate name", tableOf(ok + "," + entry("p", "n", `"m"`, "1")), `the name "m" is already taken by "m"`},
		{"empty name", tableOf(entry("p", "n", `""`, "1")), "match: a name is empty"},
		{"no id", tableOf(`{"provider":"p","prices":[]}`), "id: want the name"},
		{"star in id", tableOf(entry("p", "a*", ``, "1")), "id: want the name"},
		{"no provider", tableOf(`{"id":"m","prices":[]}`), "provider: missing"},
		{"negative limit", model(`"max_input":-1,"prices":[]`), "a limit is negative"},
		{"no prices", model(`"prices":[]`), "prices: missing"},
		{"no input", model(`"prices":[{"output":"1"}]`), "prices[0].input: missing"},
		{"no output", model(`"prices":[{"input":"1"}]`), "prices[0].output: missing"},
		{"not a number", row(`,"reasoning":"cheap"`), `prices[0].reasoning: parse rate: "cheap": not a decimal number`},
		{"too fine", row(`,"cache_read":"0.0000001"`), "prices[0].cache_read: parse rate"},
		{"negative", row(`,"input_audio":"-1"`), `prices[0].input_audio: "-1" is negative`},
		{"read above input", row(`,"cache_read":"1.5"`), "prices[0].cache_read: 1.5 exceeds the price of input, 1"},
		{"read above inherited input", row(`,"tiers":[{"input_tokens_gt":5,"cache_read":"1.5"}]`), "prices[0]: at standard/>5, cache_read 1.5 exceeds the price of input, 1"},
		{"write above long write", row(`,"cache_write":"2","cache_write_1h":"1.5"`), "prices[0].cache_write: 2 exceeds the price of cache_write_1h, 1.5"},
		{"bad price in a service tier", row(`,"flex":{"input":"x"}`), "prices[0].flex.input: "},
		{"bad price in a tier of a service tier", row(`,"batch":{"tiers":[{"input_tokens_gt":5,"input":"x"}]}`), "prices[0].batch.tiers[0].input: "},
		{"tier without threshold", row(`,"tiers":[{"input":"2"}]`), "prices[0].tiers[0]: want either"},
		{"tier with two thresholds", row(`,"tiers":[{"input_tokens_gt":1,"input_tokens_ge":1}]`), "prices[0].tiers[0]: want either"},
		{"threshold below one", row(`,"tiers":[{"input_tokens_ge":0}]`), "prices[0].tiers[0]: the threshold is out of range"},
		{"threshold beyond all", row(`,"tiers":[{"input_tokens_gt":9223372036854775807}]`), "prices[0].tiers[0]: the threshold is out of range"},
		{"thresholds out of order", row(`,"tiers":[{"input_tokens_gt":5},{"input_tokens_ge":6}]`), "prices[0].tiers[1]: thresholds must ascend"},
		{"rows out of order", model(`"prices":[{"from":"2026-02-01","input":"1","output":"1"},{"from":"2026-01-01","input":"1","output":"1"}]`), "prices[1].from: rows must be in the order"},
		{"second row without date", model(`"prices":[{"input":"1","output":"1"},{"input":"1","output":"1"}]`), "prices[1].from: rows must be in the order"},
		{"bad instant", row(`,"from":"soon"`), `prices[0].from: "soon" is neither a date`},
		{"year beyond sense", row(`,"from":"2206-01-01"`), "prices[0].from: "},
		{"instant beyond sense", row(`,"from":"1970-01-01T00:00:00Z"`), "prices[0].from: year 1970"},
		{"fee", row(`,"fees":{"web_search":"-1"}`), "prices[0].fees.web_search: "},
		{"unknown fee", row(`,"fees":{"storage":"1"}`), `unknown field "storage"`},
		{"multiplier", row(`,"multipliers":{"region=us":"1.1"}`), `prices[0].multipliers: "region=us" is not of the form`},
		{"multiplier's factor", row(`,"multipliers":{"inference_geo=us":"-1"}`), "prices[0].multipliers: inference_geo=us: "},
		{"window without zone", window(`"hours":["01:00-02:00"]`), "prices[0].windows[0].tz: "},
		{"unknown zone", window(`"tz":"Mars/Base","hours":["01:00-02:00"]`), "prices[0].windows[0].tz: "},
		{"two zones", row(`,"windows":[{"tz":"UTC","hours":["01:00-02:00"]},{"tz":"Asia/Shanghai","hours":["03:00-04:00"]}]`), "prices[0].windows[1].tz: all windows"},
		{"no hours", window(`"tz":"UTC"`), "prices[0].windows[0].hours: missing"},
		{"hours reversed in form", window(`"tz":"UTC","hours":["1-2"]`), "prices[0].windows[0].hours: "},
		{"empty hours", window(`"tz":"UTC","hours":["01:00-01:00"]`), "is empty"},
		{"hour beyond the day", window(`"tz":"UTC","hours":["01:00-24:01"]`), "is not a span"},
		{"start at the end", window(`"tz":"UTC","hours":["24:00-01:00"]`), "is not a span"},
		{"minute beyond the hour", window(`"tz":"UTC","hours":["01:60-02:00"]`), "is not a span"},
		{"unknown day", window(`"tz":"UTC","days":"mon-someday","hours":["01:00-02:00"]`), "prices[0].windows[0].days: "},
		{"day twice", window(`"tz":"UTC","days":"mon-wed,tue","hours":["01:00-02:00"]`), "names tue twice"},
		{"hours overlap", window(`"tz":"UTC","hours":["01:00-03:00","02:59-04:00"]`), "hours 02:59-04:00 overlap"},
		{"windows overlap past midnight", row(`,"windows":[{"tz":"UTC","days":"sat","hours":["22:00-02:00"]},{"tz":"UTC","days":"sun","hours":["01:00-04:00"]}]`), "prices[0].windows[1].hours: hours 01:00-04:00 overlap"},
		{"bad exception", window(`"tz":"UTC","hours":["01:00-02:00"],"except":["today"]`), "prices[0].windows[0].except: "},
		{"bad price in a window", window(`"tz":"UTC","hours":["01:00-02:00"],"input":"x"`), "prices[0].windows[0].input: "},
		{"litellm without prices", `{"sample_spec":{},"a":{"litellm_provider":"p"}}`, "no model in LiteLLM's table"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(tt.text), "t.json")
			if err == nil || !strings.HasPrefix(err.Error(), "t.json:") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one containing %q", err, tt.want)
			}
		})
	}
}

func TestParseWarns(t *testing.T) {
	t.Parallel()
	row := func(fields string) string {
		return `{"id":"m","provider":"p","prices":[{"input":"1","output":"2"` + fields + `}]}`
	}
	tests := []struct{ name, models, want string }{
		{
			"input above output", entry("p", "m", ``, "1") + `,{"id":"n","provider":"p","prices":[{"input":"3","output":"2"}]}`,
			`t.json: model "n" (p), prices[0]: input 3 costs more than output 2`,
		},
		{"embedding", `{"id":"m","provider":"p","prices":[{"input":"3","output":"0"}]}`, ""},
		{"dear write", row(`,"cache_write_1h":"2.6"`), `t.json: model "m" (p), prices[0]: cache_write_1h 2.6 is more than 2.5 times input 1`},
		{"write at the limit", row(`,"cache_write_1h":"2.5"`), ""},
		{"dear priority", row(`,"priority":{"input":"4.1"}`), `t.json: model "m" (p), prices[0].priority.input: 4.1 is more than four times the standard price 1`},
		{"priority at the limit", row(`,"priority":{"input":"4","output":"8"}`), ""},
		{"tier", row(`,"tiers":[{"input_tokens_gt":5,"input":"9","output":"8"}]`), `t.json: model "m" (p), prices[0].tiers[0]: input 9 costs more than output 8`},
		{"window", row(`,"windows":[{"tz":"UTC","hours":["01:00-02:00"],"input":"9","output":"8"}]`), `t.json: model "m" (p), prices[0].windows[0]: input 9 costs more than output 8`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, err := Parse([]byte(tableOf(tt.models)), "t.json")
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(b.Warnings(), "\n"); got != tt.want {
				t.Errorf("warnings %q, want %q", got, tt.want)
			}
		})
	}
}
