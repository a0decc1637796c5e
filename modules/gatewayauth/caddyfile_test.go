// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewayauth

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

// UnmarshalCaddyfile takes a way's options as gateway_key does.
func (w *keyWay) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}

func TestUnmarshalCaddyfile(t *testing.T) {
	const hash = "$2a$04$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	rows := []struct{ name, src, want, err string }{
		{
			"any", "gateway_auth {\n any {\n gatewayauth_test_key\n basic {\n bob " + hash + "\n }\n }\n anonymous nobody\n}",
			`{"any":[{"provider":"gatewayauth_test_key"},{"accounts":[{"password":"` + hash + `","username":"bob"}],"hash":{"algorithm":"bcrypt"},"hash_cache":{},"provider":"http_basic"}],"anonymous":"nobody"}`, "",
		},
		{
			"everything else", "gateway_auth {\n all {\n http_basic argon2id office {\n bob " + hash + "\n }\n }\n users required\n hide_credentials off\n preflight off\n profile kong\n}",
			`{"all":[{"accounts":[{"password":"` + hash + `","username":"bob"}],"hash":{"algorithm":"argon2id"},"hash_cache":{},"provider":"http_basic","realm":"office"}],"users":"required","hide_credentials":false,"preflight":false,"profile":"kong"}`, "",
		},
		{"no block", "gateway_auth", "", "there is no way to authenticate"},
		{"argument", "gateway_auth key", "", "gateway_auth takes no arguments, not 1"},
		{"no way", "gateway_auth {\n any\n}", "", "it lists no way; write for example: any { key }, at Testfile:2"},
		{"both", "gateway_auth {\n any {\n gatewayauth_test_key\n }\n all {\n gatewayauth_test_key\n }\n}", "", "any and all are both given"},
		{"twice", "gateway_auth {\n any {\n gatewayauth_test_key\n }\n any {\n gatewayauth_test_key\n }\n}", "", "any is given twice"},
		{"unknown way", "gateway_auth {\n any {\n saml\n }\n}", "", `there is no way "saml" in this build; there are: gatewayauth_test_broken`},
		{"argument of a way", "gateway_auth {\n any {\n gatewayauth_test_key x\n }\n}", "", "Testfile:3"},
		{"way without Caddyfile", "gateway_auth {\n any {\n gatewayauth_test_login\n }\n}", "", "not a Caddyfile unmarshaler"},
		{"no account", "gateway_auth {\n any {\n basic\n }\n}", "", "no account is listed"},
		{"account twice", "gateway_auth {\n any {\n basic {\n bob " + hash + "\n bob " + hash + "\n }\n }\n}", "", "user bob is listed twice, at Testfile:5"},
		{"account without password", "gateway_auth {\n any {\n basic {\n bob\n }\n }\n}", "", "write an account as: <username> <hashed_password>, at Testfile:4"},
		{"hash unknown", "gateway_auth {\n any {\n basic md5 {\n bob x\n }\n }\n}", "", `unknown hash algorithm "md5"`},
		{"users unknown", "gateway_auth {\n any {\n gatewayauth_test_key\n }\n users all\n}", "", `"all" is not one of: consumers, required, elsewhere`},
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

// What the gateway option of the same file does not have is refused with file and line.
func TestAdaptChecksReferences(t *testing.T) {
	rows := []struct{ name, option, anonymous, want string }{
		{"known", "consumer guest", "guest", ""},
		{"unknown", "consumer guest", "ghost", `consumer "ghost" does not exist`},
		{"in a file", "consumers people.json", "ghost", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			src := "{\ngateway {\n" + row.option + "\n}\n}\nhttp://127.0.0.1 {\ngateway_auth {\nany {\ngatewayauth_test_key\n}\nanonymous " + row.anonymous + "\n}\n}\n"
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

// Interface guards
var _ caddyfile.Unmarshaler = (*keyWay)(nil)
