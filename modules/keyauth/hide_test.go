// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"net/http"
	"strings"
	"testing"
)

func TestHeadersAreHidden(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{}`)
	rows := []struct {
		name   string
		header []string
		keeps  map[string]string
	}{
		{"the one that decided", []string{"apikey: " + goodKey}, map[string]string{"apikey": ""}},
		{"bearer that decided", []string{"Authorization: Bearer " + goodKey}, map[string]string{"Authorization": ""}},
		{"the provider's own key travels on", []string{"apikey: " + goodKey, "X-API-Key: their-own"}, map[string]string{"apikey": "", "X-API-Key": "their-own"}},
		{"the provider's own token travels on", []string{"apikey: " + goodKey, "Authorization: Bearer their-own"}, map[string]string{"Authorization": "Bearer their-own"}},
		{"basic travels on", []string{"apikey: " + goodKey, "Authorization: Basic Zm9v"}, map[string]string{"Authorization": "Basic Zm9v"}},
		{"another gateway key does not", []string{"apikey: " + goodKey, "X-API-Key: " + otherKey, "Authorization: Bearer " + otherKey}, map[string]string{"X-API-Key": "", "Authorization": ""}},
		{"an expired gateway key does not", []string{"apikey: " + goodKey, "X-API-Key: " + oldKey}, map[string]string{"X-API-Key": ""}},
		{"a key in the referring address does not", []string{"apikey: " + goodKey, "Referer: https://a.test/p?x=1&apikey=" + otherKey + "&y=2"}, map[string]string{"Referer": "https://a.test/p?x=1&y=2"}},
		{"nor in a further line of it", []string{"apikey: " + goodKey, "Referer: https://a.test/", "Referer: https://a.test/p?apikey=" + otherKey}, map[string]string{"Referer": "https://a.test/; https://a.test/p"}},
		{"nor in its fragment", []string{"apikey: " + goodKey, "Referer: https://a.test/p?x=1#apikey=" + otherKey}, map[string]string{"Referer": "https://a.test/p?x=1"}},
		{"another referring address does", []string{"apikey: " + goodKey, "Referer: https://a.test/p?apikey=theirs"}, map[string]string{"Referer": "https://a.test/p?apikey=theirs"}},
		{"a gateway key among two lines does not", []string{"apikey: " + goodKey, "X-API-Key: their-own", "X-API-Key: " + otherKey}, map[string]string{"X-API-Key": ""}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := g.do(t, call{header: row.header})
			if a.status != 200 {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			for name, want := range row.keeps {
				if got := strings.Join(a.up.Header.Values(name), "; "); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestDefaultCarriersAreHiddenWhereSwitchedOff(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{"headers": ["X-Mine"], "bearer": false}`)
	a := g.do(t, call{uri: "/?a=1&apikey=" + otherKey + "&APIKEY=" + otherKey, header: []string{
		"X-Mine: " + goodKey, "apikey: " + goodKey, "X-API-Key: " + otherKey, "Authorization: Bearer " + goodKey,
	}})
	if a.status != 200 {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	for _, name := range []string{"X-Mine", "apikey", "X-API-Key", "Authorization"} {
		if got := a.up.Header.Get(name); got != "" {
			t.Errorf("%s: %q reached the upstream", name, got)
		}
	}
	if a.up.URI != "/?a=1" {
		t.Errorf("URI %s", a.up.URI)
	}
}

// TestKeysDoNotHideBesideTheCarriers: a client may send its key twice, once in
// the way of another product or with a slip of the pen.
func TestKeysDoNotHideBesideTheCarriers(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{"headers": ["X-Mine"], "bearer": false}`)
	headers := []struct{ name, header, theirs, keys string }{ // the value of a provider, the value with a key
		{"Authorization without a scheme", "Authorization", "their-own", otherKey},
		{"bearer and a tab", "Authorization", "Bearer\ttheir-own", "Bearer\t" + otherKey},
		{"bearer and several blanks", "Authorization", "Bearer  their-own", "bearer \t " + otherKey},
		{"another scheme", "Authorization", "Token their-own", "Token " + otherKey},
		{"joined lines", "Authorization", "Bearer their-own, Basic Zm9v", "Bearer their-own,Token " + otherKey + ",Basic Zm9v"},
		{"for a proxy", "Proxy-Authorization", "Bearer their-own", "Bearer " + otherKey},
		{"as Gemini has it", "X-Goog-Api-Key", "their-own", otherKey},
		{"as Azure has it", "api-key", "their-own", otherKey},
		{"bearer in a header for bare keys", "X-API-Key", "Bearer their-own", "Bearer " + otherKey},
		{"expired", "X-Goog-Api-Key", "their-own", oldKey},
	}
	for _, row := range headers {
		t.Run(row.name, func(t *testing.T) {
			for value, want := range map[string]string{row.theirs: row.theirs, row.keys: ""} {
				a := g.do(t, call{header: []string{"X-Mine: " + goodKey, row.header + ": " + value}})
				if a.status != 200 {
					t.Fatalf("status %d: %s", a.status, a.body)
				}
				if got := a.up.Header.Get(row.header); got != want {
					t.Errorf("%s: %q reached the upstream, want %q", row.header, got, want)
				}
			}
		})
	}
	for _, name := range []string{"key", "api_key", "api-key", "access_token", "KEY", "apikey"} {
		t.Run("parameter "+name, func(t *testing.T) {
			for value, want := range map[string]string{"theirs": "/?a=1&" + name + "=theirs&b=2", otherKey: "/?a=1&b=2"} {
				uri := "/?a=1&" + name + "=" + value + "&b=2"
				a := g.do(t, call{uri: uri, header: []string{"X-Mine: " + goodKey, "Referer: https://a.test" + uri}})
				if a.status != 200 || a.up.URI != want || a.up.OrigURI != want || a.up.Header.Get("Referer") != "https://a.test"+want {
					t.Errorf("status %d, upstream %+v, want %s", a.status, a.up, want)
				}
			}
		})
	}
}

// TestLookingForHiddenKeysAllocates nothing where there is none.
func TestLookingForHiddenKeysAllocates(t *testing.T) {
	k := loadKeys(t, `{}`)
	r, rq := prepared(t, "/?key=theirs&a=1&access_token=theirs")
	r.Header = http.Header{
		"Authorization": {"Bearer their-own, Basic Zm9v"}, "X-Goog-Api-Key": {"their-own"}, "Api-Key": {"their-own"},
		"Proxy-Authorization": {"Basic Zm9v"}, "Referer": {"https://a.test/?key=theirs"},
	}
	if n := testing.AllocsPerRun(100, func() { k.hideOutside(r, rq, place{inHeader, "Apikey"}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if len(r.Header) != 5 {
		t.Errorf("left are %v", r.Header)
	}
}

func TestQueryIsHidden(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{"query": ["apikey", "token"]}`)
	rows := []struct{ name, uri, want string }{
		{"spelling and order of the rest kept", "/p?c=%41&apikey=" + goodKey + "&b=+&&a", "/p?c=%41&b=+&&a"},
		{"encoded name and value", "/p?api%6Bey=%64" + goodKey[1:] + "&a=1", "/p?a=1"},
		{"other carrier of a gateway key", "/p?apikey=" + goodKey + "&token=" + otherKey, "/p"},
		{"other carrier of something else", "/p?apikey=" + goodKey + "&token=theirs", "/p?token=theirs"},
		{"name that cannot be decoded", "/p?apikey=" + goodKey + "&%zz=1", "/p?%zz=1"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := g.do(t, call{uri: row.uri})
			if a.status != 200 {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			for name, got := range map[string]string{"URI": a.up.URI, "RequestURI": a.up.RequestURI, "original URI": a.up.OrigURI} {
				if got != row.want {
					t.Errorf("%s %s, want %s", name, got, row.want)
				}
			}
		})
	}
}

func TestBodyIsHidden(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{"body": ["apikey"]}`)
	jsonType, formTyp := "Content-Type: application/json; charset=utf-8", "Content-Type: application/x-www-form-urlencoded"
	rows := []struct {
		name, contentType string
		header            string
		body, want        string
		status            int
	}{
		{"JSON, rest as it was", jsonType, "", `{ "a" : 1.0, "apikey":"` + goodKey + `", "b" : {"apikey":"x"}}`, `{"a" : 1.0,"b" : {"apikey":"x"}}`, 200},
		{"JSON, only member", jsonType, "", `{"apikey":"` + goodKey + `"}`, `{}`, 200},
		{"JSON, escaped name", jsonType, "", `{"\u0061pikey":"` + goodKey + `","b":2}`, `{"b":2}`, 200},
		{"JSON, member twice", jsonType, "", `{"apikey":"` + goodKey + `","apikey":"` + goodKey + `"}`, "", 401},
		{"JSON, something behind", jsonType, "", `{"apikey":"` + goodKey + `"} x`, "", 401},
		{"JSON, number", jsonType, "", `{"apikey":1}`, "", 401},
		{"form, rest as it was", formTyp, "", "a=%41&apikey=" + goodKey + "&b=+", "a=%41&b=+", 200},
		{"key in a header and in the body", formTyp, "apikey: " + goodKey, "apikey=" + otherKey + "&b=1", "b=1", 200},
		{"key in a header, the body's own", formTyp, "apikey: " + goodKey, "apikey=theirs&b=1", "apikey=theirs&b=1", 200},
		{"compressed", formTyp, "Content-Encoding: gzip", "apikey=" + goodKey, "", 415},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			header := []string{row.contentType}
			if row.header != "" {
				header = append(header, row.header)
			}
			a := g.do(t, call{method: http.MethodPost, header: header, body: row.body})
			if a.status != row.status {
				t.Fatalf("status %d, want %d: %s", a.status, row.status, a.body)
			}
			if row.status == 200 && a.up.Body != row.want {
				t.Errorf("upstream got %q, want %q", a.up.Body, row.want)
			}
		})
	}
	t.Run("too large", func(t *testing.T) {
		g := serve(t, provisioned(t, people("")), `{"body": ["apikey"], "max_body": 100}`)
		a := g.do(t, call{method: http.MethodPost, header: []string{formTyp}, body: strings.Repeat("a", 101)})
		if a.status != 413 {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	})
}

// TestBodiesHaveBoundedFields: each field takes many times its own bytes of memory, and who
// sends them has shown no key yet.
func TestBodiesHaveBoundedFields(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{"body": ["apikey"]}`)
	part := "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n"
	key := "--xyz\r\nContent-Disposition: form-data; name=\"apikey\"\r\n\r\n" + goodKey + "\r\n--xyz--\r\n"
	rows := []struct {
		name, kind, body string
		status           int
	}{
		{"as many members as there may be", "json", "{" + strings.Repeat(`"":0,`, maxFields-1) + `"apikey":"` + goodKey + `"}`, 200},
		{"one more", "json", "{" + strings.Repeat(`"":0,`, maxFields) + `"apikey":"` + goodKey + `"}`, 413},
		{"as many parts as there may be", "multipart", strings.Repeat(part, maxFields-1) + key, 200},
		{"one more part", "multipart", strings.Repeat(part, maxFields) + key, 413},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := g.do(t, call{method: http.MethodPost, header: []string{formType(row.kind)}, body: row.body})
			if a.status != row.status || row.status == 413 && !strings.Contains(a.body, "body_too_large") {
				t.Errorf("status %d, want %d: %s", a.status, row.status, a.body)
			}
		})
	}
}

// TestMultipartFilesStay: what is uploaded must arrive byte by byte.
func TestMultipartFilesStay(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{"body": ["apikey"]}`)
	file := "--xyz\r\nContent-Disposition: form-data; filename=\"apikey\"; name=\"apikey\"\r\nContent-Type: audio/wav\r\n\r\n\x00\xff--xy\r\n\r\n"
	key := "--xyz\r\nContent-Disposition: form-data; name=\"apikey\"\r\n\r\n" + goodKey + "\r\n"
	a := g.do(t, call{method: http.MethodPost, header: []string{formType("multipart")}, body: file + key + "--xyz--\r\n"})
	if a.status != 200 || a.up.Body != file+"--xyz--\r\n" {
		t.Errorf("status %d, upstream %+v", a.status, a.up)
	}
}

func TestKeysStayWhenNotHidden(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{"hide_credentials": false, "query": ["apikey"], "body": ["apikey"]}`)
	a := g.do(t, call{
		method: http.MethodPost, uri: "/?apikey=" + otherKey,
		header: []string{"X-API-Key: " + goodKey, formType("form")}, body: "apikey=" + otherKey,
	})
	if a.status != 200 || a.up.Header.Get("X-API-Key") != goodKey || a.up.URI != "/?apikey="+otherKey || a.up.Body != "apikey="+otherKey {
		t.Errorf("status %d, upstream %+v", a.status, a.up)
	}
}

// TestRefusalsHideToo: error routes may forward the request elsewhere.
func TestRefusalsHideToo(t *testing.T) {
	k := loadKeys(t, `{"carriers": ["query"]}`)
	r, rq := prepared(t, "/?apikey="+goodKey+"&apikey="+goodKey+"&b=1")
	r.Header.Set("X-API-Key", otherKey)
	f, err := k.identify(r, rq)
	if err != nil || f.verdict != duplicate {
		t.Fatalf("finding %+v, error %v", f, err)
	}
	if r.URL.RawQuery != "b=1" || r.Header.Get("X-API-Key") != "" {
		t.Errorf("query %s, header %v", r.URL.RawQuery, r.Header)
	}
}
