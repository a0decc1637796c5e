// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"net/http"
	"strings"
	"testing"
)

// These tests hold key_auth with the profile kong to what Kong's key-auth shows
// a client and an upstream. All rows run with the profile, because without it
// the defaults differ: two header names and bearer tokens, no query, keys
// removed, other texts and error bodies, a wrong key refused although there is
// an anonymous consumer, and only genuine preflights let through.
//
// What is different on purpose, and so has no row:
//   - a key name with an underscore, which in Kong also matches the spelling
//     with a hyphen: Caddy drops such headers, so the name is refused at load;
//   - an anonymous consumer that does not exist, which Kong answers with 500:
//     the config is refused at load;
//   - a config without any carrier, which in Kong answers 401 to everybody: it
//     is refused at load.
//
// The rows of several authentications that are alternatives use two key_auth,
// because Caddy's own authentication knows no anonymous consumer.

func formType(kind string) string {
	switch kind {
	case "form":
		return "Content-Type: application/x-www-form-urlencoded"
	case "json":
		return "Content-Type: application/json"
	case "multipart":
		return "Content-Type: multipart/form-data; boundary=xyz"
	}
	return "Content-Type: text/plain"
}

// fieldsAs writes fields as a body of the kind.
func fieldsAs(kind string, pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		name, value := pairs[i], pairs[i+1]
		switch kind {
		case "form":
			if i > 0 {
				b.WriteByte('&')
			}
			b.WriteString(name + "=" + value)
		case "json":
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + name + `":"` + value + `"`)
		case "multipart":
			b.WriteString("--xyz\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n")
		}
	}
	switch kind {
	case "json":
		return "{" + b.String() + "}"
	case "multipart":
		return b.String() + "--xyz--\r\n"
	}
	return b.String()
}

func TestKongAnswers(t *testing.T) {
	ctx := provisioned(t, people(`"profile": "kong", `))
	inBody := `{"body": ["apikey"]}`
	post := func(kind, body string) call {
		return call{method: http.MethodPost, header: []string{formType(kind)}, body: body}
	}
	rows := []struct {
		name, config string
		send         call
		status       int
		message      string
	}{
		{"empty header", `{}`, call{header: []string{"apikey:"}}, 401, "No API key found in request"},
		{"query name without value", `{}`, call{uri: "/status/200?apikey"}, 401, "No API key found in request"},
		{"nothing", `{}`, call{}, 401, "No API key found in request"},
		{"query", `{}`, call{uri: "/request?apikey=" + goodKey}, 200, ""},
		{"header", `{}`, call{header: []string{"apikey: " + goodKey}}, 200, ""},
		{"unknown key", `{}`, call{uri: "/status/200?apikey=123"}, 401, "Unauthorized"},
		{"expired key", `{}`, call{header: []string{"apikey: " + oldKey}}, 401, "Unauthorized"},
		{"header twice", `{}`, call{header: []string{"apikey: " + goodKey, "apikey: " + goodKey}}, 401, "Duplicate API key found"},
		{"query twice", `{}`, call{uri: "/?apikey=" + goodKey + "&apikey=" + goodKey}, 401, "Duplicate API key found"},
		{"preflight off", `{"preflight": false}`, call{method: http.MethodOptions}, 200, ""},
		{"preflight on", `{}`, call{method: http.MethodOptions}, 401, "No API key found in request"},
		{"form", inBody, post("form", fieldsAs("form", "apikey", goodKey)), 200, ""},
		{"JSON", inBody, post("json", fieldsAs("json", "apikey", goodKey)), 200, ""},
		{"multipart", inBody, post("multipart", fieldsAs("multipart", "apikey", goodKey)), 200, ""},
		{"wrong key in a form", inBody, post("form", fieldsAs("form", "apikey", "123")), 401, "Unauthorized"},
		{"wrong key in JSON", inBody, post("json", fieldsAs("json", "apikey", "123")), 401, "Unauthorized"},
		{"wrong key in multipart", inBody, post("multipart", fieldsAs("multipart", "apikey", "123")), 401, "Unauthorized"},
		{"array in JSON", inBody, post("json", `{"apikey":["`+goodKey+`","`+goodKey+`"]}`), 401, "Duplicate API key found"},
		{"form field twice", inBody, post("form", fieldsAs("form", "apikey", goodKey, "apikey", goodKey)), 401, "Duplicate API key found"},
		{"form field with brackets", inBody, post("form", fieldsAs("form", "apikey[]", goodKey, "apikey[]", goodKey)), 401, "No API key found in request"},
		{"text body", inBody, post("text", "foobar"), 401, "No API key found in request"},
		{"query while the body has another field", inBody, call{method: http.MethodPost, uri: "/?apikey=" + goodKey, header: []string{formType("json")}, body: fieldsAs("json", "non_apikey", goodKey)}, 200, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := serve(t, ctx, row.config).do(t, row.send)
			if a.status != row.status {
				t.Fatalf("status %d, want %d: %s", a.status, row.status, a.body)
			}
			if (a.up != nil) != (row.status == 200) {
				t.Errorf("upstream reached: %v", a.up != nil)
			}
			if row.status == 200 {
				return
			}
			if got := a.message(t); got != row.message {
				t.Errorf("message %q, want %q", got, row.message)
			}
			if got := a.header.Values("WWW-Authenticate"); len(got) != 1 || got[0] != "Key" {
				t.Errorf("WWW-Authenticate %q, want Key", got)
			}
			if got := a.header.Get("Content-Type"); got != "application/json; charset=utf-8" {
				t.Errorf("Content-Type %q", got)
			}
			if !strings.Contains(a.body, `"request_id"`) || strings.Contains(a.body, `"code"`) {
				t.Errorf("body %s is not Kong's", a.body)
			}
		})
	}
}

func TestKongRealm(t *testing.T) {
	ctx := provisioned(t, people(`"profile": "kong", `))
	a := serve(t, ctx, `{"realm": "my \"realm\""}`).do(t, call{})
	if got := a.header.Get("WWW-Authenticate"); got != `Key realm="my \"realm\""` {
		t.Errorf("WWW-Authenticate %s", got)
	}
}

func TestKongHidesWhenAsked(t *testing.T) {
	ctx := provisioned(t, people(""))
	g := serve(t, ctx, `{"profile": "kong", "hide_credentials": true, "body": ["apikey"]}`)
	rows := []struct{ name, uri, want string }{
		{"order kept", "/request?c=value1&b=value2&apikey=" + goodKey + "&a=value3", "/request?c=value1&b=value2&a=value3"},
		{"encoded name, rest encoded anew", "/request?c=valu%651&b=value2&api%6B%65%79=" + goodKey + "&a=valu%653", "/request?c=value1&b=value2&a=value3"},
		{"nothing left", "/request?apikey=" + goodKey, "/request"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := g.do(t, call{uri: row.uri})
			if a.up == nil || a.up.URI != row.want || a.up.RequestURI != row.want || a.up.OrigURI != row.want {
				t.Errorf("status %d, upstream %+v, want %s", a.status, a.up, row.want)
			}
		})
	}
	for _, kind := range []string{"form", "json", "multipart"} {
		t.Run(kind, func(t *testing.T) {
			a := g.do(t, call{method: http.MethodPost, header: []string{formType(kind)}, body: fieldsAs(kind, "apikey", goodKey, "foo", "bar")})
			if a.up == nil || a.up.Body != fieldsAs(kind, "foo", "bar") || a.up.Header.Get("Content-Type") != strings.TrimPrefix(formType(kind), "Content-Type: ") {
				t.Errorf("status %d, upstream %+v", a.status, a.up)
			}
		})
	}
}

func TestKongKeepsByDefault(t *testing.T) {
	ctx := provisioned(t, people(""))
	a := serve(t, ctx, `{"profile": "kong"}`).do(t, call{uri: "/request?apikey=" + goodKey + "&x=%41", header: []string{"Referer: http://127.0.0.1/"}})
	if a.up == nil || a.up.URI != "/request?apikey="+goodKey+"&x=%41" {
		t.Errorf("upstream %+v", a.up)
	}
	if a.header.Get("Referrer-Policy") != "" || a.header.Get("Cache-Control") != "" {
		t.Errorf("response header %v", a.header)
	}
}

func TestKongAnonymous(t *testing.T) {
	ctx := provisioned(t, people(`"profile": "kong", `))
	g := serve(t, ctx, `{"anonymous": "nobody"}`)
	rows := []struct{ name, uri, username, anonymous string }{
		{"key", "/?apikey=" + goodKey, "bob", ""},
		{"no key", "/", "nobody", "true"},
		{"wrong key", "/?apikey=wrong", "nobody", "true"},
		{"key twice", "/?apikey=a&apikey=b", "nobody", "true"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := g.do(t, call{uri: row.uri, header: []string{"X-Credential-Identifier: forged"}})
			if a.status != 200 {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			h := a.up.Header
			if h.Get("X-Consumer-Username") != row.username || h.Get("X-Anonymous-Consumer") != row.anonymous {
				t.Errorf("upstream header %v", h)
			}
			if id := h.Get("X-Credential-Identifier"); (id == "") != (row.anonymous != "") || id == "forged" {
				t.Errorf("X-Credential-Identifier %q", id)
			}
		})
	}
}

// TestKongFirstLocationDecides is every combination of a right, wrong or absent
// key in each location, for every set of locations that are switched on.
func TestKongFirstLocationDecides(t *testing.T) {
	ctx := provisioned(t, people(`"profile": "kong", `))
	locations := []string{CarrierHeader, CarrierQuery, CarrierBody}
	values := []string{goodKey, "wrong", ""}
	for set := 1; set < 8; set++ {
		var on []string
		for i, name := range locations {
			if set&(1<<i) != 0 {
				on = append(on, `"`+name+`"`)
			}
		}
		g := serve(t, ctx, `{"carriers": [`+strings.Join(on, ",")+`]}`)
		for n := range 27 {
			at := [3]string{values[n%3], values[n/3%3], values[n/9]}
			want := 401
			for i := range at {
				if set&(1<<i) != 0 && at[i] != "" {
					if at[i] == goodKey {
						want = 200
					}
					break
				}
			}
			send := call{method: http.MethodPost, uri: "/request", header: []string{formType("form")}}
			if at[0] != "" {
				send.header = append(send.header, "apikey: "+at[0])
			}
			if at[1] != "" {
				send.uri += "?apikey=" + at[1]
			}
			if at[2] != "" {
				send.body = "apikey=" + at[2]
			}
			a := g.do(t, send)
			if a.status != want {
				t.Errorf("locations %v, header %q, query %q, body %q: status %d, want %d", on, at[0], at[1], at[2], a.status, want)
			}
			if got := a.header.Get("WWW-Authenticate"); (got == "Key") != (want == 401) {
				t.Errorf("locations %v, %q: WWW-Authenticate %q", on, at, got)
			}
		}
	}
}

func TestKongSeveralAuthentications(t *testing.T) {
	ctx := provisioned(t, people(`"profile": "kong", `))
	and := serve(t, ctx, `{"headers": ["Key-One"], "carriers": ["header"]}`, `{"headers": ["Key-Two"], "carriers": ["header"]}`)
	or := serve(t, ctx, `{"headers": ["Key-One"], "carriers": ["header"], "anonymous": "nobody"}`,
		`{"headers": ["Key-Two"], "carriers": ["header"], "anonymous": "nobody"}`)
	one, two := "Key-One: "+goodKey, "Key-Two: "+otherKey
	rows := []struct {
		name          string
		header        []string
		and, or       int
		user, anonyme string
	}{
		{"both", []string{one, two}, 200, 200, "bob", ""},
		{"the first", []string{one}, 401, 200, "bob", ""},
		{"the second", []string{two}, 401, 200, "alice", ""},
		{"none", nil, 401, 200, "nobody", "true"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if a := and.do(t, call{header: row.header}); a.status != row.and {
				t.Errorf("all of them: status %d, want %d", a.status, row.and)
			}
			a := or.do(t, call{header: row.header})
			if a.status != row.or || a.up.Header.Get("X-Consumer-Username") != row.user || a.up.Header.Get("X-Anonymous-Consumer") != row.anonyme {
				t.Errorf("any of them: status %d, upstream %+v", a.status, a.up)
			}
		})
	}
}
