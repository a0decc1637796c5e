// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotaspec

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func items(t *testing.T, lines ...string) []Item {
	t.Helper()
	list := make([]Item, 0, len(lines))
	for _, line := range lines {
		it, err := parse(line)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, it)
	}
	return list
}

func TestCompile(t *testing.T) {
	t.Parallel()
	s := Spec{
		Items:     items(t, "requests 100/min 1000/hour", "tokens input 200k/min", "cost 50usd/month", "concurrent 20"),
		By:        "ip 24",
		Weight:    "{http.request.header.X-Weight}",
		MaxOutput: 4096,
	}
	c, err := s.Compile()
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"requests 100/min", "requests 1000/hour", "tokens input 200k/min", "cost 50usd/month", "concurrent 20"}
	if !slices.Equal(c.Texts, texts) {
		t.Errorf("texts are %q", c.Texts)
	}
	if !c.Requests || !c.Tokens || !c.Cost || !c.Concurrent || !c.Hard || len(c.Rules) != len(texts) {
		t.Errorf("compiled to %+v", c)
	}
	if c.By != (By{Kind: ByIP, IPv4: 24, IPv6: 64}) || c.Weight != (Weight{Placeholder: "{http.request.header.X-Weight}"}) || c.MaxOutput != 4096 {
		t.Errorf("compiled to %+v", c)
	}
}

func TestCompileDefaults(t *testing.T) {
	t.Parallel()
	c, err := new(Spec).Compile()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Rules) != 0 || c.By.Kind != ByUnset || c.Weight != (Weight{Constant: 1}) || c.Hard || c.Requests || c.Tokens || c.Cost || c.Concurrent {
		t.Errorf("compiled to %+v", c)
	}
}

func TestShadowAndSoftAreNotHard(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		spec   Spec
		hard   bool
		shadow bool
	}{
		{"hard", Spec{Items: items(t, "cost 1usd/day")}, true, false},
		{"soft", Spec{Items: items(t, "cost 1usd/day soft")}, false, false},
		{"shadow", Spec{Items: items(t, "cost 1usd/day"), Shadow: true}, false, true},
		{"requests", Spec{Items: items(t, "requests 1/day")}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, err := test.spec.Compile()
			if err != nil {
				t.Fatal(err)
			}
			if c.Hard != test.hard || c.Shadow != test.shadow || c.Rules[0].Shadow != test.shadow {
				t.Errorf("compiled to %+v", c)
			}
		})
	}
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		lines []string
		want  string // the error, or empty
	}{
		{"longer windows allow more", []string{"requests 1/s 10/min", "requests 100/hour"}, ""},
		{"longer windows allow as much", []string{"requests 10/min 10/hour"}, ""},
		{"one window in two ways", []string{"requests 10/min", "requests 10/min fixed"}, ""},
		{"one month in two zones", []string{"cost 1usd/month", "cost 1usd/month timezone Asia/Kolkata"}, ""},
		{"different units", []string{"tokens 100/min", "tokens input 50/hour", "requests 10/day"}, ""},
		{"a warning below a limit", []string{"cost 10usd/day", "cost 8usd/month soft"}, ""},
		{"bucket that is as large as the limit", []string{"requests 10/s burst 100", "requests 100/min"}, ""},
		{"the same twice", []string{"requests 10/min", "requests 20/min"}, "requests 10/min and requests 20/min are about the same window"},
		{"the same, once soft", []string{"cost 8usd/day soft", "cost 10usd/day"}, "are about the same window"},
		{"concurrent twice", []string{"concurrent 10", "concurrent 20"}, "concurrent is limited twice"},
		{"a limit that is never reached", []string{"requests 100/hour", "requests 101/min"}, "requests 101/min can never be reached, because requests 100/hour allows less"},
		{"a warning that is never reached", []string{"cost 10usd/day soft", "cost 8usd/month"}, "cost 10usd/day can never be reached"},
		{"a burst that is never reached", []string{"requests 10/s burst 101", "requests 100/min"}, "requests 10/s can never be reached"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := (&Spec{Items: items(t, test.lines...)}).Compile()
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error is %v, want %q", err, test.want)
			}
		})
	}
}

func TestCompileRefusesJSON(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, give, want string }{
		{"unit", `{"limits":[{"unit":"token","limits":["1/min"]}]}`, `unit "token" is unknown`},
		{"no limits", `{"limits":[{"unit":"requests"}]}`, "the limit is missing"},
		{"window", `{"limits":[{"unit":"requests","limits":["1/min"],"window":"rolling"}]}`, `limit "requests 1/min rolling": window "rolling" is unknown`},
		{"by", `{"by":"user"}`, `by: "user" is nothing to count by`},
		{"blank by", `{"by":" "}`, "by: it is not said by what"},
		{"weight", `{"weight":"1.5"}`, "weight: "},
		{"weight that never fits", `{"limits":[{"unit":"requests","limits":["5/min"]}],"weight":"6"}`, "weight: a request counts for 6, so that requests 5/min admits none"},
		{"max_output", `{"max_output":-1}`, "max_output is -1"},
		{"max_output too large", `{"max_output":100000001}`, "from 1 to 100000000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var s Spec
			if err := json.Unmarshal([]byte(test.give), &s); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Compile(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %q", err, test.want)
			}
		})
	}
}

func TestJSONShowsWhatIsWritten(t *testing.T) {
	t.Parallel()
	s := Spec{Items: items(t, "requests 100/min", "tokens output 1M/day fixed", "cost 5usd/month timezone Asia/Kolkata soft"), By: "group", Weight: "2", MaxOutput: 9, Shadow: true}
	const want = `{"limits":[{"unit":"requests","limits":["100/min"]},{"unit":"output_tokens","limits":["1M/day"],"window":"fixed"},` +
		`{"unit":"cost","limits":["5usd/month"],"timezone":"Asia/Kolkata","soft":true}],"by":"group","weight":"2","max_output":9,"shadow":true}`
	got, err := json.Marshal(s)
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "standard", "Team_7.eu-west", strings.Repeat("a", 64)} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", "two words", "_other", "a,b", "a/b", `a"b`, "caf\u00e9", "a\nb", strings.Repeat("a", 65)} {
		if CheckName(name) == nil {
			t.Errorf("%q is accepted", name)
		}
	}
}
