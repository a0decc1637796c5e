// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotaspec

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestBy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		give, text string
		want       By
	}{
		{"consumer", "consumer", By{Kind: ByConsumer}},
		{"credential", "credential", By{Kind: ByCredential}},
		{"group", "group", By{Kind: ByGroup}},
		{"route", "route", By{Kind: ByRoute}},
		{"global", "global", By{Kind: ByGlobal}},
		{"ip", "ip", By{Kind: ByIP, IPv4: 32, IPv6: 64}},
		{"ip 24", "ip 24", By{Kind: ByIP, IPv4: 24, IPv6: 64}},
		{"ip 24 56", "ip 24 56", By{Kind: ByIP, IPv4: 24, IPv6: 56}},
		{"ip 32 128", "ip 32 128", By{Kind: ByIP, IPv4: 32, IPv6: 128}},
		{"ip 32 64", "ip", By{Kind: ByIP, IPv4: 32, IPv6: 64}},
		{"header x-tenant", "header X-Tenant", By{Kind: ByHeader, Name: "X-Tenant"}},
		{"{http.request.host}", "{http.request.host}", By{Kind: ByPlaceholder, Name: "{http.request.host}"}},
		{"{tenant}", "{tenant}", By{Kind: ByPlaceholder, Name: "{tenant}"}},
	} {
		t.Run(test.give, func(t *testing.T) {
			t.Parallel()
			got, err := ParseBy(strings.Fields(test.give))
			if err != nil || got != test.want || got.String() != test.text {
				t.Errorf("got %+v as %q, %v", got, got, err)
			}
			data, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			var again By
			if err := json.Unmarshal(data, &again); err != nil || again != got {
				t.Errorf("%s became %+v, %v", data, again, err)
			}
		})
	}
}

func TestByRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ give, want string }{
		{"", "it is not said by what; write consumer"},
		{"user", `"user" is nothing to count by; write consumer`},
		{"Consumer", "is nothing to count by"},
		{"consumer group", `"group" is too much behind consumer`},
		{"{a.b} {c.d}", "is too much behind {a.b}"},
		{"header", "write: header <name>"},
		{"header A B", "write: header <name>"},
		{"header X-Tenant:", "is not a header name"},
		{"header host", "write {http.request.host}"},
		{"ip 0", "write a number from 1 to 32"},
		{"ip 33", "write a number from 1 to 32"},
		{"ip /24", "is not the length of an IPv4 prefix"},
		{"ip +24", "is not the length of an IPv4 prefix"},
		{"ip 24 129", "write a number from 1 to 128"},
		{"ip 24 64 8", "write: ip [<IPv4 bits> [<IPv6 bits>]]"},
		{"{http.request.host", "is not one placeholder"},
		{"{}", "is not one placeholder"},
		{"x{a.b}", "is not one placeholder"},
		{"{a.b}{c.d}", "is not one placeholder"},
	} {
		t.Run(test.give, func(t *testing.T) {
			t.Parallel()
			got, err := ParseBy(strings.Fields(test.give))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %+v, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestWeight(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		give string
		want Weight
		text string
	}{
		{"", Weight{Constant: 1}, "1"},
		{"0", Weight{}, "0"},
		{"1000000", Weight{Constant: MaxWeight}, "1000000"},
		{"{http.vars.cost}", Weight{Placeholder: "{http.vars.cost}"}, "{http.vars.cost}"},
	} {
		t.Run(test.give, func(t *testing.T) {
			t.Parallel()
			if got, err := ParseWeight(test.give); err != nil || got != test.want || got.String() != test.text {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	for _, give := range []string{"-1", "+1", "1.5", "1000001", "1k", "x", "{a}{b}", "a{b}", "99999999999999999999"} {
		t.Run("refused "+give, func(t *testing.T) {
			t.Parallel()
			if got, err := ParseWeight(give); err == nil {
				t.Errorf("accepted as %+v", got)
			}
		})
	}
}
