// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

func TestTag(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		level, subject string
		want           string // what is between the braces, or # for a hash
	}{
		"plain":        {"plan:standard/consumer", "alice@example.com", "plan:standard/consumer|alice@example.com"},
		"address":      {"ip", "2001:db8::/64", "ip|2001:db8::/64"},
		"no subject":   {"global", "", "global|"},
		"no level":     {"", "a", "#"},
		"brace":        {"a", "}x{", "#"},
		"bar":          {"a|b", "c", "#"},
		"looks hashed": {"#0123", "c", "#"},
		"space":        {"a", "b c", "#"},
		"line break":   {"a", "b\r\nFLUSHALL", "#"},
		"not UTF-8":    {"a", "\xff\x00", "#"},
		"long":         {"a", strings.Repeat("b", 100), "#"},
	}
	var seen sync.Map
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := string(appendTag(nil, "p", &limits.Key{Level: tt.level, Subject: tt.subject})) + suffixCounters
			inner, ok := strings.CutPrefix(key, "p:{")
			inner, ok2 := strings.CutSuffix(inner, suffixCounters)
			if !ok || !ok2 || strings.ContainsAny(inner, "{}") {
				t.Fatalf("the key is %q", key)
			}
			if tt.want == "#" && len(inner) != 33 || tt.want != "#" && inner != tt.want || inner[0] != tt.want[0] {
				t.Errorf("the tag is %q, want %q", inner, tt.want)
			}
			if _, twice := seen.LoadOrStore(key, true); twice {
				t.Errorf("two keys are %q", key)
			}
		})
	}
}

// TestNothingStaysForEver looks at the keys that decisions leave in Redis.
func TestNothingStaysForEver(t *testing.T) {
	t.Parallel()
	stores, r, _ := still(t, 1, nil)
	s := stores[0]
	d := admit(t, s, on(monthly, "a", 1), on(tokens, "a", 1), on(held, "b", 1), on(window(limits.Bucket, time.Minute), "c", 1))
	e := admit(t, s, on(window(limits.Fixed, time.Minute), "c", 5))
	s.cancel(&limits.Decision{ID: limits.NewID(), Checks: []limits.Check{on(tokens, "d", 1)}}, false)
	settle(t, s, e, 1)
	settle(t, s, d, 0)
	keys, _ := r.Do("KEYS", "tollgate:{*").([]any)
	if len(keys) < 4 {
		t.Errorf("%d keys, want some: %v", len(keys), keys)
	}
	for _, k := range keys {
		if ttl, _ := r.Do("PTTL", k.(string)).(int64); ttl <= 0 {
			t.Errorf("%s lives for %d ms", k, ttl)
		}
	}
}

// TestDenialsWriteNothing compares all that a Redis holds before and after.
func TestDenialsWriteNothing(t *testing.T) {
	t.Parallel()
	stores, r, _ := still(t, 1, func(o *Options) { o.Over = -1 })
	s := stores[0]
	sliding := window(limits.Sliding, time.Hour)
	admit(t, s, on(monthly, "a", 1000), on(held, "a", 3))
	admit(t, s, on(sliding, "b", 1<<30))
	dump := func() string {
		var b strings.Builder
		for _, k := range []string{"tollgate:{test|a}:c", "tollgate:{test|a}:r", "tollgate:{test|b}:c", "tollgate:{test|b}:r"} {
			v, _ := r.Do("DUMP", k).(string)
			b.WriteString(v)
		}
		return b.String()
	}
	before := dump()
	for name, checks := range map[string][]limits.Check{
		"budget":  {on(tokens, "a", 5), on(monthly, "a", 1)},
		"held":    {on(held, "a", 1)},
		"sliding": {on(sliding, "b", 1), on(window(limits.Fixed, time.Hour), "b", 1)},
	} {
		d := &limits.Decision{ID: limits.NewID(), Checks: checks}
		if err := s.Decide(t.Context(), d); err != nil || !d.Denied {
			t.Errorf("%s: denied %v, error %v", name, d.Denied, err)
		}
	}
	if dump() != before {
		t.Error("a denial has changed something")
	}
}

// TestUserNeedsNoMoreCommands has a user who may do what the documentation says.
func TestUserNeedsNoMoreCommands(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	r.Do(append([]string{"ACL", "SETUSER", "demo", "on", ">demo-password-not-a-secret", "~tollgate:*"}, strings.Fields(
		// Those of redisconn, and those of this package.
		"+@connection +evalsha +eval +get +set +time +info +@sortedset +hget +hset +hsetnx +hdel +hgetall +pexpire +pttl")...)...)
	s := open(t, Options{Conn: connect(t, redisconn.Options{
		URLs: []string{r.URL()}, Username: "demo", Password: "demo-password-not-a-secret",
	})})
	var d *limits.Decision
	redistest.Eventually(t, "the epoch to be old enough", func() bool {
		d = &limits.Decision{ID: limits.NewID(), Checks: []limits.Check{on(monthly, "a", 5), on(held, "a", 1)}}
		return s.Decide(t.Context(), d) == nil
	})
	admit(t, s, on(window(limits.Sliding, time.Minute), "a", 1))
	s.sending.Lock()
	err := s.renewOpen(0)
	s.sending.Unlock()
	if err != nil {
		t.Error(err)
	}
	settle(t, s, d, 1)
	holds(t, s, on(monthly, "a", 0), 1, 0)
	holds(t, s, on(held, "a", 0), 0, 0)
	if err := s.Reset(t.Context(), []limits.Check{on(monthly, "a", 0)}); err != nil {
		t.Error(err)
	}
}
