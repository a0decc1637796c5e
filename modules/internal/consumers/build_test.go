// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

// hashed returns the text by which a configuration names a key.
func hashed(key string) string {
	return apikey.Hash(key).String()
}

// keyed describes a consumer with one plain key of its own.
func keyed(name string) consumers.Spec {
	return consumers.Spec{Name: name, Keys: []consumers.KeySpec{{Key: hashed("demo-key-of-" + name)}}}
}

// build is Build with the groups llm and admin, and must succeed.
func build(t *testing.T, specs ...consumers.Spec) *consumers.Table {
	t.Helper()
	table, err := consumers.Build(specs, consumers.BuildOptions{Groups: []string{"llm", "admin"}})
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	return table
}

// lookup finds the credential of a key in clear, which must be there.
func lookup(t *testing.T, table *consumers.Table, key string) *consumers.Credential {
	t.Helper()
	c := table.Lookup(apikey.Hash(key))
	if c == nil {
		t.Fatalf("key %s is not found", key)
	}
	return c
}

func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	type spec = consumers.Spec
	type key = consumers.KeySpec
	one := func(k key) []spec {
		if k.Key == "" {
			k.Key = hashed("demo-key")
		}
		return []spec{{Name: "a", Groups: []string{"llm"}, Keys: []key{k}}}
	}
	for _, tc := range []struct {
		name  string
		specs []spec
		want  string
	}{
		{"empty name", []spec{keyed("a"), {}}, `consumer number 2: the name is empty`},
		{"name with newline", []spec{{Name: "a\nX-Admin: 1"}}, `consumer "a\nX-Admin: 1": the name holds a control or invisible character`},
		{"name with bidi override", []spec{{Name: "a\u202eb"}}, `the name holds a control or invisible character`},
		{"name with comma", []spec{{Name: "a,b"}}, `the name holds a comma`},
		{"name with space at the end", []spec{{Name: "a "}}, `the name starts or ends with a space`},
		{"name too long", []spec{{Name: strings.Repeat("n", 129)}}, `the name is longer than 128 bytes`},
		{"name not UTF-8", []spec{{Name: "a\xff"}}, `the name is not UTF-8`},
		{"name with format verb", []spec{{Name: "%d%s,"}}, `consumer "%d%s,": the name holds a comma`},
		{"name twice", []spec{keyed("a"), keyed("b"), {Name: "a"}}, `consumer "a": the name is used twice, by the consumers number 1 and 3`},
		{"unknown plan", []spec{keyed("b"), {Name: "a", Plan: "gold"}}, `consumer "a": unknown plan "gold"`},
		{"custom id twice", []spec{{Name: "a", CustomID: "7"}, {Name: "b", CustomID: "7"}}, `consumer "b": the custom id "7" is also that of consumer "a"`},
		{"custom id with newline", []spec{{Name: "a", CustomID: "7\r\n"}}, `consumer "a": the custom id holds a control`},
		{"unknown group", []spec{{Name: "a", Groups: []string{"lmm"}}}, `consumer "a": unknown group "lmm"`},
		{"own group of a later consumer", []spec{{Name: "a", Groups: []string{"b"}}, {Name: "b"}}, `consumer "a": group "b" is the own group of that consumer`},
		{"group twice", []spec{{Name: "a", Groups: []string{"llm", "llm"}}}, `consumer "a": group "llm" is listed twice`},
		{"empty tag", []spec{{Name: "a", Tags: []string{""}}}, `consumer "a": tag "" is empty`},
		{"tag with comma", []spec{{Name: "a", Tags: []string{"x,y"}}}, `consumer "a": tag "x,y" holds a comma`},
		{"bad address", []spec{{Name: "a", AllowIPs: []string{"10.0.0"}}}, `consumer "a": address "10.0.0" is neither an IP address nor a CIDR network`},
		{"bad network", []spec{{Name: "a", AllowIPs: []string{"10.0.0.0/33"}}}, `address "10.0.0.0/33" is neither`},
		{"address with zone", []spec{{Name: "a", AllowIPs: []string{"fe80::1%eth0"}}}, `address "fe80::1%eth0" has a zone`},
		{"network of both families", []spec{{Name: "a", AllowIPs: []string{"::ffff:10.0.0.0/90"}}}, `mixes IPv4 and IPv6`},
		{"address twice", []spec{{Name: "a", AllowIPs: []string{"10.0.0.1", "::ffff:10.0.0.1/128"}}}, `address "::ffff:10.0.0.1/128" is listed twice`},
		{"empty pattern", []spec{{Name: "a", Models: []string{""}}}, `consumer "a": model pattern "" is empty`},
		{"other wildcard", []spec{{Name: "a", Models: []string{"gpt-?"}}}, `consumer "a": model pattern "gpt-?" holds '?'; only * is a wildcard`},
		{"pattern twice", []spec{{Name: "a", Models: []string{"x*", "x*"}}}, `model pattern "x*" is listed twice`},
		{"empty key", []spec{{Name: "a", Keys: []key{{}}}}, `consumer "a": key 1: the key is empty`},
		{"key of nothing", []spec{{Name: "a", Keys: []key{{Key: hashed("")}}}}, `consumer "a": key 1: the key is empty`},
		{"key in clear", []spec{{Name: "a", Keys: []key{{Key: "demo-key-not-a-secret"}}}}, `consumer "a": key 1: key is not of the form "sha256:"`},
		{"mistyped digest", []spec{{Name: "a", Keys: []key{{Key: "sha256:abc"}}}}, `it has 3 characters after the colon`},
		{
			"key of two consumers",
			[]spec{keyed("a"), {Name: "b", Keys: keyed("a").Keys}},
			`consumer "b": key 1: the key is also one of consumer "a"`,
		},
		{
			"key twice in other case",
			[]spec{{Name: "a", Keys: []key{{Key: hashed("k")}, {Key: "sha256:" + strings.ToUpper(hashed("k")[7:])}}}},
			`consumer "a": key 2: the key is listed twice`,
		},
		{
			"published key",
			one(key{Key: "sha256:17301b0903ddb18ebf391605c87cdf412a559afe26aa6d51cd88f2f7c25202af"}),
			`consumer "a": key 1: the key was published`,
		},
		{"key widens", one(key{Groups: []string{"llm", "admin"}}), `consumer "a": key 1: group "admin" is none of the consumer's and would widen its access`},
		{"key pattern", one(key{Models: []string{"[a]"}}), `consumer "a": key 1: model pattern "[a]" holds '['`},
		{"key tag", one(key{Tags: []string{"a\x00"}}), `consumer "a": key 1: tag "a\x00" holds a control`},
		{"bad start", one(key{NotBefore: "31.12.2026"}), `consumer "a": key 1: not_before is neither a date`},
		{"bad end", one(key{Until: "2026-02-30"}), `consumer "a": key 1: until is neither a date`},
		{"end out of range", one(key{Until: "2999-01-01"}), `consumer "a": key 1: until lies outside the years`},
		{"ends before it begins", one(key{NotBefore: "2026-06-02", Until: "2026-06-01"}), `consumer "a": key 1: until is not after not_before`},
		{
			"ends as it begins",
			one(key{NotBefore: "2026-06-01T10:00:00Z", Until: "2026-06-01T12:00:00+02:00"}),
			`until is not after not_before`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			table, err := consumers.Build(tc.specs, consumers.BuildOptions{Groups: []string{"llm", "admin"}})
			if err == nil || table != nil {
				t.Fatalf("Build = %v, %v", table, err)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %q\nwant %q", err, tc.want)
			}
			if n := strings.Count(err.Error(), "\n"); n != 0 {
				t.Errorf("one mistake gives %d problems: %v", n+1, err)
			}
		})
	}
}

func TestBuildRefusesDeclaredGroup(t *testing.T) {
	t.Parallel()
	_, err := consumers.Build(nil, consumers.BuildOptions{Groups: []string{"a\nb"}})
	if err == nil || !strings.Contains(err.Error(), `group "a\nb" holds a control`) {
		t.Errorf("error = %v", err)
	}
}

// TestBuildReportsAll guards against an operator having to fix a file one
// reload at a time.
func TestBuildReportsAll(t *testing.T) {
	t.Parallel()
	var specs []consumers.Spec
	for i := range 30 {
		specs = append(specs, consumers.Spec{Name: fmt.Sprintf("c%d", i), Groups: []string{"nowhere"}})
	}
	_, err := consumers.Build(specs, consumers.BuildOptions{})
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 21 || lines[20] != "and 10 more" {
		t.Fatalf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
	for i, line := range lines[:20] {
		if line != fmt.Sprintf(`consumer "c%d": unknown group "nowhere"`, i) {
			t.Errorf("line %d is %q", i, line)
		}
	}
}

// TestBuildKeepsSecrets guards against a key, or its digest, in an error.
func TestBuildKeepsSecrets(t *testing.T) {
	t.Parallel()
	generated, err := apikey.New()
	if err != nil {
		t.Fatal(err)
	}
	const chosen = "demo-key-not-a-secret"
	specs := []consumers.Spec{
		{Name: "clear", Keys: []consumers.KeySpec{{Key: chosen}, {Key: generated}}},
		{Name: "twice", Keys: []consumers.KeySpec{{Key: hashed(chosen)}, {Key: hashed(chosen)}}},
		{Name: "shared", Keys: []consumers.KeySpec{{Key: hashed(chosen)}}},
		{Name: "slipped", Groups: []string{generated}, AllowIPs: []string{generated}, Keys: []consumers.KeySpec{{Key: hashed("x"), Until: chosen}}},
	}
	_, err = consumers.Build(specs, consumers.BuildOptions{})
	if err == nil {
		t.Fatal("nothing was refused")
	}
	for _, secret := range []string{chosen, generated, hashed(chosen)[7:], hashed(generated)[7:]} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows %q:\n%v", secret, err)
		}
	}
}

func TestBuildResolves(t *testing.T) {
	t.Parallel()
	errUnset := errors.New("variable is not set")
	resolve := func(literal string) (apikey.Digest, error) {
		switch literal {
		case "{env.A}":
			return apikey.Hash("demo-key-a"), nil
		case "{env.EMPTY}":
			return apikey.Hash(""), nil
		default:
			return apikey.Digest{}, errUnset
		}
	}
	spec := func(key string) []consumers.Spec {
		return []consumers.Spec{{Name: "a", Keys: []consumers.KeySpec{{Key: key}}}}
	}
	o := consumers.BuildOptions{Resolve: resolve}

	table, err := consumers.Build(spec("{env.A}"), o)
	if err != nil {
		t.Fatal(err)
	}
	lookup(t, table, "demo-key-a")

	if _, err = consumers.Build(spec("{env.B}"), o); !errors.Is(err, errUnset) || !strings.Contains(err.Error(), `consumer "a": key 1: `) {
		t.Errorf("unset variable: %v", err)
	}
	if _, err = consumers.Build(spec("{env.EMPTY}"), o); err == nil || !strings.Contains(err.Error(), "the key is empty") {
		t.Errorf("empty variable: %v", err)
	}
}

func TestBuildAccepts(t *testing.T) {
	t.Parallel()
	table := build(t,
		consumers.Spec{Name: "reasoning-engine", CustomID: "7", Groups: []string{"reasoning-engine", "llm"}, Tags: []string{"team a"}},
		consumers.Spec{Name: "மின்", Groups: nil},
		keyed("with space"),
	)
	if table.Len() != 3 || table.Keys() != 1 {
		t.Errorf("Len = %d, Keys = %d", table.Len(), table.Keys())
	}
	var names []string
	for c := range table.All() {
		names = append(names, c.Name)
	}
	if !slices.Equal(names, []string{"reasoning-engine", "மின்", "with space"}) {
		t.Errorf("All gives %q", names)
	}
	c := table.Consumer("reasoning-engine")
	if c == nil || c.CustomID != "7" || !slices.Equal(c.Groups, []string{"reasoning-engine", "llm"}) || !slices.Equal(c.Tags, []string{"team a"}) {
		t.Errorf("consumer = %+v", c)
	}
	if table.Consumer("7") != nil || table.Consumer("") != nil {
		t.Error("a custom id or nothing is taken for a name")
	}
}

// TestBuildSharedGroup: a group that is declared is everybody's, also where a
// consumer has its name.
func TestBuildSharedGroup(t *testing.T) {
	t.Parallel()
	table := build(t, consumers.Spec{Name: "admin"}, consumers.Spec{Name: "b", Groups: []string{"admin"}})
	if !table.Anonymous("b").InGroup("admin") || table.Anonymous("admin").InGroup("admin") {
		t.Error("a consumer is in the groups it lists and in no other")
	}
}

// TestPlans checks which plans hold for consumers and their keys.
func TestPlans(t *testing.T) {
	t.Parallel()
	o := consumers.BuildOptions{
		Groups:     []string{"llm", "admin", "free", "open"},
		Plans:      []string{"gold", "iron", "tin"},
		GroupPlans: map[string]string{"llm": "iron", "admin": "tin", "free": "iron"},
	}
	table, err := consumers.Build([]consumers.Spec{
		{Name: "own", Plan: "gold", Keys: []consumers.KeySpec{{Key: hashed("own")}}},
		{Name: "none", Groups: []string{"open", "none"}, Keys: []consumers.KeySpec{{Key: hashed("none")}}},
		{Name: "both", Plan: "gold", Groups: []string{"admin", "llm", "free"}, Keys: []consumers.KeySpec{
			{Key: hashed("both")}, {Key: hashed("narrow"), Groups: []string{"free"}},
		}},
		{Name: "same", Plan: "iron", Groups: []string{"llm", "admin"}, Keys: []consumers.KeySpec{{Key: hashed("same")}}},
		{Name: "like", Plan: "gold", Groups: []string{"admin", "free"}, Keys: []consumers.KeySpec{{Key: hashed("like")}}},
	}, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		key  string
		want []string
	}{
		{"own", []string{"gold"}},
		{"none", nil},
		{"both", []string{"gold", "tin", "iron"}},
		{"narrow", []string{"gold", "iron"}},
		{"same", []string{"iron", "tin"}},
		{"like", []string{"gold", "tin", "iron"}},
	} {
		if got := lookup(t, table, tc.key).Plans; !slices.Equal(got, tc.want) {
			t.Errorf("the plans of key %s are %q, want %q", tc.key, got, tc.want)
		}
	}
	both := table.Anonymous("both").Plans
	if !slices.Equal(both, []string{"gold", "tin", "iron"}) {
		t.Errorf("the plans of a consumer without a key are %q", both)
	}
	if like := lookup(t, table, "like").Plans; &like[0] != &both[0] {
		t.Error("equal lists are two in memory")
	}
}
