// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
)

var names = []string{
	"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
}

// now is the moment of the tests.
var now = time.Unix(1_800_000_000, 0)

// good are claims that satisfy the rules of nobody in particular.
func good() jwttest.Claims {
	return jwttest.Claims{"iss": "https://id.example", "sub": "alice", "exp": now.Unix() + 300, "iat": now.Unix()}
}

// with returns the good claims with others in place of some.
func with(pairs ...any) jwttest.Claims {
	c := good()
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == nil {
			delete(c, pairs[i].(string))
		} else {
			c[pairs[i].(string)] = pairs[i+1]
		}
	}
	return c
}

func parse(t testing.TB, compact string) *jwtverify.Token {
	t.Helper()
	token, err := jwtverify.Parse(compact, jwtverify.DefaultMaxToken)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	return token
}

// keyFor is the key that verifies what k has signed, for its algorithm alone.
func keyFor(t testing.TB, k *jwttest.Key) *jwtverify.Key {
	t.Helper()
	algorithms, err := jwtverify.ParseAlgorithms([]string{k.Algorithm})
	if err != nil {
		t.Fatal(err)
	}
	var key *jwtverify.Key
	if secret, ok := k.Private.([]byte); ok {
		key, err = jwtverify.NewSecret(k.ID, secret, algorithms)
	} else {
		key, err = jwtverify.NewPublic(k.ID, k.Public(), algorithms)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func reason(err error) jwtverify.Reason {
	if e, ok := errors.AsType[*jwtverify.Error](err); ok {
		return e.Reason
	}
	return 0
}

// TestAlgorithms has each algorithm verify what it has signed, and nothing else.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer := jwttest.For(name)
			key := keyFor(t, signer)
			compact := signer.Sign(good())
			if token := parse(t, compact); !token.SignedBy(key) {
				t.Fatal("its own signature is not verified")
			}
			if token := parse(t, jwttest.Other(name).Sign(good())); token.SignedBy(key) {
				t.Error("the signature of another key is verified")
			}
			for _, other := range names {
				if other != name && parse(t, jwttest.For(other).Sign(good())).SignedBy(key) {
					t.Errorf("a token of %s is verified", other)
				}
			}
			if strings.Contains(key.String(), jwttest.Secret) {
				t.Error("the key prints what it is")
			}
		})
	}
}

// TestBitFlips changes each bit of each part of a token of each kind of algorithm.
func TestBitFlips(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"HS256", "RS256", "PS256", "ES256", "EdDSA"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer := jwttest.For(name)
			key := keyFor(t, signer)
			compact := []byte(signer.Sign(good()))
			step := 1
			if name == "RS256" || name == "PS256" || name == "ES256" {
				step = 3 // not for ever
			}
			for i := 0; i < len(compact); i += step {
				for bit := range 8 {
					forged := append([]byte(nil), compact...)
					forged[i] ^= 1 << bit
					token, err := jwtverify.Parse(string(forged), jwtverify.DefaultMaxToken)
					if err == nil && token.SignedBy(key) {
						t.Fatalf("bit %d of byte %d makes no difference", bit, i)
					}
				}
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	k := jwttest.For("HS256")
	usual := k.Sign(good())
	head, rest, _ := strings.Cut(usual, ".")
	body, signature, _ := strings.Cut(rest, ".")
	header := func(more string) string { return k.SignText(`{"alg":"HS256"`+more+`}`, `{"exp":1}`) }
	claims := func(doc string) string { return k.SignText(`{"alg":"HS256"}`, doc) }
	tests := []struct {
		name, token string
		want        jwtverify.Reason
	}{
		{"empty", "", jwtverify.Malformed},
		{"dots", "..", jwtverify.Malformed},
		{"a megabyte of dots", strings.Repeat(".", 1<<20), jwtverify.TooLarge},
		{"dots within the limit", strings.Repeat(".", 8000), jwtverify.Malformed},
		{"two parts", head + "." + body, jwtverify.Malformed},
		{"four parts", usual + ".e30", jwtverify.Malformed},
		{"five parts, as of an encrypted token", head + ".a.b.c.d", jwtverify.Malformed},
		{"no signature", head + "." + body + ".", jwtverify.Malformed},
		{"no header", "." + body + "." + signature, jwtverify.Malformed},
		{"no payload", head + ".." + signature, jwtverify.Malformed},
		{"too long", k.Sign(with("pad", strings.Repeat("x", 9000))), jwtverify.TooLarge},
		{"space at the end", usual + " ", jwtverify.Malformed},
		{"line break within", head[:4] + "\n" + head[4:] + "." + rest, jwtverify.Malformed},
		{"padding", usual + "=", jwtverify.Malformed},
		{"standard alphabet", strings.NewReplacer("-", "+", "_", "/").Replace(usual + "-_"), jwtverify.Malformed},
		{"bits behind the end", head + "." + body + "." + signature[:len(signature)-1] + "B", jwtverify.Malformed},
		{"length that base64 cannot have", "e" + "." + body + "." + signature, jwtverify.Malformed},
		{"the JSON serialization", `{"payload":"` + body + `","signature":"` + signature + `"}`, jwtverify.Malformed},
		{"header is a list", k.SignText(`["HS256"]`, `{}`), jwtverify.Malformed},
		{"header is no JSON", k.SignText(`{"alg":"HS256"`, `{}`), jwtverify.Malformed},
		{"payload is text", claims(`"alice"`), jwtverify.Malformed},
		{"payload goes on", claims(`{}{}`), jwtverify.Malformed},
		{"payload is not UTF-8", claims("{\"sub\":\"\xff\"}"), jwtverify.Malformed},
		{"byte order mark", claims("\xef\xbb\xbf{}"), jwtverify.Malformed},
		{"member twice in the header", k.SignText(`{"alg":"HS256","alg":"none"}`, `{}`), jwtverify.Malformed},
		{"claim twice", claims(`{"exp":1,"exp":2}`), jwtverify.Malformed},
		{"claim twice, once escaped", claims(`{"exp":1,"\u0065xp":2}`), jwtverify.Malformed},
		{"member twice further in", claims(`{"a":[{"b":1,"b":2}]}`), jwtverify.Malformed},
		{"nested too deeply", claims(strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)), jwtverify.Malformed},
		{"no algorithm", k.SignText(`{"typ":"JWT"}`, `{}`), jwtverify.WrongAlgorithm},
		{"algorithm is no string", k.SignText(`{"alg":256}`, `{}`), jwtverify.WrongAlgorithm},
		{"empty algorithm", k.SignText(`{"alg":""}`, `{}`), jwtverify.WrongAlgorithm},
		{"critical extension", header(`,"crit":["exp"],"exp":1`), jwtverify.Malformed},
		{"empty crit", header(`,"crit":[]`), jwtverify.Malformed},
		{"payload not encoded", header(`,"b64":false`), jwtverify.Malformed},
		{"encrypted", header(`,"enc":"A256GCM"`), jwtverify.Malformed},
		{"compressed", header(`,"zip":"DEF"`), jwtverify.Malformed},
		{"key in the token", header(`,"jwk":{"kty":"oct","k":"AAAA"}`), jwtverify.Malformed},
		{"certificate in the token", header(`,"x5c":["AAAA"]`), jwtverify.Malformed},
		{"nested", header(`,"cty":"JWT"`), jwtverify.Malformed},
		{"nested, as a media type", header(`,"cty":"application/jwt"`), jwtverify.Malformed},
		{"kid is a number", header(`,"kid":1`), jwtverify.Malformed},
		{"kid too long", header(`,"kid":"` + strings.Repeat("k", 129) + `"`), jwtverify.Malformed},
		{"typ is a number", header(`,"typ":1`), jwtverify.Malformed},
		{"exp is a string", claims(`{"exp":"9999999999"}`), jwtverify.Malformed},
		{"exp is null", claims(`{"exp":null}`), jwtverify.Malformed},
		{"exp has an exponent", claims(`{"exp":1e10}`), jwtverify.Malformed},
		{"exp is huge", claims(`{"exp":99999999999999999999999999}`), jwtverify.Malformed},
		{"exp is beyond the year 9999", claims(`{"exp":253402300800}`), jwtverify.Malformed},
		{"nbf is a boolean", claims(`{"nbf":true}`), jwtverify.Malformed},
		{"iat is a list", claims(`{"iat":[1]}`), jwtverify.Malformed},
		{"iss is a number", claims(`{"iss":1}`), jwtverify.Malformed},
		{"sub is an object", claims(`{"sub":{}}`), jwtverify.Malformed},
		{"aud is a number", claims(`{"aud":1}`), jwtverify.Malformed},
		{"aud has a number", claims(`{"aud":["a",1]}`), jwtverify.Malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := jwtverify.Parse(tt.token, jwtverify.DefaultMaxToken)
			if got := reason(err); got != tt.want {
				t.Errorf("Parse = %v (reason %d), want reason %d", err, got, tt.want)
			}
		})
	}
}

// TestUnknownAlgorithm checks names that are none of ours, and that no key takes them.
func TestUnknownAlgorithm(t *testing.T) {
	t.Parallel()
	secret := jwttest.For("HS256")
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "hs256", "HS256 ", "HS1", "RS1", "ES256K", "A128KW", "dir", "HS256\u0000", "EdDSA25519"} {
		token := parse(t, secret.SignWith(map[string]any{"alg": alg}, good()))
		if token.Algorithm() != 0 {
			t.Errorf("%q is algorithm %s", alg, token.Algorithm())
		}
		for _, name := range names {
			if key := keyFor(t, jwttest.For(name)); token.SignedBy(key) {
				t.Errorf("%q is verified by a key for %s", alg, name)
			}
		}
		if _, err := token.Signer([]*jwtverify.Key{keyFor(t, secret)}); reason(err) != jwtverify.WrongAlgorithm {
			t.Errorf("%q: %v", alg, err)
		}
	}
}

func TestSignerNamesTheReason(t *testing.T) {
	t.Parallel()
	hs, rs := keyFor(t, jwttest.For("HS256")), keyFor(t, jwttest.For("RS256"))
	token := parse(t, jwttest.For("HS256").Sign(good()))
	many := []*jwtverify.Key{rs, rs, rs, rs, hs}
	tests := []struct {
		name string
		keys []*jwtverify.Key
		want jwtverify.Reason
	}{
		{"none", nil, jwtverify.UnknownKey},
		{"for another algorithm", []*jwtverify.Key{rs}, jwtverify.WrongAlgorithm},
		{"another secret", []*jwtverify.Key{keyFor(t, jwttest.Other("HS256"))}, jwtverify.WrongSignature},
		{"too many to try", many, jwtverify.UnknownKey},
		{"the second", many[3:], 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := token.Signer(tt.keys); reason(err) != tt.want {
				t.Errorf("Signer = %v", err)
			}
		})
	}
}

// TestBoundedWork checks that what cannot be a token costs next to nothing.
func TestBoundedWork(t *testing.T) {
	deep := jwttest.Encode(`{"alg":"HS256"}`) + "." + jwttest.Encode(strings.Repeat("[", 5000)) + ".AAAA"
	for name, text := range map[string]string{
		"dots": strings.Repeat(".", 1<<20), "deep": deep, "long": strings.Repeat("a", 1<<20),
	} {
		res := testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				if _, err := jwtverify.Parse(text, jwtverify.DefaultMaxToken); err == nil {
					b.Fatal("accepted")
				}
			}
		})
		if bytes := res.AllocedBytesPerOp(); bytes > 64<<10 {
			t.Errorf("%s: %d bytes allocated", name, bytes)
		}
		if perOp := time.Duration(res.NsPerOp()); perOp > time.Millisecond {
			t.Errorf("%s: %s", name, perOp)
		}
	}
}
