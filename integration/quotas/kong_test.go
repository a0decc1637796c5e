// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotas

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// These are what Kong's rate-limiting shows from outside, with the profile kong.
//
// By design it is otherwise here in four points. Windows slide, so that a limit of 6
// a minute frees a minute after each request and not all at once at the full minute;
// headers therefore say up to 61 seconds. Limits stack: where Kong runs the most
// specific instance only, all are held here. With Redis gone, requests are limited by
// the gateway's share instead of being let through or answered 500. And what is
// refused is never counted, where Kong's counter in Redis goes on.

const kongProfile = "profile kong\n\t\t"

func TestKongLimitsByCredential(t *testing.T) {
	s := serve(t, kongProfile+keyed("a", "")+keyed("b", ""), "route {\n\t\tkey_auth\n\t\tquota {\n\t\t\trequests 6/min\n\t\t\tby credential\n\t\t}\n\t\trespond ok\n\t}")
	s.expect(6, "/", as("a"))
	s.expect(6, "/", as("b"))
}

func TestKongConsumerWithoutAuthenticationIsTheAddress(t *testing.T) {
	s := serve(t, kongProfile, "quota requests 6/min\n\trespond ok")
	s.expect(6, "/")
	if w := s.get("/", "From: 192.0.2.200"); w.Code != http.StatusOK {
		t.Errorf("another address: %d", w.Code)
	}
}

func TestKongSecond(t *testing.T) {
	s := serve(t, kongProfile, "quota {\n\t\trequests 1/s\n\t\tby ip\n\t}\n\trespond ok")
	w := s.get("/")
	if w.Code != 200 || w.Header().Get("X-RateLimit-Limit-Second") != "1" || w.Header().Get("X-RateLimit-Remaining-Second") != "0" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	w = s.get("/")
	if w.Code != 429 || !contains(w, `"message":"API rate limit exceeded"`) || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	s.model.clock.Advance(1100 * time.Millisecond)
	if w := s.get("/"); w.Code != 200 {
		t.Errorf("after the window: %d", w.Code)
	}
}

func TestKongFixedWindowsAreItsOwn(t *testing.T) {
	s := serve(t, kongProfile, "quota {\n\t\trequests 6/min fixed\n\t\tby ip\n\t}\n\trespond ok")
	s.expect(6, "/")
	// The clock shows 26 seconds past the minute.
	if reset := s.get("/").Header().Get("RateLimit-Reset"); reset != "34" {
		t.Errorf("RateLimit-Reset %s", reset)
	}
	s.model.clock.Advance(34 * time.Second)
	s.expect(6, "/")
}

// Kong shows the limits 1, 2, 3, 4 of these four requests, that of the most specific
// instance. Here the tightest of all that apply is shown, and all are held.
func TestKongPrecedenceIsStacking(t *testing.T) {
	s := serve(t, kongProfile+"plan second {\n\t\t\trequests 3/hour\n\t\t}\n\t\tplan default {\n\t\t\trequests 1000/hour\n\t\t}\n\t\t"+
		keyed("consumer1", "")+keyed("consumer2", "plan second"), `quota {
		name everywhere
		requests 10/hour
		by consumer
	}
	handle /api1/* {
		gateway_route api1
		key_auth
		quota requests 2/hour
		quota
		respond ok
	}
	handle {
		key_auth
		quota
		respond ok
	}`)
	for _, row := range []struct{ path, who, limit string }{
		{"/global1", "consumer1", "10"}, {"/api1/x", "consumer1", "2"}, {"/global1", "consumer2", "3"}, {"/api1/x", "consumer2", "2"},
	} {
		if got := s.get(row.path, as(row.who)).Header().Get("X-RateLimit-Limit-Hour"); got != row.limit {
			t.Errorf("%s at %s: limit %s, want %s", row.who, row.path, got, row.limit)
		}
	}
}

func TestKongRefusedRequestsAreNotCounted(t *testing.T) {
	s := serve(t, kongProfile, "quota {\n\t\trequests 6/min 8/hour\n\t\tby ip\n\t}\n\trespond ok")
	if got, want := s.statuses(10, "/"), append(slices.Repeat([]int{200}, 6), 429, 429, 429, 429); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	s.model.clock.Advance(62 * time.Second)
	if got := fmt.Sprint(s.statuses(3, "/")); got != "[200 200 429]" {
		t.Errorf("the hour has counted what the minute refused: %s", got)
	}
}
