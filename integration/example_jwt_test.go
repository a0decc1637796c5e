// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	partnerSecret = "demo-partner-secret-not-a-secret-0123456789"
	jwtAudience   = "https://api.example.com"
)

// idProvider is an OpenID provider with one key at a time.
type idProvider struct {
	*httptest.Server
	key   atomic.Pointer[rsa.PrivateKey]
	kid   atomic.Int64
	asked atomic.Int64
}

func openIDProvider(t *testing.T) *idProvider {
	t.Helper()
	p := new(idProvider)
	p.rotate(t)
	encode := base64.RawURLEncoding.EncodeToString
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/openid-configuration" {
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"token_endpoint":%q}`, p.URL, p.URL+"/keys", p.URL+"/token")
			return
		}
		p.asked.Add(1)
		k := p.key.Load()
		fmt.Fprintf(w, `{"keys":[{"kty":"RSA","use":"sig","kid":"key-%d","n":%q,"e":%q}]}`,
			p.kid.Load(), encode(k.N.Bytes()), encode(big.NewInt(int64(k.E)).Bytes()))
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *idProvider) rotate(t *testing.T) {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p.key.Store(k)
	p.kid.Add(1)
}

// token returns a token for a client, with more claims in place of some.
func (p *idProvider) token(t *testing.T, client string, more object) string {
	t.Helper()
	claims := object{
		"iss": p.URL, "aud": jwtAudience, "azp": client, "sub": "user-1", "scope": "openid api",
		"exp": time.Now().Unix() + 300, "realm_access": object{"roles": []string{"editor", "admin"}},
	}
	maps.Copy(claims, more)
	return compactToken(t, object{"alg": "RS256", "typ": "at+jwt", "kid": fmt.Sprintf("key-%d", p.kid.Load())}, claims, func(input []byte) []byte {
		sum := sha256.Sum256(input)
		signature, err := rsa.SignPKCS1v15(rand.Reader, p.key.Load(), crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return signature
	})
}

// secretToken returns a token that is signed with a secret.
func secretToken(t *testing.T, secret string, claims object) string {
	t.Helper()
	return compactToken(t, object{"alg": "HS256", "typ": "JWT"}, claims, func(input []byte) []byte {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(input)
		return mac.Sum(nil)
	})
}

func compactToken(t *testing.T, header, claims object, sign func([]byte) []byte) string {
	t.Helper()
	part := func(v any) string {
		doc, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(doc)
	}
	input := part(header) + "." + part(claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(input)))
}

func TestExampleJWT(t *testing.T) {
	p, up := openIDProvider(t), upstream(t, nil)
	g := exampleGateway(t, "jwt.Caddyfile", map[string]string{
		"PARTNER_JWT_SECRET": partnerSecret, "ISSUER": p.URL, "AUDIENCE": jwtAudience, "API_SERVER": up.Addr,
	})
	if p.asked.Load() != 0 {
		t.Error("the keys are fetched before there is a token")
	}
	var shown []string
	bearer := func(token string) string {
		shown = append(shown, token)
		return "Authorization: Bearer " + token
	}
	partner := object{"iss": "partner-2026", "exp": time.Now().Unix() + 60}
	with := func(claims object, name string, value any) object {
		o := object{name: value}
		for n, v := range claims {
			if n != name {
				o[n] = v
			}
		}
		return o
	}
	tests := []struct {
		name, path string
		header     []string
		status     int
		code       string
		consumer   string
	}{
		{"token of a client", "/api/things", []string{bearer(p.token(t, "web-shop-client", nil))}, 200, "", "web-shop"},
		{"none", "/api/things", nil, 401, "token_missing", ""},
		{"client that is not registered", "/api/things", []string{bearer(p.token(t, "other-client", nil))}, 403, "token_consumer_unknown", ""},
		{"another audience", "/api/things", []string{bearer(p.token(t, "web-shop-client", object{"aud": "x"}))}, 401, "token_not_accepted", ""},
		{"another issuer", "/api/things", []string{bearer(p.token(t, "web-shop-client", object{"iss": "x"}))}, 401, "token_not_accepted", ""},
		{"without the scope", "/api/things", []string{bearer(p.token(t, "web-shop-client", object{"scope": "openid"}))}, 403, "insufficient_scope", ""},
		{"expired", "/api/things", []string{bearer(p.token(t, "web-shop-client", object{"exp": 1}))}, 401, "token_expired", ""},
		{"signed by the partner", "/api/things", []string{bearer(secretToken(t, partnerSecret, partner))}, 401, "token_not_accepted", ""},
		{"WebSocket with a cookie", "/live/feed", []string{"Cookie: theme=dark; session=" + p.token(t, "reports-client", nil), "Connection: Upgrade", "Upgrade: websocket"}, 200, "", "reports"},
		{"WebSocket without", "/live/feed", []string{"Connection: Upgrade", "Upgrade: websocket"}, 401, "token_missing", ""},
		{"group", "/live/feed", []string{bearer(p.token(t, "web-shop-client", nil))}, 403, "group_not_allowed", ""},
		{"partner", "/partner/orders", []string{bearer(secretToken(t, partnerSecret, partner))}, 200, "", "partner"},
		{"partner with another secret", "/partner/orders", []string{bearer(secretToken(t, "demo-other-secret-not-a-secret-012345", partner))}, 401, "token_invalid", ""},
		{"partner with a long time", "/partner/orders", []string{bearer(secretToken(t, partnerSecret, with(partner, "exp", time.Now().Unix()+3600)))}, 401, "token_not_accepted", ""},
		{"partner that nobody knows", "/partner/orders", []string{bearer(secretToken(t, partnerSecret, with(partner, "iss", "x")))}, 401, "token_invalid", ""},
		{"the provider's for the partner's", "/partner/orders", []string{bearer(p.token(t, "web-shop-client", nil))}, 401, "token_invalid", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(up.Requests())
			got := g.Get(tt.path, append(tt.header, "X-User-Id: forged", "X-User-Roles: root")...)
			if got.Status != tt.status {
				t.Fatalf("status %d, want %d: %s", got.Status, tt.status, got.Body)
			}
			if tt.status != 200 {
				o := decoded(t, got)
				if o["code"] != tt.code || o["request_id"] != got.Header.Get("X-Correlation-Id") || len(up.Requests()) != before {
					t.Errorf("answer %s, want the code %s", got.Body, tt.code)
				}
				if tt.status == 401 && !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "Bearer ") {
					t.Errorf("WWW-Authenticate %q", got.Header.Get("WWW-Authenticate"))
				}
				return
			}
			all := up.Requests()
			h := all[len(all)-1].Header
			if h.Get("X-Consumer-Username") != tt.consumer || h.Get("Authorization") != "" || strings.Contains(h.Get("Cookie"), "session") {
				t.Errorf("upstream had %v", h)
			}
			if strings.HasPrefix(tt.path, "/api/") && (h.Get("X-User-Id") != "user-1" || h.Get("X-User-Roles") != "editor admin") {
				t.Errorf("X-User-Id %q, X-User-Roles %q", h.Values("X-User-Id"), h.Values("X-User-Roles"))
			}
		})
	}
	if n := p.asked.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
	t.Run("a new key, and a reload", func(t *testing.T) {
		p.rotate(t)
		if got := g.Get("/api/things", bearer(p.token(t, "web-shop-client", nil))); got.Status != 200 {
			t.Errorf("status %d: %s", got.Status, got.Body)
		}
		g.Reload(example(t, "jwt.Caddyfile") + "\n# once more\n")
		if got := g.Get("/api/things", bearer(p.token(t, "web-shop-client", nil))); got.Status != 200 || p.asked.Load() != 2 {
			t.Errorf("status %d after %d fetches: %s", got.Status, p.asked.Load(), got.Body)
		}
	})
	g.Logs().Wait(t, `"http.log.access`, "/partner/orders")
	for _, token := range shown {
		if strings.Contains(g.Logs().String()+up.Wire(), token) {
			t.Error("a log or the upstream has a token")
		}
	}
	if strings.Contains(g.Admin("/config/").Body, partnerSecret) {
		t.Error("/config/ shows a secret")
	}
	if health := g.Admin("/gateway/health"); !strings.Contains(health.Body, `"token_keys"`) {
		t.Errorf("health has no token_keys: %s", health.Body)
	}
}
