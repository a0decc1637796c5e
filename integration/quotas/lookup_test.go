// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotas

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// quotasIn returns the quotas of routes.
func quotasIn(routes caddyhttp.RouteList) (list []gateway.Quota) {
	for _, route := range routes {
		for _, h := range route.Handlers {
			switch h := h.(type) {
			case gateway.Quota:
				list = append(list, h)
			case *caddyhttp.Subroute:
				list = append(list, quotasIn(h.Routes)...)
			}
		}
	}
	return list
}

// used describes how far limits are used.
func (s *server) used(list []gateway.LimitOf) (lines []string) {
	s.t.Helper()
	checks := make([]limits.Check, len(list))
	for i := range list {
		checks[i] = list[i].Check
	}
	if err := s.model.Look(s.t.Context(), checks); err != nil {
		s.t.Fatal(err)
	}
	for i, l := range list {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s by %s: %d of %s", l.Quota, l.By, checks[i].Used, l.Text)))
	}
	return lines
}

// What is shown of a subject is what its requests have counted.
func TestLimitsOfASubject(t *testing.T) {
	option := "group staff\n\t\t" + keyed("alice", "groups staff")
	key := sha256.Sum256([]byte(demoKey("alice")))
	again := sha256.Sum256(key[:])
	id := fmt.Sprintf("key_%x", again[:6])
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("not-a-secret")))
	rows := []struct {
		by, subject string
		headers     []string // of three requests
		want        string
	}{
		{"consumer", "alice", []string{as("alice")}, "q by consumer: 3 of requests 100/min"},
		{"credential", id, []string{as("alice")}, "q by credential: 3 of requests 100/min"},
		{"group", "staff", []string{as("alice")}, "q by group: 3 of requests 100/min"},
		{"route", "demo", []string{as("alice")}, "q by route: 3 of requests 100/min"},
		{"global", "", []string{as("alice")}, "q by global: 3 of requests 100/min"},
		{"ip", "192.0.2.9", []string{as("alice"), "From: 192.0.2.9"}, "q by ip: 3 of requests 100/min"},
		{"ip", "::ffff:192.0.2.9", []string{as("alice"), "From: 192.0.2.9"}, "q by ip: 3 of requests 100/min"},
		{"ip 24 56", "192.0.2.0/24", []string{as("alice"), "From: 192.0.2.9"}, "q by ip 24 56: 3 of requests 100/min"},
		{"ip", "2001:db8::7", []string{as("alice"), "From: [2001:db8::1]"}, "q by ip: 3 of requests 100/min"},
		{"header X-Tenant", "not-a-secret", []string{as("alice"), "X-Tenant: not-a-secret"}, "q by header X-Tenant: 3 of requests 100/min"},
		{"header X-Tenant", digest, []string{as("alice"), "X-Tenant: not-a-secret"}, "q by header X-Tenant: 3 of requests 100/min"},
		{"header X-Tenant", "192.0.2.9", []string{as("alice"), "From: 192.0.2.9"}, "q by header X-Tenant: 0 of requests 100/min, q by ip: 3 of requests 100/min"},
		{"{http.request.header.X-Tenant}", "b", []string{as("alice"), "X-Tenant: b"}, "q by {http.request.header.X-Tenant}: 3 of requests 100/min"},
	}
	for _, row := range rows {
		t.Run(row.by+" "+row.subject, func(t *testing.T) {
			s := serve(t, option, "route {\n\t\tgateway_route demo\n\t\tkey_auth\n\t\tquota {\n\t\t\tname q\n\t\t\trequests 100/min\n\t\t\tby "+row.by+"\n\t\t}\n\t\trespond ok\n\t}")
			if got := s.statuses(3, "/x", row.headers...); !slices.Equal(got, []int{200, 200, 200}) {
				t.Fatalf("answers %v", got)
			}
			level := quotasIn(s.srv.Routes)[0].Levels()[0]
			if level.Quota != "q" || level.By != row.by || len(level.Rules) != 1 {
				t.Errorf("the level is %+v", level)
			}
			list, err := level.Of(row.subject)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(s.used(list), ", "); got != row.want {
				t.Errorf("it shows %s, want %s", got, row.want)
			}
			for _, l := range list {
				if strings.Contains(l.Check.Key.Subject, "not-a-secret") {
					t.Errorf("the subject is shown as %s", l.Check.Key.Subject)
				}
			}
		})
	}
}

func TestLimitsOfWhoIsNotKnown(t *testing.T) {
	for _, by := range []string{"consumer", "credential", "group"} {
		t.Run(by, func(t *testing.T) {
			s := serve(t, "", "quota {\n\t\tname q\n\t\trequests 100/min\n\t\tby "+by+"\n\t}\n\trespond ok")
			s.get("/", "From: [2001:db8::1]")
			list, err := quotasIn(s.srv.Routes)[0].Levels()[0].Of("2001:db8::2")
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(s.used(list), ", "); got != "q by ip: 1 of requests 100/min" {
				t.Errorf("it shows %s", got)
			}
		})
	}
}

func TestSubjectsThatAreNone(t *testing.T) {
	for _, row := range []struct{ by, subject, want string }{
		{"global", "alice", "leave out the subject"},
		{"consumer", "", "say whose limits are meant"},
		{"header X-Tenant", "", "say whose limits are meant"},
		{"ip", "alice", "the subject is no address"},
		{"ip 24", "192.0.2.1:80", "the subject is no address"},
	} {
		t.Run(row.by, func(t *testing.T) {
			s := serve(t, "", "quota {\n\t\tname q\n\t\trequests 100/min\n\t\tby "+row.by+"\n\t}\n\trespond ok")
			if list, err := quotasIn(s.srv.Routes)[0].Levels()[0].Of(row.subject); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v, %v, want %q", list, err, row.want)
			}
		})
	}
}

// The plans of a consumer are those of any of its keys; a key without one has the
// default.
func TestLimitsOfAConsumer(t *testing.T) {
	narrowed := fmt.Sprintf("key sha256:%x {\n\t\t\t\tgroups alice\n\t\t\t}\n\t\t\tgroups staff alice", sha256.Sum256([]byte(demoKey("narrow"))))
	option := "plan small {\n\t\t\trequests 10/min 20/hour\n\t\t}\n\t\tplan office {\n\t\t\trequests 30/min\n\t\t\tby ip\n\t\t}\n\t\t" +
		"plan team {\n\t\t\trequests 40/min\n\t\t\tby group\n\t\t}\n\t\tplan default {\n\t\t\trequests 50/min\n\t\t}\n\t\t" +
		"group staff {\n\t\t\tplan team\n\t\t}\n\t\tgroup visitors {\n\t\t\tplan office\n\t\t}\n\t\t" +
		keyed("alice", narrowed) + keyed("bob", "plan small") + keyed("carol", "groups visitors") + keyed("dave", "")
	s := serve(t, option, "key_auth\n\tquota\n\trespond ok")
	for _, name := range []string{"alice", "narrow", "bob", "carol", "dave"} {
		if got := s.get("/", as(name)).Code; got != 200 {
			t.Fatalf("%s: answer %d", name, got)
		}
	}
	q := quotasIn(s.srv.Routes)[0]
	for name, want := range map[string]string{
		"alice": "team by group: 1 of requests 40/min, team by group: 1 of requests 40/min, default by consumer: 1 of requests 50/min",
		"bob":   "small by consumer: 1 of requests 10/min, small by consumer: 1 of requests 20/hour",
		"carol": "", // whose plan counts addresses
		"dave":  "default by consumer: 1 of requests 50/min",
	} {
		list := q.LimitsOf(s.app.ConsumerTable().Consumer(name))
		if got := strings.Join(s.used(list), ", "); got != want {
			t.Errorf("%s: it shows %s, want %s", name, got, want)
		}
		for _, l := range list {
			if shared := l.By == "group" && l.Check.Key.Subject == "staff"; l.Shared != shared {
				t.Errorf("%s: shared is %t for %v", name, l.Shared, l.Check.Key)
			}
		}
	}
	var names []string
	for _, l := range q.Levels() {
		names = append(names, l.Quota+" by "+l.By)
	}
	if got := strings.Join(names, ", "); got != "small by consumer, office by ip, team by group, default by consumer" {
		t.Errorf("levels are %s", got)
	}
}
