// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewayauth

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// row is one request to one configuration. No row may be accepted by what it does not name.
type row struct {
	name     string
	configs  []string
	lines    []string
	uri      string
	status   int
	code     string // of a refusal
	consumer string
	by       string // the credential's id, or its beginning
	user     string // {http.auth.user.id} where it is not the consumer
	check    func(t *testing.T, a answered)
}

func anyOf(ways ...string) string { return `{"any": [` + strings.Join(ways, ",") + `]}` }
func allOf(ways ...string) string { return `{"all": [` + strings.Join(ways, ",") + `]}` }

// with adds members to a configuration.
func with(config, members string) string {
	return strings.TrimSuffix(config, "}") + "," + members + "}"
}

func run(t *testing.T, appConfig string, rows []row) {
	t.Helper()
	ctx := provisioned(t, appConfig)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			uri := row.uri
			if uri == "" {
				uri = "/request"
			}
			a := serve(t, ctx, row.configs...).do(t, http.MethodGet, uri, row.lines...)
			if a.status != row.status || a.code() != row.code {
				t.Fatalf("status %d, code %q, want %d, %q; body %s", a.status, a.code(), row.status, row.code, a.body)
			}
			if (a.up != nil) != (row.status == 200) {
				t.Fatalf("reached the upstream: %v", a.up != nil)
			}
			if a.status == 401 && a.header.Get("Www-Authenticate") == "" {
				t.Error("401 without a challenge")
			}
			if up := a.up; up != nil {
				user := row.user
				if user == "" && !up.anonymous {
					user = row.consumer
				}
				if up.consumer != row.consumer || !strings.HasPrefix(up.credential, row.by) || up.user != user || up.header.Get(state.HeaderConsumerName) != row.consumer {
					t.Errorf("caller %+v, want %q by %q, user %q", up, row.consumer, row.by, user)
				}
				for name, values := range up.header {
					for _, line := range row.lines {
						if _, secret, _ := strings.Cut(line, ": "); name != "Cookie" && slices.Contains(values, secret) {
							t.Errorf("the upstream received %s: %s", name, secret)
						}
					}
				}
			}
			if row.check != nil {
				row.check(t, a)
			}
		})
	}
}

func TestAny(t *testing.T) {
	pass := basic(t)
	three := []string{anyOf(key, token, pass)}
	open := []string{with(anyOf(key, token, pass), `"anonymous": "nobody"`)}
	run(t, app(""), []row{
		{name: "the first way", configs: three, lines: []string{"apikey: " + bobKey}, status: 200, consumer: "bob", by: "key_"},
		{name: "the second way", configs: three, lines: []string{"Authorization: Bearer good.alice"}, status: 200, consumer: "alice", by: "token"},
		{name: "a key as bearer", configs: three, lines: []string{"Authorization: Bearer " + bobKey}, status: 200, consumer: "bob", by: "key_"},
		{
			name: "a token after a key, one carrier", configs: []string{anyOf(token, key)}, lines: []string{"Authorization: Bearer " + bobKey},
			status: 200, consumer: "bob", by: "key_",
		},
		{name: "the third way", configs: three, lines: []string{password("bob", "demo")}, status: 200, consumer: "bob", by: "http_basic"},
		{name: "a user who is no consumer", configs: three, lines: []string{password("carol", "demo")}, status: 200, user: "carol"},
		{name: "a token of nobody in the table", configs: three, lines: []string{"Authorization: Bearer good.zoe"}, status: 200, user: "zoe", check: func(t *testing.T, a answered) {
			if !a.up.elsewhere || a.up.subject != "zoe" {
				t.Errorf("upstream saw %+v", a.up)
			}
		}},
		{name: "a wrong key and a good token", configs: three, lines: []string{"apikey: wrong", "Authorization: Bearer good.alice"}, status: 200, consumer: "alice", by: "token"},
		{name: "a good key and a good token", configs: three, lines: []string{"apikey: " + bobKey, "Authorization: Bearer good.alice"}, status: 200, consumer: "bob", by: "key_"},
		{name: "a good key and a wrong password", configs: three, lines: []string{"apikey: " + bobKey, password("bob", "wrong")}, status: 200, consumer: "bob", by: "key_"},
		{name: "a wrong key", configs: three, lines: []string{"apikey: wrong"}, status: 401, code: "key_invalid"},
		{name: "an expired key", configs: three, lines: []string{"apikey: " + oldKey}, status: 401, code: "key_invalid"},
		{name: "a wrong token is refused by the first way that saw it", configs: three, lines: []string{"Authorization: Bearer bad.bob"}, status: 401, code: "key_invalid"},
		{name: "a wrong token, tokens first", configs: []string{anyOf(token, key)}, lines: []string{"Authorization: Bearer bad.bob"}, status: 401, code: "token_invalid"},
		{name: "a token without the right", configs: three, lines: []string{"Authorization: Bearer narrow.bob"}, status: 403, code: "insufficient_scope"},
		{name: "a token that cannot be judged", configs: three, lines: []string{"Authorization: Bearer down.bob"}, status: 503, code: "issuer_unavailable"},
		{name: "a request that cannot be read", configs: three, lines: []string{"Authorization: Bearer broken.bob"}, status: 400, code: "bad_request"},
		{name: "a wrong password", configs: three, lines: []string{password("bob", "wrong")}, status: 401, code: "key_invalid"},
		{name: "a wrong password, passwords alone", configs: []string{anyOf(pass)}, lines: []string{password("bob", "wrong")}, status: 401, code: "credentials_invalid"},
		{name: "nothing", configs: three, status: 401, code: "credentials_missing", check: func(t *testing.T, a answered) {
			want := []string{"Key", `Bearer realm="gateway"`, `Basic realm="restricted"`}
			if got := a.header.Values("Www-Authenticate"); !slices.Equal(got, want) {
				t.Errorf("challenges %q, want %q", got, want)
			}
			if !strings.Contains(a.body, "gatewayauth_test_key or gatewayauth_test_token or a user name and password") {
				t.Errorf("body %s", a.body)
			}
		}},
		{name: "nothing, one way", configs: []string{anyOf(key)}, status: 401, code: "key_missing"},
		{name: "nothing, anonymous", configs: open, status: 200, consumer: "nobody"},
		{name: "a wrong key, anonymous", configs: open, lines: []string{"apikey: wrong"}, status: 401, code: "key_invalid"},
		{name: "a wrong password, anonymous", configs: []string{with(anyOf(pass), `"anonymous": "nobody"`)}, lines: []string{password("bob", "no")}, status: 401, code: "credentials_invalid"},
		{name: "a good key, anonymous", configs: open, lines: []string{"apikey: " + aliceKey}, status: 200, consumer: "alice", by: "key_"},
	})
}

func TestAll(t *testing.T) {
	pass := basic(t)
	both := []string{allOf(key, pass)}
	open := []string{with(allOf(key, pass), `"anonymous": "nobody"`)}
	bob, wrong := password("bob", "demo"), password("bob", "wrong")
	run(t, app(""), []row{
		{name: "both", configs: both, lines: []string{"apikey: " + bobKey, bob}, status: 200, consumer: "bob", by: "key_"},
		{name: "both, in the other order", configs: []string{allOf(pass, key)}, lines: []string{"apikey: " + bobKey, bob}, status: 200, consumer: "bob", by: "http_basic"},
		{name: "a consumer and a user who is none", configs: both, lines: []string{"apikey: " + bobKey, password("carol", "demo")}, status: 200, consumer: "bob", by: "key_", user: "carol"},
		{name: "two consumers", configs: both, lines: []string{"apikey: " + aliceKey, bob}, status: 401, code: "consumers_differ"},
		{name: "two consumers, anonymous", configs: open, lines: []string{"apikey: " + aliceKey, bob}, status: 401, code: "consumers_differ"},
		{name: "only the first", configs: both, lines: []string{"apikey: " + bobKey}, status: 401, code: "credentials_missing"},
		{name: "only the first, anonymous", configs: open, lines: []string{"apikey: " + bobKey}, status: 401, code: "credentials_missing"},
		{name: "only the second", configs: both, lines: []string{bob}, status: 401, code: "key_invalid"},
		{name: "a wrong second", configs: both, lines: []string{"apikey: " + bobKey, wrong}, status: 401, code: "credentials_invalid"},
		{name: "nothing", configs: both, status: 401, code: "credentials_missing"},
		{name: "nothing, anonymous", configs: open, status: 200, consumer: "nobody"},
		{name: "nothing but a wrong password, anonymous", configs: []string{with(allOf(token, pass), `"anonymous": "nobody"`)}, lines: []string{wrong}, status: 401, code: "credentials_invalid"},
	})
}

func TestRows(t *testing.T) {
	pass := basic(t)
	bob := password("bob", "demo")
	row2 := []string{anyOf(key), anyOf(pass)}
	open := []string{with(anyOf(key), `"anonymous": "nobody"`), with(anyOf(token), `"anonymous": "nobody"`)}
	run(t, app(""), []row{
		{name: "both", configs: []string{anyOf(pass), anyOf(key)}, lines: []string{"apikey: " + bobKey, bob}, status: 200, consumer: "bob", by: "http_basic"},
		{name: "the second adds no consumer", configs: []string{anyOf(key), with(anyOf(pass), `"users": "elsewhere"`)}, lines: []string{"apikey: " + bobKey, bob}, status: 200, consumer: "bob", by: "key_"},
		{name: "two consumers", configs: row2, lines: []string{"apikey: " + aliceKey, bob}, status: 401, code: "consumers_differ"},
		{name: "only the first", configs: row2, lines: []string{"apikey: " + bobKey}, status: 401, code: "credentials_missing"},
		{name: "two that have an anonymous consumer, by the first", configs: open, lines: []string{"apikey: " + bobKey}, status: 200, consumer: "bob", by: "key_"},
		{name: "two that have an anonymous consumer, by the second", configs: []string{open[1], open[0]}, lines: []string{"apikey: " + bobKey}, status: 200, consumer: "bob", by: "key_"},
		{name: "two that have an anonymous consumer, by none", configs: open, status: 200, consumer: "nobody"},
	})
}

func TestUsers(t *testing.T) {
	pass := basic(t)
	run(t, app(""), []row{
		{name: "required, a consumer", configs: []string{with(anyOf(pass), `"users": "required"`)}, lines: []string{password("bob", "demo")}, status: 200, consumer: "bob", by: "http_basic"},
		{name: "required, none", configs: []string{with(anyOf(pass), `"users": "required"`)}, lines: []string{password("carol", "demo")}, status: 401, code: "user_unknown"},
		{name: "elsewhere", configs: []string{with(anyOf(pass), `"users": "elsewhere"`)}, lines: []string{password("bob", "demo")}, status: 200, user: "bob"},
		{name: "a session", configs: []string{anyOf(key, login)}, lines: []string{"Cookie: session=bob"}, status: 200, consumer: "bob", by: "gatewayauth_test_login", check: func(t *testing.T, a answered) {
			if a.up.email != "bob@example.com" || a.header.Get("Set-Cookie") != "session=renewed" || a.header.Get("Location") != "" {
				t.Errorf("email %q, header %v", a.up.email, a.header)
			}
		}},
		{name: "a session that is over", configs: []string{anyOf(key, login)}, lines: []string{"Cookie: session=expired"}, status: 401, code: "credentials_invalid"},
		{name: "no session", configs: []string{anyOf(key, login)}, status: 302, check: func(t *testing.T, a answered) {
			if a.header.Get("Location") != "/login" || a.body != "log in" {
				t.Errorf("header %v, body %q", a.header, a.body)
			}
		}},
		{name: "no session, but a wrong key", configs: []string{anyOf(key, login)}, lines: []string{"apikey: wrong"}, status: 401, code: "key_invalid"},
		{name: "no session, but a key", configs: []string{anyOf(login, key)}, lines: []string{"apikey: " + bobKey}, status: 200, consumer: "bob", by: "key_", check: func(t *testing.T, a answered) {
			if a.header.Get("Location") != "" {
				t.Errorf("header %v", a.header)
			}
		}},
		{name: "a provider that fails", configs: []string{anyOf(broken, key)}, status: 503, code: "authentication_unavailable"},
		{name: "a provider that fails beside one that accepts", configs: []string{anyOf(broken, key)}, lines: []string{"apikey: " + bobKey}, status: 200, consumer: "bob", by: "key_"},
		{name: "a provider that fails, anonymous", configs: []string{with(anyOf(broken, key), `"anonymous": "nobody"`)}, status: 503, code: "authentication_unavailable"},
	})
}

// With the profile kong a wrong credential makes its bearer anonymous, too, and passwords
// travel on.
func TestKong(t *testing.T) {
	pass := basic(t)
	kong := with(anyOf(key, pass), `"anonymous": "nobody", "profile": "kong"`)
	ctx := provisioned(t, app(""))
	for name, tc := range map[string]struct {
		config   string
		lines    []string
		status   int
		consumer string
	}{
		"both":                   {kong, []string{"apikey: " + bobKey, password("bob", "demo")}, 200, "bob"},
		"only the key":           {kong, []string{"apikey: " + aliceKey}, 200, "alice"},
		"only the password":      {kong, []string{password("bob", "demo")}, 200, "bob"},
		"none":                   {kong, nil, 200, "nobody"},
		"a wrong key":            {kong, []string{"apikey: wrong"}, 200, "nobody"},
		"nobody can tell":        {with(anyOf(token), `"anonymous": "nobody", "profile": "kong"`), []string{"Authorization: Bearer down.bob"}, 503, ""},
		"none, nobody anonymous": {with(anyOf(key, pass), `"profile": "kong"`), nil, 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := serve(t, ctx, tc.config).do(t, http.MethodGet, "/", tc.lines...)
			if a.status != tc.status || a.up != nil && a.up.consumer != tc.consumer {
				t.Fatalf("status %d, upstream %+v", a.status, a.up)
			}
			if a.status == 401 && !strings.Contains(a.body, `"message":"Unauthorized"`) {
				t.Errorf("body %s", a.body)
			}
		})
	}
}

// A way that was not asked still has its credentials taken out, and without judging them.
func TestCredentialsThatDecideNothingAreRemoved(t *testing.T) {
	g := serve(t, provisioned(t, app("")), anyOf(key, token, basic(t)))
	before := judged.Load()
	a := g.do(t, http.MethodGet, "/", "apikey: "+bobKey, "Authorization: Bearer good.alice")
	if a.status != 200 || a.up.consumer != "bob" || a.up.header.Get("Authorization") != "" || judged.Load() != before {
		t.Errorf("status %d, upstream %+v, %d tokens were judged", a.status, a.up, judged.Load()-before)
	}
	a = g.do(t, http.MethodGet, "/", "Authorization: Bearer good.alice", "X-Other: stays")
	if a.status != 200 || a.up.header.Get("X-Other") != "stays" || a.up.header.Get("Authorization") != "" {
		t.Errorf("status %d, upstream %+v", a.status, a.up)
	}
	a = g.do(t, http.MethodGet, "/", "apikey: "+bobKey, password("bob", "wrong"))
	if a.status != 200 || a.up.header.Get("Authorization") != "" {
		t.Errorf("status %d, upstream %+v", a.status, a.up)
	}
	g = serve(t, provisioned(t, app("")), with(anyOf(key, basic(t)), `"hide_credentials": false`))
	if a = g.do(t, http.MethodGet, "/", password("bob", "demo")); a.status != 200 || a.up.header.Get("Authorization") == "" {
		t.Errorf("status %d, upstream %+v", a.status, a.up)
	}
}

// What a way takes out of the URL is gone from all copies of it, whichever way accepts,
// and caches must not keep the answer.
func TestCredentialsInTheURL(t *testing.T) {
	ctx := provisioned(t, app(""))
	for name, config := range map[string]string{
		"accepted by the way itself": anyOf(key, token), "by the way itself, asked last": anyOf(token, key), "all": allOf(token, key),
	} {
		t.Run(name, func(t *testing.T) {
			lines := []string{}
			if name == "all" {
				lines = []string{"Authorization: Bearer good.bob"}
			}
			a := serve(t, ctx, config).do(t, http.MethodGet, "/x?apikey="+bobKey, lines...)
			if a.status != 200 || strings.Contains(a.up.uri+a.up.requestURI+a.up.origURI, "apikey") {
				t.Errorf("status %d, upstream %+v", a.status, a.up)
			}
			if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("header %v", a.header)
			}
		})
	}
	a := serve(t, ctx, anyOf(key, token)).do(t, http.MethodGet, "/x?apikey=wrong")
	if a.status != 401 || a.header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("status %d, header %v", a.status, a.header)
	}
}

func TestIdentityHeadersOfClientsAreRemoved(t *testing.T) {
	ctx := provisioned(t, app(""))
	spoofed := []string{"X-Consumer-Username: root", "X-Credential-Identifier: key_root", "Connection: X-Consumer-Username"}
	for name, line := range map[string]string{"a key": "apikey: " + bobKey, "a user who is no consumer": password("carol", "demo")} {
		t.Run(name, func(t *testing.T) {
			a := serve(t, ctx, anyOf(key, basic(t))).do(t, http.MethodGet, "/", append(spoofed, line)...)
			if a.status != 200 || a.up.header.Get(state.HeaderConsumerName) == "root" || a.up.header.Get(state.HeaderCredential) == "key_root" {
				t.Errorf("status %d, upstream %+v", a.status, a.up)
			}
		})
	}
}

// What a way tells the upstream holds, wherever it stands and whatever the client says.
func TestHeadersThatWaysAssert(t *testing.T) {
	ctx := provisioned(t, app(""))
	bearer := "Authorization: Bearer good.bob"
	for name, tc := range map[string]struct {
		config string
		lines  []string
		want   string
	}{
		"any, the token first":         {anyOf(token, key), []string{bearer}, "bob"},
		"any, the token last":          {anyOf(key, token), []string{bearer}, "bob"},
		"any, a key before the token":  {anyOf(key, token), []string{"apikey: " + bobKey}, ""},
		"any, a key after the token":   {anyOf(token, key), []string{"apikey: " + bobKey}, ""},
		"any, and a token not asked":   {anyOf(key, token), []string{"apikey: " + bobKey, bearer}, ""},
		"any, a wrong token and a key": {anyOf(token, key), []string{"apikey: " + bobKey, "Authorization: Bearer bad.bob"}, ""},
		"any, refused by another way":  {anyOf(stranger, token), []string{bearer}, "bob"},
		"any, refused by it later":     {anyOf(token, stranger), []string{bearer}, "bob"},
		"all, the token first":         {allOf(token, key), []string{"apikey: " + bobKey, bearer}, "bob"},
		"all, the token last":          {allOf(key, token), []string{"apikey: " + bobKey, bearer}, "bob"},
		"anonymous":                    {with(anyOf(token, key), `"anonymous": "nobody"`), nil, ""},
		"all but one, as in Kong":      {with(allOf(token, key), `"anonymous": "nobody", "profile": "kong"`), []string{bearer}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := serve(t, ctx, tc.config).do(t, http.MethodGet, "/", append([]string{"X-Subject: root"}, tc.lines...)...)
			if a.status != 200 || a.up.header.Get("X-Subject") != tc.want || a.up.header.Get("Authorization") != "" {
				t.Errorf("status %d, upstream %+v, want subject %q", a.status, a.up, tc.want)
			}
		})
	}
}

func TestPreflight(t *testing.T) {
	ctx := provisioned(t, app(""))
	preflight := []string{"Origin: https://app.example.com", "Access-Control-Request-Method: POST"}
	for name, tc := range map[string]struct {
		config string
		lines  []string
		status int
	}{
		"like any other":    {anyOf(key), preflight, 401},
		"waved":             {with(anyOf(key), `"preflight": false`), preflight, 200},
		"no preflight":      {with(anyOf(key), `"preflight": false`), nil, 401},
		"OPTIONS with kong": {with(anyOf(key), `"preflight": false, "profile": "kong"`), nil, 200},
	} {
		t.Run(name, func(t *testing.T) {
			if a := serve(t, ctx, tc.config).do(t, http.MethodOptions, "/", tc.lines...); a.status != tc.status {
				t.Errorf("status %d, want %d", a.status, tc.status)
			}
		})
	}
}

func TestProvisionRefuses(t *testing.T) {
	ctx := provisioned(t, app(""))
	for name, tc := range map[string]struct{ config, want string }{
		"no way":              {`{}`, "there is no way"},
		"both lists":          {`{"any": [` + key + `], "all": [` + key + `]}`, "any and all"},
		"unknown provider":    {`{"any": [{"provider": "nosuch"}]}`, "nosuch"},
		"no provider":         {`{"any": [{}]}`, "provider"},
		"anonymous unknown":   {with(anyOf(key), `"anonymous": "ghost"`), `"ghost" does not exist`},
		"users unknown":       {with(anyOf(key), `"users": "all"`), "users is"},
		"profile unknown":     {with(anyOf(key), `"profile": "x"`), "the only profile is kong"},
		"the way's own fault": {anyOf(`{"provider": "http_basic", "accounts": [{"username": "x"}]}`), "username and password are required"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := load(ctx, "gateway_auth", tc.config); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

// What a way says about a token that is wrong, or not enough, is in its challenge.
func TestChallengesSayWhatIsWrong(t *testing.T) {
	ctx := provisioned(t, app(""))
	plain := `Bearer realm="gateway"`
	for name, tc := range map[string]struct {
		config, token string
		want          []string
	}{
		"wrong":                {anyOf(token), "bad.bob", []string{plain + `, error="token_invalid"`}},
		"wrong, another heard": {anyOf(key, token), "bad.bob", []string{"Key", plain}},
		"not enough":           {anyOf(token, key), "narrow.bob", []string{plain + `, error="insufficient_scope"`}},
		"asked wrongly":        {anyOf(token, key), "double.bob", []string{plain + `, error="token_duplicate"`}},
		"not judged":           {anyOf(token), "down.bob", nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := serve(t, ctx, tc.config).do(t, http.MethodGet, "/", "Authorization: Bearer "+tc.token)
			if got := a.header.Values("Www-Authenticate"); !slices.Equal(got, tc.want) {
				t.Errorf("status %d, challenges %q, want %q", a.status, got, tc.want)
			}
		})
	}
}
