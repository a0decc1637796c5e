// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

func TestClients(t *testing.T) {
	t.Parallel()
	table := build(t, keyed("other"), consumers.Spec{
		Name: "batch", Groups: []string{"llm"}, Tags: []string{"night"},
		Clients: []consumers.ClientSpec{
			{ID: "batch-1", Secrets: []string{hashed("demo-secret-old"), hashed("demo-secret-new")}, Scopes: []string{"chat", "embed:all"}},
			{ID: "elsewhere"},
		},
	})
	for _, tc := range []struct {
		name, id, secret string
		want             bool
	}{
		{"old secret", "batch-1", "demo-secret-old", true},
		{"new secret", "batch-1", "demo-secret-new", true},
		{"wrong secret", "batch-1", "demo-secret", false},
		{"empty secret", "batch-1", "", false},
		{"digest as secret", "batch-1", hashed("demo-secret-old"), false},
		{"unknown client", "batch-2", "demo-secret-old", false},
		{"client without secret", "elsewhere", "", false},
		{"key of a consumer", "batch-1", "demo-key-of-other", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if c := table.CheckClient(tc.id, tc.secret); (c != nil) != tc.want {
				t.Errorf("CheckClient = %v", c)
			}
		})
	}
	c := table.Client("batch-1")
	if c == nil || !c.HasSecret() || !slices.Equal(c.Scopes, []string{"chat", "embed:all"}) || len(c.SecretIDs()) != 2 {
		t.Fatalf("client = %+v", c)
	}
	if who := c.Credential; who.Consumer != table.Consumer("batch") || who.ID != "oauth2:batch-1" || !who.InGroup("llm") || who.TagSet != "night" {
		t.Errorf("credential = %+v", who)
	}
	if table.Client("elsewhere").HasSecret() || table.Client("nobody") != nil || new(consumers.Table).CheckClient("a", "b") != nil {
		t.Error("a client is there that is not, or has a secret")
	}
	if got := slices.Collect(table.Clients()); len(got) != 2 || got[0] != c {
		t.Errorf("Clients = %v", got)
	}
}

func TestClientsRefused(t *testing.T) {
	t.Parallel()
	type client = consumers.ClientSpec
	many := func(n int) (list []string) {
		for i := range n {
			list = append(list, hashed(strings.Repeat("s", i+1)))
		}
		return list
	}
	var long []string
	for i := range 17 {
		long = append(long, strings.Repeat(string(rune('a'+i)), 128))
	}
	for _, tc := range []struct {
		name    string
		clients []client
		want    string
	}{
		{"no id", []client{{}}, `the oauth_client id "" is empty`},
		{"id with colon", []client{{ID: "a:b"}}, `the oauth_client id "a:b" holds something else`},
		{"id too long", []client{{ID: strings.Repeat("a", 129)}}, "longer than 128 bytes"},
		{"id twice", []client{{ID: "a"}, {ID: "a"}}, `the oauth_client id "a" is also that of a client of consumer "x"`},
		{"secret in clear", []client{{ID: "a", Secrets: []string{"demo-secret-not-a-secret"}}}, `oauth_client "a": secret: key is not of the form`},
		{"secret of nothing", []client{{ID: "a", Secrets: []string{hashed("")}}}, "a secret is empty"},
		{"empty secret", []client{{ID: "a", Secrets: []string{""}}}, "a secret is empty"},
		{"secret twice", []client{{ID: "a", Secrets: []string{hashed("k"), hashed("k")}}}, "a secret is listed twice"},
		{"published secret", []client{{ID: "a", Secrets: []string{"sha256:17301b0903ddb18ebf391605c87cdf412a559afe26aa6d51cd88f2f7c25202af"}}}, "was published"},
		{"many secrets", []client{{ID: "a", Secrets: many(5)}}, "more than 4 secrets"},
		{"scope with space", []client{{ID: "a", Scopes: []string{"a b"}}}, `scope "a b" holds a space`},
		{"scope with quote", []client{{ID: "a", Scopes: []string{`a"b`}}}, "holds a space, a quote"},
		{"empty scope", []client{{ID: "a", Scopes: []string{""}}}, `scope "" is empty`},
		{"scopes too long", []client{{ID: "a", Scopes: long}}, "more than 2048 bytes together"},
		{"scope twice", []client{{ID: "a", Scopes: []string{"s", "s"}}}, `scope "s" is listed twice`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := consumers.Build([]consumers.Spec{{Name: "x", Clients: tc.clients}}, consumers.BuildOptions{})
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "not-a-secret") {
				t.Errorf("error = %v, want %s", err, tc.want)
			}
		})
	}
}

func TestClientsInJSON(t *testing.T) {
	t.Parallel()
	const doc = `[{"name":"a","oauth_clients":[{"id":"c","secrets":["` + "sha256:0" + `"],"scopes":["s"]},{"id":"d"}]}]`
	specs, err := consumers.ReadJSON(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	want := []consumers.ClientSpec{{ID: "c", Secrets: []string{"sha256:0"}, Scopes: []string{"s"}}, {ID: "d"}}
	if !reflect.DeepEqual(specs[0].Clients, want) {
		t.Errorf("clients = %+v", specs[0].Clients)
	}
	again, err := json.Marshal(specs)
	if err != nil || string(again) != doc {
		t.Errorf("marshalled %s, %v", again, err)
	}
	_, err = consumers.ReadJSON(strings.NewReader(`[{"name":"a","oauth_clients":[{"id":"c"},{"secret":"x"}]}]`))
	if err == nil || !strings.Contains(err.Error(), `client 2: unknown member "secret"`) {
		t.Errorf("error = %v", err)
	}
}

// BenchmarkCheckClient is what one authentication of a client costs.
func BenchmarkCheckClient(b *testing.B) {
	table, err := consumers.Build([]consumers.Spec{{Name: "a", Clients: []consumers.ClientSpec{
		{ID: "c", Secrets: []string{apikey.Hash("demo-secret").String()}},
	}}}, consumers.BuildOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if table.CheckClient("c", "demo-secret") == nil {
			b.Fatal("refused")
		}
	}
}
