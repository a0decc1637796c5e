// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limits

import (
	"strings"
	"testing"
	"time"
)

const day = 24 * time.Hour

func TestRuleCheck(t *testing.T) {
	t.Parallel()
	sliding := func(d time.Duration) Window { return Window{Kind: Sliding, Length: d} }
	bucket := func(d time.Duration) Window { return Window{Kind: Bucket, Length: d} }
	fixed := func(d time.Duration) Window { return Window{Kind: Fixed, Length: d} }
	tests := []struct {
		name string
		rule Rule
		want string // part of the error, or "" for none
	}{
		{"smallest", Rule{Window: sliding(time.Second), Limit: 1}, ""},
		{"largest sliding", Rule{Window: sliding(366 * day), Limit: MaxSliding}, ""},
		{"beyond sliding", Rule{Window: sliding(time.Second), Limit: MaxSliding + 1}, "out of range for a sliding window"},
		{"beyond sliding, in money", Rule{Unit: Cost, Window: sliding(time.Second), Limit: MaxCount}, ""},
		{"largest fixed", Rule{Window: fixed(366 * day), Limit: MaxCount}, ""},
		{"beyond fixed", Rule{Window: fixed(366 * day), Limit: MaxCount + 1}, "limit 9007199254740992 is out of range"},
		{"none", Rule{Window: fixed(day)}, "limit 0 is out of range"},
		{"negative", Rule{Window: fixed(day), Limit: -1}, "limit -1 is out of range"},
		{"too short", Rule{Window: fixed(999 * time.Millisecond), Limit: 1}, "length 999ms is out of range"},
		{"no length", Rule{Window: Window{Kind: Bucket}, Limit: 1}, "length 0s is out of range"},
		{"too long", Rule{Window: fixed(366*day + time.Millisecond), Limit: 1}, "is out of range"},
		{"milliseconds", Rule{Window: sliding(1001 * time.Millisecond), Limit: 1}, ""},
		{"microseconds", Rule{Window: sliding(time.Second + time.Microsecond), Limit: 1}, "whole milliseconds"},
		{"calendar", Rule{Unit: Cost, Window: Window{Kind: Calendar, Period: Month}, Limit: MaxCount}, ""},
		{"in flight", Rule{Unit: Concurrent, Window: Window{Kind: Held}, Limit: MaxCount}, ""},
		{"requests held", Rule{Window: Window{Kind: Held}, Limit: 1}, "kind held does not fit requests"},
		{"in flight in a window", Rule{Unit: Concurrent, Window: sliding(day), Limit: 1}, "kind sliding does not fit concurrent"},
		{"burst", Rule{Window: bucket(time.Second), Limit: 1, Burst: 1000}, ""},
		{"burst of a sliding window", Rule{Window: sliding(time.Second), Limit: 1, Burst: 2}, "burst does not fit a window of kind sliding"},
		{"negative burst", Rule{Window: bucket(time.Second), Limit: 1, Burst: -1}, "burst -1 is out of range"},
		{"burst beyond all", Rule{Window: bucket(time.Second), Limit: 1, Burst: MaxCount + 1}, "is out of range"},
		{"burst beyond its length", Rule{Window: bucket(day), Limit: 1, Burst: MaxCount/86_400_000 + 1}, "out of range for a bucket"},
		{"largest burst of its length", Rule{Window: bucket(day), Limit: 1, Burst: MaxCount / 86_400_000}, ""},
		{"limit beyond its length", Rule{Window: bucket(time.Second), Limit: MaxCount/1000 + 1, Burst: 1}, "limit 9007199254741 is out of range for a bucket"},
		{"long bucket", Rule{Window: bucket(day + time.Second), Limit: 1}, "out of range for a bucket"},
		{"unknown kind", Rule{Window: Window{Kind: Held + 1, Length: day}, Limit: 1}, "kind unknown"},
		{"unknown unit", Rule{Unit: Concurrent + 1, Window: fixed(day), Limit: 1}, "unit unknown"},
		{"unknown period", Rule{Window: Window{Kind: Calendar, Period: Year + 1}, Limit: 1}, "period unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.rule.Check()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Check() = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	kolkata := zone(t, "Asia/Kolkata")
	tests := []struct {
		want string
		rule Rule
	}{
		{"requests/60s", Rule{Window: Window{Length: time.Minute}}},
		{"tokens/1500ms", Rule{Unit: Tokens, Window: Window{Length: 1500 * time.Millisecond}}},
		{"input_tokens/fixed-3600s", Rule{Unit: InputTokens, Window: Window{Kind: Fixed, Length: time.Hour}}},
		{"output_tokens/bucket-1s", Rule{Unit: OutputTokens, Window: Window{Kind: Bucket, Length: time.Second}}},
		{"cost/month@Asia/Kolkata", Rule{Unit: Cost, Window: Window{Kind: Calendar, Period: Month, Zone: kolkata}}},
		{"cost/day", Rule{Unit: Cost, Window: Window{Kind: Calendar, Period: Day, Zone: time.UTC}}},
		{"cost/day", Rule{Unit: Cost, Window: Window{Kind: Calendar, Period: Day}}},
		{"cost/day", Rule{Unit: Cost, Window: Window{Kind: Calendar, Period: Day, Zone: zone(t, "UTC")}}},
		{"concurrent/held", Rule{Unit: Concurrent, Window: Window{Kind: Held}}},
	}
	for _, tt := range tests {
		tt.rule.Limit = 5
		other := tt.rule
		other.Limit, other.Soft, other.Shadow, other.Burst = 6, true, true, 7
		if got, same := tt.rule.ID(), other.ID(); got != tt.want || same != tt.want {
			t.Errorf("ID() = %q and %q, want %q", got, same, tt.want)
		}
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		window Window
		want   int64
	}{
		{Window{Length: time.Minute}, 60},
		{Window{Kind: Fixed, Length: 1001 * time.Millisecond}, 2},
		{Window{Kind: Bucket, Length: time.Second}, 1},
		{Window{Kind: Held}, 0},
		{Window{Kind: Calendar, Period: Minute}, 60},
		{Window{Kind: Calendar, Period: Hour}, 3600},
		{Window{Kind: Calendar, Period: Day}, 86_400},
		{Window{Kind: Calendar, Period: Month}, 31 * 86_400},
		{Window{Kind: Calendar, Period: Year}, 366 * 86_400},
	}
	for _, tt := range tests {
		if got := tt.window.Seconds(); got != tt.want {
			t.Errorf("Seconds() of %s = %d, want %d", tt.window.ID(), got, tt.want)
		}
	}
}

func TestRuleIs(t *testing.T) {
	t.Parallel()
	money, requests := Rule{Unit: Cost, Limit: 5}, Rule{Limit: 5}
	soft, shadow := Rule{Unit: Cost, Limit: 5, Soft: true}, Rule{Unit: Cost, Limit: 5, Shadow: true}
	if !money.Hard() || requests.Hard() || soft.Hard() || shadow.Hard() {
		t.Error("hard is money that enforces, and nothing else")
	}
	if !money.Enforces() || !requests.Enforces() || soft.Enforces() || shadow.Enforces() {
		t.Error("soft and shadow do not enforce, others do")
	}
	burst := Rule{Limit: 5, Burst: 9, Window: Window{Kind: Bucket}}
	if requests.Capacity() != 5 || burst.Capacity() != 9 {
		t.Error("the capacity is the burst of a bucket, else the limit")
	}
	if Requests.Reserves() || !Tokens.Reserves() || !Cost.Reserves() || !Concurrent.Reserves() {
		t.Error("all but requests reserve")
	}
	for got, want := range map[string]string{
		Unit(99).String(): "unknown", Kind(99).String(): "unknown", Period(99).String(): "unknown",
		OutputTokens.String(): "output_tokens", Bucket.String(): "bucket", Year.String(): "year",
	} {
		if got != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
	}
}
