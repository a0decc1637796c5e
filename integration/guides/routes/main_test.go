// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

func TestGuidesHaveTheTablesOfTheirExamples(t *testing.T) {
	for page, example := range pages {
		before, after, err := update(filepath.Join("..", "..", "..", "docs", "guides", page), filepath.Join("..", "..", "..", "caddyfile-examples", example))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before, after) {
			t.Errorf("the tables of %s are not those of %s; write them with: make route-tables", page, example)
		}
	}
}

// somebody has a key, without which key_auth is refused.
const somebody = `{
	gateway {
		consumer who {
			key {env.WHO}
		}
	}
}
`

func TestTables(t *testing.T) {
	tests := []struct {
		name, caddyfile string
		want            []string
	}{
		{
			name: "a service behind a key",
			caddyfile: somebody + `:80 {
	correlation_id
	handle_path /a/* {
		gateway_route a
		key_auth
		acl deny who
		quota requests 5/min
		reverse_proxy {$A:a:1}
	}
}`,
			want: []string{
				"Every request to `:80` passes `correlation_id`.",
				"| `/a/*` | `a` | `a:1` (`A`); without `/a` | key in a header; not group `who` | requests 5/min (each consumer) | - |",
			},
		},
		{
			name: "what a part of a route is refused, and what is open",
			caddyfile: somebody + `:80 {
	request_guard
	handle /b/* {
		key_auth
		@outsiders {
			path /b/inside/*
			not consumer_group who
		}
		error @outsiders 403
		quota {
			name all
			requests 7/s
			by global
		}
		reverse_proxy https://b
	}
	handle /c {
		quota requests 8/min
		respond 204
	}
	handle {
		error 404
	}
}`,
			want: []string{
				"| `/b/*` | - | `b:443` | key in a header; `/b/inside/*` not with group `who`: 403 | requests 7/s (all together) | - |",
				"| `/c` | - | answers 204 | everybody | requests 8/min (each address) | - |",
				"| any other | - | answers 404 | everybody | - | - |",
			},
		},
		{
			name: "branches within a route do not take from one another",
			caddyfile: somebody + `:80 {
	request_guard
	handle /d/* {
		key_auth
		handle /d/one {
			acl allow who
			reverse_proxy one:1
		}
		handle {
			reverse_proxy two:2
		}
	}
}`,
			want: []string{
				"| `/d/one` | - | `one:1` | key in a header; group `who` | - | - |",
				"| `/d/*` | - | `two:2` | key in a header | - | - |",
			},
		},
		{
			name: "consumers and plans",
			caddyfile: `{
	gateway {
		plan small {
			tokens 5/min
			cost 3usd/month soft
			max_output 9
		}
		group g {
			plan small
		}
		consumer who {
			groups g
			key {env.WHO}
		}
	}
}
:80 {
	request_guard
	error 404
}`,
			want: []string{
				"| `who` | `g` | anywhere | `{env.WHO}` |",
				"| `small` | tokens 5/min; cost 3usd/month (only a warning) | 9 tokens | group `g` |",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := adapt([]byte(tt.caddyfile), "Caddyfile")
			if err != nil {
				t.Fatal(err)
			}
			got := string(c.tables(variables([]byte(tt.caddyfile))))
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("the tables lack\n%s\nand are\n%s", want, got)
				}
			}
		})
	}
}

func TestAPageWithoutThePlaceIsRefused(t *testing.T) {
	for _, page := range []string{"# A page\n", string(begin), string(end) + string(begin)} {
		if got, err := replace([]byte(page), nil); err == nil {
			t.Errorf("replace in %q = %q, want an error", page, got)
		}
	}
}
