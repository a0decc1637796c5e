// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauth2

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// TestOwnTokens are those of the gateway's own server.
func TestOwnTokens(t *testing.T) {
	ctx, app := provisioned(t)
	good, narrow := issued(t, app, "batch-1", ""), issued(t, app, "batch-1", "embed")
	plain := serve(t, ctx, "oauth2", `{}`)
	scoped := serve(t, ctx, "oauth2", `{"scopes": ["chat"], "query": true, "realm": "my \"api\""}`)
	lenient := serve(t, ctx, "oauth2", `{"anonymous": "guest", "preflight": false}`)
	kept := serve(t, ctx, "oauth2", `{"hide_credentials": false}`)
	preflight := []string{"Origin: https://app.example.com", "Access-Control-Request-Method: POST"}
	rows := []struct {
		name      string
		g         *gate
		method    string
		uri       string
		header    []string
		status    int
		code      string
		challenge string
	}{
		{"good", plain, "GET", "/", []string{"Authorization: Bearer " + good}, 200, "", ""},
		{"scheme in another case", plain, "GET", "/", []string{"Authorization: bEARER  " + good}, 200, "", ""},
		{"nothing", plain, "GET", "/", nil, 401, "token_missing", `Bearer realm="gateway"`},
		{"another scheme", plain, "GET", "/", []string{"Authorization: Basic YTpi"}, 401, "token_missing", `Bearer realm="gateway"`},
		{"no token", plain, "GET", "/", []string{"Authorization: Bearer demo-key"}, 401, "token_invalid", `Bearer realm="gateway", error="invalid_token", error_description="The token does not have three parts in base64url"`},
		{"changed", plain, "GET", "/", []string{"Authorization: Bearer " + good[:len(good)-4] + "AAAA"}, 401, "token_invalid", `Bearer realm="gateway", error="invalid_token"`},
		{"two lines", plain, "GET", "/", []string{"Authorization: Bearer " + good, "Authorization: Bearer " + good}, 400, "token_duplicate", `error="invalid_request"`},
		{"query is off", plain, "GET", "/?access_token=" + good, nil, 401, "token_missing", `Bearer realm="gateway"`},
		{"scope", scoped, "GET", "/", []string{"Authorization: Bearer " + good}, 200, "", ""},
		{"other scope", scoped, "GET", "/", []string{"Authorization: Bearer " + narrow}, 403, "insufficient_scope", `Bearer realm="my \"api\"", error="insufficient_scope", scope="chat"`},
		{"query", scoped, "GET", "/a?x=1&access_token=" + good + "&y=2", nil, 200, "", ""},
		{"query and header", scoped, "GET", "/?access_token=" + good, []string{"Authorization: Bearer " + good}, 400, "token_duplicate", `error="invalid_request"`},
		{"query twice", scoped, "GET", "/?access_token=" + good + "&access%5Ftoken=" + good, nil, 400, "token_duplicate", `error="invalid_request"`},
		{"anonymous", lenient, "GET", "/", nil, 200, "", ""},
		{"anonymous, wrong token", lenient, "GET", "/", []string{"Authorization: Bearer a.b.c"}, 401, "token_invalid", `error="invalid_token"`},
		{"preflight", lenient, "OPTIONS", "/", preflight, 200, "", ""},
		{"preflight elsewhere", plain, "OPTIONS", "/", preflight, 401, "token_missing", `Bearer realm="gateway"`},
		{"kept", kept, "GET", "/", []string{"Authorization: Bearer " + good}, 200, "", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := row.g.do(t, row.method, row.uri, append([]string{"X-Consumer-Username: root"}, row.header...)...)
			if a.status != row.status || (a.up != nil) != (row.status == 200) {
				t.Fatalf("status %d, body %s, upstream %v", a.status, a.body, a.up)
			}
			if strings.Contains(a.body, good) {
				t.Errorf("the answer shows the token: %s", a.body)
			}
			if row.status != 200 {
				if got := a.header.Get("Www-Authenticate"); a.code() != row.code || !strings.Contains(got, row.challenge) {
					t.Errorf("code %q, challenge %s", a.code(), got)
				}
				return
			}
			who := a.up.Header.Get("X-Consumer-Username")
			switch {
			case row.g == lenient && row.method == "OPTIONS":
				if who != "" {
					t.Errorf("a preflight is %s", who)
				}
			case row.g == lenient:
				if who != "guest" || a.up.Header.Get("X-Anonymous-Consumer") != "true" {
					t.Errorf("upstream got %v", a.up.Header)
				}
			case who != "batch" || a.up.Header.Get("X-Credential-Identifier") != "oauth2:batch-1" || a.up.User != "batch" || a.up.Subject != "batch-1" || !strings.Contains(a.up.Scopes, "chat"):
				t.Errorf("upstream got %+v", a.up)
			}
			sent := a.up.Header.Get("Authorization") + a.up.URI + a.up.RequestURI + a.up.OrigURI
			if strings.Contains(sent, good) != (row.g == kept) {
				t.Errorf("upstream got %s", sent)
			}
			if row.name == "query" && (a.up.URI != "/a?x=1&y=2" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Referrer-Policy") != "no-referrer") {
				t.Errorf("upstream got %s, client %v", a.up.URI, a.header)
			}
		})
	}
}

// TestTokensAreTaken from wherever they stand, and what is none of them stays.
func TestTokensAreTaken(t *testing.T) {
	ctx, app := provisioned(t)
	as := authority(t, map[string]string{"opaque": `{"active":true,"client_id":"partner-app"}`})
	t.Setenv("OAUTH2_TEST_AS", "demo-as-secret")
	good := issued(t, app, "batch-1", "")
	own := `{"query": true}`
	other := `{"query": true, "introspection": {"url": "` + as.URL + `", "client_id": "gw", "client_secret": "{env.OAUTH2_TEST_AS}", "timeout": "5s"}}`
	for _, row := range []struct{ name, config, token, referer, want string }{
		{"own token in the address of the page", own, good, "https://a.test/p?x=1&access_token=" + good, "https://a.test/p?x=1"},
		{"another's in the address of the page", own, good, "https://a.test/p?access_token=theirs", "https://a.test/p?access_token=theirs"},
		{"opaque one in the address of the page", other, "opaque", "https://a.test/p?access_token=opaque&y#z", "https://a.test/p?y"},
		{"query off", `{}`, good, "https://a.test/p?access_token=theirs", "https://a.test/p?access_token=theirs"},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := serve(t, ctx, "oauth2", row.config).do(t, "GET", "/", "Authorization: Bearer "+row.token, "Referer: "+row.referer)
			if a.status != 200 || a.up.Header.Get("Referer") != row.want {
				t.Errorf("status %d, upstream %+v", a.status, a.up)
			}
		})
	}
	// A proxy may join lines. Who is accepted by another way has no token travel on.
	for _, row := range []struct {
		name, line string
		stays      bool
	}{
		{"token", "Bearer " + good, false},
		{"two in one line", "Bearer " + good + ", Bearer " + good, false},
		{"key and token in one line", "Bearer demo-key, Bearer " + good, false},
		{"key", "Bearer demo-key", true},
		{"password", "Basic ZGVtbzpkZW1v", true},
	} {
		t.Run("hidden: "+row.name, func(t *testing.T) {
			mod, err := ctx.LoadModuleByID("http.handlers.oauth2", json.RawMessage(own))
			if err != nil {
				t.Fatal(err)
			}
			r, rq := request(t)
			r.Header.Set("Authorization", row.line)
			if err := mod.(*Handler).Hide(r, rq); err != nil || (r.Header.Get("Authorization") != "") != row.stays {
				t.Errorf("%v, Authorization %q", err, r.Header.Get("Authorization"))
			}
		})
	}
}

// TestIntrospection has another server decide.
func TestIntrospection(t *testing.T) {
	as := authority(t, map[string]string{
		"known":    `{"active":true,"client_id":"partner-app","scope":"reports admin","iss":"https://as.example.com","aud":"https://api.example.com","sub":"s1"}`,
		"by-name":  `{"active":true,"username":"batch","sub":"s2","team":{"id":"guest-ext"}}`,
		"stranger": `{"active":true,"client_id":"stranger","sub":"s3"}`,
		"list":     `{"active":true,"roles":["batch"],"sub":"s4"}`,
		"revoked":  `{"active":false}`,
		"broken":   `{"active":"yes"}`,
	})
	ctx, _ := provisioned(t)
	t.Setenv("OAUTH2_TEST_AS", "demo-as-secret")
	server := `"introspection": {"url": "` + as.URL + `", "client_id": "gw", "client_secret": "{env.OAUTH2_TEST_AS}", "timeout": "5s"}`
	rows := []struct {
		name, config, token string
		status              int
		code, consumer, id  string
	}{
		{"declared client", `{` + server + `}`, "known", 200, "", "partner", "oauth2:partner-app"},
		{"scope", `{` + server + `, "scopes": ["reports"]}`, "known", 200, "", "partner", "oauth2:partner-app"},
		{"two scopes", `{` + server + `, "scopes": ["reports", "root"]}`, "known", 403, "insufficient_scope", "", ""},
		{"issuer and audience", `{` + server + `, "issuers": ["https://as.example.com"], "audiences": ["https://api.example.com", "x"]}`, "known", 200, "", "partner", "oauth2:partner-app"},
		{"another issuer", `{` + server + `, "issuers": ["https://other.example.com"]}`, "known", 401, "token_not_accepted", "", ""},
		{"another audience", `{` + server + `, "audiences": ["https://other.example.com"]}`, "known", 401, "token_not_accepted", "", ""},
		{"no issuer said", `{` + server + `, "issuers": ["https://as.example.com"], "consumer_claim": "username"}`, "by-name", 401, "token_not_accepted", "", ""},
		{"by name", `{` + server + `, "consumer_claim": "username"}`, "by-name", 200, "", "batch", "oauth2"},
		{"by custom id in a member", `{` + server + `, "consumer_claim": "team.id", "consumer_by": "custom_id"}`, "by-name", 200, "", "guest", "oauth2"},
		{"a list is nobody", `{` + server + `, "consumer_claim": "roles"}`, "list", 403, "token_consumer_unknown", "", ""},
		{"stranger", `{` + server + `}`, "stranger", 403, "token_consumer_unknown", "", ""},
		{"stranger, allowed", `{` + server + `, "unknown_consumer": "allow"}`, "stranger", 200, "", "", ""},
		{"fixed consumer", `{` + server + `, "consumer": "guest"}`, "stranger", 200, "", "guest", "oauth2"},
		{"revoked", `{` + server + `}`, "revoked", 401, "token_invalid", "", ""},
		{"unknown", `{` + server + `}`, "nobody-knows", 401, "token_invalid", "", ""},
		{"no answer", `{` + server + `}`, "broken", 503, "token_status_unavailable", "", ""},
		{"nobody there", `{"introspection": {"url": "http://127.0.0.1:1/introspect"}}`, "known", 503, "token_status_unavailable", "", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := serve(t, ctx, "oauth2", row.config).do(t, "GET", "/", "Authorization: Bearer "+row.token)
			if a.status != row.status || a.code() != row.code || (a.up != nil) != (row.status == 200) {
				t.Fatalf("status %d, body %s", a.status, a.body)
			}
			if row.status == 503 && (a.header.Get("Retry-After") != "1" || a.header.Get("Www-Authenticate") != "") {
				t.Errorf("header %v", a.header)
			}
			if a.up == nil {
				return
			}
			h := a.up.Header
			if h.Get("X-Consumer-Username") != row.consumer || h.Get("X-Credential-Identifier") != row.id || h.Get("Authorization") != "" {
				t.Errorf("upstream got %v", h)
			}
			if row.consumer == "" && a.up.User != "s3" {
				t.Errorf("the user is %q", a.up.User)
			}
		})
	}
}

// TestProvider is the way through Caddy's own authentication.
func TestProvider(t *testing.T) {
	ctx, app := provisioned(t)
	g := serve(t, ctx, "authentication", `{"providers": {"gateway_oauth2": {"scopes": ["chat"]}}}`)
	good := issued(t, app, "batch-1", "")
	if a := g.do(t, "GET", "/", "Authorization: Bearer "+good, "X-Consumer-Username: root"); a.status != 200 ||
		a.up.Header.Get("X-Consumer-Username") != "batch" || a.up.Header.Get("Authorization") != "" || a.up.User != "batch" {
		t.Errorf("status %d, upstream %+v", a.status, a.up)
	}
	for _, header := range []string{"X: y", "Authorization: Bearer a.b.c", "Authorization: Bearer " + issued(t, app, "batch-1", "embed")} {
		if a := g.do(t, "GET", "/", header); a.status != 401 || a.header.Get("Www-Authenticate") == "" || a.up != nil {
			t.Errorf("%.30s: status %d, header %v", header, a.status, a.header)
		}
	}
	mod, err := ctx.LoadModuleByID("http.authentication.providers.gateway_oauth2", json.RawMessage(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	if p := mod.(*Provider); p.Authenticator() != state.Authenticator(&p.Tokens) {
		t.Error("it is no way")
	}
}

func TestLoadRefuses(t *testing.T) {
	ctx, _ := provisioned(t)
	const as = `"introspection": {"url": "https://as.example.com/introspect"`
	for _, row := range []struct{ name, config, want string }{
		{"anonymous unknown", `{"anonymous": "ghost"}`, `anonymous consumer "ghost" does not exist`},
		{"consumer without introspection", `{"consumer": "guest"}`, "is for tokens of another server"},
		{"consumer unknown", `{` + as + `}, "consumer": "ghost"}`, `consumer "ghost" does not exist`},
		{"consumer and claim", `{` + as + `}, "consumer": "guest", "consumer_claim": "sub"}`, "says who all callers are"},
		{"by what", `{` + as + `}, "consumer_claim": "sub", "consumer_by": "email"}`, "write oauth_client, name or custom_id"},
		{"unknown consumer", `{` + as + `}, "unknown_consumer": "maybe"}`, "write allow or refuse"},
		{"http", `{"introspection": {"url": "http://as.example.com/"}}`, "not a URL with https"},
		{"secret in clear", `{` + as + `, "client_id": "a", "client_secret": "demo-clear"}}`, "placeholder"},
		{"secret unset", `{` + as + `, "client_id": "a", "client_secret": "{env.OAUTH2_TEST_UNSET}"}}`, "is not set or empty"},
		{"secret without id", `{` + as + `, "client_secret": "{env.HOME}"}}`, "belong together"},
		{"no certificates", `{` + as + `, "ca": "/nowhere.pem"}}`, "read certificates"},
		{"scope", `{"scopes": ["a b"]}`, "holds a space"},
		{"scope twice", `{"scopes": ["a", "a"]}`, "listed twice"},
		{"realm", `{"realm": "a\nb"}`, "control character"},
		{"unknown option", `{"relm": "x"}`, "unknown field"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := ctx.LoadModuleByID("http.handlers.oauth2", json.RawMessage(row.config))
			if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "demo-clear") {
				t.Errorf("error %v, want %s", err, row.want)
			}
		})
	}
	if _, err := bare(t).LoadModuleByID("http.handlers.oauth2", json.RawMessage(`{}`)); err == nil || !strings.Contains(err.Error(), "whose tokens are meant?") {
		t.Errorf("without a server: %v", err)
	}
}

// BenchmarkHandle is a request with a token that was seen before.
func BenchmarkHandle(b *testing.B) {
	ctx, app := provisioned(b)
	mod, err := ctx.LoadModuleByID("http.handlers.oauth2", json.RawMessage(`{}`))
	if err != nil {
		b.Fatal(err)
	}
	r, rq := request(b)
	value := []string{"Bearer " + issued(b, app, "batch-1", "")}
	b.ReportAllocs()
	for b.Loop() {
		r.Header["Authorization"] = value
		if err := mod.(*Handler).Handle(nil, r, rq, pass); err != nil {
			b.Fatal(err)
		}
	}
}
