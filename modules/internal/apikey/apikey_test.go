// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apikey_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

// digestOfAbc is the SHA-256 of "abc" as FIPS 180-4 gives it in its examples.
const digestOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

func TestHash(t *testing.T) {
	t.Parallel()
	if got := apikey.Hash("abc").String(); got != "sha256:"+digestOfAbc {
		t.Errorf("Hash(abc) = %s", got)
	}
	if got := apikey.Hash("").String(); got != "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("Hash of nothing = %s", got)
	}
	if apikey.Hash("abc") == apikey.Hash("abc ") {
		t.Error("a trailing space must make another key")
	}
}

// TestHashAllocates must not run beside other tests, whose allocations would count.
func TestHashAllocates(t *testing.T) {
	key := strings.Repeat("demo-key-not-a-secret", 5)
	if n := testing.AllocsPerRun(100, func() { apikey.Hash(key) }); n != 0 {
		t.Errorf("Hash allocates %v times", n)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	want := apikey.Hash("abc")
	for _, tc := range []struct {
		name, literal string
		ok            bool
	}{
		{"lower case", "sha256:" + digestOfAbc, true},
		{"upper case", "sha256:" + strings.ToUpper(digestOfAbc), true},
		{"mixed case", "sha256:" + strings.ToUpper(digestOfAbc[:32]) + digestOfAbc[32:], true},
		{"empty", "", false},
		{"no digits", "sha256:", false},
		{"no scheme", digestOfAbc, false},
		{"scheme in upper case", "SHA256:" + digestOfAbc, false},
		{"other scheme", "sha512:" + digestOfAbc, false},
		{"one digit short", "sha256:" + digestOfAbc[1:], false},
		{"one digit more", "sha256:" + digestOfAbc + "0", false},
		{"not hexadecimal", "sha256:" + digestOfAbc[:63] + "g", false},
		{"space before", " sha256:" + digestOfAbc, false},
		{"space after", "sha256:" + digestOfAbc + " ", false},
		{"newline after", "sha256:" + digestOfAbc + "\n", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := apikey.Parse(tc.literal)
			if tc.ok {
				if err != nil || got != want {
					t.Fatalf("Parse = %v, %v", got, err)
				}
				return
			}
			if !errors.Is(err, apikey.ErrNotDigest) {
				t.Fatalf("Parse = %v, %v, want ErrNotDigest", got, err)
			}
			if got != (apikey.Digest{}) {
				t.Errorf("a refused literal gave the digest %v", got)
			}
		})
	}
}

// TestParseKeepsSecret guards against a key in clear, given where a digest is
// expected, reaching an error message.
func TestParseKeepsSecret(t *testing.T) {
	t.Parallel()
	for _, literal := range []string{"demo-key-not-a-secret", "sha256:demo-key-not-a-secret"} {
		_, err := apikey.Parse(literal)
		if err == nil || strings.Contains(err.Error(), "demo-key") {
			t.Errorf("error = %v", err)
		}
	}
}

// TestDigestIsNoKey guards the rule that whoever reads a digest in a
// configuration cannot present it as a key.
func TestDigestIsNoKey(t *testing.T) {
	t.Parallel()
	d := apikey.Hash("demo-key-not-a-secret")
	if apikey.Hash(d.String()) == d {
		t.Error("the text of a digest hashes to itself")
	}
	if !apikey.IsLiteral(d.String()) || !apikey.IsLiteral("sha256:mistyped") || apikey.IsLiteral("demo-key-not-a-secret") {
		t.Error("IsLiteral tells digests from keys by their scheme")
	}
}

func TestID(t *testing.T) {
	t.Parallel()
	d := apikey.Hash("demo-key-not-a-secret")
	id := d.ID()
	if len(id) != 16 || !strings.HasPrefix(id, "key_") {
		t.Fatalf("ID = %q", id)
	}
	if id != d.ID() || id == apikey.Hash("other-key-not-a-secret").ID() {
		t.Error("an identifier must depend on the key alone")
	}
	if strings.Contains(d.String(), id[4:]) {
		t.Errorf("ID %q is part of the digest", id)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	used := map[rune]bool{}
	for range 500 {
		key, err := apikey.New()
		if err != nil {
			t.Fatal(err)
		}
		if len(key) != 52 || !strings.HasPrefix(key, "tg_") {
			t.Fatalf("New gave a key of length %d", len(key))
		}
		if seen[key] {
			t.Fatal("New gave the same key twice")
		}
		seen[key] = true
		if !apikey.WellFormed(key) {
			t.Fatal("a new key is not well-formed")
		}
		for _, r := range key[3:46] {
			used[r] = true
		}
	}
	if len(used) != 62 {
		t.Errorf("500 keys use %d of 62 characters", len(used))
	}
}

func TestWellFormed(t *testing.T) {
	t.Parallel()
	// 43 zeros; the checksum was computed with another CRC-32 implementation.
	const fixed = "tg_00000000000000000000000000000000000000000003L6u1e"
	for _, tc := range []struct {
		name, key string
		want      bool
	}{
		{"fixed key", fixed, true},
		{"empty", "", false},
		{"too short", fixed[:51], false},
		{"too long", fixed + "0", false},
		{"other prefix", "tk" + fixed[2:], false},
		{"character changed", "tg_1" + fixed[4:], false},
		{"checksum changed", fixed[:51] + "_", false},
		{"characters swapped", "tg_" + "01" + fixed[5:], false},
		{"other alphabet", "tg_-" + fixed[4:], false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := apikey.WellFormed(tc.key); got != tc.want {
				t.Errorf("WellFormed = %v", got)
			}
		})
	}
}

func TestLeaked(t *testing.T) {
	t.Parallel()
	for _, literal := range []string{
		"sha256:17301b0903ddb18ebf391605c87cdf412a559afe26aa6d51cd88f2f7c25202af",
		"sha256:8086F6EFAE1D0B1D7147EB63928DA2D20C954C3B71F9C5662F62ABBB47EBACB3",
		"sha256:31675f0c2ff979039e867e8c83ac53a64a10f8a0f7d919ae2c0dcd0b3139b245",
		"sha256:dadd280d875772f40285c7816740fad51c6b01ed57839531aea2b0b3f6f869fe",
	} {
		d, err := apikey.Parse(literal)
		if err != nil {
			t.Fatal(err)
		}
		if !apikey.Leaked(d) {
			t.Errorf("%s is not refused", literal)
		}
	}
	if apikey.Leaked(apikey.Hash("demo-key-not-a-secret")) || apikey.Leaked(apikey.Digest{}) {
		t.Error("a key that was not published is refused")
	}
}

func BenchmarkHash(b *testing.B) {
	key, err := apikey.New()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = apikey.Hash(key)
	}
}
