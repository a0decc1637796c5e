// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotas

import (
	"strings"
	"testing"
)

func TestRefusedAtLoad(t *testing.T) {
	const plan = "plan small {\n\t\t\trequests 1/min\n\t\t}"
	rows := []struct{ name, option, site, want string }{
		{"no limits and no plan", "", "quota", "it has no limits, and the gateway option has no plan"},
		{"options without limits", plan, "quota {\n\t\tby ip\n\t}", "by, weight, max_output, name and shadow need limits beside them"},
		{"zero", "", "quota requests 0/min", "Caddyfile:"},
		{"negative", "", "quota requests -1/min", "is negative"},
		{"overflow", "", "quota requests 99999999999999999999/min", "too large"},
		{"no window", "", "quota requests 10", "Caddyfile:"},
		{"unknown window", "", "quota requests 10/fortnight", "Caddyfile:"},
		{"unknown unit", "", "quota bytes 10/min", `"bytes" cannot be limited`},
		{"unknown option", "", "quota {\n\t\trequests 1/min\n\t\tfrom x\n\t}", `unknown option "from"`},
		{"unknown headers", "", "quota {\n\t\trequests 1/min\n\t\theaders all\n\t}", `"all" is not one of`},
		{"another status", "", "quota {\n\t\trequests 1/min\n\t\tbudget_status 403\n\t}", `"403" is neither 429 nor 402`},
		{"a name that is none", "", "quota {\n\t\trequests 1/min\n\t\tname _x\n\t}", "_x"},
		{"two of one identity", "", "quota requests 1/min\n\tquota requests 5/min", "it would count \"requests 5/min\" in the same counter as the quota at Caddyfile:"},
		{"two of one identity in a route", "", "route {\n\t\tgateway_route a\n\t\tquota requests 1/min\n\t\tquota requests 5/min\n\t}", "give it one with the option: name <name>"},
		{"a route that is named below", "", "route {\n\t\tquota requests 1/min\n\t\tgateway_route a\n\t}", "write it above the quota at Caddyfile:"},
		{"tokens without llm_cost", "", "quota tokens 100/min\n\trespond ok", "its route has no llm_cost"},
		{"cost without llm_cost", "", "quota cost 1usd/day\n\trespond ok", "its route has no llm_cost"},
		{"a group's plan that does not exist", "group a {\n\t\t\tplan none\n\t\t}", "respond ok", `plan "none" does not exist`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := tryServe(t, row.option, row.site)
			switch {
			case err == nil:
				t.Errorf("accepted; want %q", row.want)
			case !strings.Contains(err.Error(), row.want):
				t.Errorf("%v\nwant %q", err, row.want)
			}
		})
	}
}

func TestUnnamedQuotasTakeTheNameOfTheRoute(t *testing.T) {
	s := serve(t, "", `handle /a/* {
		gateway_route a
		quota requests 1/min
		respond ok
	}
	handle /b/* {
		gateway_route b
		quota requests 2/min
		respond ok
	}
	handle {
		quota requests 3/min
		respond ok
	}`)
	for path, want := range map[string]string{"/a/x": `"a:requests/60s"`, "/b/x": `"b:requests/60s"`, "/c": `"site:requests/60s"`} {
		if got := s.get(path).Header().Get("RateLimit"); !strings.HasPrefix(got, want) {
			t.Errorf("%s: RateLimit %s, want %s", path, got, want)
		}
	}
}
