// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/cachemem"
)

func TestCacheOption(t *testing.T) {
	for _, test := range []struct{ name, give, want string }{
		{"the default one", "cache", `{"caches":[{"name":"default"}]}`},
		{"a name", "cache answers", `{"caches":[{"name":"answers"}]}`},
		{
			"everything", "cache answers {\nstore embedded\nmax_bytes 64MiB\nmax_entry 2MiB\nowner_share 25%\ncompress\n}",
			`{"caches":[{"name":"answers","store":"embedded","max_bytes":67108864,"max_entry":2097152,"owner_share":0.25,"compress":true}]}`,
		},
		{
			"two, one of which is in the store below", "cache a {\nmax_bytes 1MiB\n}\ncache b {\nstore demo\nmax_entry 1KiB\n}\nstore demo x",
			`{"store":{"module":"demo","name":"x"},"caches":[{"name":"a","max_bytes":1048576},{"name":"b","store":"demo","max_entry":1024}]}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := adapt(t, "gateway {\n"+test.give+"\n}")
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("adapted to\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestCacheOptionRefusals(t *testing.T) {
	for _, test := range []struct {
		name, give string
		want       []string
	}{
		{"two names", "cache a b", []string{"Caddyfile:3", "write: cache [<name>]"}},
		{"no name", `cache ""`, []string{"Caddyfile:3", `"" is no name of a cache`}},
		{"odd name", "cache a:b", []string{"Caddyfile:3", `"a:b" is no name of a cache`, "hyphens and underscores"}},
		{"long name", "cache " + strings.Repeat("x", 65), []string{"Caddyfile:3", "up to 64"}},
		{"twice", "cache a\ncache a", []string{"Caddyfile:4", `cache "a" is declared twice`}},
		{"default twice", "cache\ncache default", []string{"Caddyfile:4", `cache "default" is declared twice`}},
		{"unknown option", "cache {\nttl 5m\n}", []string{"Caddyfile:4", `unknown option "ttl"`, "compress, max_bytes, max_entry, owner_share, store"}},
		{"option twice", "cache {\ncompress\ncompress\n}", []string{"Caddyfile:5", "given twice"}},
		{"option with an argument", "cache {\ncompress on\n}", []string{"Caddyfile:4"}},
		{"option with a block", "cache {\nmax_bytes 1MiB {\n}\n}", []string{"Caddyfile:4", "takes no block"}},
		{"no store", "cache {\nstore\n}", []string{"Caddyfile:4", "embedded|redis"}},
		{"unknown store", "cache {\nstore memcached\n}", []string{"Caddyfile:4", `no store "memcached" in this build`, "demo, embedded"}},
		{"store that is not the gateway's", "cache a {\nmax_entry 1MiB\nstore demo\n}", []string{
			"Caddyfile:5", "cache a: store demo is the gateway's own store, which is embedded",
			`write "store demo ..." in the global option gateway as well, or "store embedded" here`,
		}},
		{"store that is another one", "store embedded\ncache a {\nstore demo\n}", []string{"Caddyfile:5", "which is embedded"}},
		{"bound in a store elsewhere", "store demo x\ncache a {\nstore demo\nmax_bytes 1MiB\n}", []string{"Caddyfile:4", "max_bytes has no meaning for responses in demo"}},
		{"share in a store elsewhere", "store demo x\ncache a {\nowner_share 5%\nstore demo\n}", []string{"owner_share has no meaning"}},
		{"compression in a store elsewhere", "store demo x\ncache a {\ncompress\nstore demo\n}", []string{"compress has no meaning"}},
		{"bytes without a unit", "cache {\nmax_bytes 1000000\n}", []string{"Caddyfile:4", "lacks a unit"}},
		{"too few bytes", "cache {\nmax_bytes 1KiB\n}", []string{"Caddyfile:4", "at least 64 KiB"}},
		{"entry larger than the cache", "cache {\nmax_bytes 1MiB\nmax_entry 2MiB\n}", []string{"Caddyfile:3", "max_entry is 2097152, more than max_bytes"}},
		{"entry larger than the cache by default", "cache {\nmax_entry 200MiB\n}", []string{"Caddyfile:3", "more than max_bytes, which is 134217728"}},
		{"share without a sign", "cache {\nowner_share 50\n}", []string{"Caddyfile:4", "from 1% to 100%"}},
		{"share of nothing", "cache {\nowner_share 0%\n}", []string{"Caddyfile:4", "from 1% to 100%"}},
		{"share of too much", "cache {\nowner_share 101%\n}", []string{"Caddyfile:4", "from 1% to 100%"}},
		{"share in words", "cache {\nowner_share half%\n}", []string{"Caddyfile:4", "from 1% to 100%"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := adapt(t, "gateway {\n"+test.give+"\n}")
			if err == nil {
				t.Fatalf("accepted as %s", got)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error is %v, want %q", err, want)
				}
			}
		})
	}
}

func TestCachesInJSON(t *testing.T) {
	app := provision(t, `{"ledger":{"memory":true},"caches":[{},{"name":"all","max_bytes":1048576,"max_entry":4096,"owner_share":1,"compress":true}]}`)
	if got, want := cacheOf(t, app, "").config, (CacheConfig{
		Name: "default", Store: "embedded", MaxBytes: cachemem.DefaultMaxBytes, OwnerShare: 0.5,
	}); got != want {
		t.Errorf("the default cache is %+v", got)
	}
	o := cacheOf(t, app, "all").config.options()
	if o.Name != "all" || o.MaxBytes != 1<<20 || o.MaxEntryBytes != 4096 || o.OwnerShare != 1 || !o.Compress {
		t.Errorf("the options of the other one are %+v", o)
	}
	for give, want := range map[string]string{
		`{"name":"a b"}`:                      "is no name of a cache",
		`{},{"name":"default"}`:               `cache "default" is declared twice`,
		`{"store":"redis"}`:                   "store redis is the gateway's own store, which is embedded",
		`{"store":"redis","max_bytes":65536}`: "max_bytes has no meaning",
		`{"max_bytes":-1}`:                    "max_bytes is -1",
		`{"max_bytes":1}`:                     "max_bytes is 1; write a number from 65536",
		`{"max_entry":-1}`:                    "max_entry is -1",
		`{"max_entry":1}`:                     "max_entry is 1; write a number from 1024",
		`{"max_entry":268435456}`:             "more than max_bytes",
		`{"owner_share":-0.5}`:                "owner_share is -0.5",
		`{"owner_share":50}`:                  "owner_share is 50; write a part of 1",
		`{"name":"a","owner_share":2}`:        "cache a:",
	} {
		t.Run(give, func(t *testing.T) {
			if _, err := tryProvision(t, `{"caches":[`+give+`]}`); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error is %v, want %q", err, want)
			}
		})
	}
}
