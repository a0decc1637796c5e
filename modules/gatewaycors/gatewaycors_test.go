// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycors

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

const (
	page        = "https://app.example.com"
	another     = "https://evil.test"
	preflightBy = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
)

// TestPreflights goes through the CORS-preflight fetch of the Fetch standard: what the
// answer to a preflight says decides whether a browser sends the request.
func TestPreflights(t *testing.T) {
	t.Parallel()
	listed := "gateway_cors " + page + " {\n"
	rows := []struct {
		name, directive, from, method string
		lines                         []string
		want                          []string
	}{
		{"all origins", "gateway_cors", another, "PUT", nil, []string{
			"Origin", "*", "Methods", "PUT", "Max-Age", "600", "Vary", "Access-Control-Request-Method, Access-Control-Request-Headers",
		}},
		{"a listed origin", listed + "}", page, "GET", nil, []string{"Origin", page, "Methods", "GET", "Max-Age", "600", "Vary", preflightBy}},
		{"another origin", listed + "}", another, "GET", nil, []string{"Vary", preflightBy}},
		{"a method that is safe", listed + "methods PUT\n}", page, "GET", nil, []string{"Vary", preflightBy}},
		{"a method of the list", listed + "methods PUT QUERY\n}", page, "QUERY", nil, []string{"Origin", page, "Methods", "QUERY", "Max-Age", "600", "Vary", preflightBy}},
		{"a method that is not in the list", listed + "methods PUT\n}", page, "DELETE", nil, []string{"Vary", preflightBy}},
		{"a method in lower case", listed + "}", page, "patch", nil, []string{"Vary", preflightBy}},
		{"headers", listed + "}", page, "POST", []string{"Access-Control-Request-Headers: authorization,content-type,x-stainless-os"}, []string{
			"Origin", page, "Methods", "POST", "Headers", "authorization,content-type,x-stainless-os", "Max-Age", "600", "Vary", preflightBy,
		}},
		{"headers out of order", listed + "}", page, "POST", []string{"Access-Control-Request-Headers: X-B, a,,x-b", "Access-Control-Request-Headers: b"}, []string{
			"Origin", page, "Methods", "POST", "Headers", "a,b,x-b", "Max-Age", "600", "Vary", preflightBy,
		}},
		{"headers of the list", listed + "headers apikey Content-Type\n}", page, "POST", []string{"Access-Control-Request-Headers: apikey,content-type"}, []string{
			"Origin", page, "Methods", "POST", "Headers", "apikey,content-type", "Max-Age", "600", "Vary", preflightBy,
		}},
		{"a header that is not in the list", listed + "headers apikey\n}", page, "POST", []string{"Access-Control-Request-Headers: apikey,x-other"}, []string{"Vary", preflightBy}},
		{"a header that is no token", listed + "}", page, "POST", []string{"Access-Control-Request-Headers: apikey,x(y"}, []string{"Vary", preflightBy}},
		{"too many headers", listed + "}", page, "POST", []string{"Access-Control-Request-Headers: " + strings.Repeat("a,", 50) + strings.Repeat("b,", 51)}, []string{"Vary", preflightBy}},
		{"too long headers", listed + "}", page, "POST", []string{"Access-Control-Request-Headers: " + strings.Repeat("a", 9000)}, []string{"Vary", preflightBy}},
		{"a method that is no token", listed + "}", page, "A B", nil, []string{"Vary", preflightBy}},
		{"two methods", listed + "}", page, "GET", []string{"Access-Control-Request-Method: PUT"}, []string{"Vary", preflightBy}},
		{"two origins", listed + "}", page, "GET", []string{"Origin: " + page}, []string{"Vary", preflightBy}},
		{"credentials", listed + "credentials\n}", page, "GET", nil, []string{"Origin", page, "Methods", "GET", "Credentials", "true", "Max-Age", "600", "Vary", preflightBy}},
		{"an age", listed + "max_age 2h\n}", page, "GET", nil, []string{"Origin", page, "Methods", "GET", "Max-Age", "7200", "Vary", preflightBy}},
		{"no age", listed + "max_age 0s\n}", page, "GET", nil, []string{"Origin", page, "Methods", "GET", "Max-Age", "0", "Vary", preflightBy}},
		{"null is none", listed + "}", "null", "GET", nil, []string{"Vary", preflightBy}},
		{"null", "gateway_cors null", "null", "GET", nil, []string{"Origin", "null", "Methods", "GET", "Max-Age", "600", "Vary", preflightBy}},
		{"a private network", listed + "private_network\n}", page, "GET", []string{"Access-Control-Request-Private-Network: true"}, []string{
			"Origin", page, "Methods", "GET", "Private-Network", "true", "Max-Age", "600", "Vary", preflightBy + ", Access-Control-Request-Private-Network",
		}},
		{"no private network", listed + "private_network\n}", page, "GET", nil, []string{
			"Origin", page, "Methods", "GET", "Max-Age", "600", "Vary", preflightBy + ", Access-Control-Request-Private-Network",
		}},
		{"a private network that is closed", listed + "}", page, "GET", []string{"Access-Control-Request-Private-Network: true"}, []string{
			"Origin", page, "Methods", "GET", "Max-Age", "600", "Vary", preflightBy,
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := preflight(t, parsed(t, row.directive), row.from, row.method, row.lines...)
			if got.status != http.StatusOK || got.reached || got.body != "" || got.header.Get("Content-Length") != "0" {
				t.Errorf("status %d, %q, upstream reached: %v", got.status, got.body, got.reached)
			}
			shared(t, got.header, row.want...)
		})
	}
}

// TestAnswers goes through the CORS check of the Fetch standard: what an answer says
// decides whether a page may read it.
func TestAnswers(t *testing.T) {
	t.Parallel()
	exposed := strings.Join(defaultExposed[:], ", ")
	exposed = strings.NewReplacer("X-API", "X-Api", "RateLimit", "Ratelimit", "-ID", "-Id", "WWW", "Www").Replace(exposed)
	rows := []struct {
		name, directive string
		lines, want     []string
	}{
		{"all origins", "gateway_cors", []string{"Origin: " + another}, []string{"Origin", "*", "Expose-Headers", exposed}},
		{"all origins, none told", "gateway_cors", nil, []string{"Origin", "*", "Expose-Headers", exposed}},
		{"a listed origin", "gateway_cors " + page, []string{"Origin: " + page}, []string{"Origin", page, "Expose-Headers", exposed, "Vary", "Origin"}},
		{"another origin", "gateway_cors " + page, []string{"Origin: " + another}, []string{"Vary", "Origin"}},
		{"no origin", "gateway_cors " + page, nil, []string{"Vary", "Origin"}},
		{"an empty origin", "gateway_cors " + page, []string{"Origin: "}, []string{"Vary", "Origin"}},
		{"two origins", "gateway_cors " + page, []string{"Origin: " + page, "Origin: " + page}, []string{"Vary", "Origin"}},
		{"a list of origins", "gateway_cors " + page, []string{"Origin: " + page + " " + another}, []string{"Vary", "Origin"}},
		{"credentials", "gateway_cors " + page + " {\ncredentials\nexposed_headers ETag\n}", []string{"Origin: " + page}, []string{"Origin", page, "Credentials", "true", "Expose-Headers", "Etag", "Vary", "Origin"}},
		{"credentials, another origin", "gateway_cors " + page + " {\ncredentials\n}", []string{"Origin: " + another}, []string{"Vary", "Origin"}},
		{"a name below", "gateway_cors https://*.example.com", []string{"Origin: https://a.b.example.com"}, []string{"Origin", "https://a.b.example.com", "Expose-Headers", exposed, "Vary", "Origin"}},
		{"a pattern", "gateway_cors {\norigin_patterns `https://pr-\\d+\\.example\\.com`\n}", []string{"Origin: https://pr-12.example.com"}, []string{"Origin", "https://pr-12.example.com", "Expose-Headers", exposed, "Vary", "Origin"}},
		{"null", "gateway_cors null", []string{"Origin: null"}, []string{"Origin", "null", "Expose-Headers", exposed, "Vary", "Origin"}},
		{"null is none", "gateway_cors " + page, []string{"Origin: null"}, []string{"Vary", "Origin"}},
		{"a method that pages may not use", "gateway_cors " + page + " {\nmethods PUT\nexposed_headers ETag\n}", []string{"Origin: " + page}, []string{"Origin", page, "Expose-Headers", "Etag", "Vary", "Origin"}},
	}
	ends := map[string]struct {
		next   caddyhttp.HandlerFunc
		status int
	}{
		"of the upstream": {upstream, 200},
		"a refusal": {func(http.ResponseWriter, *http.Request) error {
			return state.Deny(http.StatusUnauthorized, "key_missing", "No key")
		}, 401},
		"a failure behind the upstream's header": {func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set(headerAllowOrigin, "https://of-the-upstream.test")
			return caddyhttp.Error(http.StatusBadGateway, errors.New("refused"))
		}, 502},
		"nothing at all": {func(http.ResponseWriter, *http.Request) error { return nil }, 200},
	}
	for _, row := range rows {
		for name, end := range ends {
			t.Run(row.name+", "+name, func(t *testing.T) {
				t.Parallel()
				got := send(t, parsed(t, row.directive), end.next, http.MethodGet, "/", row.lines...)
				if got.status != end.status || !got.reached {
					t.Errorf("status %d, want %d", got.status, end.status)
				}
				want := slices.Clone(row.want)
				if end.status >= http.StatusBadRequest { // the form of errors goes by Accept
					if i := slices.Index(want, "Vary"); i >= 0 {
						want[i+1] = "Accept, " + want[i+1]
					} else {
						want = append(want, "Vary", "Accept")
					}
				}
				shared(t, got.header, want...)
			})
		}
	}
}

func TestOptionsThatAreNoPreflight(t *testing.T) {
	t.Parallel()
	h := parsed(t, "gateway_cors "+page)
	for name, lines := range map[string][]string{
		"without an origin": {"Access-Control-Request-Method: GET"},
		"without a method":  {"Origin: " + page},
	} {
		if got := send(t, h, upstream, http.MethodOptions, "/", lines...); !got.reached || got.body != "ok" {
			t.Errorf("%s: the upstream was not reached", name)
		}
	}
}

func TestVaryIsKept(t *testing.T) {
	t.Parallel()
	got := send(t, parsed(t, "gateway_cors "+page), func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Add("Vary", "Accept-Encoding")
		w.Header().Add("Vary", "X-A, origin")
		_, err := io.WriteString(w, "ok")
		return err
	}, http.MethodGet, "/")
	if vary := strings.Join(got.header["Vary"], "; "); vary != "Accept-Encoding; X-A, origin" {
		t.Errorf("Vary %q", vary)
	}
}

func TestEnforce(t *testing.T) {
	t.Parallel()
	h := parsed(t, "gateway_cors "+page+" {\nenforce\n}")
	rows := []struct {
		name   string
		lines  []string
		status int
	}{
		{"no origin", nil, 200},
		{"a listed one", []string{"Origin: " + page}, 200},
		{"another", []string{"Origin: " + another}, 403},
		{"null", []string{"Origin: null"}, 403},
		{"two", []string{"Origin: " + page, "Origin: " + another}, 403},
		{"nonsense", []string{"Origin: x"}, 403},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := send(t, h, upstream, http.MethodGet, "/", row.lines...)
			if got.status != row.status || got.reached != (row.status == 200) || got.reached == strings.Contains(got.body, "origin_not_allowed") {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
	own := func(from, host string) bool {
		r := httptest.NewRequest(http.MethodGet, "http://"+host+"/", nil)
		r.Header.Set("Origin", from)
		return ownOrigin(r)
	}
	if !own("http://API.test:8080", "api.test:8080") || !own("https://api.test", "api.test") || own("http://api.test", "api.test:8080") || own("api.test", "api.test") {
		t.Error("a page of the server itself is taken for another, or the other way round")
	}
}

func BenchmarkHandle(b *testing.B) {
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
	for name, row := range map[string]struct{ directive, from string }{
		"listed": {"gateway_cors " + page, page}, "stranger": {"gateway_cors " + page, another}, "wildcard": {"gateway_cors https://*.example.com", page},
	} {
		b.Run(name, func(b *testing.B) {
			h := parsed(b, row.directive)
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Origin", row.from)
			w := httptest.NewRecorder()
			r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
			rq := state.Ensure(r)
			b.ReportAllocs()
			for b.Loop() {
				*rq = state.Request{}
				if err := h.Handle(w, r, rq, next); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What is prepared for all answers must not change with one of them: Caddy's header
// handler replaces in place.
func TestAnswersShareNoHeaders(t *testing.T) {
	t.Parallel()
	h := parsed(t, "gateway_cors "+page)
	first, second := make(http.Header), make(http.Header)
	h.sharingFor([]string{page}).FinishHeader(first)
	for _, values := range first {
		values[0] = "edited"
	}
	h.sharingFor([]string{page}).FinishHeader(second)
	if got := second.Get(headerAllowOrigin); got != page {
		t.Errorf("the next answer says %q", got)
	}
}
