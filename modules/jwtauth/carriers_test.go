// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func TestCarriers(t *testing.T) {
	ctx := provisioned(t, "")
	token := hs().Sign(claims())
	other := hs().Sign(claims("jti", "2"))
	all := simple("headers", []string{"X-Token"}, "cookies", []string{"session"}, "query", []string{"access_token"})
	rows := []struct {
		name   string
		config object
		send   call
		status int
		code   string
	}{
		{"bearer", all, call{header: []string{"Authorization: Bearer " + token}}, 200, ""},
		{"bearer in lower case", all, call{header: []string{"Authorization: bearer   " + token}}, 200, ""},
		{"another scheme", all, call{header: []string{"Authorization: Token " + token}}, 401, "token_missing"},
		{"no scheme", all, call{header: []string{"Authorization: " + token}}, 401, "token_missing"},
		{"header", all, call{header: []string{"X-Token: " + token}}, 200, ""},
		{"header with a scheme", all, call{header: []string{"X-Token: Bearer " + token}}, 200, ""},
		{"cookie", all, call{header: []string{"Cookie: a=b; session=" + token + "; c=d"}}, 200, ""},
		{"quoted cookie", all, call{header: []string{`Cookie: session="` + token + `"`}}, 200, ""},
		{"cookie of another name", all, call{header: []string{"Cookie: sessions=" + token}}, 401, "token_missing"},
		{"query", all, call{uri: "/request?access_token=" + token}, 200, ""},
		{"query, name encoded", all, call{uri: "/request?access%5Ftoken=" + token}, 200, ""},
		{"query that is no carrier", simple(), call{uri: "/request?access_token=" + token}, 401, "token_missing"},
		{"query without value", all, call{uri: "/request?access_token="}, 401, "token_missing"},
		{"two lines", all, call{header: []string{"Authorization: Bearer " + token, "Authorization: Bearer " + other}}, 400, "token_duplicate"},
		{"the same twice", all, call{header: []string{"Authorization: Bearer " + token, "Authorization: Bearer " + token}}, 400, "token_duplicate"},
		{"two in one line", all, call{header: []string{"Authorization: Bearer " + token + ", Bearer " + other}}, 401, "token_invalid"},
		{"header and cookie", all, call{header: []string{"X-Token: " + token, "Cookie: session=" + token}}, 400, "token_duplicate"},
		{"query twice", all, call{uri: "/?access_token=" + token + "&access_token=" + token}, 400, "token_duplicate"},
		{"bearer off", simple("bearer", false, "headers", []string{"X-Token"}), call{header: []string{"Authorization: Bearer " + token}}, 401, "token_missing"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := serve(t, ctx, row.config).do(t, row.send)
			if a.status != row.status {
				t.Fatalf("status %d, want %d: %s", a.status, row.status, a.body)
			}
			if row.status != 200 {
				if got := a.member(t, "code"); got != row.code {
					t.Errorf("code %s, want %s", got, row.code)
				}
				return
			}
			if all := all200(a); strings.Contains(all, token) {
				t.Errorf("the token travels on: %s", all)
			}
		})
	}
}

// all200 is everything that the upstream has received, as one text.
func all200(a answer) string {
	var b strings.Builder
	_ = a.up.Header.Write(&b)
	return b.String() + a.up.URI + " " + a.up.RequestURI + " " + a.up.OrigURI
}

func TestTokensAreTaken(t *testing.T) {
	ctx := provisioned(t, "")
	token := hs().Sign(claims())
	t.Run("cookies beside stay", func(t *testing.T) {
		g := serve(t, ctx, simple("cookies", []string{"session"}))
		a := g.do(t, call{header: []string{"Cookie: a=b; session=" + token + "; c=d"}})
		if got := a.up.Header.Get("Cookie"); got != "a=b; c=d" {
			t.Errorf("Cookie %q", got)
		}
		a = g.do(t, call{header: []string{"Cookie: session=" + token}})
		if got := a.up.Header.Values("Cookie"); len(got) != 0 {
			t.Errorf("Cookie %q", got)
		}
	})
	t.Run("parameters beside stay as they are", func(t *testing.T) {
		g := serve(t, ctx, simple("query", []string{"jwt"}))
		a := g.do(t, call{uri: "/request?b=%41&jwt=" + token + "&a"})
		for _, got := range []string{a.up.URI, a.up.RequestURI, a.up.OrigURI} {
			if got != "/request?b=%41&a" {
				t.Errorf("URI %s", got)
			}
		}
		if a := g.do(t, call{uri: "/request?jwt=" + token}); a.up.URI != "/request" {
			t.Errorf("URI %s", a.up.URI)
		}
		if got := a.header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control %q of an answer to a URL with a token", got)
		}
		a = g.do(t, call{uri: "/request?jwt=" + token, header: []string{"Authorization: Bearer " + token}})
		if got := a.header.Get("Cache-Control"); a.status != 400 || got != "no-store" {
			t.Errorf("status %d, Cache-Control %q of a refusal of two tokens, one in the URL", a.status, got)
		}
	})
	t.Run("from the address of the page that asks", func(t *testing.T) {
		g := serve(t, ctx, simple("query", []string{"jwt"}))
		page := "https://app.example.com/page?a=1&jwt=%s&b=2"
		for _, c := range []call{
			{uri: "/request?jwt=" + token, header: []string{"Referer: " + strings.Replace(page, "%s", token, 1)}},
			{header: []string{"Authorization: Bearer " + token, "Referer: " + strings.Replace(page, "%s", hs().Sign(claims("jti", "2")), 1)}},
			{header: []string{"Authorization: Bearer " + token, "Referer: https://app.example.com/page?a=1&b=2#jwt=" + token, "Referer: https://app.example.com/page?jwt=" + token}},
		} {
			a := g.do(t, c)
			if got := a.up.Header.Get("Referer"); a.status != 200 || got != "https://app.example.com/page?a=1&b=2" || strings.Contains(all200(a), "eyJ") {
				t.Errorf("status %d, Referer %q", a.status, a.up.Header["Referer"])
			}
		}
		a := g.do(t, call{header: []string{"Authorization: Bearer " + token, "Referer: https://app.example.com/page?jwt=theirs&other=" + token}})
		if got := a.up.Header.Get("Referer"); got != "https://app.example.com/page?jwt=theirs&other="+token {
			t.Errorf("Referer %q, which has nothing of ours", got)
		}
	})
	t.Run("when told not to be", func(t *testing.T) {
		g := serve(t, ctx, simple("hide_credentials", false))
		if a := g.show(t, token); a.up.Header.Get("Authorization") != "Bearer "+token {
			t.Error("the token is gone")
		}
	})
	t.Run("also by who is content without", func(t *testing.T) {
		g := serve(t, ctx, simple(), simple("anonymous", "nobody", "bearer", false, "headers", []string{"X-Token"}))
		a := g.do(t, call{header: []string{"Authorization: Bearer " + token, "X-Token: " + token}})
		if a.status != 200 || strings.Contains(all200(a), token) {
			t.Errorf("status %d, the token travels on", a.status)
		}
	})
	t.Run("not what is no token", func(t *testing.T) {
		h, err := load(ctx, simple("query", []string{"jwt"}, "cookies", []string{"session"}))
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://gateway.example/?jwt=demo", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer demo-key-not-a-secret")
		r.Header.Set("Cookie", "session=demo")
		if err := h.(*Handler).Hide(r, new(state.Request)); err != nil {
			t.Fatal(err)
		}
		if r.Header.Get("Authorization") == "" || r.Header.Get("Cookie") == "" || r.URL.RawQuery != "jwt=demo" {
			t.Errorf("a credential of another kind is gone: %v %s", r.Header, r.URL)
		}
	})
}

// TestWebSocket checks that an upgrade is asked for a token like any request.
func TestWebSocket(t *testing.T) {
	ctx := provisioned(t, "")
	g := serve(t, ctx, simple("query", []string{"jwt"}, "cookies", []string{"session"}))
	upgrade := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: ZGVtbyBub25jZSAwMDAwMA=="}
	token := hs().Sign(claims())
	for name, c := range map[string]call{
		"header": {header: append([]string{"Authorization: Bearer " + token}, upgrade...)},
		"cookie": {header: append([]string{"Cookie: session=" + token}, upgrade...)},
		"query":  {uri: "/ws?jwt=" + token, header: upgrade},
	} {
		if a := g.do(t, c); a.status != 200 || a.up.Header.Get("Upgrade") != "websocket" {
			t.Errorf("%s: status %d", name, a.status)
		}
	}
	if a := g.do(t, call{header: upgrade}); a.status != 401 {
		t.Errorf("without a token: status %d", a.status)
	}
}

func TestClaimHeaders(t *testing.T) {
	ctx := provisioned(t, "")
	config := func() object {
		return simple("anonymous", "nobody", "claim_headers", []object{
			{"header": "X-User-Email", "claim": "email"}, {"header": "X-Roles", "claim": "realm.roles"},
		})
	}
	rows := []struct {
		name   string
		claims jwttest.Claims
		email  []string
		roles  []string
	}{
		{"texts", claims("email", "alice@example.com", "realm", object{"roles": []string{"a", "b"}}), []string{"alice@example.com"}, []string{"a b"}},
		{"number and boolean", claims("email", 7, "realm", object{"roles": true}), []string{"7"}, []string{"true"}},
		{"absent", claims(), nil, nil},
		{"structured", claims("email", object{"a": 1}, "realm", object{"roles": []any{object{}}}), nil, nil},
		{"line break", claims("email", "a\r\nX-Consumer-Username: root"), nil, nil},
		{"NUL", claims("email", "a\x00b"), nil, nil},
		{"too long", claims("email", strings.Repeat("x", 2000)), nil, nil},
		{"beyond ASCII", claims("email", "ä@example.com"), []string{"ä@example.com"}, nil},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := serve(t, ctx, config()).do(t, call{header: []string{
				"Authorization: Bearer " + hs().Sign(row.claims), "X-User-Email: forged", "X-Roles: admin", "X-User-Email: twice", "Connection: X-Roles",
			}})
			if a.status != 200 {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			for name, want := range map[string][]string{"X-User-Email": row.email, "X-Roles": row.roles} {
				if got := strings.Join(a.up.Header[name], "|"); got != strings.Join(want, "|") {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if strings.Contains(strings.ToLower(a.up.Header.Get("Connection")), "x-roles") {
				t.Error("the client names the header in Connection")
			}
		})
	}
	t.Run("without a token", func(t *testing.T) {
		a := serve(t, ctx, config()).do(t, call{header: []string{"X-User-Email: forged", "X-Roles: admin"}})
		if a.status != 200 || a.up.Header.Get("X-User-Email") != "" || a.up.Header.Get("X-Roles") != "" {
			t.Errorf("status %d, %v", a.status, a.up.Header)
		}
	})
	t.Run("two handlers", func(t *testing.T) {
		second := config()
		second["bearer"], second["headers"] = false, []string{"X-Second"}
		for _, order := range [][]object{{config(), second}, {second, config()}} {
			a := serve(t, ctx, order...).do(t, call{header: []string{"Authorization: Bearer " + hs().Sign(claims("email", "a@example.com")), "X-User-Email: forged", "X-Roles: admin"}})
			if a.status != 200 || a.up.Header.Get("X-User-Email") != "a@example.com" || a.up.Header.Get("X-Roles") != "" {
				t.Errorf("status %d, %v", a.status, a.up.Header)
			}
		}
	})
	t.Run("hidden by whoever accepts by another way", func(t *testing.T) {
		h, err := load(ctx, config())
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://gateway.example/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Roles", "admin")
		if err := h.(*Handler).Hide(r, new(state.Request)); err != nil || r.Header.Get("X-Roles") != "" {
			t.Errorf("%v, X-Roles %q", err, r.Header.Get("X-Roles"))
		}
	})
}

func TestPlaceholders(t *testing.T) {
	ctx := provisioned(t, "")
	a := serve(t, ctx, simple()).show(t, hs().Sign(claims("realm", object{"roles": []string{"a", "b"}})))
	if a.up == nil || a.up.Subject != "alice" || a.up.Claim != "a b" {
		t.Errorf("%+v", a.up)
	}
}
