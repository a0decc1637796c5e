// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

func TestDefaultCarriers(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{}`)
	long := strings.Repeat("k", apikey.MaxLength+1)
	rows := []struct {
		name   string
		send   call
		status int
		code   string
	}{
		{"apikey", call{header: []string{"apikey: " + goodKey}}, 200, ""},
		{"X-API-Key", call{header: []string{"X-API-Key: " + goodKey}}, 200, ""},
		{"bearer token", call{header: []string{"Authorization: Bearer " + goodKey}}, 200, ""},
		{"bearer in another case, more spaces", call{header: []string{"Authorization: bEARER   " + goodKey}}, 200, ""},
		{"first carrier right, second wrong", call{header: []string{"apikey: " + goodKey, "X-API-Key: their-own"}}, 200, ""},
		{"first carrier wrong, second right", call{header: []string{"apikey: wrong", "X-API-Key: " + goodKey}}, 401, "key_invalid"},
		{"first carrier empty", call{header: []string{"apikey:", "X-API-Key: " + goodKey}}, 200, ""},
		{"nothing", call{}, 401, "key_missing"},
		{"bearer without token", call{header: []string{"Authorization: Bearer "}}, 401, "key_missing"},
		{"basic is no carrier", call{header: []string{"Authorization: Basic " + goodKey}}, 401, "key_missing"},
		{"query is off", call{uri: "/?apikey=" + goodKey}, 401, "key_missing"},
		{"unknown", call{header: []string{"apikey: wrong"}}, 401, "key_invalid"},
		{"expired", call{header: []string{"apikey: " + oldKey}}, 401, "key_invalid"},
		{"digest instead of key", call{header: []string{"apikey: sha256:" + strings.Repeat("0", 64)}}, 401, "key_invalid"},
		{"comma", call{header: []string{"apikey: " + goodKey + "," + goodKey}}, 401, "key_invalid"},
		{"too long", call{header: []string{"apikey: " + long}}, 401, "key_invalid"},
		{"two lines", call{header: []string{"apikey: " + goodKey, "apikey: " + goodKey}}, 401, "key_duplicate"},
		{"two bearer tokens", call{header: []string{"Authorization: Bearer a", "Authorization: Bearer b"}}, 401, "key_duplicate"},
		{"bearer beside basic", call{header: []string{"Authorization: Basic a", "Authorization: Bearer " + goodKey}}, 401, "key_duplicate"},
		{"preflight needs a key", call{method: http.MethodOptions, header: []string{"Origin: http://127.0.0.1", "Access-Control-Request-Method: GET"}}, 401, "key_missing"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := g.do(t, row.send)
			if a.status != row.status || (a.up != nil) != (row.status == 200) {
				t.Fatalf("status %d, want %d; upstream %v; %s", a.status, row.status, a.up, a.body)
			}
			if row.status == 200 {
				return
			}
			if got := a.code(t); got != row.code {
				t.Errorf("code %q, want %q", got, row.code)
			}
			challenges := strings.Join(a.header.Values("WWW-Authenticate"), "; ")
			if challenges != `Key; Bearer realm="gateway"` {
				t.Errorf("WWW-Authenticate %s", challenges)
			}
		})
	}
}

// TestCommaInAKey: it never works, wherever it is sent, except with the profile
// kong. What the config may hold follows from this.
func TestCommaInAKey(t *testing.T) {
	const key = "demo-key,not-a-secret"
	ctx := provisioned(t, `{"consumers": [{"name": "bob", "keys": ["`+apikey.Hash(key).String()+`"]}]}`)
	for _, row := range []struct {
		name, config string
		status       int
	}{
		{"default", `{"query": ["apikey"]}`, 401},
		{"profile kong", `{"profile": "kong"}`, 200},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := serve(t, ctx, row.config)
			for name, send := range map[string]call{"header": {header: []string{"apikey: " + key}}, "query": {uri: "/?apikey=" + key}} {
				if a := g.do(t, send); a.status != row.status {
					t.Errorf("in the %s: status %d, want %d", name, a.status, row.status)
				}
			}
		})
	}
}

// TestMissingKeyNamesTheCarriers as the config spells them.
func TestMissingKeyNamesTheCarriers(t *testing.T) {
	rows := []struct{ name, config, want string }{
		{"defaults", `{}`, "send it as header apikey, header X-API-Key or Authorization: Bearer"},
		{"chosen", `{"headers": ["x-Partner-KEY"], "bearer": false, "query": ["Key"], "body": ["api_key"]}`, "send it as header x-Partner-KEY, query parameter Key or body field api_key"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := serve(t, provisioned(t, people("")), row.config).do(t, call{})
			if a.status != 401 || !strings.Contains(a.body, row.want+`"`) {
				t.Errorf("status %d, body %s", a.status, a.body)
			}
		})
	}
}

// TestEveryBadKeyGetsTheSameAnswer: the answer must not tell an expired key
// from one that never was.
func TestEveryBadKeyGetsTheSameAnswer(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{}`)
	var first string
	for _, key := range []string{"unknown", oldKey, "a,b", strings.Repeat("x", 600)} {
		a := g.do(t, call{header: []string{"apikey: " + key}})
		body, _, _ := strings.Cut(a.body, `,"request_id"`)
		if first == "" {
			first = body
		}
		if body != first || strings.Contains(a.body, key) {
			t.Errorf("key %.20q: body %s differs from %s or shows the key", key, body, first)
		}
	}
}

func TestIdentityReachesTheUpstream(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{}`)
	a := g.do(t, call{header: []string{
		"apikey: " + goodKey, "X-Consumer-Username: root", "X-Consumer-Groups: admin", "Connection: X-Consumer-Username",
	}})
	if a.status != 200 {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	h := a.up.Header
	for name, want := range map[string]string{
		"X-Consumer-Username": "bob", "X-Consumer-Id": "bob", "X-Consumer-Custom-Id": "bob-ext",
		"X-Consumer-Groups": "", "X-Anonymous-Consumer": "", "Connection": "",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if !strings.HasPrefix(h.Get("X-Credential-Identifier"), "key_") {
		t.Errorf("X-Credential-Identifier: %q", h.Get("X-Credential-Identifier"))
	}
	if a.up.User != "bob" {
		t.Errorf("{http.auth.user.id} is %q", a.up.User)
	}
}

func TestAnonymousIsNoWayAroundAWrongKey(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{"anonymous": "nobody"}`)
	if a := g.do(t, call{}); a.status != 200 || a.up.Header.Get("X-Consumer-Username") != "nobody" || a.up.User != "" {
		t.Errorf("no key: status %d, upstream %+v", a.status, a.up)
	}
	if a := g.do(t, call{header: []string{"apikey: wrong"}}); a.status != 401 {
		t.Errorf("wrong key: status %d", a.status)
	}
	if a := g.do(t, call{header: []string{"apikey: " + goodKey}}); a.status != 200 || a.up.Header.Get("X-Anonymous-Consumer") != "" {
		t.Errorf("right key: status %d, upstream %+v", a.status, a.up)
	}
}

func TestPreflightOff(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{"preflight": false}`)
	rows := []struct {
		name   string
		header []string
		status int
	}{
		{"preflight", []string{"Origin: http://127.0.0.1", "Access-Control-Request-Method: GET"}, 200},
		{"plain OPTIONS", nil, 401},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if a := g.do(t, call{method: http.MethodOptions, header: row.header}); a.status != row.status {
				t.Errorf("status %d, want %d", a.status, row.status)
			}
		})
	}
	a := g.do(t, call{method: http.MethodOptions, header: []string{"Origin: http://127.0.0.1", "Access-Control-Request-Method: GET", "apikey: " + goodKey}})
	if a.status != 200 || a.up.Header.Get("apikey") != "" || a.up.Header.Get("X-Consumer-Username") != "" {
		t.Errorf("preflight with a key: status %d, upstream %+v", a.status, a.up)
	}
}

func TestConfiguredOrder(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{"carriers": ["query", "header"], "query": ["k", "token"], "headers": ["X-Mine"]}`)
	rows := []struct {
		name   string
		send   call
		status int
	}{
		{"query before header", call{uri: "/?token=wrong", header: []string{"X-Mine: " + goodKey}}, 401},
		{"first name before second", call{uri: "/?token=wrong&k=" + goodKey}, 200},
		{"header alone", call{header: []string{"X-Mine: " + goodKey}}, 200},
		{"bearer is not listed", call{header: []string{"Authorization: Bearer " + goodKey}}, 401},
		{"default header is not listed", call{header: []string{"apikey: " + goodKey}}, 401},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if a := g.do(t, row.send); a.status != row.status {
				t.Errorf("status %d, want %d: %s", a.status, row.status, a.body)
			}
		})
	}
}

func TestKeyInQueryIsNotKept(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{"query": ["apikey"]}`)
	g.replyTo = func(w http.ResponseWriter) { w.Header().Add("Cache-Control", "public, max-age=60") }
	rows := []struct {
		name, uri string
		header    string
		kept      bool
	}{
		{"right key", "/?apikey=" + goodKey, "X-Other: 1", false},
		{"wrong key", "/?apikey=wrong", "X-Other: 1", false},
		{"key in a header", "/", "apikey: " + goodKey, true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := g.do(t, call{uri: row.uri, header: []string{row.header}})
			cache := strings.Join(a.header.Values("Cache-Control"), "; ")
			if kept := a.header.Get("Referrer-Policy") == "" && cache != "no-store"; kept != row.kept {
				t.Errorf("status %d, header %v", a.status, a.header)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	ctx := provisioned(t, people(""))
	rows := []struct{ name, config, want string }{
		{"anonymous unknown", `{"anonymous": "ghost"}`, `anonymous consumer "ghost" does not exist`},
		{"profile", `{"profile": "nginx"}`, "the only profile is kong"},
		{"negative size", `{"max_body": -1}`, "max_body is -1"},
		{"size of all", `{"max_body": 2147483648}`, "max_body is 2147483648"},
		{"no carrier", `{"carriers": []}`, "carriers is empty"},
		{"unknown carrier", `{"carriers": ["cookie"]}`, `carrier "cookie" is unknown`},
		{"carrier twice", `{"carriers": ["header", "header"]}`, "listed twice"},
		{"bearer off and listed", `{"carriers": ["bearer"], "bearer": false}`, "switched off"},
		{"names of a carrier that is not listed", `{"carriers": ["header"], "query": ["k"]}`, "carriers does not list it"},
		{"underscore", `{"headers": ["api_key"]}`, `write "api-key"`},
		{"dot", `{"headers": ["api.key"]}`, `write "api-key"`},
		{"authorization", `{"headers": ["authorization"]}`, "write: bearer on"},
		{"identity header", `{"headers": ["X-Consumer-Username"]}`, "another meaning"},
		{"no token", `{"headers": ["api key"]}`, "not a header name"},
		{"header twice", `{"headers": ["apikey", "APIKEY"]}`, "listed twice or empty"},
		{"empty query name", `{"query": [""]}`, "listed twice or empty"},
		{"realm with a line break", `{"realm": "a\nb"}`, "control character"},
		{"unknown option", `{"relm": "x"}`, "unknown field"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if _, err := loadErr(ctx, row.config); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %s", err, row.want)
			}
		})
	}
	t.Run("no consumer has a key", func(t *testing.T) {
		_, err := loadErr(provisioned(t, `{"consumers": [{"name": "bob"}]}`), `{}`)
		if err == nil || !strings.Contains(err.Error(), "no consumer has a key") {
			t.Errorf("error %v", err)
		}
	})
}
