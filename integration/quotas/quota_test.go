// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotas

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

func TestCountsBy(t *testing.T) {
	option := "group staff\n\t\tgroup guests\n\t\t" + keyed("alice", "groups staff") + keyed("bob", "groups staff guests")
	rows := []struct {
		name, by      string
		first, second []string // headers of two callers
		path          string   // of the second
		apart         bool
	}{
		{"consumers", "consumer", []string{as("alice")}, []string{as("bob")}, "/x", true},
		{"one consumer from two addresses", "consumer", []string{as("alice")}, []string{as("alice"), "From: 192.0.2.9"}, "/x", false},
		{"credentials", "credential", []string{as("alice")}, []string{as("bob")}, "/x", true},
		{"groups that are shared", "group", []string{as("alice")}, []string{as("bob")}, "/x", false},
		{"addresses", "ip", []string{as("alice")}, []string{as("alice"), "From: 192.0.2.9"}, "/x", true},
		{"networks", "ip 24", []string{as("alice")}, []string{as("alice"), "From: 192.0.2.9"}, "/x", false},
		{"IPv6 networks", "ip", []string{as("alice"), "From: [2001:db8::1]"}, []string{as("alice"), "From: [2001:db8::2]"}, "/x", false},
		{"IPv6 addresses", "ip 32 128", []string{as("alice"), "From: [2001:db8::1]"}, []string{as("alice"), "From: [2001:db8::2]"}, "/x", true},
		{"headers", "header X-Tenant", []string{as("alice"), "X-Tenant: a"}, []string{as("alice"), "X-Tenant: b"}, "/x", true},
		{"a header that is missing counts by address", "header X-Tenant", []string{as("alice")}, []string{as("bob"), "From: 192.0.2.9"}, "/x", true},
		{"placeholders", "{http.request.uri.path}", []string{as("alice")}, []string{as("alice")}, "/y", true},
		{"everybody", "global", []string{as("alice")}, []string{as("bob"), "From: 192.0.2.9"}, "/y", false},
		{"route", "route", []string{as("alice")}, []string{as("bob"), "From: 192.0.2.9"}, "/y", false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := serve(t, option, "route {\n\t\tkey_auth\n\t\tquota {\n\t\t\trequests 2/min\n\t\t\tby "+row.by+"\n\t\t}\n\t\trespond ok\n\t}")
			s.expect(2, "/x", row.first...)
			want := []int{429}
			if row.apart {
				want = []int{200}
			}
			if got := s.statuses(1, row.path, row.second...); !slices.Equal(got, want) {
				t.Errorf("the second caller gets %v, want %v", got, want)
			}
		})
	}
}

func TestWindowsPass(t *testing.T) {
	s := serve(t, "", "quota requests 2/min 3/hour\n\trespond ok")
	s.expect(2, "/")
	s.model.clock.Advance(62 * time.Second)
	s.expect(1, "/") // the hour's third
	s.model.clock.Advance(62 * time.Minute)
	s.expect(2, "/")
}

func TestWithoutAuthenticationCountsByAddress(t *testing.T) {
	for _, by := range []string{"consumer", "credential", "group"} {
		s := serve(t, "", "quota {\n\t\trequests 2/min\n\t\tby "+by+"\n\t}\n\trespond ok")
		s.expect(2, "/")
		s.expect(2, "/", "From: 192.0.2.9")
	}
}

func TestDecidedOnceTheCallerIsKnown(t *testing.T) {
	address, requests := upstream(t, nil)
	s := serve(t, keyed("alice", "")+keyed("bob", ""), `quota requests 2/min
	handle /private/* {
		key_auth
		respond ok
	}
	handle /proxied/* {
		reverse_proxy `+address+`
	}
	handle {
		respond ok
	}`)
	s.expect(2, "/private/x", as("alice"))
	s.expect(2, "/private/x", as("bob"))
	t.Run("a refused key is not counted", func(t *testing.T) {
		if got := s.statuses(3, "/private/x", "apikey: wrong"); !slices.Equal(got, []int{401, 401, 401}) {
			t.Errorf("answers %v, want 401", got)
		}
	})
	t.Run("a branch without authentication counts by address before the upstream is called", func(t *testing.T) {
		s.expect(2, "/proxied/x")
		if n := requests(); n != 2 {
			t.Errorf("the upstream was called %d times, want 2", n)
		}
	})
	t.Run("an answer of the server itself is replaced", func(t *testing.T) {
		s.expect(0, "/other")                      // the address has used its two
		s.expect(2, "/other", "From: 192.0.2.100") // another has not
	})
}

func TestOuterQuotaIsReleasedWhenAnInnerOneDenies(t *testing.T) {
	s := serve(t, "", `quota {
		name outer
		requests 5/min
		by global
	}
	handle {
		quota {
			name inner
			requests 1/min
			by ip
		}
		respond ok
	}`)
	s.expect(1, "/")
	s.expect(0, "/")
	s.expect(0, "/")
	for i := range 4 {
		if got := s.get("/", "From: 192.0.2."+string(rune('2'+i))).Code; got != 200 {
			t.Errorf("caller %d gets %d: the denied requests of another were counted", i, got)
		}
	}
	s.expect(0, "/", "From: 192.0.2.50")
}

func TestQuotasInARowDecideAtOnce(t *testing.T) {
	s := serve(t, "", `route {
		quota {
			name a
			requests 5/min
			by global
		}
		quota {
			name b
			requests 2/min
		}
		respond ok
	}`)
	s.expect(2, "/")
	if n := len(s.model.settled); n != 0 {
		t.Errorf("%d decisions were taken back; both should be one decision", n)
	}
}

func TestSharedCounterCountsARequestOnce(t *testing.T) {
	quota := func(limit string) string { return "quota {\n\t\tname a\n\t\trequests " + limit + "\n\t}\n\t" }
	rows := []struct {
		name, site string
		admitted   int
	}{
		{"in a row", quota("5/min") + quota("5/min"), 5},
		{"in a row, the second tighter", quota("5/min") + quota("3/min"), 3},
		{"in a row, the first tighter", quota("3/min") + quota("5/min"), 3},
		{"apart", quota("5/min") + "vars a b\n\t" + quota("5/min"), 5},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := serve(t, "", "route {\n\t"+row.site+"respond ok\n\t}")
			s.expect(row.admitted, "/")
		})
	}
}

func TestPlans(t *testing.T) {
	option := `plan small {
			requests 1/min
		}
		plan large {
			requests 3/min
		}
		plan shared {
			requests 4/min
			by group
		}
		plan default {
			requests 2/min
		}
		group basic {
			plan small
		}
		group pool {
			plan shared
		}
		` + keyed("own", "plan large") + keyed("grouped", "groups basic") + keyed("both", "plan large\n\t\t\tgroups basic") +
		keyed("none", "") + keyed("nested", "") + keyed("one", "groups pool") + keyed("two", "groups pool")
	s := serve(t, option, `handle /a/* {
		key_auth
		quota
		respond ok
	}
	handle /b/* {
		key_auth
		quota
		respond ok
	}
	handle /open/* {
		quota
		respond ok
	}
	handle /twice/* {
		key_auth
		quota
		handle {
			quota
			respond ok
		}
	}`)
	s.expect(3, "/a/x", as("own"))
	s.expect(0, "/b/x", as("own"))     // a plan counts on all routes together
	s.expect(1, "/a/x", as("grouped")) // a plan of a group holds for each of its consumers
	s.expect(1, "/a/x", as("both"))    // both hold, and the tighter answers
	s.expect(2, "/a/x", as("none"))    // the plan default
	s.expect(2, "/open/x")             // by address
	s.expect(2, "/open/x", "From: 192.0.2.77")
	s.expect(2, "/twice/x", as("nested"))
	if got := append(s.statuses(3, "/a/x", as("one")), s.statuses(2, "/a/x", as("two"))...); !slices.Equal(got, []int{200, 200, 200, 200, 429}) {
		t.Errorf("consumers that share the limit of a group: %v", got)
	}
}

func TestPlanIsCountedOnceByTwoQuotas(t *testing.T) {
	s := serve(t, "plan default {\n\t\t\trequests 2/min\n\t\t}", "quota\n\thandle {\n\t\tquota\n\t\trespond ok\n\t}")
	s.expect(2, "/")
}

func TestWithoutAnyPlanIsRefused(t *testing.T) {
	s := serve(t, "plan gold {\n\t\t\trequests 2/min\n\t\t}\n\t\t"+keyed("alice", "plan gold")+keyed("bob", ""), "route {\n\t\tkey_auth\n\t\tquota\n\t\trespond ok\n\t}")
	s.expect(2, "/", as("alice"))
	w := s.get("/", as("bob"))
	if w.Code != http.StatusForbidden || !contains(w, `"code":"plan_missing"`) {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
}

func TestWeights(t *testing.T) {
	s := serve(t, "", "quota {\n\t\trequests 10/min\n\t\tweight {http.request.header.X-Weight}\n\t}\n\trespond ok")
	for _, row := range []struct {
		weight string
		left   string
	}{{"4", "6"}, {"0", "6"}, {"-3", "5"}, {"1e3", "4"}, {"", "3"}, {"99999999999", "2"}, {"2", "0"}} {
		w := s.get("/", "X-Weight: "+row.weight)
		if got := remaining(w); got != row.left {
			t.Errorf("weight %q leaves %s (%d), want %s", row.weight, got, w.Code, row.left)
		}
	}
	if got := s.get("/", "X-Weight: 1").Code; got != 429 {
		t.Errorf("one more gets %d", got)
	}
	if w := s.get("/", "X-Weight: 11"); w.Code != 429 || !contains(w, "This request counts for 11, which is more than the whole limit") {
		t.Errorf("more than the limit gets %d %s", w.Code, w.Body)
	}
}

func TestShadowNeverDenies(t *testing.T) {
	s := serve(t, "", "quota {\n\t\trequests 1/min\n\t\tshadow\n\t}\n\trespond `{gateway.quota.name} {gateway.quota.shadow_denied} {gateway.quota.remaining}`")
	for i, want := range []string{"site false 0", "site true 0", "site true 0"} {
		if w := s.get("/"); w.Code != 200 || w.Body.String() != want {
			t.Errorf("request %d: %d %q, want %q", i+1, w.Code, w.Body, want)
		}
	}
}

func TestConcurrent(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	address, _ := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-leave
		w.WriteHeader(http.StatusNoContent)
	})
	s := serve(t, "", "quota concurrent 2\n\treverse_proxy "+address)
	done := make(chan int)
	for range 2 {
		go func() { done <- s.get("/").Code }()
		<-entered
	}
	w := s.get("/")
	if w.Code != 429 || !contains(w, `"code":"concurrency_limit_exceeded"`) || w.Header().Get("Retry-After") != "1" {
		t.Errorf("a third at once gets %d %v %s", w.Code, w.Header(), w.Body)
	}
	leave <- struct{}{}
	if code := <-done; code != 204 {
		t.Errorf("the first ends with %d", code)
	}
	go func() { done <- s.get("/").Code }()
	<-entered
	close(leave)
	for range 2 {
		if code := <-done; code != 204 {
			t.Errorf("one of the others ends with %d", code)
		}
	}
}
