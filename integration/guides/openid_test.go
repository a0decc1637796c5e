// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// openIDProvider stands in for an OpenID provider, and returns its URL. It says where its
// keys are, and gives the application mobile-app a token for the gateway.
func openIDProvider(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes() // 4, then the two coordinates
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	answer := func(path string, document func(*http.Request) any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if err := json.NewEncoder(w).Encode(document(r)); err != nil {
				t.Errorf("answer %s: %v", path, err)
			}
		})
	}
	answer("GET /.well-known/openid-configuration", func(*http.Request) any {
		return map[string]any{"issuer": s.URL, "jwks_uri": s.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"}}
	})
	answer("GET /keys", func(*http.Request) any {
		return map[string]any{"keys": []any{map[string]string{
			"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "demo", "x": unpadded(point[1:33]), "y": unpadded(point[33:]),
		}}}
	})
	answer("POST /token", func(r *http.Request) any {
		if id, secret, _ := r.BasicAuth(); id != "mobile-app" || secret != "demo-mobile-secret-not-a-secret" {
			return map[string]string{"error": "invalid_client"}
		}
		return map[string]any{"token_type": "Bearer", "expires_in": 300, "access_token": signed(t, key, map[string]any{
			"iss": s.URL, "sub": "mobile-app", "azp": "mobile-app", "aud": "https://gateway.example.com",
			"iat": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix(),
		})}
	})
	return s.URL
}

// signed returns a token with the claims.
func signed(t *testing.T, key *ecdsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Error(err)
	}
	token := unpadded([]byte(`{"alg":"ES256","typ":"JWT","kid":"demo"}`)) + "." + unpadded(payload)
	sum := sha256.Sum256([]byte(token))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Error(err)
		return ""
	}
	return token + "." + unpadded(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func unpadded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
