// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/apierror"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// pages are an operator's pages of one form, for one status.
type pages struct {
	form   apierror.Form
	forced bool
	status int
	body   string
}

func (p pages) Form() (apierror.Form, bool) { return p.form, p.forced }

func (p pages) Page(f apierror.Form, e apierror.Error) (state.ErrorPage, bool) {
	if f != p.form || e.Status != p.status {
		return state.ErrorPage{}, false
	}
	return state.ErrorPage{Body: []byte(p.body), ContentType: "text/x-own", Policy: "default-src 'self'"}, true
}

const browser = "text/html,application/xhtml+xml,*/*;q=0.8"

func TestFormsOfErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path, accept string
		offer        []state.ErrorPages
		set          bool
		kong         bool
		ctype, body  string
		vary, policy string
	}{
		"a program":             {path: "/x", accept: "*/*", ctype: "application/problem+json", body: `"code":"group_not_allowed"`, vary: "Accept"},
		"no Accept":             {path: "/x", ctype: "application/problem+json", body: `"code":"group_not_allowed"`, vary: "Accept"},
		"a browser":             {path: "/x", accept: browser, ctype: apierror.HTMLType, body: "<dd>id-1</dd>", vary: "Accept", policy: apierror.HTMLPolicy},
		"plain text":            {path: "/x", accept: "text/plain", ctype: apierror.PlainType, body: "Request: id-1\n", vary: "Accept"},
		"a library's path":      {path: "/v1/messages", accept: browser, ctype: "application/json", body: `"type":"permission_error"`},
		"a handler's shape":     {path: "/x", accept: browser, set: true, ctype: "application/json", body: `"type":"permission_error"`},
		"kong":                  {path: "/x", accept: browser, kong: true, ctype: "application/json; charset=utf-8", body: `"message":"No."`},
		"an own page":           {path: "/x", accept: browser, offer: []state.ErrorPages{pages{form: apierror.HTML, status: 403, body: "own"}}, ctype: "text/x-own", body: "own", vary: "Accept", policy: "default-src 'self'"},
		"of another status":     {path: "/x", accept: browser, offer: []state.ErrorPages{pages{form: apierror.HTML, status: 404, body: "own"}}, ctype: apierror.HTMLType, body: "No.", vary: "Accept", policy: apierror.HTMLPolicy},
		"of another form":       {path: "/x", accept: "*/*", offer: []state.ErrorPages{pages{form: apierror.HTML, status: 403, body: "own"}}, ctype: "application/problem+json", body: "No.", vary: "Accept"},
		"the innermost first":   {path: "/x", accept: browser, offer: []state.ErrorPages{pages{form: apierror.HTML, status: 403, body: "outer"}, pages{form: apierror.HTML, status: 403, body: "inner"}}, ctype: "text/x-own", body: "inner", vary: "Accept", policy: "default-src 'self'"},
		"the outermost is next": {path: "/x", accept: browser, offer: []state.ErrorPages{pages{form: apierror.HTML, status: 403, body: "outer"}, pages{form: apierror.HTML, status: 404, body: "inner"}}, ctype: "text/x-own", body: "outer", vary: "Accept", policy: "default-src 'self'"},
		"a form for all":        {path: "/x", accept: "application/json", offer: []state.ErrorPages{pages{form: apierror.Plain, forced: true}}, ctype: apierror.PlainType, body: "403 Forbidden\nNo.\n"},
		"a library has its own": {path: "/v1/messages", accept: browser, offer: []state.ErrorPages{pages{form: apierror.HTML, status: 403, forced: true}}, ctype: "application/json", body: `"type":"permission_error"`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			ts := chain(t, h, nil, func(http.ResponseWriter, *http.Request) error {
				return state.Deny(http.StatusForbidden, "group_not_allowed", "No.")
			}, func(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
				rq.SetID("id-1")
				rq.KongErrors = tc.kong
				if tc.set {
					rq.Shape, rq.ShapeSet = apierror.Anthropic, true
				}
				for _, p := range tc.offer {
					rq.OfferPages(p)
				}
				return next.ServeHTTP(w, r)
			})
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ts.URL+tc.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tc.accept != "" {
				r.Header.Set("Accept", tc.accept)
			}
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body := make([]byte, 4096)
			n, _ := resp.Body.Read(body)
			got := string(body[:n])
			hd := resp.Header
			if resp.StatusCode != 403 || hd.Get("Content-Type") != tc.ctype || !strings.Contains(got, tc.body) {
				t.Errorf("status %d, type %q, body %s", resp.StatusCode, hd.Get("Content-Type"), got)
			}
			if hd.Get("Vary") != tc.vary || hd.Get("Content-Security-Policy") != tc.policy || hd.Get("X-Content-Type-Options") != "nosniff" || hd.Get("Cache-Control") != "no-store" {
				t.Errorf("header %v, want Vary %q and policy %q", hd, tc.vary, tc.policy)
			}
		})
	}
}

// What is in Vary already, such as Origin, stays, and nothing is there twice.
func TestVaryOfErrors(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ before, after []string }{
		"another": {[]string{"Origin"}, []string{"Origin", "Accept"}},
		"the one": {[]string{"Origin, accept"}, []string{"Origin, accept"}},
		"all":     {[]string{"*"}, []string{"*"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			w.Header()["Vary"] = tc.before
			r := caddyhttp.PrepareRequest(httptest.NewRequest(http.MethodGet, "/x", nil), caddy.NewReplacer(), w, new(caddyhttp.Server))
			err := state.Serve(handle(pass), newHost(), w, r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
				return state.Deny(http.StatusForbidden, "group_not_allowed", "No.")
			}))
			if got := w.Header()["Vary"]; err != nil || !slices.Equal(got, tc.after) {
				t.Errorf("Vary %q, want %q; error %v", got, tc.after, err)
			}
		})
	}
}
