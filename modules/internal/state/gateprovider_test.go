// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// says is a provider by a way that says the same of every request.
type says struct{ state.Authentication }

func (s says) Authenticate(w http.ResponseWriter, r *http.Request) (caddyauth.User, bool, error) {
	return state.AuthenticateUser(w, r, sayingWay(s))
}

type sayingWay struct{ state.Authentication }

func (s sayingWay) Authenticate(*http.Request, *state.Request) (state.Authentication, error) {
	return s.Authentication, nil
}
func (sayingWay) Challenge(h http.Header) { h.Set("Www-Authenticate", "Demo") }

// known accepts everybody as a user of its own, and nobody refuses everybody.
type (
	known  struct{}
	nobody struct{}
)

func (known) Authenticate(http.ResponseWriter, *http.Request) (caddyauth.User, bool, error) {
	return caddyauth.User{ID: "carol"}, true, nil
}

func (nobody) Authenticate(http.ResponseWriter, *http.Request) (caddyauth.User, bool, error) {
	return caddyauth.User{}, false, nil
}

// TestCaddysAuthenticationAnswersAsWays: behind a handler of the gateway the answer is what a
// way has said, where that is more than 401.
func TestCaddysAuthenticationAnswersAsWays(t *testing.T) {
	t.Parallel()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	t.Cleanup(cancel)
	refuses := func(status int, code string) says {
		return says{state.Authentication{Verdict: state.Rejected, Denial: &state.Denial{Status: status, Code: code, Message: "No"}}}
	}
	down, narrow, wrong := refuses(503, "token_keys_unavailable"), refuses(403, "insufficient_scope"), refuses(401, "token_invalid")
	accepts := says{state.Authentication{Verdict: state.Accepted, Token: &state.Token{Subject: "s-1"}}}
	type providers = map[string]caddyauth.Authenticator
	for name, tc := range map[string]struct {
		rows   []providers
		status int
		code   string
	}{
		"cannot be judged":                     {[]providers{{"a": down}}, 503, "token_keys_unavailable"},
		"not for this":                         {[]providers{{"a": narrow}}, 403, "insufficient_scope"},
		"wrong":                                {[]providers{{"a": wrong}}, 401, "unauthorized"},
		"two tokens":                           {[]providers{{"a": refuses(400, "token_duplicate")}}, 400, "token_duplicate"},
		"beside a password":                    {[]providers{{"a": down, "b": nobody{}}}, 503, "token_keys_unavailable"},
		"the gravest":                          {[]providers{{"a": narrow, "b": down, "c": wrong}}, 503, "token_keys_unavailable"},
		"another accepts":                      {[]providers{{"a": down, "b": accepts}}, 200, ""},
		"another's user":                       {[]providers{{"a": down, "b": known{}}}, 200, ""},
		"another accepts, and the next do not": {[]providers{{"a": down, "b": accepts}, {"c": nobody{}}}, 401, "unauthorized"},
		"another's user, and the next do not":  {[]providers{{"a": down, "b": known{}}, {"c": nobody{}}}, 401, "unauthorized"},
		"behind a user":                        {[]providers{{"a": known{}}, {"b": down}}, 503, "token_keys_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var next caddyhttp.Handler = caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
			for _, row := range slices.Backward(tc.rows) {
				auth := &caddyauth.Authentication{}
				if err := auth.Provision(ctx); err != nil {
					t.Fatal(err)
				}
				auth.Providers = row
				behind := next
				next = caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return auth.ServeHTTP(w, r, behind) })
			}
			ts := chain(t, newHost(), nil, next.ServeHTTP, pass)
			for range 4 { // providers are asked in no fixed order
				resp, body := get(t, ts.URL)
				if resp.StatusCode != tc.status || tc.code != "" && codeIn(t, body) != tc.code {
					t.Errorf("status %d, body %s", resp.StatusCode, body)
				}
			}
		})
	}
}

// codeIn is the machine-readable reason in an error body.
func codeIn(t *testing.T, body string) string {
	t.Helper()
	var doc struct{ Code string }
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Errorf("body %q: %v", body, err)
	}
	return doc.Code
}
