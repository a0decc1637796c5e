// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// limitsOf asks for limits and returns the answer in a line for each of them.
func limitsOf(t *testing.T, address, query string) (lines []string) {
	t.Helper()
	for _, v := range get[limitList](t, address, "/gateway/limits?"+query).Limits {
		line := fmt.Sprintf("%s by %s %s: %s %s, limit %s, used %s, reserved %s, remaining %s",
			v.Quota, v.By, v.Subject, v.Unit, v.Window, v.Limit, v.Used, v.Reserved, v.Remaining)
		if v.FreesIn > 0 {
			line += fmt.Sprintf(", frees in %d", v.FreesIn)
		}
		lines = append(lines, line+" "+v.note())
	}
	return lines
}

func expectLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("%s:\n%s\nwant\n%s", what, g, w)
	}
}

func TestAdminLimits(t *testing.T) {
	q, everybody, groups := standard(), perMinute("site", "global", 1000), perMinute("teams", "group", 100)
	address, m := limited(t, q, everybody, groups, q) // which stands in two routes
	admit(t, q, "alice", 3, 0, 0, 0)
	d := admit(t, q, "alice", 1, 1_250_000_000, 1, 1500)
	admit(t, everybody, "", 7)

	expectLines(t, "with an open reservation", limitsOf(t, address, "consumer=alice"),
		"standard by consumer alice: requests 60s, limit 10, used 4, reserved 0, remaining 6, frees in 61 -",
		`standard by consumer alice: cost month, limit "5", used "1.25", reserved "1.25", remaining "3.75", frees in 1500634 -`,
		"standard by consumer alice: concurrent held, limit 2, used 1, reserved 1, remaining 1 -",
		"standard by consumer alice: tokens 60s, limit 1000, used 1500, reserved 1500, remaining 0, frees in 61 soft",
		"site by global : requests 60s, limit 1000, used 7, reserved 0, remaining 993, frees in 61 shared",
		"teams by group llm: requests 60s, limit 100, used 0, reserved 0, remaining 100 shared")
	if look, _ := m.calls(); look != 1 {
		t.Errorf("the store was asked %d times, want once", look)
	}
	d.Checks[0].Actual, d.Checks[1].Actual, d.Checks[3].Actual = 1, 7_800, 300
	active(t).Limits().Settle(d)
	expectLines(t, "when it is settled", limitsOf(t, address, "consumer=alice&quota=standard"),
		"standard by consumer alice: requests 60s, limit 10, used 4, reserved 0, remaining 6, frees in 61 -",
		`standard by consumer alice: cost month, limit "5", used "0.0000078", reserved "0", remaining "4.9999922", frees in 1500634 -`,
		"standard by consumer alice: concurrent held, limit 2, used 0, reserved 0, remaining 2 -",
		"standard by consumer alice: tokens 60s, limit 1000, used 300, reserved 0, remaining 700, frees in 61 soft")
	expectLines(t, "one limit", limitsOf(t, address, "consumer=bob&limit="+url.QueryEscape("cost 5usd/month")),
		`standard by consumer bob: cost month, limit "5", used "0", reserved "0", remaining "5" -`)
	expectLines(t, "everybody", limitsOf(t, address, "quota=site"),
		"site by global : requests 60s, limit 1000, used 7, reserved 0, remaining 993, frees in 61 shared")
	expectLines(t, "a group", limitsOf(t, address, "quota=teams&subject=llm"),
		"teams by group llm: requests 60s, limit 100, used 0, reserved 0, remaining 100 -")

	list := get[limitList](t, address, "/gateway/limits?consumer=alice&quota=standard")
	if v := list.Limits[0]; list.Consumer != "alice" || v.FreesAt == nil || list.Limits[2].FreesAt != nil || list.Warning != "" {
		t.Errorf("the answer is %+v", list)
	}
}

func TestAdminLimitsOfSharedCounters(t *testing.T) {
	wide, narrow, shadow := perMinute("demo", "consumer", 100), perMinute("demo", "consumer", 10), perMinute("demo", "consumer", 5)
	shadow.rules[0].Shadow = true
	address, _ := limited(t, wide, narrow, shadow)
	expectLines(t, "three limits of one counter", limitsOf(t, address, "consumer=alice"),
		"demo by consumer alice: requests 60s, limit 10, used 0, reserved 0, remaining 10 -")
}

func TestAdminLimitRefusals(t *testing.T) {
	address, m := limited(t, standard(), perMinute("site", "global", 1000))
	for _, test := range []struct {
		method, query string
		status        int
		want          string
	}{
		{"GET", "", 400, "name a consumer"},
		{"GET", "?subject=x", 400, "name a consumer"},
		{"GET", "?consumer=", 400, "parameter consumer is empty"},
		{"GET", "?consumer=alice&subject=x", 400, "both given"},
		{"GET", "?consumer=alice&consumer=bob", 400, "given twice"},
		{"GET", "?name=alice", 400, "takes consumer, quota, subject, limit"},
		{"GET", "?consumer=carol", 404, `consumer \"carol\" does not exist`},
		{"GET", "?consumer=alice&quota=nine", 404, "there are: site, standard"},
		{"GET", "?quota=nine", 404, `called \"nine\"`},
		{"GET", "?quota=standard", 400, "counts by consumer"},
		{"GET", "?quota=site&subject=x", 400, "counts by global"},
		{"GET", "?consumer=alice&quota=standard&limit=requests", 404, "there are: requests 10/min, cost 5usd/month, concurrent 2, tokens 1k/min"},
		{"DELETE", "", 400, "name a consumer"},
		{"DELETE", "?consumer=carol", 404, "does not exist"},
		{"DELETE", "?consumer=alice&limit=requests", 404, "there is no limit"},
		{"DELETE", "?consumer=alice&limit=concurrent+2", 409, "when they end"},
		{"POST", "?consumer=alice", 405, "only answers GET, HEAD and DELETE"},
		{"PUT", "?consumer=alice", 405, "only answers GET, HEAD and DELETE"},
	} {
		t.Run(test.method+test.query, func(t *testing.T) {
			status, header, body := ask(t, test.method, address, "/gateway/limits"+test.query)
			if status != test.status || !strings.Contains(body, test.want) {
				t.Errorf("answers %d %s, want %d with %s", status, body, test.status, test.want)
			}
			if want := map[bool]string{true: "GET, HEAD, DELETE"}[status == 405]; header.Get("Allow") != want {
				t.Errorf("Allow is %q, want %q", header.Get("Allow"), want)
			}
		})
	}
	if status, _, body := ask(t, http.MethodHead, address, "/gateway/limits?consumer=alice"); status != 200 || body != "" {
		t.Errorf("HEAD answers %d %q", status, body)
	}
	if _, reset := m.calls(); reset != 0 {
		t.Error("something was reset")
	}
}

func TestAdminLimitsWithoutQuotas(t *testing.T) {
	address, m := limited(t)
	if list := get[limitList](t, address, "/gateway/limits?consumer=alice"); list.Limits == nil || len(list.Limits) != 0 {
		t.Errorf("the answer is %+v, want an empty list", list)
	}
	for query, want := range map[string]string{"consumer=alice": "no limit counts consumer", "quota=x": "there is none"} {
		if status, _, body := ask(t, http.MethodDelete, address, "/gateway/limits?"+query); status != 404 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want %s", query, status, body, want)
		}
	}
	if look, reset := m.calls(); look+reset != 0 {
		t.Error("the store was asked about nothing")
	}
}

func TestAdminLimitsOfABrokenStore(t *testing.T) {
	q := standard()
	address, m := limited(t, q)
	admit(t, q, "alice", 10)
	m.breaks(fmt.Errorf("%w: demo refused", limits.ErrUnavailable))
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		if status, _, body := ask(t, method, address, "/gateway/limits?consumer=alice"); status != 503 || !strings.Contains(body, "demo refused") {
			t.Errorf("%s answers %d %s", method, status, body)
		}
	}
	m.breaks(nil)
	if !admit(t, q, "alice", 1).Denied {
		t.Error("the limit was reset all the same")
	}
}

func TestAdminLimitReset(t *testing.T) {
	q, everybody := standard(), perMinute("site", "global", 5)
	address, _ := limited(t, q, everybody)
	admit(t, q, "alice", 10, 5*limits.NanoPerUSD)
	admit(t, q, "bob", 10)
	admit(t, everybody, "", 5)
	logged.take()

	status, _, body := ask(t, http.MethodDelete, address, "/gateway/limits?consumer=alice&limit=requests+10/min")
	if status != 200 || !strings.Contains(body, `"used":10`) {
		t.Fatalf("answers %d %s", status, body)
	}
	text := logged.take()
	for _, want := range []string{
		`"level":"info"`, `"logger":"gateway.audit"`, `"action":"limits_reset"`, `"remote":"127.0.0.1:`, `"consumer":"alice"`,
		`"limits":["standard, by consumer alice: requests 10/min"]`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the log says %s, not %s", text, want)
		}
	}
	for _, test := range []struct {
		name   string
		denied bool
		q      *fixedQuota
		who    string
		weight []int64
	}{
		{"the limit that was reset", false, q, "alice", []int64{10}},
		{"and no more of it", true, q, "alice", []int64{1}},
		{"her budget", true, q, "alice", []int64{0, 1}},
		{"somebody else", true, q, "bob", []int64{1}},
	} {
		if d := admit(t, test.q, test.who, test.weight...); d.Denied != test.denied {
			t.Errorf("%s: denied is %t", test.name, d.Denied)
		}
	}

	_, _, body = ask(t, http.MethodDelete, address, "/gateway/limits?consumer=alice")
	for _, want := range []string{`"limit_text":"cost 5usd/month"`, `"used":"5"`, `"reason":"it counts others as well`, `"reason":"requests in flight`} {
		if !strings.Contains(body, want) {
			t.Errorf("answers %s, want %s", body, want)
		}
	}
	if d := admit(t, q, "alice", 10, 4*limits.NanoPerUSD); d.Denied {
		t.Error("not all of her limits were reset")
	}
	if d := admit(t, everybody, "", 1); !d.Denied {
		t.Error("what counts everybody was reset")
	}
	if status, _, body := ask(t, http.MethodDelete, address, "/gateway/limits?consumer=alice&quota=site"); status != 200 {
		t.Fatalf("answers %d %s", status, body)
	}
	if d := admit(t, everybody, "", 5); d.Denied {
		t.Error("what counts everybody was not reset, although it was named")
	}
}

// A reservation that is open when its limit is reset is charged when it is settled.
func TestAdminLimitResetKeepsReservations(t *testing.T) {
	q := standard()
	address, _ := limited(t, q)
	d := admit(t, q, "alice", 1, 2*limits.NanoPerUSD)
	if status, _, body := ask(t, http.MethodDelete, address, "/gateway/limits?consumer=alice"); status != 200 {
		t.Fatalf("answers %d %s", status, body)
	}
	d.Checks[0].Actual, d.Checks[1].Actual = 1, limits.NanoPerUSD
	active(t).Limits().Settle(d)
	expectLines(t, "after it is settled", limitsOf(t, address, "consumer=alice&limit="+url.QueryEscape("cost 5usd/month")),
		`standard by consumer alice: cost month, limit "5", used "1", reserved "0", remaining "4", frees in 1500634 -`)
}
