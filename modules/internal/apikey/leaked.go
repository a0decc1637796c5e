// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apikey

// leaked holds the digests of keys that were published. Whoever reads the
// publication holds the key, so no configuration may use one.
var leaked = [...]Digest{
	mustParse("sha256:17301b0903ddb18ebf391605c87cdf412a559afe26aa6d51cd88f2f7c25202af"),
	mustParse("sha256:31675f0c2ff979039e867e8c83ac53a64a10f8a0f7d919ae2c0dcd0b3139b245"),
	mustParse("sha256:8086f6efae1d0b1d7147eb63928da2d20c954c3b71f9c5662f62abbb47ebacb3"),
	mustParse("sha256:dadd280d875772f40285c7816740fad51c6b01ed57839531aea2b0b3f6f869fe"),
}

// Leaked reports whether d is the digest of a key that is known to have been
// published. Such a key must be refused wherever keys are configured.
func Leaked(d Digest) bool {
	for i := range leaked {
		if leaked[i] == d {
			return true
		}
	}
	return false
}

// mustParse is Parse for the constants above.
func mustParse(literal string) Digest {
	d, err := Parse(literal)
	if err != nil {
		panic(err)
	}
	return d
}
