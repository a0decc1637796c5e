// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limits

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

// TestKeyHash guards what keys look like in stores that outlive the gateway, and that
// parts cannot flow into one another.
func TestKeyHash(t *testing.T) {
	t.Parallel()
	k := Key{Level: "plan:standard/consumer", Subject: "demo"}
	hash := k.Hash()
	if got := hex.EncodeToString(hash[:]); got != "f37dbb93d2773905017669a47a34bc59" {
		t.Errorf("Hash() = %s", got)
	}
	long := strings.Repeat("x", 1<<16)
	seen := make(map[[16]byte]Key)
	for _, k := range []Key{
		{},
		{Level: "a"},
		{Subject: "a"},
		{Level: "ab", Subject: "c"},
		{Level: "a", Subject: "bc"},
		{Level: "abc"},
		{Subject: "abc"},
		{Level: "a", Subject: "\x00"},
		{Level: "a\x00"},
		{Subject: "\x00\x01a"},
		{Level: "\x00", Subject: "\x01a"},
		{Subject: long},
		{Subject: long + "x"},
		{Level: long},
		{Level: long, Subject: "x"},
		{Level: "x", Subject: long},
		{Level: long + "x"},
	} {
		h := k.Hash()
		if o, ok := seen[h]; ok {
			t.Errorf("keys of levels %.20q and %.20q, subjects %.20q and %.20q have one hash", k.Level, o.Level, k.Subject, o.Subject)
		}
		seen[h] = k
	}
}

func TestKeyHashAllocatesNothing(t *testing.T) {
	k := Key{Level: "plan:standard/consumer", Subject: "demo"}
	if n := testing.AllocsPerRun(100, func() { k.Hash() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNewID(t *testing.T) {
	t.Parallel()
	seen := map[ID]bool{{}: true}
	for range 1000 {
		id := NewID()
		if seen[id] {
			t.Fatalf("%x was drawn before", id)
		}
		seen[id] = true
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	requests, tokens := &Rule{Limit: 1}, &Rule{Unit: Tokens, Limit: 1}
	for name, tt := range map[string]struct {
		d    Decision
		want bool
	}{
		"nothing":           {Decision{}, false},
		"requests":          {Decision{Checks: []Check{{Rule: requests}}}, false},
		"tokens":            {Decision{Checks: []Check{{Rule: requests}, {Rule: tokens}}}, true},
		"tokens and denied": {Decision{Checks: []Check{{Rule: tokens}}, Denied: true}, false},
	} {
		if got := tt.d.Open(); got != tt.want {
			t.Errorf("Open() of %s = %v", name, got)
		}
	}
}

func TestTightest(t *testing.T) {
	t.Parallel()
	minute, hour := Window{Length: time.Minute}, Window{Length: time.Hour}
	check := func(w Window, limit, used int64, frees time.Duration, exceeded bool) Check {
		return Check{Rule: &Rule{Window: w, Limit: limit}, Used: used, Frees: frees, Exceeded: exceeded}
	}
	with := func(c Check, change func(*Rule)) Check {
		r := *c.Rule
		change(&r)
		c.Rule = &r
		return c
	}
	soft := func(c Check) Check { return with(c, func(r *Rule) { r.Soft = true }) }
	shadow := func(c Check) Check { return with(c, func(r *Rule) { r.Shadow = true }) }
	tests := []struct {
		name   string
		checks []Check
		denied bool
		want   int // -1 for none
	}{
		{"nothing", nil, false, -1},
		{"one", []Check{check(minute, 10, 3, 0, false)}, false, 0},
		{"smallest share", []Check{check(minute, 10, 5, 0, false), check(hour, 1000, 900, 0, false)}, false, 1},
		{"not smallest count", []Check{check(minute, 10, 1, 0, false), check(hour, 1000, 900, 0, false)}, false, 1},
		{"equal, longest window", []Check{check(minute, 10, 5, 0, false), check(hour, 100, 50, 0, false)}, false, 1},
		{"equal, longest window first", []Check{check(hour, 100, 50, 0, false), check(minute, 10, 5, 0, false)}, false, 0},
		{"shadow left out", []Check{check(minute, 10, 5, 0, false), shadow(check(hour, 10, 10, 0, true))}, false, 0},
		{"only shadow", []Check{shadow(check(hour, 10, 10, 0, true))}, false, -1},
		{"soft beyond its limit", []Check{check(minute, 10, 9, 0, false), soft(check(hour, 10, 30, 0, true))}, false, 1},
		{"denied", []Check{check(minute, 10, 10, time.Second, true), check(hour, 10, 9, time.Hour, false)}, true, 0},
		{"denied by two", []Check{check(minute, 10, 10, time.Second, true), check(hour, 10, 10, time.Hour, true)}, true, 1},
		{"denied for ever", []Check{check(minute, 10, 1, Never, true), check(hour, 10, 10, time.Hour, true)}, true, 0},
		{"denied, not by the soft one", []Check{soft(check(minute, 10, 10, Never, true)), check(hour, 10, 10, 1, true)}, true, 1},
		{"denied by what is in flight", []Check{check(minute, 10, 10, 0, false), {Rule: &Rule{Unit: Concurrent, Limit: 1, Window: Window{Kind: Held}}, Used: 1, Exceeded: true}}, true, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := Decision{Checks: tt.checks, Denied: tt.denied}
			got := d.Tightest()
			if tt.want < 0 && got != nil || tt.want >= 0 && got != &d.Checks[tt.want] {
				t.Errorf("Tightest() = %+v, want check %d", got, tt.want)
			}
		})
	}
}

func TestRemaining(t *testing.T) {
	t.Parallel()
	r := &Rule{Limit: 10, Burst: 15, Window: Window{Kind: Bucket, Length: time.Second}}
	for used, want := range map[int64]int64{0: 15, 4: 11, 15: 0, 99: 0} {
		if got := (&Check{Rule: r, Used: used}).Remaining(); got != want {
			t.Errorf("Remaining() after %d = %d, want %d", used, got, want)
		}
	}
}

func BenchmarkKeyHash(b *testing.B) {
	k := Key{Level: "plan:standard/consumer", Subject: "demo"}
	b.ReportAllocs()
	for b.Loop() {
		k.Hash()
	}
}
