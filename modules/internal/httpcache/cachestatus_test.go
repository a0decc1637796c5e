// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"testing"
	"time"
)

// RFC 9211 section 2.
func TestCacheStatus(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		s    Status
		want string
	}{
		{"hit", Status{Cache: "Tollgate", HasTTL: true, TTL: 376 * time.Second}, "Tollgate; hit; ttl=376"},
		{"stale hit", Status{Cache: "Tollgate", HasTTL: true, TTL: -412 * time.Second, Detail: ReasonOnError}, "Tollgate; hit; ttl=-412; detail=stale-if-error"},
		{"fractions are never rounded up", Status{Cache: "c", HasTTL: true, TTL: -1500 * time.Millisecond}, "c; hit; ttl=-2"},
		{"fractions of what is left", Status{Cache: "c", HasTTL: true, TTL: 1900 * time.Millisecond}, "c; hit; ttl=1"},
		{"miss, stored", Status{Cache: "c", Forward: ForwardURIMiss, Stored: true}, "c; fwd=uri-miss; stored"},
		{"validated", Status{Cache: "c", Forward: ForwardStale, ForwardStatus: 304, Stored: true}, "c; fwd=stale; fwd-status=304; stored"},
		{"collapsed", Status{Cache: "c", Forward: ForwardURIMiss, Collapsed: true}, "c; fwd=uri-miss; collapsed"},
		{"a hit is not stored nor collapsed", Status{Cache: "c", Stored: true, Collapsed: true, ForwardStatus: 200}, "c; hit"},
		{"generated", Status{Cache: "c", Generated: true, Detail: ReasonOnlyIfCached}, "c; detail=only-if-cached"},
		{"key", Status{Cache: "c", Key: "a\"b\\c\x00\xff"}, `c; hit; key="a\"b\\c??"`},
		{"name with a space", Status{Cache: "my cache"}, `"my cache"; hit`},
		{"name that starts with a digit", Status{Cache: "1c"}, `"1c"; hit`},
		{"no name", Status{}, `""; hit`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := string(row.s.Append(nil)); got != row.want {
				t.Errorf("Cache-Status is %s, want %s", got, row.want)
			}
		})
	}
}

func TestForwardWords(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for f := ForwardBypass; f <= ForwardPartial; f++ {
		if word := f.String(); !isToken(word) || seen[word] {
			t.Errorf("word %q of %d is no token or there twice", word, f)
		}
		seen[f.String()] = true
	}
	if ForwardNone.String() != "" || Forward(200).String() != "" {
		t.Error("nothing is to be said of hits and unknown values")
	}
}

func TestReasonWords(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range Reasons() {
		if word := r.String(); !isToken(word) || seen[word] || len(word) > 24 {
			t.Errorf("word %q of %d is no short token or there twice", word, r)
		}
		seen[r.String()] = true
	}
	if len(seen) != int(numReasons)-1 || ReasonNone.String() != "" || Reason(200).String() != "" {
		t.Errorf("%d words", len(seen))
	}
}
