// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

func TestUnmarshalCaddyfile(t *testing.T) {
	rows := []struct{ name, src, want, err string }{
		{"bare", "key_auth", `{}`, ""},
		{
			"everything", "key_auth {\n headers X-Key apikey\n bearer on\n query k\n body k\n carriers body header bearer query\n max_body 1MiB\n hide_credentials off\n anonymous nobody\n realm \"my realm\"\n preflight off\n profile kong\n}",
			`{"carriers":["body","header","bearer","query"],"headers":["X-Key","apikey"],"bearer":true,"query":["k"],"body":["k"],"max_body":1048576,"hide_credentials":false,"realm":"my realm","profile":"kong","anonymous":"nobody","preflight":false}`, "",
		},
		{"argument", "key_auth bob", "", "key_auth takes no arguments, not 1; write: key_auth, at Testfile:1"},
		{"unknown option", "key_auth {\n key_names apikey\n}", "", `key_auth: unknown option "key_names"`},
		{"twice", "key_auth {\n realm a\n realm b\n}", "", "realm is given twice, first on line 2"},
		{"underscore", "key_auth {\n headers x_api_key\n}", "", `key_auth: headers: "x_api_key" is a name that Caddy drops, unless told to expect it, since upstreams may take _ and . for -; write "x-api-key", at Testfile:2`},
		{"authorization", "key_auth {\n headers Authorization\n}", "", "write: bearer on, at Testfile:2"},
		{"header twice", "key_auth {\n headers a A\n}", "", "A is listed twice, at Testfile:2"},
		{"not on or off", "key_auth {\n bearer yes\n}", "", `"yes" is neither on nor off`},
		{"carrier left out", "key_auth {\n carriers header\n query k\n}", "", "key_auth: query is configured but carriers does not list it; add it there, at Testfile:"},
		{"carrier unknown", "key_auth {\n carriers cookie\n}", "", `"cookie" is not one of: header, bearer, query, body, websocket, ticket, at Testfile:2`},
		{"size without unit", "key_auth {\n max_body 1000\n}", "", "lacks a unit"},
		{"empty query name", "key_auth {\n query \"\"\n}", "", "a name is empty, at Testfile:2"},
		{"empty realm", "key_auth {\n realm \"\"\n}", "", "the text is empty"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			h := new(Handler)
			err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(row.src))
			if row.err != "" {
				if err == nil || !strings.Contains(err.Error(), row.err) {
					t.Errorf("error %v, want %s", err, row.err)
				}
				return
			}
			got, _ := json.Marshal(h)
			if err != nil || string(got) != row.want {
				t.Errorf("error %v\n got %s\nwant %s", err, got, row.want)
			}
		})
	}
}

// TestAdaptChecksReferences: what the gateway option of the same file does not
// have is refused with file and line.
func TestAdaptChecksReferences(t *testing.T) {
	const key = "key {env.DEMO_KEY}"
	rows := []struct{ name, option, directive, want string }{
		{"consumer with a key", "consumer bob {\n" + key + "\n}", "key_auth", ""},
		{"known anonymous", "consumer bob {\n" + key + "\n}\nconsumer nobody", "key_auth {\nanonymous nobody\n}", ""},
		{"unknown anonymous", "consumer bob {\n" + key + "\n}", "key_auth {\nanonymous ghost\n}", `consumer "ghost" does not exist`},
		{"no key", "consumer bob", "key_auth", "no consumer has a key"},
		{"no consumer", "group staff", "key_auth", "no consumer has a key"},
		{"consumers in a file", "consumers people.json", "key_auth {\nanonymous ghost\n}", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			src := "{\ngateway {\n" + row.option + "\n}\n}\nhttp://127.0.0.1 {\n" + row.directive + "\n}\n"
			adapter := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}
			_, _, err := adapter.Adapt([]byte(src), map[string]any{"filename": "Caddyfile"})
			switch {
			case row.want == "" && err != nil:
				t.Errorf("error %v", err)
			case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "Caddyfile:")):
				t.Errorf("error %v, want %s with file and line", err, row.want)
			}
		})
	}
}
