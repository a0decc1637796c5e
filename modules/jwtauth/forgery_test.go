// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"bytes"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
)

// forgery is a token that must not be accepted, and by which handler.
type forgery struct {
	name, at string
	token    string
}

// named is a key with an identifier.
func named(k *jwttest.Key, id string) *jwttest.Key {
	return &jwttest.Key{Algorithm: k.Algorithm, ID: id, Private: k.Private}
}

// forgeries are those of RFC 8725 and of the vulnerabilities that libraries and gateways have
// had. Evil is the address of a server of the forger.
func forgeries(evil string) []forgery {
	h, r, e, d := jwttest.For("HS256"), jwttest.For("RS256"), jwttest.For("ES256"), jwttest.For("EdDSA")
	other := jwttest.Other("RS256")
	now := time.Now().Unix()
	public := r.Public().(*rsa.PublicKey)
	pkix, _ := x509.MarshalPKIXPublicKey(public)
	usual := h.Sign(claims())
	parts := strings.Split(usual, ".")
	ecParts := strings.Split(e.Sign(claims()), ".")
	ecInput := ecParts[0] + "." + ecParts[1]
	raw := base64.RawURLEncoding.EncodeToString
	hmacWith := func(secret []byte) string {
		return (&jwttest.Key{Algorithm: "HS256", Private: secret}).Sign(claims())
	}
	unsigned := func(alg string) string {
		return jwttest.Encode(`{"alg":"`+alg+`","typ":"JWT"}`) + "." + parts[1] + "."
	}
	header := func(pairs ...any) string {
		m := map[string]any{"alg": "HS256"}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return h.SignWith(m, claims())
	}
	bring := func(pairs ...any) string { // signed by the forger, who says where his key is
		m := map[string]any{"alg": "RS256", "kid": "forged"}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return other.SignWith(m, claims())
	}
	text := func(claims string) string { return h.SignText(`{"alg":"HS256"}`, claims) }
	signature := func(bytes []byte) string { return ecInput + "." + raw(bytes) }
	order := elliptic.P256().Params().N
	flipped := func(part int) string {
		p := strings.Split(usual, ".")
		b := []byte(p[part])
		b[len(b)/2] ^= 1
		if b[len(b)/2] == '.' {
			b[len(b)/2] = 'A'
		}
		p[part] = string(b)
		return strings.Join(p, ".")
	}
	exp := func(v string) string { return text(`{"sub":"alice","exp":` + v + `}`) }
	future := fmt.Sprint(now + 300)

	return []forgery{
		{"none", "secret", unsigned("none")},
		{"None", "secret", unsigned("None")},
		{"NONE", "rsa", unsigned("NONE")},
		{"nOnE", "ec", unsigned("nOnE")},
		{"none with the signature of somebody", "secret", unsigned("none") + parts[2]},
		{"empty algorithm", "secret", header("alg", "")},
		{"algorithm in lower case", "secret", header("alg", "hs256")},
		{"HS256 with the public key in PEM", "rsa", hmacWith([]byte(r.PEM()))},
		{"HS256 with the public key in PEM, without the last line break", "rsa", hmacWith(bytes.TrimSpace([]byte(r.PEM())))},
		{"HS256 with the public key in PKCS 1", "rsa", hmacWith(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(public)}))},
		{"HS256 with the public key in DER", "rsa", hmacWith(pkix)},
		{"HS256 with the modulus", "rsa", hmacWith(public.N.Bytes())},
		{"HS256 with the EC key in PEM", "ec", hmacWith([]byte(e.PEM()))},
		{"HS256 with the key set", "set", hmacWith([]byte(jwttest.Set(named(r, "one"))))},
		{"HS256 with an empty secret", "secret", hmacWith(nil)},
		{"HS512 with a secret for HS256", "secret", jwttest.For("HS512").Sign(claims())},
		{"PS256 with a key for RS256", "rsa", jwttest.For("PS256").Sign(claims())},
		{"RS512 with a key for RS256", "rsa", jwttest.For("RS512").Sign(claims())},
		{"another curve", "ec", jwttest.For("ES384").Sign(claims())},
		{"ES256 by a key on another curve", "ec", (&jwttest.Key{Algorithm: "ES256", Private: jwttest.For("ES384").Private}).Sign(claims())},
		{"EdDSA where a secret is", "secret", d.Sign(claims())},

		{"kid that is a path", "set", bring("kid", "../../../../dev/null")},
		{"kid that is a path, signed with nothing", "set", (&jwttest.Key{Algorithm: "HS256", Private: []byte{}}).SignWith(map[string]any{"alg": "HS256", "kid": "/dev/null"}, claims())},
		{"kid that is SQL", "set", bring("kid", "x' UNION SELECT 'demo' --")},
		{"kid that is a command", "set", bring("kid", "one|curl "+evil)},
		{"kid that is an address", "set", bring("kid", evil)},
		{"kid that is very long", "set", bring("kid", strings.Repeat("k", 4000))},
		{"kid that is an object", "set", bring("kid", map[string]any{"one": 1})},
		{"key of the forger with the kid of ours", "set", named(other, "one").Sign(claims())},
		{"key of another issuer with the same kid", "two", named(jwttest.For("ES256"), "shared").Sign(claims("iss", "https://a.example"))},
		{"key of another issuer, without kid", "two", e.Sign(claims("iss", "https://a.example"))},
		{"jku", "set", bring("jku", evil+"/keys")},
		{"jku of a host that begins like ours", "set", bring("jku", "https://id.example@"+strings.TrimPrefix(evil, "http://")+"/keys")},
		{"x5u", "set", bring("x5u", evil+"/certificate")},
		{"jwk", "set", bring("jwk", other.JWK(true))},
		{"jwk that is a secret", "secret", hmacHeader(h.Private, map[string]any{"kty": "oct", "k": raw([]byte(jwttest.Secret))})},
		{"x5c", "set", bring("x5c", []string{base64.StdEncoding.EncodeToString(pkix)})},
		{"crit", "secret", header("crit", []string{"exp"}, "exp", now)},
		{"crit of something unknown", "secret", header("crit", []string{"http://example/x"}, "http://example/x", true)},
		{"payload not encoded", "secret", header("b64", false, "crit", []string{"b64"})},
		{"payload not encoded, not critical", "secret", header("b64", false)},
		{"compressed", "secret", header("zip", "DEF")},
		{"encrypted", "secret", jwttest.Encode(`{"alg":"dir","enc":"A128GCM"}`) + "..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA"},
		{"encrypted in three parts", "secret", header("enc", "A128GCM")},
		{"nested", "secret", h.SignText(`{"alg":"HS256","cty":"JWT"}`, usual)},
		{"type of a logout token", "secret", header("typ", "logout+jwt")},
		{"algorithm twice", "secret", h.SignText(`{"alg":"none","alg":"HS256"}`, `{"sub":"alice","exp":`+future+`}`)},
		{"claim twice", "secret", text(`{"sub":"mallory","sub":"alice","exp":` + future + `}`)},
		{"exp twice", "secret", text(`{"sub":"alice","exp":1,"exp":` + future + `}`)},
		{"claim twice, once escaped", "secret", text(`{"sub":"alice","s\u0075b":"mallory","exp":` + future + `}`)},

		{"expired", "secret", h.Sign(claims("exp", now-3600))},
		{"not yet", "secret", h.Sign(claims("nbf", now+3600))},
		{"issued in the future", "secret", h.Sign(claims("iat", now+3600))},
		{"never expires", "secret", h.Sign(claims("exp", nil))},
		{"exp as a text", "secret", exp(`"` + future + `"`)},
		{"exp is null", "secret", exp("null")},
		{"exp is true", "secret", exp("true")},
		{"exp is huge", "secret", exp("1" + strings.Repeat("0", 400))},
		{"exp with an exponent", "secret", exp("1e300")},
		{"exp beyond what is a date", "secret", exp("9223372036854775807")},
		{"exp is negative", "secret", exp("-9223372036854775808")},
		{"exp is a fraction of the past", "secret", exp("0.9999999999999999999")},
		{"another audience", "audience", h.Sign(claims("aud", "other"))},
		{"audience that begins like ours", "audience", h.Sign(claims("aud", []string{"api.example.evil", "api"}))},
		{"audience is an object", "audience", h.Sign(claims("aud", map[string]any{"api.example": true}))},
		{"no audience", "audience", h.Sign(claims())},
		{"audience for somebody else where none is configured", "secret", h.Sign(claims("aud", "other"))},
		{"another issuer", "two", named(r, "shared").Sign(claims("iss", "https://c.example"))},
		{"issuer that begins like ours", "two", named(r, "shared").Sign(claims("iss", "https://a.example.evil"))},
		{"issuer in a list", "two", named(r, "shared").Sign(claims("iss", []string{"https://a.example"}))},

		{"ECDSA with r = s = 0", "ec", signature(make([]byte, 64))},
		{"ECDSA with r = s = n", "ec", signature(append(order.Bytes(), order.Bytes()...))},
		{"ECDSA with r = s = 1", "ec", signature(append(big.NewInt(1).FillBytes(make([]byte, 32)), big.NewInt(1).FillBytes(make([]byte, 32))...))},
		{"ECDSA in DER", "ec", signature([]byte{0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00})},
		{"ECDSA too short", "ec", ecInput + "." + ecParts[2][:80]},
		{"ECDSA too long", "ec", ecInput + "." + ecParts[2] + "AAAA"},
		{"RSA signature that is zero", "rsa", jwttest.Encode(`{"alg":"RS256"}`) + "." + parts[1] + "." + raw(make([]byte, 256))},
		{"EdDSA signature that is zero", "ed", jwttest.Encode(`{"alg":"EdDSA"}`) + "." + parts[1] + "." + raw(make([]byte, 64))},
		{"no signature", "secret", parts[0] + "." + parts[1] + "."},
		{"no signature and no dot", "secret", parts[0] + "." + parts[1]},
		{"truncated signature", "secret", usual[:len(usual)-4]},
		{"bit changed in the header", "secret", flipped(0)},
		{"bit changed in the payload", "secret", flipped(1)},
		{"bit changed in the signature", "secret", flipped(2)},
		{"payload of another token", "secret", parts[0] + "." + jwttest.Encode(`{"sub":"root","exp":`+future+`}`) + "." + parts[2]},
		{"padding", "secret", usual + "="},
		{"padding within", "secret", parts[0] + "=." + parts[1] + "." + parts[2]},
		{"white space within", "secret", parts[0] + "." + parts[1] + " ." + parts[2]},
		{"standard alphabet", "secret", parts[0] + "." + parts[1] + "." + parts[2][:20] + "+/" + parts[2][22:]},
		{"bits behind the end of the signature", "secret", usual[:len(usual)-1] + next(usual[len(usual)-1])},
		{"a fourth part", "secret", usual + "." + parts[2]},
		{"a dot behind", "secret", usual + "."},
		{"a dot before", "secret", "." + usual},
		{"JSON serialization", "secret", `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`},
		{"too large", "secret", h.Sign(claims("pad", strings.Repeat("x", 9<<10)))},
		{"nested too deeply", "secret", text(strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000))},
		{"only dots", "secret", strings.Repeat(".", 5000)},
	}
}

// next is the following character of the base64url alphabet. As the last one of a signature
// of 32 bytes it decodes to the same, where bits behind the end are not looked at.
func next(last byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, last)+1:][:1]
}

func hmacHeader(secret any, jwk map[string]any) string {
	return (&jwttest.Key{Algorithm: "HS256", Private: secret}).SignWith(map[string]any{"alg": "HS256", "jwk": jwk}, claims())
}

// TestForgeries shows each forgery, and one good token of each handler for comparison. The
// forger's server must not be called.
func TestForgeries(t *testing.T) {
	ctx := provisioned(t, "")
	var called atomic.Int64
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		called.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{jwttest.Other("RS256").JWK(true)}})
	}))
	t.Cleanup(evil.Close)
	r, e, d := jwttest.For("RS256"), jwttest.For("ES256"), jwttest.For("EdDSA")
	withIssuer := func(k *jwttest.Key, issuer string) object {
		m := keyOf(named(k, "shared"))
		m["issuer"] = issuer
		return m
	}
	handlers := map[string]struct {
		config object
		good   string
	}{
		"secret":   {simple(), hs().Sign(claims())},
		"rsa":      {object{"keys": []object{keyOf(r)}}, r.Sign(claims())},
		"ec":       {object{"keys": []object{keyOf(e)}}, e.Sign(claims())},
		"ed":       {object{"keys": []object{keyOf(d)}}, d.Sign(claims())},
		"set":      {object{"key_sets": []object{{"file": file(t, "keys.json", jwttest.Set(named(r, "one"), named(d, "two")))}}}, named(r, "one").Sign(claims())},
		"two":      {object{"keys": []object{withIssuer(r, "https://a.example"), withIssuer(e, "https://b.example")}}, named(r, "shared").Sign(claims("iss", "https://a.example"))},
		"audience": {simple("audiences", []string{"api.example"}), hs().Sign(claims("aud", "api.example"))},
	}
	gates := map[string]*gate{}
	for name, h := range handlers {
		gates[name] = serve(t, ctx, h.config)
		if a := gates[name].show(t, h.good); a.status != http.StatusOK {
			t.Fatalf("%s: a good token: status %d: %s", name, a.status, a.body)
		}
	}
	list := forgeries(evil.URL)
	if len(list) < 60 {
		t.Errorf("only %d forgeries", len(list))
	}
	for _, f := range list {
		t.Run(f.name, func(t *testing.T) {
			for range 2 {
				a := gates[f.at].show(t, f.token)
				if a.status != http.StatusUnauthorized || a.up != nil {
					t.Errorf("status %d: %s", a.status, a.body)
				}
				if strings.Contains(a.body, f.token) {
					t.Error("the answer quotes the token")
				}
			}
		})
	}
	if n := called.Load(); n != 0 {
		t.Errorf("the forger's server was called %d times", n)
	}
}

// TestForgedAddresses shows ten thousand tokens that say where the forger's keys are.
func TestForgedAddresses(t *testing.T) {
	ctx := provisioned(t, "")
	var called atomic.Int64
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called.Add(1) }))
	t.Cleanup(evil.Close)
	h, err := load(ctx, object{"key_sets": []object{{"file": file(t, "keys.json", jwttest.Set(jwttest.For("EdDSA")))}}})
	if err != nil {
		t.Fatal(err)
	}
	tokens := &h.(*Handler).Tokens
	forger := jwttest.For("HS256")
	for i := range 10_000 {
		token := forger.SignWith(map[string]any{
			"alg": "EdDSA", "kid": fmt.Sprint(evil.URL, "/", i), "jku": evil.URL + "/keys", "x5u": evil.URL + "/certificate",
		}, claims())
		if _, denied := tokens.judge(t.Context(), token, time.Now()); denied == nil {
			t.Fatal("accepted")
		}
	}
	if n := called.Load(); n != 0 {
		t.Errorf("the forger's server was called %d times", n)
	}
}
