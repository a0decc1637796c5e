// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/langroute"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// untouchable is a body that must not be read.
type untouchable struct{ read bool }

func (u *untouchable) Read([]byte) (int, error) {
	u.read = true
	return 0, errors.New("broke off")
}

func (*untouchable) Close() error { return nil }

// TestBodyIsReadOnlyWhenNeeded checks by a body that cannot be read whether it is.
func TestBodyIsReadOnlyWhenNeeded(t *testing.T) {
	const edits = "\nset_body id {\nhi x\n}"
	rows := []struct {
		name, options, uri, media string
		read                      bool
	}{
		{"nothing concerns it", "query lang", "/", "application/json", false},
		{"it may state a language", "query lang\nbody a", "/?lang=hi", "application/json", true},
		{"it may state a target", "query lang\ntarget_body a", "/?lang=hi", "application/json", true},
		{"the query states it", "query lang\ndetect a", "/?lang=hi", "application/json", false},
		{"nothing states it", "query lang\ndetect a", "/", "application/json", true},
		{"nothing is set for the language", "query lang" + edits, "/?lang=ta", "application/json", false},
		{"something is set for the language", "query lang" + edits, "/?lang=hi", "application/json", true},
		{"a form has nothing to set", "query lang" + edits, "/?lang=hi", "multipart/form-data; boundary=x", false},
		{"a form states nothing", "body a", "/", "application/x-www-form-urlencoded", false},
		{"a form without fields that count", "detect a", "/", "application/x-www-form-urlencoded", false},
		{"a form with fields that count", "detect_form a", "/", "application/x-www-form-urlencoded", true},
		{"JSON where only forms count", "detect_form a", "/", "application/json", false},
		{"the last user message", "last_user_message", "/", "application/json", true},
		{"plain text", "last_user_message", "/", "text/plain", true},
		{"plain text, which states nothing", "body a", "/", "text/plain", false},
		{"unlabelled", "detect a", "/", "", true},
		{"sound", "detect a\nbody b", "/", "audio/wav", false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			h := parsed(t, row.options)
			r := call{uri: row.uri}.request(t)
			if row.media != "" {
				r.Header.Set("Content-Type", row.media)
			}
			u := new(untouchable)
			r.Body, r.ContentLength = u, 10
			rq := new(state.Request)
			err := h.visit(r, rq)
			if u.read != row.read {
				t.Errorf("read: %v, want %v", u.read, row.read)
			}
			if d, ok := errors.AsType[*state.Denial](err); row.read != (ok && d.Status == http.StatusBadRequest && d.Code == "body_unreadable") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestStreamsAreNotRead checks requests whose body is no document.
func TestStreamsAreNotRead(t *testing.T) {
	h := parsed(t, "body a\nquery lang\ndetect b\nset_body id {\n* x\n}")
	for name, prepare := range map[string]func(*http.Request){
		"websocket":   func(r *http.Request) { r.Method = http.MethodGet; r.Header.Set("Upgrade", "websocket") },
		"connect":     func(r *http.Request) { r.Method = http.MethodConnect },
		"incremental": func(r *http.Request) { r.Header.Set("Incremental", "?1") },
	} {
		t.Run(name, func(t *testing.T) {
			r := call{uri: "/?lang=hi"}.request(t)
			prepare(r)
			u := new(untouchable)
			r.Body, r.ContentLength = u, -1
			rq := new(state.Request)
			if err := h.visit(r, rq); err != nil || u.read || rq.Language.Code != "hi" || r.Body != u {
				t.Errorf("%v, read %v, %+v", err, u.read, rq.Language)
			}
		})
	}
}

func TestLongBodiesPass(t *testing.T) {
	h := parsed(t, "body lang\nquery lang\ndetect text\nmax_body 1KiB\nfallback en\nset_body id {\n* x\n}")
	document := func(n int) string {
		return `{"lang":"hi","text":"` + strings.Repeat("x", n-len(`{"lang":"hi","text":""}`)) + `"}`
	}
	for _, chunked := range []bool{false, true} {
		c := jsonCall(document(1024))
		c.chunked = chunked
		if o := send(t, c.request(t), h); o.lang.Source != "body" || o.body != `{"id":"x",`+c.body[1:] {
			t.Errorf("at the limit: %+v, %.80s", o.lang, o.body)
		}
		for _, n := range []int{1025, 300_000} {
			c := jsonCall(document(n))
			c.chunked = chunked
			o := send(t, c.request(t), h)
			if o.lang != (state.Language{Code: "en", Source: "fallback", Reason: langroute.ReasonTooLarge}) || o.body != c.body {
				t.Errorf("%d bytes, chunked %v: %+v, %d forwarded", n, chunked, o.lang, len(o.body))
			}
			c.uri = "/?lang=ta"
			if o = send(t, c.request(t), h); o.lang.Code != "ta" || o.body != c.body {
				t.Errorf("%d bytes, chunked %v, stated in the query: %+v", n, chunked, o.lang)
			}
		}
	}
}

func TestBodyThatBreaksOffIsRefused(t *testing.T) {
	h := parsed(t, "body lang")
	r := jsonCall("x").request(t)
	r.Body, r.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(`{"lang":`), new(untouchable))), -1
	if o := send(t, r, h); o.err == nil || o.err.Status != http.StatusBadRequest || o.err.Code != "body_unreadable" {
		t.Errorf("%+v", o.err)
	}
}

func TestSetBody(t *testing.T) {
	rows := []struct{ name, options, uri, body, want string }{
		{"a member", "set_body id {\nhi x\n}", "?lang=hi", `{"a":1}`, `{"id":"x","a":1}`},
		{"in place of another", "set_body id {\nhi x\n}", "?lang=hi", `{ "id" : {"a":1} , "b":2}`, `{ "id" : "x" , "b":2}`},
		{"several", "set_body a {\nhi x\n}\nset_body b.c {\n* y\n}", "?lang=hi", `{}`, `{"b":{"c":"y"},"a":"x"}`},
		{"for others", "set_body a {\nhi x\n}\nset_body b {\n* y\n}", "?lang=ta", `{}`, `{"b":"y"}`},
		{"for no language", "set_body b {\n* y\n}", "", `{}`, `{"b":"y"}`},
		{"the script of a language", "set_body a {\nsd x\n* y\n}", "?lang=sd-Deva", `{}`, `{"a":"x"}`},
		{"a pair", "set_body a {\nhi x\nhi>ta y\n*>ta z\n}", "?lang=hi&to=ta", `{}`, `{"a":"y"}`},
		{"into a target", "set_body a {\nhi x\nhi>ta y\n*>ta z\n}", "?lang=te&to=ta", `{}`, `{"a":"z"}`},
		{"escaped", "set_body a {\nhi `<\"\\\\>`\n}", "?lang=hi", `{}`, `{"a":"<\"\\\\>"}`},
		{"placeholders", "set_body a {\nhi \"{http.request.uri.query.q}/{gateway.language}\"\n}", "?lang=hi&q=%22%0A", `{}`, `{"a":"\"\n/hi"}`},
		{"no placeholder", "set_body a {\nhi {no.such.thing}\n}", "?lang=hi", `{}`, `{"a":"{no.such.thing}"}`},
		{"a name with a dot", "set_body a\\.b.c {\nhi x\n}", "?lang=hi", `{"a.b":{}}`, `{"a.b":{"c":"x"}}`},
		{"null on the way", "set_body a.b {\nhi x\n}", "?lang=hi", `{"a":null}`, `{"a":{"b":"x"}}`},
		{"a string on the way", "set_body a.b {\nhi x\n}\nset_body c {\nhi y\n}", "?lang=hi", `{"a":"s"}`, `{"c":"y","a":"s"}`},
		{"an array", "set_body a {\nhi x\n}", "?lang=hi", `[{}]`, `[{}]`},
		{"no JSON", "set_body a {\nhi x\n}", "?lang=hi", `{"b":1,}`, `{"b":1,}`},
		{"empty", "set_body a {\nhi x\n}", "?lang=hi", ``, ``},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := jsonCall(row.body)
			c.uri = "/" + row.uri
			o := send(t, c.request(t), parsed(t, "query lang\ntarget_query to\n"+row.options))
			want := strings.ReplaceAll(row.want, "\n", `\n`)
			if o.err != nil || o.body != want || o.length != int64(len(want)) {
				t.Errorf("%v, forwarded %s, want %s", o.err, o.body, want)
			}
		})
	}
}
