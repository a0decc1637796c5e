// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"encoding/hex"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// The keys of Redis: the prefix, a hash tag that stands for level and subject, and
// what the key holds.
const (
	suffixCounters = "}:c"  // all counters of a level and subject
	suffixReserved = "}:r"  // what decisions have reserved of them
	suffixSettled  = "}:s:" // that a decision without reservations is settled
	suffixMark     = ":limits:mark"
)

// maxPlain is how long level and subject may be together to be written as they are.
const maxPlain = 100

// plain says that a key may stand in a key of Redis as it is: an operator can read
// it, and it cannot be taken for another.
func plain(k *limits.Key) bool {
	if len(k.Level)+len(k.Subject) > maxPlain || k.Level == "" {
		return false
	}
	return safe(k.Level) && safe(k.Subject)
}

func safe(s string) bool {
	for i := range len(s) {
		if !safeBytes[s[i]] {
			return false
		}
	}
	return true
}

// safeBytes has neither the braces of hash tags, nor | which stands between level and
// subject, nor # which begins a hash.
var safeBytes = func() (t [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/.-_@+=," {
		t[c] = true
	}
	return t
}()

// appendTag appends what the keys of one level and subject begin with.
func appendTag(dst []byte, prefix string, k *limits.Key) []byte {
	dst = append(dst, prefix...)
	dst = append(dst, ":{"...)
	if plain(k) {
		dst = append(dst, k.Level...)
		dst = append(dst, '|')
		return append(dst, k.Subject...)
	}
	sum := k.Hash()
	dst = append(dst, '#')
	return hex.AppendEncode(dst, sum[:])
}
