// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/records"
)

// withHeader replaces a member of a token's header, and leaves the signature.
func withHeader(tb testing.TB, token, member string) string {
	tb.Helper()
	parts := strings.Split(token, ".")
	var header, change map[string]any
	raw, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err == nil {
		err = json.Unmarshal(raw, &header)
	}
	if err == nil {
		err = json.Unmarshal([]byte("{"+member+"}"), &change)
	}
	if err != nil {
		tb.Fatal(err)
	}
	maps.Copy(header, change)
	doc, err := json.Marshal(header)
	if err != nil {
		tb.Fatal(err)
	}
	return encode(doc) + "." + parts[1] + "." + parts[2]
}

// signed signs claims with a key of the server.
func signed(tb testing.TB, k *key, typ string, change func(map[string]any)) string {
	tb.Helper()
	c := map[string]any{
		"iss": issuer, "sub": "batch-1", "aud": issuer, "client_id": "batch-1", "scope": "chat", "jti": randomText(16),
		"iat": 1_900_000_000, "exp": 1_900_003_600,
	}
	change(c)
	payload, err := json.Marshal(c)
	if err != nil {
		tb.Fatal(err)
	}
	signer := k.signer
	if typ != tokenType {
		signer = resigner(tb, k, typ)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		tb.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

var privates = map[string]any{}

// resigner signs with the same key and another typ; empty for none.
func resigner(tb testing.TB, k *key, typ string) jose.Signer {
	tb.Helper()
	options := new(jose.SignerOptions)
	if typ != "" {
		options = options.WithType(jose.ContentType(typ))
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: ES256, Key: jose.JSONWebKey{Key: privates[k.id], KeyID: k.id}}, options)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TestForgeries: none of these is a token of the server.
func TestForgeries(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := newMemory(c)
	s := newServer(t, c, store)
	good := token(t, s, "")
	k := s.ring.Load().keys[0]
	for _, r := range store.all {
		var stored storedKey
		if err := json.Unmarshal(r.Value, &stored); err != nil {
			t.Fatal(err)
		}
		private, err := x509.ParsePKCS8PrivateKey(stored.PKCS8)
		if err != nil {
			t.Fatal(err)
		}
		privates[k.id] = private
	}
	parts := strings.Split(good, ".")
	none := func(map[string]any) {}
	set := func(name string, value any) func(map[string]any) {
		return func(c map[string]any) { c[name] = value }
	}
	without := func(name string) func(map[string]any) {
		return func(c map[string]any) { delete(c, name) }
	}
	publicDER, err := x509.MarshalPKIXPublicKey(k.public.Key)
	if err != nil {
		t.Fatal(err)
	}
	hs256 := func(secret []byte) string {
		head := encode([]byte(`{"alg":"HS256","typ":"at+jwt","kid":"` + k.id + `"}`))
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(head + "." + parts[1]))
		return head + "." + parts[1] + "." + encode(mac.Sum(nil))
	}
	foreign := func() string {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: ES256, Key: jose.JSONWebKey{Key: private, KeyID: k.id}}, new(jose.SignerOptions).WithType(tokenType))
		if err != nil {
			t.Fatal(err)
		}
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		jws, err := signer.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		text, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	elsewhere := newServer(t, c, store, func(c *Config) { c.Issuer = "https://other.example.com" })
	alone := newServer(t, c, newMemory(c))

	rows := []struct{ name, token string }{
		{"empty", ""},
		{"no token", "not-a-token"},
		{"an API key", "tg_" + strings.Repeat("a", 49)},
		{"none", encode([]byte(`{"alg":"none","typ":"at+jwt","kid":"`+k.id+`"}`)) + "." + parts[1] + "."},
		{"nOnE with a signature", withHeader(t, good, `"alg":"nOnE"`)},
		{"HMAC with the public key", hs256(publicDER)},
		{"HMAC with nothing", hs256(nil)},
		{"other algorithm named", withHeader(t, good, `"alg":"ES384"`)},
		{"RS256 named", withHeader(t, good, `"alg":"RS256"`)},
		{"foreign key with our kid", foreign()},
		{"no kid", withHeader(t, good, `"kid":""`)},
		{"kid with a path", withHeader(t, good, `"kid":"../../../../dev/null"`)},
		{"kid with SQL", withHeader(t, good, `"kid":"' OR 1=1 --"`)},
		{"kid no string", withHeader(t, good, `"kid":["`+k.id+`"]`)},
		{"own key in the header", withHeader(t, good, `"jwk":{"kty":"oct","k":"AAAA"}`)},
		{"crit", withHeader(t, good, `"crit":["exp"]`)},
		{"header changed", withHeader(t, good, `"x":"y"`)},
		{"payload changed", parts[0] + "." + encode([]byte(`{"iss":"`+issuer+`","client_id":"other"}`)) + "." + parts[2]},
		{"signature empty", parts[0] + "." + parts[1] + "."},
		{"signature of zeros", parts[0] + "." + parts[1] + "." + encode(make([]byte, 64))},
		{"signature cut", good[:len(good)-2]},
		{"a part more", good + ".x"},
		{"padding", good + "="},
		{"space", good + " "},
		{"other issuer, same store", token(t, elsewhere, "")},
		{"same issuer, other store", token(t, alone, "")},
		{"no typ", signed(t, k, "", none)},
		{"typ of an ID token", signed(t, k, "JWT", none)},
		{"issuer of another", signed(t, k, tokenType, set("iss", "https://other.example.com"))},
		{"issuer with a slash", signed(t, k, tokenType, set("iss", issuer+"/"))},
		{"no issuer", signed(t, k, tokenType, without("iss"))},
		{"audience of another", signed(t, k, tokenType, set("aud", "https://other.example.com"))},
		{"audiences of others", signed(t, k, tokenType, set("aud", []string{"a", "b"}))},
		{"no audience", signed(t, k, tokenType, without("aud"))},
		{"expired", signed(t, k, tokenType, set("exp", 1_899_999_990))},
		{"no expiry", signed(t, k, tokenType, without("exp"))},
		{"expiry as text", signed(t, k, tokenType, set("exp", "1900003600"))},
		{"expiry far ahead", signed(t, k, tokenType, set("exp", 1_990_000_000))},
		{"issued in the future", signed(t, k, tokenType, set("iat", 1_900_000_100))},
		{"not yet", signed(t, k, tokenType, set("nbf", 1_900_000_100))},
		{"no client", signed(t, k, tokenType, without("client_id"))},
		{"unknown client", signed(t, k, tokenType, set("client_id", "nobody"))},
		{"client without secret", signed(t, k, tokenType, set("client_id", "silent"))},
		{"client no string", signed(t, k, tokenType, set("client_id", []string{"batch-1"}))},
		{"no subject", signed(t, k, tokenType, without("sub"))},
		{"no identifier", signed(t, k, tokenType, without("jti"))},
		{"long identifier", signed(t, k, tokenType, set("jti", strings.Repeat("a", 65)))},
		{"oversized", signed(t, k, tokenType, set("x", strings.Repeat("a", 9000)))},
		{"bytes flipped in the payload", parts[0] + "." + flip(parts[1]) + "." + parts[2]},
		{"bytes flipped in the signature", parts[0] + "." + parts[1] + "." + flip(parts[2])},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			v, err := s.Verify(t.Context(), row.token)
			if v != nil || reasonOf(err) == 0 {
				t.Errorf("Verify = %+v, %v", v, err)
			}
		})
	}
	if _, err := s.Verify(t.Context(), signed(t, k, tokenType, none)); err != nil {
		t.Errorf("the rows show nothing: %v", err)
	}
	if _, err := s.Verify(t.Context(), good); err != nil {
		t.Errorf("the token that was issued: %v", err)
	}
}

func flip(s string) string {
	b := []byte(s)
	if b[10]++; b[10] == '{' || b[10] == '[' || b[10] == ':' || b[10] == '.' || b[10] == '`' {
		b[10] = 'A'
	}
	return string(b)
}

// TestRevocation on two gateways that share a store.
func TestRevocation(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := newMemory(c)
	here, there := newServer(t, c, store), newServer(t, c, store)
	text, kept := token(t, here, ""), token(t, here, "")
	good := func(s *Server, token string) bool {
		_, err := s.Verify(t.Context(), token)
		if err != nil && reasonOf(err) == 0 {
			t.Fatal(err)
		}
		return err == nil
	}
	if !good(here, text) || !good(there, text) {
		t.Fatal("a token is refused")
	}
	revoke := func(basic [2]string, form url.Values) (int, string) {
		w, _ := ask(t, here, RevokeEndpoint, call{basic: basic, form: form})
		return w.Code, decode[answerBody](t, w).Error
	}
	mine := [2]string{"batch-1", demoSecret}
	for _, row := range []struct {
		name   string
		basic  [2]string
		form   url.Values
		status int
		code   string
	}{
		{"nobody", [2]string{}, url.Values{"token": {text}}, 401, "invalid_client"},
		{"another client", [2]string{"other", "demo-secret-of-other"}, url.Values{"token": {text}}, 400, "unauthorized_client"},
		{"nothing", mine, url.Values{}, 400, "invalid_request"},
		{"no token", mine, url.Values{"token": {"abc"}}, 200, ""},
		{"a token of nobody", mine, url.Values{"token": {withHeader(t, text, `"kid":"x"`)}}, 200, ""},
	} {
		if status, code := revoke(row.basic, row.form); status != row.status || code != row.code {
			t.Errorf("%s: %d %s", row.name, status, code)
		}
	}
	if !good(here, text) {
		t.Fatal("a token was revoked by who may not")
	}
	for range 2 { // a second time is no error
		if status, _ := revoke(mine, url.Values{"token": {text}, "token_type_hint": {"refresh_token"}}); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
	}
	if good(here, text) {
		t.Error("it is still good here")
	}
	c.add(RevocationDelay)
	if good(there, text) {
		t.Error("it is still good there")
	}
	if !good(here, kept) || !good(there, kept) {
		t.Error("another token was revoked")
	}
	if good(newServer(t, c, store), text) {
		t.Error("it is good after a restart")
	}
	// Remembered until it is worth nothing anyway.
	c.add(time.Hour - RevocationDelay + leeway)
	if good(here, text) || good(there, text) || good(newServer(t, c, store), text) {
		t.Error("it is good when it has expired")
	}
	c.add(time.Minute)
	if list, err := store.List(t.Context(), "oauth2rev:"); err != nil || len(list) != 0 {
		t.Errorf("revocations that nobody needs: %v, %v", list, err)
	}
}

// TestReload: tokens of a client that is gone are worth nothing, and of one that may have
// less, less.
func TestReload(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := newMemory(c)
	text := token(t, newServer(t, c, store), "")
	reloaded := func(clients ...consumers.ClientSpec) (*Verified, error) {
		table, err := consumers.Build([]consumers.Spec{{Name: "batch", Clients: clients}}, consumers.BuildOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(Config{Issuer: issuer}, table, func() records.Store { return store })
		if err != nil {
			t.Fatal(err)
		}
		s.now = c.Now
		return s.Verify(t.Context(), text)
	}
	secrets := []string{apikey.Hash("demo-secret-another").String()}
	if v, err := reloaded(consumers.ClientSpec{ID: "batch-1", Secrets: secrets, Scopes: []string{"embed", "new"}}); err != nil || strings.Join(v.Scopes, " ") != "embed" {
		t.Errorf("with fewer scopes: %+v, %v", v, err)
	} else if v.Claims["scope"] != strings.Join(v.Scopes, " ") {
		t.Errorf("with fewer scopes the claim is %v", v.Claims["scope"])
	}
	if v, err := reloaded(consumers.ClientSpec{ID: "batch-1"}); reasonOf(err) != jwtverify.MissingClaim {
		t.Errorf("without a secret: %+v, %v", v, err)
	}
	if v, err := reloaded(consumers.ClientSpec{ID: "batch-9", Secrets: secrets}); reasonOf(err) != jwtverify.MissingClaim {
		t.Errorf("without the client: %+v, %v", v, err)
	}
}

func TestRevocationsAreBounded(t *testing.T) {
	t.Parallel()
	var v revocations
	now := time.Unix(1_900_000_000, 0)
	for range 5 * maxAnswers {
		v.set(randomText(8), false, now, now.Add(time.Hour))
	}
	if n := len(v.young) + len(v.old); n > 2*maxAnswers {
		t.Errorf("%d answers are remembered", n)
	}
	v.set("a", true, now, now.Add(time.Hour))
	v.set("a", false, now, now.Add(time.Hour))
	if revoked, known := v.get("a", now); !revoked || !known {
		t.Error("a revocation was forgotten")
	}
	if _, known := v.get("a", now.Add(time.Hour)); known {
		t.Error("an answer has no end")
	}
}

// BenchmarkVerify is what a request costs, with a token that was seen and with a new one.
func BenchmarkVerify(b *testing.B) {
	c := newClock()
	s := newServer(b, c, newMemory(c))
	seen := token(b, s, "")
	b.Run("seen", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Verify(b.Context(), seen); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.verified = jwtverify.NewCache[*Verified](verifiedBytes)
			if _, err := s.Verify(b.Context(), seen); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkToken is what issuing one costs.
func BenchmarkToken(b *testing.B) {
	c := newClock()
	s := newServer(b, c, newMemory(c))
	b.ReportAllocs()
	for b.Loop() {
		token(b, s, "chat")
	}
}
