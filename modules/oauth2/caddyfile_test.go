// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauth2

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

func TestUnmarshalCaddyfile(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, src, want, err string }{
		{"bare", "oauth2", `{}`, ""},
		{
			"everything of its own", "oauth2 {\n scopes a b\n query on\n hide_credentials off\n realm api\n anonymous guest\n preflight off\n}",
			`{"scopes":["a","b"],"query":true,"hide_credentials":false,"realm":"api","anonymous":"guest","preflight":false}`, "",
		},
		{
			"everything of others", "oauth2 {\n introspect https://as.example.com/i {\n client gw {env.X}\n post\n timeout 1s\n cache 10s\n negative off\n stale 1m\n ca /ca.pem\n }\n issuer i\n audience a b\n consumer_claim sub custom_id\n unknown_consumer allow\n}",
			`{"introspection":{"url":"https://as.example.com/i","client_id":"gw","client_secret":"{env.X}","post":true,"timeout":1000000000,"cache":10000000000,"negative":-1,"stale":60000000000,"ca":"/ca.pem"},"issuers":["i"],"audiences":["a","b"],"consumer_claim":"sub","consumer_by":"custom_id","unknown_consumer":"allow"}`, "",
		},
		{"argument", "oauth2 x", "", "oauth2 takes no arguments"},
		{"unknown option", "oauth2 {\n bearer on\n}", "", `oauth2: unknown option "bearer"`},
		{"twice", "oauth2 {\n scopes a\n scopes b\n}", "", "scopes is given twice, first on line 2"},
		{"http", "oauth2 {\n introspect http://as.example.com/\n}", "", "not a URL with https, and tokens are secrets"},
		{"secret in clear", "oauth2 {\n introspect https://as.example.com/ {\n client gw demo-clear\n }\n}", "", "placeholder"},
		{"long cache", "oauth2 {\n introspect https://as.example.com/ {\n cache 2h\n }\n}", "", "too long; it must be at most 1h"},
		{"audience without introspection", "oauth2 {\n audience a\n}", "", "audience is for tokens of another server"},
		{"consumer twice", "oauth2 {\n introspect https://as.example.com/\n consumer a\n consumer_claim b\n}", "", "says who all callers are"},
		{"by what", "oauth2 {\n introspect https://as.example.com/\n consumer_claim b email\n}", "", "write oauth_client, name or custom_id"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := new(Handler)
			err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(row.src))
			if row.err != "" {
				if err == nil || !strings.Contains(err.Error(), row.err) || !strings.Contains(err.Error(), "Testfile:") || strings.Contains(err.Error(), "demo-clear") {
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

// TestAdapt checks what needs the whole Caddyfile.
func TestAdapt(t *testing.T) {
	t.Parallel()
	const app = "{\n gateway {\n consumer guest\n oauth2_server https://gw.example.com {\n lifetime 5m\n }\n }\n}\n"
	for _, row := range []struct{ name, src, err string }{
		{"own server", app + ":80 {\n oauth2\n}", ""},
		{"other server", ":80 {\n oauth2 {\n introspect https://as.example.com/\n }\n}", ""},
		{"no server", ":80 {\n oauth2\n}", "whose tokens are meant?"},
		{"unknown consumer", app + ":80 {\n oauth2 {\n anonymous ghost\n }\n}", `consumer "ghost" does not exist`},
		{"issuer", "{\n gateway {\n oauth2_server http://gw.example.com\n }\n}\n:80", "not a URL with https"},
		{"lifetime", "{\n gateway {\n oauth2_server https://gw.example.com {\n lifetime 48h\n }\n }\n}\n:80", "too long"},
		{"passphrase in clear", "{\n gateway {\n oauth2_server https://gw.example.com {\n passphrase demo-clear\n }\n }\n}\n:80", "placeholder"},
		{"secret in clear", "{\n gateway {\n consumer a {\n oauth_client c {\n secret demo-clear\n }\n }\n }\n}\n:80", "sha256:<64 hex digits>"},
		{"client twice", "{\n gateway {\n consumer a {\n oauth_client c\n }\n consumer b {\n oauth_client c\n }\n }\n}\n:80", `declared already, by consumer "a"`},
		{"client id", "{\n gateway {\n consumer a {\n oauth_client c:d\n }\n }\n}\n:80", "holds something else than letters"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			adapter := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}
			_, _, err := adapter.Adapt([]byte(row.src), map[string]any{"filename": "Testfile"})
			if row.err == "" && err != nil || row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err) || strings.Contains(err.Error(), "demo-clear")) {
				t.Errorf("error %v, want %s", err, row.err)
			}
		})
	}
}
