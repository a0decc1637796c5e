// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const (
	reportsSecret       = "demo-secret-of-reports+not/a-secret"
	signingPassphrase   = "demo-passphrase-not-a-secret"
	introspectionSecret = "demo-secret-of-the-gateway"
	oauthForm           = "Content-Type: application/x-www-form-urlencoded"
)

// oauthGateway loads the example with an upstream that answers everything, and the server
// of a partner that knows two tokens.
func oauthGateway(t *testing.T) (*Gateway, *Upstream) {
	t.Helper()
	up := upstream(t, nil)
	partner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, secret, _ := r.BasicAuth(); id != "gateway" || secret != introspectionSecret {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		doc := `{"active":false}`
		switch r.PostFormValue("token") {
		case "demo-partner-token":
			doc = `{"active":true,"client_id":"partner-app","scope":"reports","aud":"https://api.example.com"}`
		case "demo-stranger-token":
			doc = `{"active":true,"client_id":"stranger","scope":"reports","aud":"https://api.example.com"}`
		}
		_, _ = w.Write([]byte(doc))
	}))
	t.Cleanup(partner.Close)
	const name = "oauth2.Caddyfile"
	port := exampleEnvironment(t, name, map[string]string{
		"REPORTS_SECRET": reportsSecret, "SIGNING_PASSPHRASE": signingPassphrase, "INTROSPECTION_SECRET": introspectionSecret,
		"INTROSPECTION_URL": partner.URL, "API_SERVER": up.Addr,
	})
	t.Setenv("ISSUER", "http://127.0.0.1:"+port)
	return gateway(t, example(t, name), named(name), with("PORT", port)), up
}

// clientOf is a program with the usual library for Go.
func clientOf(g *Gateway, style oauth2.AuthStyle, scopes ...string) *clientcredentials.Config {
	return &clientcredentials.Config{
		ClientID: "reports-nightly", ClientSecret: reportsSecret, TokenURL: g.URL + "/oauth2/token", AuthStyle: style, Scopes: scopes,
	}
}

func TestOAuth2Example(t *testing.T) {
	g, up := oauthGateway(t)
	for name, style := range map[string]oauth2.AuthStyle{"basic": oauth2.AuthStyleInHeader, "form": oauth2.AuthStyleInParams} {
		t.Run(name, func(t *testing.T) {
			before := len(up.Requests())
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.URL+"/chat/1", nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := clientOf(g, style).Client(t.Context()).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			sent := up.Requests()[before:]
			if res.StatusCode != http.StatusOK || len(sent) != 1 {
				t.Fatalf("status %d, upstream had %d requests", res.StatusCode, len(sent))
			}
			h := sent[0].Header
			if h.Get("X-Consumer-Username") != "reports" || h.Get("X-Credential-Identifier") != "oauth2:reports-nightly" || h.Get("Authorization") != "" {
				t.Errorf("upstream had %v", h)
			}
		})
	}
	token, err := clientOf(g, oauth2.AuthStyleInHeader).Token(t.Context())
	if err != nil || token.TokenType != "Bearer" || token.Extra("scope") != "chat embed" {
		t.Fatalf("token %+v, error %v", token, err)
	}
	narrow, err := clientOf(g, oauth2.AuthStyleInHeader, "embed").Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bearer := func(token string) string { return "Authorization: Bearer " + token }
	for name, tc := range map[string]struct {
		path, header string
		status       int
		code         string
	}{
		"good":                     {"/chat/1", bearer(token.AccessToken), 200, ""},
		"other scope":              {"/chat/1", bearer(narrow.AccessToken), 403, "insufficient_scope"},
		"nothing":                  {"/chat/1", "X: y", 401, "token_missing"},
		"forged":                   {"/chat/1", bearer(token.AccessToken + "x"), 401, "token_invalid"},
		"partner's token":          {"/chat/1", bearer("demo-partner-token"), 401, "token_invalid"},
		"partner":                  {"/partner/1", bearer("demo-partner-token"), 200, ""},
		"stranger":                 {"/partner/1", bearer("demo-stranger-token"), 403, "token_consumer_unknown"},
		"unknown":                  {"/partner/1", bearer("demo-unknown-token"), 401, "token_invalid"},
		"our token at the partner": {"/partner/1", bearer(token.AccessToken), 401, "token_invalid"},
		"no endpoint":              {"/oauth2/authorize", "X: y", 404, "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			got := g.Get(tc.path, tc.header)
			if got.Status != tc.status || tc.code != "" && decoded(t, got)["code"] != tc.code {
				t.Errorf("answer = %d %s, want %d %s", got.Status, got.Body, tc.status, tc.code)
			}
		})
	}
	metadata := decoded(t, g.Get("/.well-known/oauth-authorization-server"))
	if metadata["issuer"] != g.URL || metadata["token_endpoint"] != g.URL+"/oauth2/token" {
		t.Errorf("metadata %v", metadata)
	}
	if keys := g.Get("/oauth2/jwks"); keys.Status != 200 || !strings.Contains(keys.Body, `"alg":"ES256"`) || strings.Contains(keys.Body, `"d":`) {
		t.Errorf("keys = %d %s", keys.Status, keys.Body)
	}
	if got := g.Post("/oauth2/token", "grant_type=client_credentials&client_id=reports-nightly&client_secret=guess", oauthForm); got.Status != 401 || decoded(t, got)["error"] != "invalid_client" {
		t.Errorf("wrong secret = %d %s", got.Status, got.Body)
	}
	eventually(t, "the failure is counted", func() bool {
		return strings.Contains(g.Admin("/metrics").Body, `caddy_gateway_oauth2_requests_total{endpoint="token",result="invalid_client"}`)
	})
	checkOAuthSecrets(t, g, token.AccessToken)
}

// checkOAuthSecrets looks for secrets where operators look.
func checkOAuthSecrets(t *testing.T, g *Gateway, token string) {
	t.Helper()
	eventually(t, "requests are in the log", func() bool { return strings.Contains(g.Logs().String(), `"credential":"oauth2:reports-nightly"`) })
	for _, secret := range []string{reportsSecret, url.QueryEscape(reportsSecret), signingPassphrase, introspectionSecret, token, "demo-partner-token"} {
		for place, text := range map[string]string{"the log": g.Logs().String(), "the config": g.Admin("/config/").Body, "the metrics": g.Admin("/metrics").Body} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows %.20s:\n%s", place, secret, text)
			}
		}
	}
}

// TestOAuth2Reload: keys and revocations outlive the config, tokens do not outlive their
// client.
func TestOAuth2Reload(t *testing.T) {
	g, _ := oauthGateway(t)
	client := clientOf(g, oauth2.AuthStyleInHeader)
	kept, err := client.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := client.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"client_id": {"reports-nightly"}, "client_secret": {reportsSecret}, "token": {revoked.AccessToken}}.Encode()
	if got := g.Post("/oauth2/revoke", form, oauthForm); got.Status != 200 {
		t.Fatalf("revocation = %d %s", got.Status, got.Body)
	}
	check := func(when string, keptStatus int) {
		t.Helper()
		if got := g.Get("/chat/1", "Authorization: Bearer "+kept.AccessToken); got.Status != keptStatus {
			t.Errorf("%s: the token that was kept = %d %s", when, got.Status, got.Body)
		}
		if got := g.Get("/chat/1", "Authorization: Bearer "+revoked.AccessToken); got.Status != 401 {
			t.Errorf("%s: the revoked token = %d %s", when, got.Status, got.Body)
		}
	}
	check("at once", 200)
	text := example(t, "oauth2.Caddyfile")
	g.Reload(strings.Replace(text, "lifetime 15m", "lifetime 5m", 1))
	check("after a reload", 200)
	g.Reload(strings.Replace(text, "oauth_client reports-nightly {", "oauth_client reports-weekly {", 1))
	check("without the client", 401)
	g.Reload(text)
	check("with it again", 200)
}
