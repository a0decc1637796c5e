// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// signedToken is a JWT (HS256) of a subject.
func signedToken(secret, subject string, expires time.Time) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
		encode(fmt.Appendf(nil, `{"sub":%q,"iss":"https://issuer.example","exp":%d}`, subject, expires.Unix()))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

// TestAnyAuthSharesACarrier: Authorization: Bearer holds a key or a token, in whatever order
// the ways are asked, beside passwords in the same header.
func TestAnyAuthSharesACarrier(t *testing.T) {
	const secret = "demo-signing-secret-not-a-secret-0123456789"
	t.Setenv("DEMO_SIGNING_SECRET", secret)
	t.Setenv("DEMO_KEY", aliceReportsKey)
	t.Setenv("DEMO_DIGEST", aliceDigest)
	up := upstream(t, nil)
	const ways = `			jwt {
				secret {env.DEMO_SIGNING_SECRET} HS256
				issuer https://issuer.example
				audience any
				consumer_claim sub
			}
`
	const key, basic = "\t\t\tkey\n", "\t\t\tbasic {\n\t\t\t\talice {env.DEMO_DIGEST}\n\t\t\t}\n"
	site := func(first, second string) string {
		return "{\n\tgateway {\n\t\tconsumer alice {\n\t\t\tkey {env.DEMO_KEY}\n\t\t}\n\t\tconsumer bob\n\t}\n}\n:{{PORT}} {\n\tgateway_auth {\n\t\tany {\n" +
			first + second + basic + "\t\t}\n\t}\n\treverse_proxy " + up.Addr + "\n}\n"
	}
	good := signedToken(secret, "bob", time.Now().Add(time.Hour))
	for order, text := range map[string]string{"key first": site(key, ways), "token first": site(ways, key)} {
		t.Run(order, func(t *testing.T) {
			g := gateway(t, text)
			for name, tc := range map[string]struct {
				header   string
				consumer string
			}{
				"a key":                {"Authorization: Bearer " + aliceReportsKey, "alice"},
				"a token":              {"Authorization: Bearer " + good, "bob"},
				"a password":           {asUser("alice", "demo-password"), "alice"},
				"an expired token":     {"Authorization: Bearer " + signedToken(secret, "bob", time.Now().Add(-time.Hour)), ""},
				"another's signature":  {"Authorization: Bearer " + signedToken("another-secret-not-a-secret-0123456789", "bob", time.Now().Add(time.Hour)), ""},
				"a token with no tail": {"Authorization: Bearer " + good[:len(good)-8], ""},
				"neither":              {"Authorization: Bearer nothing", ""},
			} {
				t.Run(name, func(t *testing.T) {
					before := len(up.Requests())
					got := g.Get("/x", tc.header)
					sent := up.Requests()[before:]
					if tc.consumer == "" {
						if got.Status != 401 || len(sent) != 0 || len(got.Header.Values("Www-Authenticate")) < 3 {
							t.Errorf("answer = %d %v %s", got.Status, got.Header, got.Body)
						}
						return
					}
					if got.Status != 200 || len(sent) != 1 || sent[0].Header.Get("X-Consumer-Username") != tc.consumer || sent[0].Header.Get("Authorization") != "" {
						t.Errorf("answer = %d %s, upstream had %v; want %s", got.Status, got.Body, sent, tc.consumer)
					}
				})
			}
		})
	}
}

// partnerAnswers is the server of a partner, which says what a test wants, or cannot be
// reached.
type partnerAnswers struct {
	*httptest.Server
	down atomic.Bool
}

func partnerServer(t *testing.T) *partnerAnswers {
	t.Helper()
	p := new(partnerAnswers)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.down.Load() {
			panic(http.ErrAbortHandler)
		}
		doc := `{"active":false}`
		switch r.PostFormValue("token") {
		case "demo-partner-token":
			doc = `{"active":true,"client_id":"partner-app","scope":"chat"}`
		case "demo-partner-other-scope":
			doc = `{"active":true,"client_id":"partner-app","scope":"embed"}`
		case "demo-stranger-token":
			doc = `{"active":true,"client_id":"stranger","scope":"chat"}`
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(doc))
	}))
	t.Cleanup(p.Close)
	return p
}

const reportsKey = "demo-key-of-reports-not-a-secret"

// tokensGateway has access tokens among several ways: of the gateway's own server and of a
// partner's.
func tokensGateway(t *testing.T) (*Gateway, *Upstream, *partnerAnswers) {
	t.Helper()
	t.Setenv("DEMO_KEY", aliceReportsKey)
	t.Setenv("DEMO_REPORTS_KEY", reportsKey)
	t.Setenv("DEMO_REPORTS_SECRET", reportsSecret)
	up, partner, port := upstream(t, nil), partnerServer(t), freePort(t)
	text := strings.NewReplacer("{{PARTNER}}", partner.URL, "{{UP}}", up.Addr).Replace(`{
	gateway {
		consumer alice {
			key {env.DEMO_KEY}
		}
		consumer reports {
			key {env.DEMO_REPORTS_KEY}
			oauth_client reports-nightly {
				secret {env.DEMO_REPORTS_SECRET}
				scopes chat embed
			}
		}
		consumer partner {
			oauth_client partner-app
		}
		consumer guest
		oauth2_server http://127.0.0.1:{{PORT}}
	}
}
:{{PORT}} {
	correlation_id
	handle /oauth2/* {
		oauth2_token
	}
	handle /any/* {
		gateway_auth {
			any {
				key
				oauth2 {
					scopes chat
				}
			}
		}
		reverse_proxy {{UP}}
	}
	handle /public/* {
		gateway_auth {
			any {
				oauth2 {
					scopes chat
				}
				key
			}
			anonymous guest
		}
		reverse_proxy {{UP}}
	}
	handle /all/* {
		gateway_auth {
			all {
				key
				oauth2 {
					scopes chat
				}
			}
		}
		reverse_proxy {{UP}}
	}
	handle /partner/* {
		gateway_auth {
			any {
				key
				oauth2 {
					scopes chat
					introspect {{PARTNER}} {
						cache off
						negative off
					}
				}
			}
			anonymous guest
		}
		reverse_proxy {{UP}}
	}
	handle /both/* {
		gateway_auth {
			any {
				oauth2 {
					scopes chat
				}
				oauth2 {
					scopes chat
					introspect {{PARTNER}} {
						cache off
						negative off
					}
				}
			}
		}
		reverse_proxy {{UP}}
	}
}
`)
	return gateway(t, text, with("PORT", port)), up, partner
}

// issuedTo is a token of the gateway's own server.
func issuedTo(t *testing.T, g *Gateway, scopes ...string) string {
	t.Helper()
	token, err := clientOf(g, oauth2.AuthStyleInHeader, scopes...).Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}

// TestAnyAuthWithAccessTokens: tokens of the gateway's own server and of another one beside
// keys, good, narrow, revoked, and while nobody can judge them.
func TestAnyAuthWithAccessTokens(t *testing.T) {
	g, up, partner := tokensGateway(t)
	good, narrow, revoked := issuedTo(t, g, "chat", "embed"), issuedTo(t, g, "embed"), issuedTo(t, g)
	form := url.Values{"client_id": {"reports-nightly"}, "client_secret": {reportsSecret}, "token": {revoked}}.Encode()
	if got := g.Post("/oauth2/revoke", form, oauthForm); got.Status != 200 {
		t.Fatalf("revocation = %d %s", got.Status, got.Body)
	}
	bearer := func(token string) string { return "Authorization: Bearer " + token }
	alice, reports := "apikey: "+aliceReportsKey, "apikey: "+reportsKey
	const theirs = "demo-partner-token"
	type row struct {
		path      string
		headers   []string
		status    int
		code      string
		who, by   string // as the upstream sees it
		challenge string // what one of them says
	}
	check := func(t *testing.T, tc row) {
		t.Helper()
		before := len(up.Requests())
		got := g.Get(tc.path, append([]string{"X-Consumer-Username: root"}, tc.headers...)...)
		sent := up.Requests()[before:]
		if got.Status != tc.status || (len(sent) == 1) != (tc.status == 200) {
			t.Fatalf("answer = %d %s, upstream had %d requests; want %d", got.Status, got.Body, len(sent), tc.status)
		}
		if tc.status != 200 {
			challenges := strings.Join(got.Header.Values("Www-Authenticate"), "\n")
			if decoded(t, got)["code"] != tc.code || !strings.Contains(challenges, tc.challenge) || tc.status == 503 && (challenges != "" || got.Header.Get("Retry-After") == "") {
				t.Errorf("answer = %v %s; want %s and %s", got.Header, got.Body, tc.code, tc.challenge)
			}
			return
		}
		h := sent[0].Header
		if h.Get("X-Consumer-Username") != tc.who || !strings.HasPrefix(h.Get("X-Credential-Identifier"), tc.by) || h.Get("Authorization") != "" || h.Get("Apikey") != "" {
			t.Errorf("upstream had %v; want %s by %s", h, tc.who, tc.by)
		}
	}
	for name, tc := range map[string]row{
		"any, token":                  {"/any/1", []string{bearer(good)}, 200, "", "reports", "oauth2:reports-nightly", ""},
		"any, key":                    {"/any/1", []string{alice}, 200, "", "alice", "key_", ""},
		"any, key as bearer":          {"/any/1", []string{bearer(aliceReportsKey)}, 200, "", "alice", "key_", ""},
		"any, key and wrong token":    {"/any/1", []string{alice, bearer(revoked)}, 200, "", "alice", "key_", ""},
		"any, wrong key and token":    {"/any/1", []string{"apikey: wrong", bearer(good)}, 200, "", "reports", "oauth2:", ""},
		"any, nothing":                {"/any/1", nil, 401, "credentials_missing", "", "", `Bearer realm="gateway", scope="chat"`},
		"any, wrong scope":            {"/any/1", []string{bearer(narrow)}, 403, "insufficient_scope", "", "", `error="insufficient_scope", scope="chat"`},
		"any, revoked":                {"/any/1", []string{bearer(revoked)}, 401, "key_invalid", "", "", "Bearer"},
		"any, forged":                 {"/any/1", []string{bearer(good[:len(good)-6] + "AAAAAA")}, 401, "key_invalid", "", "", "Bearer"},
		"any, two tokens":             {"/any/1", []string{bearer(good), bearer(good)}, 401, "key_duplicate", "", "", "Bearer"},
		"anonymous, nothing":          {"/public/1", nil, 200, "", "guest", "", ""},
		"anonymous, token":            {"/public/1", []string{bearer(good)}, 200, "", "reports", "oauth2:", ""},
		"anonymous, revoked":          {"/public/1", []string{bearer(revoked)}, 401, "token_expired", "", "", `error="invalid_token"`},
		"anonymous, wrong scope":      {"/public/1", []string{bearer(narrow)}, 403, "insufficient_scope", "", "", `error="insufficient_scope"`},
		"all":                         {"/all/1", []string{reports, bearer(good)}, 200, "", "reports", "key_", ""},
		"all, of different consumers": {"/all/1", []string{alice, bearer(good)}, 401, "consumers_differ", "", "", "Bearer"},
		"all, key alone":              {"/all/1", []string{reports}, 401, "credentials_missing", "", "", "Bearer"},
		"all, token alone":            {"/all/1", []string{bearer(good)}, 401, "key_invalid", "", "", "Bearer"},
		"all, revoked":                {"/all/1", []string{reports, bearer(revoked)}, 401, "token_expired", "", "", `error="invalid_token"`},
		"all, wrong scope":            {"/all/1", []string{reports, bearer(narrow)}, 403, "insufficient_scope", "", "", `error="insufficient_scope"`},
		"partner":                     {"/partner/1", []string{bearer(theirs)}, 200, "", "partner", "oauth2:partner-app", ""},
		"partner, key":                {"/partner/1", []string{alice}, 200, "", "alice", "key_", ""},
		"partner, nothing":            {"/partner/1", nil, 200, "", "guest", "", ""},
		"partner, wrong scope":        {"/partner/1", []string{bearer("demo-partner-other-scope")}, 403, "insufficient_scope", "", "", `error="insufficient_scope"`},
		"partner, stranger":           {"/partner/1", []string{bearer("demo-stranger-token")}, 403, "token_consumer_unknown", "", "", ""},
		"partner, unknown":            {"/partner/1", []string{bearer("demo-unknown-token")}, 401, "key_invalid", "", "", "Bearer"},
		"partner, our token":          {"/partner/1", []string{bearer(good)}, 401, "key_invalid", "", "", "Bearer"},
		"both, our token":             {"/both/1", []string{bearer(good)}, 200, "", "reports", "oauth2:reports-nightly", ""},
		"both, their token":           {"/both/1", []string{bearer(theirs)}, 200, "", "partner", "oauth2:partner-app", ""},
		"both, revoked":               {"/both/1", []string{bearer(revoked)}, 401, "token_expired", "", "", `error="invalid_token"`},
	} {
		t.Run(name, func(t *testing.T) { check(t, tc) })
	}
	partner.down.Store(true)
	for name, tc := range map[string]row{
		"down, token":         {"/partner/1", []string{bearer(theirs)}, 503, "token_status_unavailable", "", "", ""},
		"down, key":           {"/partner/1", []string{alice}, 200, "", "alice", "key_", ""},
		"down, key and token": {"/partner/1", []string{alice, bearer(theirs)}, 200, "", "alice", "key_", ""},
		"down, nothing":       {"/partner/1", nil, 200, "", "guest", "", ""},
		"down, our token":     {"/both/1", []string{bearer(good)}, 200, "", "reports", "oauth2:reports-nightly", ""},
		"down, their token":   {"/both/1", []string{bearer(theirs)}, 503, "token_status_unavailable", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) { check(t, tc) })
	}
	for _, secret := range []string{good, narrow, revoked, theirs, reportsSecret, reportsKey} {
		if logs := g.Logs().String(); strings.Contains(logs, secret) {
			t.Errorf("logs hold %.12s:\n%s", secret, logs)
		}
	}
}
