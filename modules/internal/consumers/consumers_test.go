// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	table := build(t, keyed("a"), consumers.Spec{Name: "b", Keys: []consumers.KeySpec{
		{Key: hashed("demo-key-old")}, {Key: hashed("demo-key-new")},
	}})
	a, older, newer := lookup(t, table, "demo-key-of-a"), lookup(t, table, "demo-key-old"), lookup(t, table, "demo-key-new")
	if a.Consumer != table.Consumer("a") || older.Consumer != table.Consumer("b") || newer.Consumer != table.Consumer("b") {
		t.Error("a key belongs to another consumer")
	}
	if older.ID == newer.ID || older.ID != apikey.Hash("demo-key-old").ID() {
		t.Errorf("ids are %q and %q", older.ID, newer.ID)
	}
	if got := table.Consumer("b").Credentials(); !slices.Equal(got, []*consumers.Credential{older, newer}) {
		t.Errorf("Credentials = %v", got)
	}
	for _, unknown := range []string{"", "demo-key", "demo-key-of-a ", hashed("demo-key-of-a"), hashed("demo-key-of-a")[7:], a.ID} {
		if c := table.Lookup(apikey.Hash(unknown)); c != nil {
			t.Errorf("%q is the key of %s", unknown, c.Consumer.Name)
		}
	}
	// The digest that stands in for unknown keys is not itself a key.
	if table.Lookup(apikey.Digest{}) != nil || new(consumers.Table).Lookup(apikey.Digest{}) != nil {
		t.Error("the zero digest is a key")
	}
}

func TestNarrowing(t *testing.T) {
	t.Parallel()
	table := build(t, consumers.Spec{
		Name: "a", Groups: []string{"llm", "admin"}, Tags: []string{"team"}, Models: []string{"gpt-*", "claude-*"},
		Keys: []consumers.KeySpec{
			{Key: hashed("whole")},
			{Key: hashed("narrow"), Groups: []string{"llm"}, Tags: []string{"ci"}, Models: []string{"gpt-4*", "o3"}},
		},
	}, consumers.Spec{Name: "b", Keys: []consumers.KeySpec{
		{Key: hashed("free")},
		{Key: hashed("limited"), Models: []string{"llama3*"}},
	}})
	for _, tc := range []struct {
		key             string
		groups, tags    []string
		hasList         bool
		allowed, denied []string
	}{
		{"whole", []string{"llm", "admin"}, []string{"team"}, true, []string{"gpt-4o", "gpt-5", "claude-x"}, []string{"o3", "", "GPT-4o"}},
		{"narrow", []string{"llm"}, []string{"ci"}, true, []string{"gpt-4o", "gpt-4"}, []string{"gpt-5", "claude-x", "o3", ""}},
		{"free", nil, nil, false, []string{"anything", ""}, nil},
		{"limited", nil, nil, true, []string{"llama3", "llama3:8b"}, []string{"llama2", "my-llama3"}},
	} {
		t.Run(tc.key, func(t *testing.T) {
			t.Parallel()
			c := lookup(t, table, tc.key)
			if !slices.Equal(c.Groups, tc.groups) || !slices.Equal(c.Tags, tc.tags) {
				t.Errorf("groups %q, tags %q", c.Groups, c.Tags)
			}
			for _, g := range []string{"llm", "admin", "other", ""} {
				if c.InGroup(g) != slices.Contains(tc.groups, g) {
					t.Errorf("InGroup(%q) = %v", g, c.InGroup(g))
				}
			}
			if c.HasModelList() != tc.hasList {
				t.Errorf("HasModelList = %v", c.HasModelList())
			}
			for _, m := range tc.allowed {
				if !c.AllowsModel(m) {
					t.Errorf("model %q is denied", m)
				}
			}
			for _, m := range tc.denied {
				if c.AllowsModel(m) {
					t.Errorf("model %q is allowed", m)
				}
			}
		})
	}
	if got := lookup(t, table, "narrow"); !slices.Equal(got.Models(), []string{"gpt-4*", "o3"}) || len(got.Consumer.Models()) != 2 {
		t.Errorf("Models = %q and %q", got.Models(), got.Consumer.Models())
	}
	if got := lookup(t, table, "free"); got.Models() != nil || got.Consumer.Models() != nil {
		t.Error("an absent list has models")
	}
}

func TestAnonymous(t *testing.T) {
	t.Parallel()
	table := build(t, consumers.Spec{Name: "guest", Groups: []string{"llm"}, Tags: []string{"free"}, Models: []string{"small"}})
	c := table.Anonymous("guest")
	if c == nil || c.ID != "" || c.Consumer != table.Consumer("guest") || !c.InGroup("llm") || !slices.Equal(c.Tags, []string{"free"}) {
		t.Fatalf("Anonymous = %+v", c)
	}
	if !c.Active(time.Time{}) || !c.AllowsModel("small") || c.AllowsModel("large") || !c.HasModelList() {
		t.Error("keyless access is always active and has the consumer's models")
	}
	if table.Anonymous("nobody") != nil {
		t.Error("an unknown consumer has keyless access")
	}
}

func TestTagSet(t *testing.T) {
	t.Parallel()
	table := build(t, consumers.Spec{
		Name: "a", Tags: []string{"prod", "ci", "EU west"},
		Keys: []consumers.KeySpec{{Key: hashed("whole")}, {Key: hashed("narrow"), Tags: []string{"z", "ci"}}},
	}, consumers.Spec{Name: "b", Keys: []consumers.KeySpec{{Key: hashed("untagged")}}})
	for key, want := range map[string]string{"whole": "EU west,ci,prod", "narrow": "ci,z", "untagged": ""} {
		if got := lookup(t, table, key).TagSet; got != want {
			t.Errorf("the tag set of key %s is %q, want %q", key, got, want)
		}
	}
	if c := table.Anonymous("a"); c.TagSet != "EU west,ci,prod" || c.Tags[0] != "prod" {
		t.Errorf("keyless access has the tag set %q of %q", c.TagSet, c.Tags)
	}
}

func TestActive(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		t.Helper()
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tc := range []struct {
		name, notBefore, until string
		active, inactive       []string
	}{
		{"always", "", "", []string{"1971-01-01T00:00:00Z", "2100-01-01T00:00:00Z"}, nil},
		{
			"dates are whole days in UTC", "2026-06-01", "2026-06-30",
			[]string{"2026-06-01T00:00:00Z", "2026-06-30T23:59:59.999999999Z", "2026-07-01T01:59:59+02:00"},
			[]string{"2026-05-31T23:59:59.999999999Z", "2026-07-01T00:00:00Z", "2026-06-01T01:00:00+02:00"},
		},
		{
			"one day", "2026-06-01", "2026-06-01",
			[]string{"2026-06-01T00:00:00Z", "2026-06-01T23:59:59Z"},
			[]string{"2026-05-31T23:59:59Z", "2026-06-02T00:00:00Z"},
		},
		{
			"times, end exclusive", "2026-06-01T10:00:00+05:30", "2026-06-01T06:00:00Z",
			[]string{"2026-06-01T04:30:00Z", "2026-06-01T05:59:59.9Z"},
			[]string{"2026-06-01T04:29:59.9Z", "2026-06-01T06:00:00Z"},
		},
		{"start only", "2026-06-01", "", []string{"2026-06-01T00:00:00Z", "2200-01-01T00:00:00Z"}, []string{"2026-05-31T00:00:00Z"}},
		{"end only", "", "2026-06-01", []string{"1980-01-01T00:00:00Z", "2026-06-01T12:00:00Z"}, []string{"2026-06-02T00:00:00Z"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			table := build(t, consumers.Spec{Name: "a", Keys: []consumers.KeySpec{{Key: hashed("k"), NotBefore: tc.notBefore, Until: tc.until}}})
			c := lookup(t, table, "k")
			for _, s := range tc.active {
				if !c.Active(at(s)) {
					t.Errorf("inactive at %s", s)
				}
			}
			for _, s := range tc.inactive {
				if c.Active(at(s)) {
					t.Errorf("active at %s", s)
				}
			}
			if c.NotBefore().IsZero() != (tc.notBefore == "") || c.Until().IsZero() != (tc.until == "") {
				t.Errorf("NotBefore = %v, Until = %v", c.NotBefore(), c.Until())
			}
		})
	}
}

// TestRotation guards the promise that a key can be replaced without a failed
// request: for a while both work.
func TestRotation(t *testing.T) {
	t.Parallel()
	table := build(t, consumers.Spec{Name: "a", Keys: []consumers.KeySpec{
		{Key: hashed("old"), Until: "2026-06-30"}, {Key: hashed("new"), NotBefore: "2026-06-01"},
	}})
	for day := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC); day.Month() < time.August; day = day.AddDate(0, 0, 1) {
		older, newer := lookup(t, table, "old").Active(day), lookup(t, table, "new").Active(day)
		if older != (day.Month() <= time.June) || newer != (day.Month() >= time.June) {
			t.Errorf("%v: old %v, new %v", day, older, newer)
		}
	}
}

func TestAllowsIP(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name            string
		list            []string
		allowed, denied []string
	}{
		{"empty", nil, []string{"10.0.0.1", "2001:db8::1", ""}, nil},
		{"bare IPv4", []string{"10.0.0.1"}, []string{"10.0.0.1", "::ffff:10.0.0.1"}, []string{"10.0.0.2", "2001:db8::1", ""}},
		{"mapped IPv4", []string{"::ffff:10.0.0.1"}, []string{"10.0.0.1", "::ffff:10.0.0.1"}, []string{"10.0.0.2"}},
		{"network with host bits", []string{"192.168.1.77/24"}, []string{"192.168.1.0", "192.168.1.255"}, []string{"192.168.2.1"}},
		{"mapped network", []string{"::ffff:10.1.0.0/112"}, []string{"10.1.2.3", "::ffff:10.1.2.3"}, []string{"10.2.0.1"}},
		{"IPv6", []string{"2001:db8::/32", "::1"}, []string{"2001:db8:1::5", "::1", "2001:db8::1%eth0"}, []string{"2001:db9::1", "127.0.0.1"}},
		{"all IPv4", []string{"0.0.0.0/0"}, []string{"1.2.3.4", "::ffff:1.2.3.4"}, []string{"::1", ""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := build(t, consumers.Spec{Name: "a", AllowIPs: tc.list}).Consumer("a")
			ask := func(s string) bool {
				if s == "" {
					return c.AllowsIP(netip.Addr{})
				}
				return c.AllowsIP(netip.MustParseAddr(s))
			}
			for _, s := range tc.allowed {
				if !ask(s) {
					t.Errorf("%q is denied", s)
				}
			}
			for _, s := range tc.denied {
				if ask(s) {
					t.Errorf("%q is allowed", s)
				}
			}
			for _, p := range c.Allow {
				if p != p.Masked() || p.Addr().Is4In6() {
					t.Errorf("prefix %v is not canonical", p)
				}
			}
		})
	}
}

func TestModelPatterns(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, model string
		want           bool
	}{
		{"gpt-4o", "gpt-4o", true},
		{"gpt-4o", "gpt-4o-mini", false},
		{"gpt-4o", "GPT-4o", false},
		{"*", "", true},
		{"*", "anything", true},
		{"gpt-*", "gpt-", true},
		{"gpt-*", "gpt", false},
		{"gpt-*", "my-gpt-4", false},
		{"*-mini", "gpt-4o-mini", true},
		{"*-mini", "gpt-4o-mini-2", false},
		{"*-mini", "-mini", true},
		{"gpt-*-mini", "gpt-4o-mini", true},
		{"gpt-*-mini", "gpt-mini", false},
		{"gpt-*-mini", "gpt--mini", true},
		{"ab*ba", "aba", false},
		{"ab*ba", "abba", true},
		{"*a*b*", "xxaxxbxx", true},
		{"*a*b*", "xxbxxaxx", false},
		{"a*b*c", "abbc", true},
		{"a*bc*c", "abcbc", true},
		{"a**c", "abc", true},
		{"hf.co/*:Q4_K_M", "hf.co/org/name:Q4_K_M", true},
	} {
		t.Run(tc.pattern+" "+tc.model, func(t *testing.T) {
			t.Parallel()
			c := build(t, consumers.Spec{Name: "a", Models: []string{tc.pattern}})
			if got := c.Anonymous("a").AllowsModel(tc.model); got != tc.want {
				t.Errorf("AllowsModel = %v", got)
			}
		})
	}
}

// TestModelPatternCost guards against a model name chosen by the client that
// makes matching slow: trying every split of this one would not end.
func TestModelPatternCost(t *testing.T) {
	t.Parallel()
	c := build(t, consumers.Spec{Name: "a", Models: []string{strings.Repeat("a*", 100) + "b"}}).Anonymous("a")
	if c.AllowsModel(strings.Repeat("a", 1<<20)) {
		t.Error("the model matches")
	}
}

func TestKeyless(t *testing.T) {
	t.Parallel()
	table, err := consumers.Build([]consumers.Spec{
		{Name: "alice", CustomID: "7", Groups: []string{"alice"}, Tags: []string{"b", "a"}, Models: []string{"gpt-*"}},
		{Name: "bob"},
	}, consumers.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := table.ConsumerWithCustomID("7")
	if c == nil || c.Name != "alice" || table.ConsumerWithCustomID("") != nil || table.ConsumerWithCustomID("alice") != nil {
		t.Fatalf("by the custom id there is %v", c)
	}
	k := c.Keyless("jwt:demo")
	if k.ID != "jwt:demo" || !k.InGroup("alice") || k.TagSet != "a,b" || k.AllowsModel("claude") || !k.Active(time.Now()) {
		t.Errorf("the credential is %+v", k)
	}
}
