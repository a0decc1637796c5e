// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/quotaspec"
)

func init() {
	// A directive that refers to plans.
	httpcaddyfile.RegisterHandlerDirective("gateway_test_plan", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		h.Next()
		for h.NextArg() {
			if err := DeclaredIn(h).Plan(h.Val()); err != nil {
				return nil, h.WrapErr(err)
			}
		}
		return caddyhttp.StaticResponse{}, nil
	})
}

func TestPlansInCaddyfile(t *testing.T) {
	for _, test := range []struct{ name, give, want string }{
		{
			"the units of a plan",
			"gateway {\nplan standard {\nrequests 1000/min 10000/hour\ntokens 200k/min\ncost 50usd/month\nconcurrent 20\n}\n}",
			`{"plans":[{"name":"standard","limits":[{"unit":"requests","limits":["1000/min","10000/hour"]},` +
				`{"unit":"tokens","limits":["200k/min"]},{"unit":"cost","limits":["50usd/month"]},{"unit":"concurrent","limits":["20"]}]}]}`,
		},
		{
			"placeholders are written out",
			"gateway {\nplan a {\nrequests 1/s\nby {header.X-Tenant}\nweight {vars.weight}\nmax_output 100\nshadow\n}\n}",
			`{"plans":[{"name":"a","limits":[{"unit":"requests","limits":["1/s"]}],"by":"{http.request.header.X-Tenant}",` +
				`"weight":"{http.vars.weight}","max_output":100,"shadow":true}]}`,
		},
		{
			"a plan of groups and of a consumer, declared before and after",
			"gateway {\ngroup a b {\nplan one\n}\ngroup c\nplan one {\nrequests 1/s\n}\nplan two {\nrequests 2/s\n}\nconsumer alice {\nplan two\ngroups a\n}\n}",
			`{"plans":[{"name":"one","limits":[{"unit":"requests","limits":["1/s"]}]},{"name":"two","limits":[{"unit":"requests","limits":["2/s"]}]}],` +
				`"groups":[{"name":"a","plan":"one"},{"name":"b","plan":"one"},{"name":"c"}],` +
				`"consumers":[{"name":"alice","groups":["a"],"plan":"two"}]}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := adapt(t, test.give)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("adapted to\n%s\nwant\n%s", got, test.want)
			}
			provision(t, got)
		})
	}
}

func TestPlanRefusals(t *testing.T) {
	plan := func(lines string) string { return "gateway {\nplan a {\n" + lines + "\n}\n}" }
	for _, test := range []struct {
		name, give string
		want       []string // Caddyfile:N counts from the opening brace
	}{
		{"without a name", "gateway {\nplan {\n}\n}", []string{"Caddyfile:3", "write: plan <name>"}},
		{"name that cannot stand in a header", "gateway {\nplan \"two words\" {\nrequests 1/s\n}\n}", []string{"Caddyfile:3", "other characters than letters"}},
		{"name of the gateway's own", "gateway {\nplan _other {\nrequests 1/s\n}\n}", []string{"Caddyfile:3", "begins with"}},
		{"twice", "gateway {\nplan a {\nrequests 1/s\n}\nplan a {\nrequests 1/s\n}\n}", []string{"Caddyfile:6", `plan "a" is declared twice`}},
		{"without a block", "gateway {\ngroup x\nplan a\n}", []string{"Caddyfile:4", "plan a: it has no limits; write at least one, such as: requests 1000/min"}},
		{"without limits", plan("by ip"), []string{"Caddyfile:3", "plan a: it has no limits"}},
		{"bad limit", plan("requests 1/s\ncost 5/day"), []string{"Caddyfile:5", "plan a: cost: 5 has no currency; write 5usd"}},
		{"contradiction", plan("requests 10/min\nrequests 5/hour"), []string{"Caddyfile:5", "can never be reached"}},
		{"unknown option", plan("limit 5"), []string{"Caddyfile:4", `unknown option "limit"`, "requests"}},
		{"unknown plan of a group", "gateway {\ngroup x {\nplan a\n}\n}", []string{"Caddyfile:4", `group x: plan "a" does not exist; declare it in the gateway option with: plan a { ... }`}},
		{"unknown plan of two groups", "gateway {\ngroup x y {\nplan a\n}\n}", []string{"Caddyfile:4", `group x y: plan "a" does not exist`}},
		{"unknown plan of a consumer", "gateway {\nconsumer alice {\ncustom_id 1\nplan a\n}\n}", []string{"Caddyfile:5", `consumer alice: plan "a" does not exist`}},
		{"two plans of a group", "gateway {\ngroup x {\nplan a\nplan b\n}\n}", []string{"Caddyfile:5", "given twice"}},
		{"two plans in a line", "gateway {\nconsumer x {\nplan a b\n}\n}", []string{"Caddyfile:4", "write: plan <plan>"}},
		{"empty plan of a group", "gateway {\ngroup x {\nplan \"\"\n}\n}", []string{"Caddyfile:4", "the plan has no name"}},
		{"unknown option of a group", "gateway {\ngroup x {\nquota a\n}\n}", []string{"Caddyfile:4", "group x", "valid options are: plan"}},
		{"block of a plan in a group", "gateway {\ngroup x {\nplan a {\n}\n}\n}", []string{"Caddyfile:4", "takes no block"}},
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
		})
	}
}

func TestProvisionRefusesPlans(t *testing.T) {
	const one = `{"name":"one","limits":[{"unit":"requests","limits":["1/s"]}]}`
	inFile := file(t, "more.json", `[{"name":"bob"},{"name":"carol","plan":"gold"}]`)
	inCSV := file(t, "more.csv", "name,plan\ndave,gold\n")
	for _, test := range []struct{ name, app, want string }{
		{"twice", `{"plans":[` + one + "," + one + `]}`, `plan "one" is declared twice`},
		{"no name", `{"plans":[{"limits":[{"unit":"requests","limits":["1/s"]}]}]}`, "the name is empty"},
		{"no limits", `{"plans":[{"name":"a"}]}`, `plan "a": it has no limits`},
		{"bad limit", `{"plans":[{"name":"a","limits":[{"unit":"requests","limits":["1/fortnight"]}]}]}`, `plan "a": limit "requests 1/fortnight": `},
		{"unknown member", `{"plans":[{"name":"a","limit":5}]}`, "limit"},
		{"unknown plan of a group", `{"groups":[{"name":"llm","plan":"gold"}]}`, `group "llm": plan "gold" does not exist`},
		{"unknown plan of a consumer", `{"plans":[` + one + `],"consumers":[{"name":"alice","plan":"gold"}]}`, `consumer "alice": unknown plan "gold"`},
		{"unknown plan in a file", inJSON(t, map[string]any{"consumers_files": []string{inFile}}), `consumer "carol": unknown plan "gold"`},
		{"unknown plan in a table", inJSON(t, map[string]any{"consumers_files": []string{inCSV}}), `consumer "dave": unknown plan "gold"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			app, err := tryProvision(t, test.app)
			if err == nil {
				_ = app.Cleanup()
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q lacks %q", err, test.want)
			}
		})
	}
}

// planned is an app with three plans, for which consumer and groups are in force.
const planned = `{
	"plans": [
		{"name":"gold","limits":[{"unit":"requests","limits":["9/s"]}]},
		{"name":"iron","limits":[{"unit":"requests","limits":["5/s"]}],"by":"ip 24"},
		{"name":"default","limits":[{"unit":"cost","limits":["1usd/day"]}],"shadow":true}
	],
	"groups": [{"name":"llm","plan":"iron"},{"name":"batch","plan":"gold"},{"name":"open"}],
	"consumers": [
		{"name":"alice","plan":"gold","groups":["open","llm","batch"],"keys":[
			"sha256:6b8111459789699847b4fb8f873ce354fe08912088644bc6f94dbf986fde8236",
			{"key":"{env.NARROW_KEY}","groups":["open"]}
		]},
		{"name":"bob","groups":["batch","llm"]},
		{"name":"carol","groups":["open"]}
	]
}`

func names(list []*Plan) (names []string) {
	for _, p := range list {
		names = append(names, p.Name)
	}
	return names
}

func TestPlansOf(t *testing.T) {
	t.Setenv("NARROW_KEY", "demo-narrow-not-a-secret")
	app := provision(t, planned)
	if got := names(app.AllPlans()); !slices.Equal(got, []string{"gold", "iron", "default"}) {
		t.Errorf("the plans are %q", got)
	}
	if c := app.Plan("gold"); c == nil || c.By.Kind != quotaspec.ByConsumer || c.Rules[0].Limit != 9 {
		t.Errorf("plan gold is %+v", c)
	}
	if c := app.Plan("iron"); c.By != (quotaspec.By{Kind: quotaspec.ByIP, IPv4: 24, IPv6: 64}) {
		t.Errorf("plan iron is %+v", c)
	}
	if app.Plan("tin") != nil || app.PlansOf(nil) != nil {
		t.Error("there is a plan that nobody declared")
	}
	table := app.ConsumerTable()
	alice := table.Consumer("alice").Credentials()
	for _, test := range []struct {
		name string
		of   *consumers.Credential
		want []string
	}{
		{"own and groups", alice[0], []string{"gold", "iron"}},
		{"a key with fewer groups", alice[1], []string{"gold"}},
		{"without a key", table.Anonymous("alice"), []string{"gold", "iron"}},
		{"groups alone", table.Anonymous("bob"), []string{"gold", "iron"}},
		{"none", table.Anonymous("carol"), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := app.PlansOf(test.of)
			if !slices.Equal(names(got), test.want) {
				t.Errorf("the plans are %q, want %q", names(got), test.want)
			}
			for _, p := range got {
				if p.Compiled != app.Plan(p.Name) {
					t.Errorf("plan %s is compiled twice", p.Name)
				}
			}
		})
	}
	if n := testing.AllocsPerRun(100, func() { app.PlansOf(alice[0]) }); n > 0 {
		t.Errorf("looking for plans makes %v allocations", n)
	}
}

func TestDeclaredPlan(t *testing.T) {
	const option = "gateway {\nconsumers more.json\nplan one {\nrequests 1/s\n}\n}"
	for _, test := range []struct{ name, refer, want string }{ // want: the error, or empty
		{"declared", "one", ""},
		{"unknown, whatever files may hold", "one two", `plan "two" does not exist; declare it in the gateway option with: plan two { ... }`},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := "{\n" + option + "\n}\n:80 {\nroute {\ngateway_test_plan " + test.refer + "\n}\n}\n"
			_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "Caddyfile:11")):
				t.Errorf("error is %v, want %q with file and line", err, test.want)
			}
		})
	}
}

func TestPlansAreShown(t *testing.T) {
	t.Setenv("NARROW_KEY", "demo-narrow-not-a-secret")
	address := instanceOf(t, planned)
	_, _, body := ask(t, http.MethodGet, address, "/gateway/consumers?name=alice")
	for _, want := range []string{
		`"groups":["open","llm","batch"],"plans":["gold","iron"],"keys":[`,
		`"active":true,"groups":["open","llm","batch"],"plans":["gold","iron"]}`,
		`"active":true,"groups":["open"],"plans":["gold"]}`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%s lacks %s", body, want)
		}
	}
	var out strings.Builder
	if err := printConsumers(&out, []consumerView{{Name: "alice", Plans: []string{"gold", "iron"}}, {Name: "carol"}}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if !strings.Contains(lines[0], "PLANS") || !strings.Contains(lines[1], "  gold iron") || !strings.Contains(lines[2], "  -") {
		t.Errorf("the table is\n%s", out.String())
	}
}

func BenchmarkPlansOf(b *testing.B) {
	names := []string{"gold"}
	app := new(App)
	app.plans.byName = map[string]*Plan{"gold": {Name: "gold"}}
	app.plans.sets = make(map[*string][]*Plan)
	app.resolve(names)
	c := &consumers.Credential{Plans: names}
	b.ReportAllocs()
	for b.Loop() {
		if len(app.PlansOf(c)) != 1 {
			b.Fatal("the plan is lost")
		}
	}
}
