// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requesttransform

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

func TestBodies(t *testing.T) {
	rows := []struct {
		name, edits string
		send        call
		body        string // "-" for as it was sent
		code        string // of the refusal
	}{
		{name: "nested, arrays, types", edits: "remove a.debug\nset a.n 1\nadd b.#.k x\nappend tags demo\nreplace v true string", send: call{body: `{"a":{"debug":1},"b":[{},{"k":0}],"v":1.50}`, header: []string{jsonType}}, body: `{"a":{"n":1},"b":[{"k":"x"},{"k":0}],"v":"true","tags":["demo"]}`},
		{name: "a type that ends in json", edits: "remove a", send: call{body: `{"a":1}`, header: []string{"Content-Type: application/vnd.api+json; charset=utf-8"}}, body: `{}`},
		{name: "no type", edits: "remove a", send: call{body: ` {"a":1}`}, body: ` {}`},
		{name: "no type and no JSON", edits: "remove a", send: call{body: `a=1`}, body: `-`},
		{name: "text", edits: "remove a", send: call{body: `{"a":1}`, header: []string{"Content-Type: text/plain"}}, body: `-`},
		{name: "text that is listed", edits: "remove a\ncontent_type text/*", send: call{body: `{"a":1}`, header: []string{"Content-Type: text/plain"}}, body: `{}`},
		{name: "JSON that is not listed", edits: "remove a\ncontent_type application/vnd.api+json", send: call{body: `{"a":1}`, header: []string{jsonType}}, body: `-`},
		{name: "no type where types are listed", edits: "remove a\ncontent_type application/json", send: call{body: `{"a":1}`}, body: `-`},
		{name: "NDJSON", edits: "remove a", send: call{body: "{\"a\":1}\r\n\n{\"b\":1}\n{\"a\":1}", header: []string{"Content-Type: application/x-ndjson"}}, body: "{}\r\n\n{\"b\":1}\n{}"},
		{name: "NDJSON with a fault", edits: "remove a", send: call{body: "{\"a\":1}\n{", header: []string{"Content-Type: application/x-ndjson"}}, code: "invalid_json"},
		{name: "unknown length", edits: "remove a", send: call{body: `{"a":1}`, header: []string{jsonType}, chunked: true}, body: `{}`},
		{name: "nothing that is there", edits: "remove a", send: call{body: `{"b" : 1}`, header: []string{jsonType}}, body: `-`},
		{name: "malformed", edits: "remove a", send: call{body: `{"a":1`, header: []string{jsonType}}, code: "invalid_json"},
		{name: "malformed, passed", edits: "remove a\nmalformed pass", send: call{body: `{"a":1`, header: []string{jsonType}}, body: `-`},
		{name: "twice", edits: "remove a", send: call{body: `{"a":1,"a":2}`, header: []string{jsonType}}, code: "ambiguous_field"},
		{name: "another case", edits: "remove admin", send: call{body: `{"Admin":true}`, header: []string{jsonType}}, code: "ambiguous_field"},
		{name: "twice, passed", edits: "remove a\nmalformed pass", send: call{body: `{"a":1,"a":2}`, header: []string{jsonType}}, body: `{}`},
		{name: "too long", edits: "remove a\nmax_body 8B", send: call{body: `{"a":123}`, header: []string{jsonType}}, code: "body_too_large"},
		{name: "too long, of unknown length", edits: "remove a\nmax_body 8B", send: call{body: `{"a":123}`, header: []string{jsonType}, chunked: true}, code: "body_too_large"},
		{name: "coded", edits: "remove a", send: call{body: `{"a":123}`, header: []string{jsonType, "Content-Encoding: gzip"}}, code: "content_encoding_unsupported"},
		{name: "coded, passed", edits: "remove a\nmalformed pass", send: call{body: `{"a":123}`, header: []string{jsonType, "Content-Encoding: gzip"}}, body: "-"},
		{name: "too many members", edits: "remove \"#\"", send: call{body: `[` + strings.Repeat("1,", 1<<15) + `1]`, header: []string{jsonType}}, code: "too_complex"},
		{name: "too many fields", edits: "remove a", send: call{body: strings.Repeat("a&", 1<<15) + `a`, header: []string{formType}}, code: "too_complex"},
		{name: "a stream that was begun by GET", edits: "set a 1", send: call{method: http.MethodGet, header: []string{jsonType, "Upgrade: websocket"}}, body: "-"},
		{name: "a body with GET that asks for a stream", edits: "remove a", send: call{method: http.MethodGet, body: `{"a":1}`, header: []string{jsonType, "Upgrade: websocket"}}, body: "{}"},
		{name: "two types", edits: "remove a", send: call{body: `{"a":1}`, header: []string{"Content-Type: text/plain", jsonType}}, code: "ambiguous_field"},
		{name: "no type and one", edits: "remove a\ncontent_type application/json", send: call{body: `{"a":1}`, header: []string{"Content-Type:", jsonType}}, code: "ambiguous_field"},
		{name: "types in one line", edits: "remove a", send: call{body: `{"a":1}`, header: []string{"Content-Type: application/json, text/plain"}}, code: "ambiguous_field"},
		{name: "a comma in a parameter", edits: "remove a", send: call{body: `{"a":1}`, header: []string{`Content-Type: application/json; x="a, b"`}}, body: `{}`},
		{name: "a charset that some upstreams decode", edits: "remove admin", send: call{body: `{"+AGEAZABtAGkAbg-":true}`, header: []string{"Content-Type: application/json; charset=utf-7"}}, code: "ambiguous_field"},
		{name: "a charset in continuations", edits: "remove admin", send: call{body: `{}`, header: []string{"Content-Type: application/json; CharSet*0=utf; charset*1=-7"}}, code: "ambiguous_field"},
		{name: "a charset that cannot be read", edits: "remove admin", send: call{body: `{}`, header: []string{`Content-Type: application/json; charset="utf-8`}}, code: "ambiguous_field"},
		{name: "two charsets", edits: "remove admin", send: call{body: `{}`, header: []string{`Content-Type: application/json; charset=utf-8; charset=utf-7`}}, code: "ambiguous_field"},
		{name: "a charset of a form", edits: "remove admin", send: call{body: `+AGEAZABtAGkAbg-=1`, header: []string{formType + ";charset=utf-7"}}, code: "ambiguous_field"},
		{name: "a charset, passed", edits: "remove a\nmalformed pass", send: call{body: `{"a":1}`, header: []string{"Content-Type: application/json; charset=utf-7"}}, body: `{}`},
		{name: "a charset of what is not edited", edits: "remove a", send: call{body: `{"a":1}`, header: []string{"Content-Type: text/plain; charset=utf-7"}}, body: `-`},
		{name: "the usual charset", edits: "remove a", send: call{body: `{"a":1}`, header: []string{`Content-Type: application/json;charset="UTF-8"`}}, body: `{}`},
		{name: "a charset of which ASCII is a part", edits: "remove a", send: call{body: `{"a":1}`, header: []string{`Content-Type: application/json; charset=iso-8859-1`}}, body: `{}`},
		{name: "a charset of JSON where forms alone are moved", edits: "form_to_query", send: call{body: `{"a":1}`, header: []string{"Content-Type: application/json; charset=utf-16"}}, body: `-`},
		{name: "types of JSON where forms alone are moved", edits: "form_to_query", send: call{body: `{"a":1}`, header: []string{jsonType, "Content-Type: text/plain"}}, body: `-`},
		{name: "types where forms alone are moved", edits: "form_to_query", send: call{body: `a=1`, header: []string{formType, jsonType}}, code: "ambiguous_field"},
		{name: "a charset of a form that is moved", edits: "form_to_query", send: call{body: `+AGE-=1`, header: []string{formType + "; charset=utf-7"}}, code: "ambiguous_field"},
		{name: "a charset of JSON beside a form that is moved", edits: "form_to_query\nremove a", send: call{body: `{"a":1}`, header: []string{"Content-Type: application/json; charset=utf-16"}}, code: "ambiguous_field"},
		{name: "a charset of events", edits: "remove a", send: call{body: "data: 1\n\n", header: []string{"Content-Type: text/event-stream; charset=utf-16"}}, body: `-`},
		{name: "a name beyond ASCII in ISO-8859-1", edits: "remove größe", send: call{body: `gr%F6%DFe=1`, header: []string{formType + "; charset=ISO-8859-1"}}, code: "ambiguous_field"},
		{name: "a name beyond ASCII in latin1", edits: "remove größe", send: call{body: `gr%F6%DFe=1`, header: []string{formType + "; charset=latin1"}}, code: "ambiguous_field"},
		{name: "a name beyond ASCII in windows-1252", edits: "remove größe", send: call{body: `gr%F6%DFe=1`, header: []string{formType + "; charset=windows-1252"}}, code: "ambiguous_field"},
		{name: "a name beyond ASCII in us-ascii", edits: "remove größe", send: call{body: `gr%F6%DFe=1`, header: []string{formType + "; charset=us-ascii"}}, code: "ambiguous_field"},
		{name: "a name beyond ASCII in ascii", edits: "remove größe", send: call{body: `gr%F6%DFe=1`, header: []string{formType + "; charset=ascii"}}, code: "ambiguous_field"},
		{name: "a new name beyond ASCII in latin1", edits: "rename a größe", send: call{body: `a=1&gr%F6%DFe=2`, header: []string{formType + "; charset=latin1"}}, code: "ambiguous_field"},
		{name: "a name that a placeholder comes to in latin1", edits: "remove {http.request.header.x-name}", send: call{body: `gr%F6%DFe=1`, header: []string{formType + "; charset=latin1", "X-Name: größe"}}, code: "ambiguous_field"},
		{name: "a new name that a placeholder comes to in latin1", edits: "rename a {http.request.header.x-name}", send: call{body: `a=1&gr%F6%DFe=2`, header: []string{formType + "; charset=latin1", "X-Name: größe"}}, code: "ambiguous_field"},
		{name: "a name beyond ASCII in UTF-8", edits: "remove größe", send: call{body: `gr%C3%B6%C3%9Fe=1&a=1`, header: []string{formType + "; charset=utf-8"}}, body: `a=1`},
		{name: "a name beyond ASCII in latin1, passed", edits: "remove größe\nmalformed pass", send: call{body: `gr%F6%DFe=1`, header: []string{formType + "; charset=latin1"}}, body: `-`},
		{name: "a value beyond ASCII in latin1", edits: "set a größe\nremove query größe\nremove b", send: call{body: `b=1`, header: []string{formType + "; charset=latin1"}}, body: `a=gr%C3%B6%C3%9Fe`},
		{name: "a form in latin1 that is moved", edits: "form_to_query", send: call{body: `gr%F6%DFe=1`, header: []string{formType + "; charset=latin1"}}, body: ``},
		{name: "a field behind a semicolon", edits: "remove admin", send: call{body: `a=1;%61dmin=1`, header: []string{formType}}, code: "ambiguous_field"},
		{name: "a field before a semicolon", edits: "remove admin", send: call{body: `admin;a=1`, header: []string{formType}}, code: "ambiguous_field"},
		{name: "a new name behind a semicolon", edits: "rename a b", send: call{body: `a=1&c=2;b=3`, header: []string{formType}}, code: "ambiguous_field"},
		{name: "a field behind a semicolon, passed", edits: "remove admin\nmalformed pass", send: call{body: `a=1;admin=1&admin=2`, header: []string{formType}}, body: `a=1;admin=1`},
		{name: "a semicolon in a value", edits: "remove admin", send: call{body: `a=x;y; z&admin=1;2`, header: []string{formType}}, body: `a=x;y; z`},
		{name: "one type twice", edits: "remove a", send: call{body: `{"a":1}`, header: []string{jsonType, jsonType}}, body: `{}`},
		{name: "two types, passed", edits: "remove a\nmalformed pass", send: call{body: `{"a":1}`, header: []string{jsonType, "Content-Type: text/plain"}}, body: `{}`},
		{name: "a value for each of many elements", edits: "set \"#.v\" {http.request.header.x-v}", send: call{body: `[` + strings.Repeat("{},", 999) + `{}]`, header: []string{jsonType, "X-V: " + strings.Repeat("x", 1<<15)}}, code: "too_complex"},
		{name: "a value for each of many lines", edits: "set v {http.request.header.x-v}", send: call{body: strings.Repeat("{}\n", 1000), header: []string{"Content-Type: application/x-ndjson", "X-V: " + strings.Repeat("x", 1<<15)}}, code: "too_complex"},
		{name: "a placeholder is a string", edits: "set user {http.request.header.x-user}", send: call{body: `{}`, header: []string{jsonType, `X-User: x","admin":true,"y":"`}}, body: `{"user":"x\",\"admin\":true,\"y\":\""}`},
		{name: "a placeholder in an object", edits: "set user `{\"name\":\"u-{http.request.header.x-user}\",\"n\":[1]}`", send: call{body: `{}`, header: []string{jsonType, `X-User: a"}`}}, body: `{"user":{"name":"u-a\"}","n":[1]}}`},
		{name: "a placeholder is a number", edits: "set n {http.request.header.x-n} number", send: call{body: `{"n":0}`, header: []string{jsonType, `X-N: 1.50`}}, body: `{"n":1.50}`},
		{name: "a placeholder is no number", edits: "set n {http.request.header.x-n} number", send: call{body: `{"n":0}`, header: []string{jsonType, `X-N: 1,"m":2`}}, body: `{}`},
		{name: "a placeholder is no number to add", edits: "add n {http.request.header.x-n} number", send: call{body: `{"m":0}`, header: []string{jsonType, `X-N: `}}, body: `-`},
		{name: "a placeholder is JSON", edits: "set n {http.request.header.x-n} json", send: call{body: `{}`, header: []string{jsonType, `X-N: {"a":[1]}`}}, body: `{"n":{"a":[1]}}`},
		{name: "a placeholder is no JSON", edits: "set n {http.request.header.x-n} json", send: call{body: `{}`, header: []string{jsonType, `X-N: 1,2`}}, body: `-`},
		{name: "a placeholder in a path is one name", edits: "set users.{http.request.header.x-user} 1\nrename a {http.request.header.x-user}", send: call{body: `{"users":{},"a":2}`, header: []string{jsonType, `X-User: b.#."c`}}, body: `{"users":{"b.#.\"c":1},"b.#.\"c":2}`},
		{name: "a placeholder is no position", edits: "remove users.{http.request.header.x-user}", send: call{body: `{"users":[1]}`, header: []string{jsonType, `X-User: 0`}}, body: `-`},
		{name: "no name", edits: "set users.{http.request.header.x-user} 1", send: call{body: `{}`, header: []string{jsonType}}, body: `-`},
		{name: "a value in a form", edits: "set a {http.request.header.x-v}", send: call{body: `b=%zz&c`, header: []string{formType, `X-V: 1&d=2`}}, body: `b=%zz&c&a=1%26d%3D2`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			o := send(t, parsed(t, "", row.edits), row.send.request(t))
			if row.code != "" {
				if o.reached || o.err == nil || o.err.Code != row.code {
					t.Errorf("upstream reached %v, refusal %+v; want %s", o.reached, o.err, row.code)
				}
				return
			}
			want := row.body
			if want == "-" {
				want = row.send.body
			}
			if !o.reached || o.body != want {
				t.Errorf("body %s, want %s; refusal %+v", o.body, want, o.err)
			}
		})
	}
}

func TestHeadersAndQuery(t *testing.T) {
	const value = "X-V: "
	rows := []struct {
		name, edits string
		send        call
		header      []string
		uri         string
	}{
		{"a value for an added header", "add header X-A a-{http.request.header.x-v}", call{header: []string{value + "b"}}, []string{"X-A: a-b"}, "-"},
		{"a value that no header can have", "set header X-A {http.request.uri.query.v}\nadd header X-B {http.request.uri.query.v}\nappend header X-C {http.request.uri.query.v}", call{uri: "/?v=a%0D%0AX-Evil:%201", header: []string{"X-A: sent", "X-C: sent"}}, []string{"X-A:", "X-B:", "X-C: sent", "X-Evil:"}, "-"},
		{"an empty value", "replace header X-A {http.request.header.x-v}", call{header: []string{"X-A: sent"}}, []string{"X-A:"}, "-"},
		{"a value that is too long", "set header X-A {http.request.header.x-v}", call{header: []string{value + strings.Repeat("v", 1<<15)}}, []string{"X-A:"}, "-"},
		{"a name from a placeholder", "set header X-{http.request.header.x-v} 1", call{header: []string{value + "tenant"}}, []string{"X-Tenant: 1"}, "-"},
		{"a name that is none", "set header X-{http.request.header.x-v} 1", call{header: []string{value + "a b"}}, []string{"X-a b:"}, "-"},
		{"a name that is reserved", "set header X-{http.request.header.x-v} root\nset header {http.request.header.x-w} 1", call{header: []string{value + "Consumer-Username", "X-W: host"}}, []string{"X-Consumer-Username:", "Host:"}, "-"},
		{"renamed to a reserved name", "rename header X-A {http.request.header.x-v}", call{header: []string{"X-A: 1", value + "X-Consumer-Id"}}, []string{"X-Consumer-Id:", "X-A: 1"}, "-"},
		{"a parameter", "set query q {http.request.header.x-v}", call{uri: "/?a=%20&q=1&q=2&b", header: []string{value + "x&admin=1#é"}}, nil, "/?a=%20&q=x%26admin%3D1%23%C3%A9&b"},
		{"the only parameter is removed", "remove query q", call{uri: "/x?q=1"}, nil, "/x"},
		{"a parameter in escapes", "remove query q", call{uri: "/x?%71=1&a=%zz"}, nil, "/x?a=%zz"},
		{"a semicolon in a value", "remove query q", call{uri: "/x?a=1;b=2&q=1;2"}, nil, "/x?a=1;b=2"},
		{"a parameter without a value", "replace query q {http.request.header.x-v}", call{uri: "/x?q=1&a"}, nil, "/x?a"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := row.send.request(t)
			sent := r.RequestURI
			o := send(t, parsed(t, "", row.edits), r)
			want := row.uri
			if want == "-" {
				want = sent
			}
			if !o.reached || o.uri != want {
				t.Errorf("URI %s, want %s; refusal %v", o.uri, want, o.err)
			}
			checkHeader(t, o.header, row.header)
		})
	}
	t.Run("a parameter behind a semicolon", func(t *testing.T) {
		const uri = "/?a=1;q=2"
		if o := send(t, parsed(t, "", "set query q 1"), call{uri: uri}.request(t)); o.err == nil || o.err.Code != "ambiguous_field" || o.err.Status != http.StatusBadRequest {
			t.Errorf("reached %v, refusal %+v", o.reached, o.err)
		}
		if o := send(t, parsed(t, "", "remove query q\nmalformed pass"), call{uri: uri}.request(t)); !o.reached || o.uri != uri {
			t.Errorf("URI %s, refusal %+v", o.uri, o.err)
		}
	})
	t.Run("too many parameters", func(t *testing.T) {
		o := send(t, parsed(t, "", "remove query a"), call{uri: "/?" + strings.Repeat("a&", 1<<15)}.request(t))
		if o.err == nil || o.err.Status != http.StatusRequestURITooLong {
			t.Errorf("reached %v, refusal %+v", o.reached, o.err)
		}
	})
}

// Edits of headers and the query leave the body alone.
func TestBodyIsNotRead(t *testing.T) {
	for _, edits := range []string{"remove header X-A", "set query a 1\nset header X-A {http.request.host}", "remove body a\ncontent_type application/vnd.other+json"} {
		o := send(t, parsed(t, "", edits), call{body: `{"a":1`, header: []string{jsonType, "Content-Encoding: gzip", "X-A: 1"}, chunked: true}.request(t))
		if !o.reached || o.read || o.length != -1 || o.body != `{"a":1` {
			t.Errorf("%s: read %v, length %d, body %s", edits, o.read, o.length, o.body)
		}
	}
}

// What tells of the bytes of a body does not outlive them.
func TestDigestsGo(t *testing.T) {
	headers := []string{jsonType, "Content-Digest: sha-256=:x:", "Digest: x", "Content-Md5: x", "Repr-Digest: x"}
	for edits, kept := range map[string]bool{"remove a": false, "remove b": true} {
		o := send(t, parsed(t, "", edits), call{body: `{"a":1}`, header: headers}.request(t))
		for _, line := range headers[1:] {
			if name, _, _ := strings.Cut(line, ":"); (o.header.Get(name) != "") != kept {
				t.Errorf("%s: %s is %q", edits, name, o.header.Get(name))
			}
		}
	}
}

// No request sees another's values.
func TestParallelRequests(t *testing.T) {
	h := parsed(t, "", "add header X-A {http.request.header.x-id}\nadd query q {http.request.header.x-id}\nadd body p {http.request.header.x-id}\nappend body list x\nset header X-S static")
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() {
			for n := range 50 {
				id := fmt.Sprintf("id-%d-%d", i, n)
				body := fmt.Sprintf(`{"list":[%d],"pad":%q}`, i, strings.Repeat("x", 100*i))
				o := send(t, h, call{body: body, header: []string{jsonType, "X-Id: " + id}}.request(t))
				want := strings.Replace(strings.TrimSuffix(body, "}"), "]", `,"x"]`, 1) + fmt.Sprintf(`,"p":%q}`, id)
				if o.header.Get("X-A") != id || o.uri != "/request?q="+id || o.body != want {
					t.Errorf("request %s became %s %s %s", id, o.header.Get("X-A"), o.uri, o.body)
				}
				o.header["X-S"][0] = "changed by whoever comes next"
			}
		})
	}
	group.Wait()
	if o := send(t, h, call{}.request(t)); o.header.Get("X-S") != "static" {
		t.Error("requests share the value of a header")
	}
}

// What edits have put into a header no client takes out again on the way.
func TestClientsNominateNothing(t *testing.T) {
	for edits, want := range map[string]string{
		"set header X-Tenant demo": "keep-alive, Upgrade",
		"set query tenant demo":    "keep-alive, X-Tenant, Upgrade",
	} {
		o := send(t, parsed(t, "", edits), call{header: []string{"Connection: keep-alive, X-Tenant, Upgrade"}}.request(t))
		if got := o.header.Get("Connection"); got != want {
			t.Errorf("%s: Connection is %q, want %q", edits, got, want)
		}
	}
}
