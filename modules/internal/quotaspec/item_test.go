// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotaspec

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

const nano = int64(limits.NanoPerUSD)

func sliding(d time.Duration) limits.Window { return limits.Window{Kind: limits.Sliding, Length: d} }
func fixed(d time.Duration) limits.Window   { return limits.Window{Kind: limits.Fixed, Length: d} }
func bucket(d time.Duration) limits.Window  { return limits.Window{Kind: limits.Bucket, Length: d} }
func calendar(p limits.Period) limits.Window {
	return limits.Window{Kind: limits.Calendar, Period: p}
}

// parse reads a line of a Caddyfile.
func parse(line string) (Item, error) {
	words := strings.Fields(line)
	return ParseItem(words[0], words[1:])
}

func TestItems(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		line string
		want []limits.Rule
	}{
		{"requests 100/min", []limits.Rule{{Window: sliding(time.Minute), Limit: 100}}},
		{"requests 5/s 100/minute 1k/h", []limits.Rule{
			{Window: sliding(time.Second), Limit: 5},
			{Window: sliding(time.Minute), Limit: 100},
			{Window: sliding(time.Hour), Limit: 1000},
		}},
		{"requests 1/sec", []limits.Rule{{Window: sliding(time.Second), Limit: 1}}},
		{"requests 1/second", []limits.Rule{{Window: sliding(time.Second), Limit: 1}}},
		{"requests 1/d", []limits.Rule{{Window: sliding(24 * time.Hour), Limit: 1}}},
		{"requests 10/30s 20/7d", []limits.Rule{{Window: sliding(30 * time.Second), Limit: 10}, {Window: sliding(7 * 24 * time.Hour), Limit: 20}}},
		{"requests 10/1h30m", []limits.Rule{{Window: sliding(90 * time.Minute), Limit: 10}}},
		{"requests 10/1d12h", []limits.Rule{{Window: sliding(36 * time.Hour), Limit: 10}}},
		{"requests 10/1500ms", []limits.Rule{{Window: sliding(1500 * time.Millisecond), Limit: 10}}},
		{"requests 10/366d", []limits.Rule{{Window: sliding(366 * 24 * time.Hour), Limit: 10}}},
		{"requests 1000/day fixed", []limits.Rule{{Window: fixed(24 * time.Hour), Limit: 1000}}},
		{"requests 1000/day calendar", []limits.Rule{{Window: calendar(limits.Day), Limit: 1000}}},
		{"requests 10/hour 1000/month", []limits.Rule{{Window: sliding(time.Hour), Limit: 10}, {Window: calendar(limits.Month), Limit: 1000}}},
		{"requests 10/s bucket", []limits.Rule{{Window: bucket(time.Second), Limit: 10}}},
		{"requests 10/s burst 50", []limits.Rule{{Window: bucket(time.Second), Limit: 10, Burst: 50}}},
		{"requests 10/s bucket burst 1k", []limits.Rule{{Window: bucket(time.Second), Limit: 10, Burst: 1000}}},
		{"requests 9007199254740991/day fixed", []limits.Rule{{Window: fixed(24 * time.Hour), Limit: limits.MaxCount}}},
		{"requests 4294967295/day", []limits.Rule{{Window: sliding(24 * time.Hour), Limit: limits.MaxSliding}}},
		{"tokens 1.5M/day", []limits.Rule{{Unit: limits.Tokens, Window: sliding(24 * time.Hour), Limit: 1_500_000}}},
		{"tokens 0.25k/day", []limits.Rule{{Unit: limits.Tokens, Window: sliding(24 * time.Hour), Limit: 250}}},
		{"tokens 2.000k/min", []limits.Rule{{Unit: limits.Tokens, Window: sliding(time.Minute), Limit: 2000}}},
		{"tokens input 200k/min", []limits.Rule{{Unit: limits.InputTokens, Window: sliding(time.Minute), Limit: 200_000}}},
		{"tokens output 10k/min sliding", []limits.Rule{{Unit: limits.OutputTokens, Window: sliding(time.Minute), Limit: 10_000}}},
		{"cost 50usd/month", []limits.Rule{{Unit: limits.Cost, Window: calendar(limits.Month), Limit: 50 * nano}}},
		{"cost 1USD/hour $5/day 600usd/year", []limits.Rule{
			{Unit: limits.Cost, Window: calendar(limits.Hour), Limit: nano},
			{Unit: limits.Cost, Window: calendar(limits.Day), Limit: 5 * nano},
			{Unit: limits.Cost, Window: calendar(limits.Year), Limit: 600 * nano},
		}},
		{"cost 0.5usd/24h", []limits.Rule{{Unit: limits.Cost, Window: sliding(24 * time.Hour), Limit: nano / 2}}},
		{"cost 0.000000001usd/s", []limits.Rule{{Unit: limits.Cost, Window: sliding(time.Second), Limit: 1}}},
		{"cost 5usd/day sliding", []limits.Rule{{Unit: limits.Cost, Window: sliding(24 * time.Hour), Limit: 5 * nano}}},
		{"cost 5usd/day soft", []limits.Rule{{Unit: limits.Cost, Window: calendar(limits.Day), Limit: 5 * nano, Soft: true}}},
		{"cost 9007199usd/year", []limits.Rule{{Unit: limits.Cost, Window: calendar(limits.Year), Limit: 9_007_199 * nano}}},
		{"concurrent 20", []limits.Rule{{Unit: limits.Concurrent, Window: limits.Window{Kind: limits.Held}, Limit: 20}}},
	} {
		t.Run(test.line, func(t *testing.T) {
			t.Parallel()
			it, err := parse(test.line)
			if err != nil {
				t.Fatal(err)
			}
			c, err := (&Spec{Items: []Item{it}}).Compile()
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(c.Rules, test.want) {
				t.Errorf("compiled to\n%+v\nwant\n%+v", c.Rules, test.want)
			}
			if it.String() != test.line {
				t.Errorf("written as %q", it)
			}
		})
	}
}

func TestTotalTokensAreTokens(t *testing.T) {
	t.Parallel()
	it, err := parse("tokens total 200k/min")
	if err != nil || it.String() != "tokens 200k/min" {
		t.Errorf("got %q, %v", it, err)
	}
}

func TestTimeZones(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		line string
		ids  []string
	}{
		{"cost 50usd/month timezone Asia/Kolkata", []string{"cost/month@Asia/Kolkata"}},
		{"cost 1usd/day 50usd/month timezone America/Argentina/Buenos_Aires soft", []string{
			"cost/day@America/Argentina/Buenos_Aires", "cost/month@America/Argentina/Buenos_Aires",
		}},
		{"requests 10/min 1000/month timezone Europe/Berlin", []string{"requests/60s", "requests/month@Europe/Berlin"}},
		{"requests 10/day calendar timezone UTC", []string{"requests/day"}},
		{"requests 10/day calendar timezone Etc/GMT+5", []string{"requests/day@Etc/GMT+5"}},
	} {
		t.Run(test.line, func(t *testing.T) {
			t.Parallel()
			it, err := parse(test.line)
			if err != nil {
				t.Fatal(err)
			}
			rules, err := it.rules()
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range test.ids {
				if rules[i].ID() != want {
					t.Errorf("rule %d counts in %s, want %s", i, rules[i].ID(), want)
				}
			}
			if it.String() != test.line {
				t.Errorf("written as %q", it)
			}
		})
	}
}

func TestItemRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ line, want string }{
		{"calls 1/min", "write requests, tokens, cost, concurrent"},
		{"requests", "the limit is missing; write one such as requests 1000/min"},
		{"tokens input", "write one such as tokens input 200k/min"},
		{"cost soft", "write one such as cost 50usd/month"},
		{"concurrent", "write one such as concurrent 20"},
		{"requests 0/min", "0 lets nothing pass"},
		{"requests 0.0k/min", "lets nothing pass"},
		{"requests -5/min", `"-5" is negative`},
		{"requests +5/min", "is not a number"},
		{"requests 1e3/min", "is not a number"},
		{"requests 0x10/min", "is not a number"},
		{"requests 1,000/min", "separators"},
		{"requests 1_000/min", "separators"},
		{"requests ten/min", `"ten" is not a number; write one such as 1000`},
		{"requests /min", `"" is not a number`},
		{"requests k/min", `"k" is not a number`},
		{"requests 1./min", "is not a number"},
		{"requests .5k/min", "is not a number"},
		{"requests 1.5/min", "1.5 is not a whole number"},
		{"requests 1.0005k/min", "is not a whole number"},
		{"requests 5K/min", "write k for thousands and M for millions"},
		{"requests 5m/min", "write k for thousands and M for millions"},
		{"requests 5usd/min", "is money, which only cost limits"},
		{"tokens $5/min", "is money, which only cost limits"},
		{"requests 9007199254740992/day fixed", "too large"},
		{"requests 99999999999999999999/day", "too large"},
		{"requests 9999999999999999M/day", "too large"},
		{"requests 4294967296/day", "too much for a sliding window, which counts to 4294967295; write fixed or calendar"},
		{"requests 100", "100 has no window; write one such as 100/min, 100/hour"},
		{"requests 100/", `"" is not a window`},
		{"requests 100/fortnight", `"fortnight" is not a window; write s, min, hour`},
		{"requests 100/m", "write min or month"},
		{"requests 100/week", "write 7d"},
		{"requests 100/30", `"30" is not a window`},
		{"requests 100/-30s", "is not a window"},
		{"requests 100/1d-5h", "is not a window"},
		{"requests 100/999ms", "too short"},
		{"requests 100/0d", "too short"},
		{"requests 100/367d", "too long; it must be at most 366d"},
		{"requests 100/99999999999999d", "is not a window"},
		{"requests 100/1000000h", "is not a window"},
		{"requests 100/1s500us", "whole milliseconds"},
		{"requests 100/min/hour", "is not a window"},
		{"requests 1/month sliding", "cannot be sliding; write 30d, or leave sliding out"},
		{"requests 1/year fixed", "write 365d"},
		{"requests 1/month bucket", "a bucket fills within a day"},
		{"requests 1/2d bucket", "a bucket fills within a day"},
		{"requests 200M/day bucket", "too much for a bucket that fills in 24h0m0s"},
		{"requests 1/day burst 200M", "too much for a bucket"},
		{"requests 1/30s calendar", "calendar windows are min, hour, day, month and year"},
		{"requests 1/s calendar", "calendar windows are min"},
		{"requests 1/min sliding fixed", "sliding and fixed exclude each other"},
		{"requests 1/min fixed fixed", "fixed is given twice"},
		{"requests 1/min fixed burst 5", "write bucket instead of fixed"},
		{"requests 1/min burst", "burst lacks its value"},
		{"requests 1/min burst 0", "burst: 0 lets nothing pass"},
		{"requests 1/min burst 5/s", "burst: "},
		{"requests 1/min burst 5 burst 6", "burst is given twice"},
		{"requests 1/min 2/hour burst 5", "burst belongs to one limit"},
		{"requests 1/min timezone UTC", "write calendar as well"},
		{"cost 1usd/24h timezone Asia/Kolkata", "write calendar as well"},
		{"cost 1usd/day timezone", "timezone lacks its value"},
		{"cost 1usd/day timezone Mars/Olympus", `time zone "Mars/Olympus" is unknown; write one such as UTC`},
		{"cost 1usd/day timezone Local", "is unknown"},
		{"cost 1usd/day timezone ../Berlin", "is unknown"},
		{"cost 1usd/day timezone UTC timezone UTC", "timezone is given twice"},
		{"cost 1usd/day soft soft", "soft is given twice"},
		{"requests 1/min soft", "soft is for cost alone; to try other limits out write shadow"},
		{"requests 1/min sliding 2/hour", "write limits first"},
		{"requests 100/min 200/min", "100/min and 200/min are about the same window"},
		{"requests 100/min 200/60s", "are about the same window"},
		{"requests 100/min 99/hour", "100/min can never be reached, because 99/hour allows less"},
		{"requests 99/hour 100/min", "100/min can never be reached"},
		{"cost 5/day", "5 has no currency; write 5usd"},
		{"cost 5eur/day", "of US dollars such as 50usd"},
		{"cost $5usd/day", "says twice"},
		{"cost 5kusd/day", "is not a number"},
		{"cost 0usd/day", "lets nothing pass"},
		{"cost -5usd/day", "negative"},
		{"cost 1,000usd/day", "separators"},
		{"cost 0.0000000001usd/day", "finer than a billionth"},
		{"cost 0.0000000000001usd/day", "finer than a billionth"},
		{"cost 9007200usd/day", "at most 9007199 usd"},
		{"cost 99999999999999usd/day", "at most 9007199 usd"},
		{"cost " + strings.Repeat("9", 500) + "usd/day", "too long"},
		{"concurrent 20/min", "write concurrent 20"},
		{"concurrent 20 30", "one limit of requests in flight"},
		{"concurrent 20 fixed", "write the number alone"},
		{"concurrent 0", "lets nothing pass"},
	} {
		t.Run(test.line, func(t *testing.T) {
			t.Parallel()
			it, err := parse(test.line)
			if err == nil {
				t.Fatalf("accepted as %q", it)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q lacks %q", err, test.want)
			}
		})
	}
}
