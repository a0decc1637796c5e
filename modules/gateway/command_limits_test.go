// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

func TestLimitsCommand(t *testing.T) {
	q, everybody := standard(), perMinute("site", "global", 1000)
	address, m := limited(t, q, everybody)
	config := file(t, "caddy.json", `{"admin":{"listen":"`+address+`"}}`)
	admit(t, q, "alice", 4, 1_250_000_000)
	for _, where := range [][]string{{"--address", address}, {"--config", config}} {
		out := run(t, append([]string{"limits", "alice"}, where...)...)
		want := "QUOTA     BY              LIMIT               USED      RESERVED  REMAINING  FREES IN  NOTE\n" +
			"standard  consumer alice  requests 10/min     4         0         6          1m1s      -\n" +
			"standard  consumer alice  cost 5usd/month     1.25 usd  1.25 usd  3.75 usd   17d8h     -\n" +
			"standard  consumer alice  concurrent 2        0         0         2          -         -\n" +
			"standard  consumer alice  tokens 1k/min       0         0         1000       -         soft\n" +
			"site      global          requests 1000/min   0         0         1000       -         shared\n"
		if squeeze(out) != squeeze(want) {
			t.Errorf("prints\n%s\nwant\n%s", out, want)
		}
	}
	var list limitList
	if err := json.Unmarshal([]byte(run(t, "limits", "alice", "--quota", "standard", "--limit", "cost 5usd/month", "--format", "json", "--address", address)), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Limits) != 1 || string(list.Limits[0].Used) != `"1.25"` || list.Limits[0].FreesAt == nil {
		t.Errorf("in JSON it is %+v", list)
	}
	if out := run(t, "limits", "--quota", "standard", "--subject", "bob", "--address", address); !strings.Contains(out, "consumer bob") {
		t.Errorf("a subject is %s", out)
	}
	m.breaks(fmt.Errorf("%w: demo refused", limits.ErrUnavailable))
	if _, _, err := command(t, "", "limits", "alice", "--address", address); err == nil || !strings.Contains(err.Error(), "demo refused") {
		t.Errorf("while the store is down: %v", err)
	}
}

// squeeze makes every run of spaces one space.
func squeeze(text string) string {
	for strings.Contains(text, "  ") {
		text = strings.ReplaceAll(text, "  ", " ")
	}
	return text
}

func TestLimitsCommandRefusals(t *testing.T) {
	address, m := limited(t, standard())
	for want, args := range map[string][]string{
		"name a consumer, or a quota":            {},
		"write one of: table, json":              {"alice", "--format", "csv"},
		"has no meaning beside a consumer":       {"alice", "--subject", "x"},
		"accepts at most 1 arg":                  {"alice", "bob"},
		`consumer \"carol\" does not exist`:      {"carol"},
		`no quota or plan that is in force`:      {"alice", "--quota", "nine"},
		"there are: requests 10/min, cost 5usd/": {"alice", "--limit", "requests"},
		"ask the admin API at 127.0.0.1:":        {"alice", "--address", unused(t)},
		"find admin API":                         {"alice", "--address", "", "--config", "/nonexistent/Caddyfile"},
		"unknown flag: --all":                    {"alice", "--all"},
	} {
		for _, command0 := range [][]string{{"limits"}, {"limits", "reset"}} {
			_, _, err := command(t, "", append(append(command0, "--address", address), args...)...)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v %v: error is %v, want %q", command0, args, err, want)
			}
		}
	}
	if look, reset := m.calls(); look+reset > 0 {
		t.Errorf("the store was asked %d times, and reset %d times", look, reset)
	}
}

func TestLimitsResetCommand(t *testing.T) {
	q, everybody := standard(), perMinute("site", "global", 5)
	address, m := limited(t, q, everybody)
	admit(t, q, "alice", 10)
	admit(t, everybody, "", 5)
	out := run(t, "limits", "reset", "alice", "--limit", "requests 10/min", "--address", address)
	for _, want := range []string{"These limits were reset.", "standard  consumer alice  requests 10/min  10"} {
		if !strings.Contains(out, want) {
			t.Errorf("prints %s, want %s", out, want)
		}
	}
	if admit(t, q, "alice", 10).Denied {
		t.Error("the limit was not reset")
	}
	out = run(t, "limits", "reset", "alice", "--address", address)
	for _, want := range []string{
		"cost 5usd/month", "requests 5/min of site was left as it is: it counts others as well",
		"concurrent 2 of standard was left as it is: requests in flight",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("prints %s, want %s", out, want)
		}
	}
	var answer limitReset
	if err := json.Unmarshal([]byte(run(t, "limits", "reset", "--quota", "site", "--format", "json", "--address", address)), &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Reset) != 1 || string(answer.Reset[0].Used) != "5" || len(answer.Kept) != 0 {
		t.Errorf("in JSON it is %+v", answer)
	}
	if admit(t, everybody, "", 5).Denied {
		t.Error("what counts everybody was not reset")
	}
	m.breaks(errors.New("demo refused"))
	if _, _, err := command(t, "", "limits", "reset", "alice", "--address", address); err == nil || !strings.Contains(err.Error(), "demo refused") {
		t.Errorf("while the store is down: %v", err)
	}
}

func TestLimitsCommandWithoutLimits(t *testing.T) {
	address, _ := limited(t)
	if out := run(t, "limits", "alice", "--address", address); out != "No limit counts consumer alice by itself.\n" {
		t.Errorf("prints %q", out)
	}
}
