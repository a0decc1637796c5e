// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// TestTokenRequests is RFC 6749, sections 2.3, 3.2, 4.4 and 5, in a table.
func TestTokenRequests(t *testing.T) {
	t.Parallel()
	grant := func(more ...string) url.Values {
		form := url.Values{"grant_type": {"client_credentials"}}
		for i := 0; i < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		return form
	}
	right := [2]string{"batch-1", demoSecret}
	tests := []struct {
		name   string
		call   call
		status int
		code   string // of the error
		scope  string // of the token, "-" for none
	}{
		{"basic", call{basic: right, form: grant()}, 200, "", "chat embed"},
		{"less", call{basic: right, form: grant("scope", "embed")}, 200, "", "embed"},
		{"in another order, one twice", call{basic: right, form: grant("scope", "embed chat embed")}, 200, "", "embed chat"},
		{"form", call{form: grant("client_id", "batch-1", "client_secret", demoSecret)}, 200, "", "chat embed"},
		{"basic and its client_id", call{basic: right, form: grant("client_id", "batch-1")}, 200, "", "chat embed"},
		{"client without scopes", call{basic: [2]string{"batch-2", url.QueryEscape(strange)}, form: grant()}, 200, "", "-"},
		{"secret that is not encoded", call{basic: [2]string{"batch-2", strange}, form: grant()}, 200, "", "-"},
		{"unknown parameter", call{basic: right, form: grant("resource", "https://x.example.com")}, 200, "", "chat embed"},

		{"no client", call{form: grant()}, 401, "invalid_client", ""},
		{"wrong secret", call{basic: [2]string{"batch-1", "wrong"}, form: grant()}, 401, "invalid_client", ""},
		{"unknown client", call{basic: [2]string{"nobody", demoSecret}, form: grant()}, 401, "invalid_client", ""},
		{"client without secret", call{basic: [2]string{"silent", ""}, form: grant()}, 401, "invalid_client", ""},
		{"secret of another client", call{basic: [2]string{"batch-1", "demo-secret-of-other"}, form: grant()}, 401, "invalid_client", ""},
		{"wrong secret in the form", call{form: grant("client_id", "batch-1", "client_secret", "wrong")}, 401, "invalid_client", ""},
		{"another scheme", call{header: http.Header{"Authorization": {"Bearer abc"}}, form: grant()}, 401, "invalid_client", ""},
		{"two ways", call{basic: right, form: grant("client_secret", demoSecret)}, 400, "invalid_request", ""},
		{"two headers", call{header: http.Header{"Authorization": {"Basic YQ==", "Basic YQ=="}}, form: grant()}, 400, "invalid_request", ""},
		{"client_id of another", call{basic: right, form: grant("client_id", "other")}, 400, "invalid_request", ""},

		{"no grant type", call{basic: right, form: url.Values{"scope": {"chat"}}}, 400, "invalid_request", ""},
		{"password", call{basic: right, form: url.Values{"grant_type": {"password"}, "username": {"a"}, "password": {"b"}}}, 400, "unsupported_grant_type", ""},
		{"authorization code", call{basic: right, form: url.Values{"grant_type": {"authorization_code"}, "code": {"a"}}}, 400, "unsupported_grant_type", ""},
		{"refresh token", call{basic: right, form: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"a"}}}, 400, "unsupported_grant_type", ""},
		{"grant type in another case", call{basic: right, form: url.Values{"grant_type": {"Client_Credentials"}}}, 400, "unsupported_grant_type", ""},
		{"scope of nobody", call{basic: right, form: grant("scope", "admin")}, 400, "invalid_scope", ""},
		{"one scope too many", call{basic: right, form: grant("scope", "chat admin")}, 400, "invalid_scope", ""},
		{"scope with quotes", call{basic: right, form: grant("scope", "\"><script>")}, 400, "invalid_scope", ""},

		{"parameter twice", call{basic: right, body: "grant_type=client_credentials&scope=chat&scope=embed"}, 400, "invalid_request", ""},
		{"parameters in the URL", call{basic: right, form: grant(), query: "?scope=chat"}, 400, "invalid_request", ""},
		{"secret in the URL", call{form: grant(), query: "?client_id=batch-1&client_secret=x"}, 400, "invalid_request", ""},
		{"JSON", call{basic: right, header: http.Header{"Content-Type": {"application/json"}}, body: `{"grant_type":"client_credentials"}`}, 400, "invalid_request", ""},
		{"no type", call{basic: right, header: http.Header{"Content-Type": {""}}, form: grant()}, 400, "invalid_request", ""},
		{"no form", call{basic: right, body: "grant_type=%zz"}, 400, "invalid_request", ""},
		{"many parameters", call{basic: right, body: "grant_type=client_credentials" + strings.Repeat("&a=b", 100)}, 400, "invalid_request", ""},
	}
	c := newClock()
	s := newServer(t, c, newMemory(c))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, outcome := ask(t, s, TokenEndpoint, tt.call)
			body := decode[answerBody](t, w)
			if w.Code != tt.status || body.Error != tt.code {
				t.Fatalf("status %d, error %q, want %d, %q: %s", w.Code, body.Error, tt.status, tt.code, w.Body)
			}
			h := w.Header()
			if h.Get("Cache-Control") != "no-store" || h.Get("Pragma") != "no-cache" || h.Get("Content-Type") != "application/json" {
				t.Errorf("header %v", h)
			}
			if challenged := h.Get("WWW-Authenticate") != ""; challenged != (tt.status == 401) {
				t.Errorf("WWW-Authenticate is %q", h.Get("WWW-Authenticate"))
			}
			if tt.code != "" {
				if outcome.Code != tt.code || body.AccessToken != "" || body.Description == "" {
					t.Errorf("outcome %+v, body %s", outcome, w.Body)
				}
				if strings.Contains(w.Body.String(), "<script") || strings.Contains(w.Body.String(), "secret-") {
					t.Errorf("the answer repeats what was sent: %s", w.Body)
				}
				return
			}
			got := "-"
			if body.Scope != nil {
				got = *body.Scope
			}
			if outcome.Code != "ok" || body.TokenType != "Bearer" || body.ExpiresIn != 3600 || got != tt.scope {
				t.Errorf("outcome %+v, answer %s", outcome, w.Body)
			}
			v, err := s.Verify(t.Context(), body.AccessToken)
			if err != nil || v.Client.ID != outcome.Client || strings.Join(v.Scopes, " ") != strings.Trim(tt.scope, "-") {
				t.Errorf("Verify = %+v, %v", v, err)
			}
		})
	}
}

func TestMandatoryScope(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newServer(t, c, newMemory(c), func(c *Config) { c.MandatoryScope = true })
	for scope, status := range map[string]int{"": 400, "chat": 200} {
		form := url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}
		w, _ := ask(t, s, TokenEndpoint, call{basic: [2]string{"batch-1", demoSecret}, form: form})
		if w.Code != status || status == 400 && !strings.Contains(w.Body.String(), "You must specify a scope") {
			t.Errorf("scope %q: status %d, %s", scope, w.Code, w.Body)
		}
	}
}

// TestClaims are those of RFC 9068, section 2.
func TestClaims(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{ES256, EdDSA, RS256} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			s := newServer(t, c, newMemory(c), func(c *Config) {
				c.Algorithm, c.Lifetime, c.Audience = alg, 10*time.Minute, []string{"https://api.example.com", "other"}
			})
			text := token(t, s, "chat")
			jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
			if err != nil {
				t.Fatal(err)
			}
			header := jws.Signatures[0].Protected
			if header.ExtraHeaders["typ"] != "at+jwt" || header.KeyID == "" || header.JSONWebKey != nil {
				t.Errorf("header %+v", header)
			}
			w, _ := ask(t, s, KeysEndpoint, call{})
			set := decode[jose.JSONWebKeySet](t, w)
			payload, err := jws.Verify(set.Key(header.KeyID)[0])
			if err != nil {
				t.Fatalf("the published keys do not verify the token: %v", err)
			}
			text = string(payload)
			for _, want := range []string{
				`"iss":"https://gw.example.com"`, `"sub":"batch-1"`, `"client_id":"batch-1"`, `"aud":["https://api.example.com","other"]`,
				`"scope":"chat"`, `"iat":1900000000`, `"exp":1900000600`, `"jti":"`,
			} {
				if !strings.Contains(text, want) {
					t.Errorf("payload %s lacks %s", text, want)
				}
			}
			if strings.Contains(w.Body.String(), `"d":`) || strings.Contains(w.Body.String(), `"p":`) {
				t.Errorf("a private key is published: %s", w.Body)
			}
		})
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newServer(t, c, newMemory(c), func(c *Config) { c.Issuer, c.Path = issuer+"/tenant", "/as" })
	for path, want := range map[string]Endpoint{
		"/tenant/as/token":  TokenEndpoint,
		"/tenant/as/revoke": RevokeEndpoint,
		"/tenant/as/jwks":   KeysEndpoint,
		"/.well-known/oauth-authorization-server/tenant": MetadataEndpoint,
		"/tenant/as/token/": NoEndpoint,
		"/tenant/as/TOKEN":  NoEndpoint,
		"/as/token":         NoEndpoint,
		"/.well-known/oauth-authorization-server": NoEndpoint,
		"": NoEndpoint,
	} {
		if got := s.EndpointAt(path); got != want {
			t.Errorf("EndpointAt(%q) = %v, want %v", path, got, want)
		}
	}
	w, _ := ask(t, s, MetadataEndpoint, call{})
	want := `{"issuer":"https://gw.example.com/tenant","token_endpoint":"https://gw.example.com/tenant/as/token",` +
		`"jwks_uri":"https://gw.example.com/tenant/as/jwks","response_types_supported":[],"grant_types_supported":["client_credentials"],` +
		`"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"],` +
		`"revocation_endpoint":"https://gw.example.com/tenant/as/revoke","revocation_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"]}`
	if got := w.Body.String(); got != want || w.Header().Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("metadata %s, header %v", got, w.Header())
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config Config
		want   string
	}{
		{"no issuer", Config{}, "there is no issuer"},
		{"no scheme", Config{Issuer: "gw.example.com"}, "not a URL such as"},
		{"http", Config{Issuer: "http://gw.example.com"}, "not a URL with https"},
		{"query", Config{Issuer: issuer + "?a=b"}, "query or a fragment"},
		{"fragment", Config{Issuer: issuer + "#"}, "query or a fragment"},
		{"slash", Config{Issuer: issuer + "/"}, "ends with a slash"},
		{"user", Config{Issuer: "https://a:b@gw.example.com"}, "not a URL such as"},
		{"dots", Config{Issuer: issuer + "/a/../b"}, "not a plain one"},
		{"lifetime", Config{Issuer: issuer, Lifetime: 25 * time.Hour}, "between 1m and 24h"},
		{"rotation", Config{Issuer: issuer, Rotate: time.Minute}, "between 1h and 400d"},
		{"algorithm", Config{Issuer: issuer, Algorithm: "HS256"}, "not ES256, EdDSA or RS256"},
		{"audience", Config{Issuer: issuer, Audience: []string{"a", ""}}, "or one is empty"},
		{"path", Config{Issuer: issuer, Path: "oauth2"}, "not a plain one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := New(tt.config, crowd(t), nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want %s", err, tt.want)
			}
		})
	}
	if _, err := New(Config{Issuer: "http://127.0.0.1:8080"}, crowd(t), nil); err != nil {
		t.Errorf("a loopback host is refused: %v", err)
	}
}
