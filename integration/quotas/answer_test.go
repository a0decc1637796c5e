// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotas

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

func contains(w *httptest.ResponseRecorder, part string) bool {
	return strings.Contains(w.Body.String(), part)
}

var remains = regexp.MustCompile(`;r=(\d+)`)

// remaining is what RateLimit says.
func remaining(w *httptest.ResponseRecorder) string {
	found := remains.FindStringSubmatch(w.Header().Get("RateLimit"))
	if found == nil {
		return ""
	}
	return found[1]
}

func TestHeadersOfAnswers(t *testing.T) {
	s := serve(t, "", "route {\n\t\tgateway_route demo\n\t\tquota requests 2/min 100/day\n\t\trespond ok\n\t}")
	w := s.get("/")
	if got, want := w.Header().Get("RateLimit-Policy"), `"demo:requests/60s";q=2;w=60, "demo:requests/86400s";q=100;w=86400`; got != want {
		t.Errorf("RateLimit-Policy: %s\nwant %s", got, want)
	}
	if got, want := w.Header().Get("RateLimit"), `"demo:requests/60s";r=1;t=61`; got != want {
		t.Errorf("RateLimit: %s, want %s", got, want)
	}
	if v := w.Header().Get("Retry-After"); v != "" {
		t.Errorf("an admitted answer has Retry-After %s", v)
	}
	s.get("/")
	w = s.get("/")
	if w.Code != 429 || w.Header().Get("Retry-After") != "61" {
		t.Errorf("denied: %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	if got, want := w.Header().Get("RateLimit"), `"demo:requests/60s";r=0;t=61`; got != want {
		t.Errorf("RateLimit: %s, want %s", got, want)
	}
	var problem struct{ Code, Detail string }
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil {
		t.Fatal(err)
	}
	if problem.Code != "rate_limit_exceeded" || problem.Detail != "Limit exceeded: requests 2/min (demo, by client address 192.0.2.1). Try again in 61 s" {
		t.Errorf("body %+v", problem)
	}
}

func TestHeadersReplaceThoseOfTheUpstream(t *testing.T) {
	s := serve(t, "", "route {\n\t\tquota requests 2/min\n\t\theader RateLimit upstream\n\t\trespond ok\n\t}")
	if got := s.get("/").Header().Values("RateLimit"); len(got) != 1 || !strings.Contains(got[0], "r=1") {
		t.Errorf("RateLimit: %q", got)
	}
}

func TestKongHeaders(t *testing.T) {
	s := serve(t, "", "quota {\n\t\trequests 6/min 99999/hour\n\t\tby ip\n\t\theaders kong\n\t}\n\trespond ok")
	for i := range 7 {
		w := s.get("/")
		left, hour, code := 5-i, 99998-i, 200
		if i == 6 {
			left, hour, code = 0, 99993, 429
		}
		want := map[string]string{
			"X-RateLimit-Limit-Minute": "6", "X-RateLimit-Remaining-Minute": fmt.Sprint(left),
			"X-RateLimit-Limit-Hour": "99999", "X-RateLimit-Remaining-Hour": fmt.Sprint(hour),
			"RateLimit-Limit": "6", "RateLimit-Remaining": fmt.Sprint(left), "RateLimit-Reset": "61", "RateLimit": "",
		}
		for name, value := range want {
			if got := w.Header().Get(name); got != value {
				t.Errorf("request %d: %s is %q, want %q", i+1, name, got, value)
			}
		}
		if w.Code != code {
			t.Errorf("request %d: %d", i+1, w.Code)
		}
	}
}

func TestHeadersOff(t *testing.T) {
	s := serve(t, "", "quota {\n\t\trequests 6/min\n\t\theaders off\n\t}\n\trespond ok")
	for name := range s.get("/").Header() {
		if strings.Contains(strings.ToLower(name), "ratelimit") {
			t.Errorf("the answer has %s", name)
		}
	}
}

func TestStoreUnavailable(t *testing.T) {
	s := serve(t, "", "quota requests 2/min\n\trespond ok")
	s.model.fail = fmt.Errorf("demo: %w", limits.ErrUnavailable)
	w := s.get("/")
	if w.Code != 503 || w.Header().Get("Retry-After") != "1" || !contains(w, `"code":"limits_unavailable"`) {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	s.model.fail = errors.New("demo")
	if w := s.get("/"); w.Code != 503 || contains(w, "demo") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	s.model.fail = nil
	s.expect(2, "/")
}

func TestSecretsStayOutOfKeys(t *testing.T) {
	s := serve(t, "", "quota {\n\t\trequests 1/min\n\t\tby header Authorization\n\t}\n\trespond ok")
	s.get("/", "Authorization: Bearer not-a-secret")
	w := s.get("/", "Authorization: Bearer not-a-secret")
	if w.Code != 429 || contains(w, "not-a-secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	s.model.clock.Advance(time.Hour)
}

func TestWhatIsHeldHidesNoOtherLimit(t *testing.T) {
	s := serve(t, "", "quota {\n\t\tconcurrent 1\n\t\trequests 5/min\n\t}\n\trespond ok")
	if got := s.get("/").Header().Get("RateLimit"); got != `"site:requests/60s";r=4;t=61` {
		t.Errorf("RateLimit: %s", got)
	}
	s = serve(t, "", "quota {\n\t\tname held\n\t\tconcurrent 1\n\t}\n\troute {\n\t\tvars a b\n\t\tquota {\n\t\t\tname inner\n\t\t\trequests 5/min\n\t\t}\n\t\trespond ok\n\t}")
	if got := s.get("/").Header().Get("RateLimit"); got != `"inner:requests/60s";r=4;t=61` {
		t.Errorf("RateLimit of two decisions: %s", got)
	}
}

func TestPoliciesOfSeveralLevelsAreOneHeader(t *testing.T) {
	s := serve(t, "", "route {\n\t\tquota {\n\t\t\tname a\n\t\t\trequests 5/min\n\t\t}\n\t\tquota {\n\t\t\tname b\n\t\t\trequests 10/s burst 20\n\t\t}\n\t\trespond ok\n\t}")
	got := s.get("/").Header().Values("RateLimit-Policy")
	want := `"a:requests/60s";q=5;w=60, "b:requests/bucket-1s";q=20;w=1`
	if len(got) != 1 || got[0] != want {
		t.Errorf("RateLimit-Policy: %q, want %q", got, want)
	}
}
