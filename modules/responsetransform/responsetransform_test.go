// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package responsetransform

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

const (
	sse    = "Content-Type: text/event-stream"
	ndjson = "Content-Type: application/x-ndjson"
)

func TestDocuments(t *testing.T) {
	strong := []string{jsonType, `ETag: "x"`, "Accept-Ranges: bytes", "Content-Digest: sha-256=:x:", "Digest: x", "Content-MD5: x", "Repr-Digest: x", "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT", "Vary: Accept-Encoding"}
	weak := []string{`ETag: W/"x"`, "Accept-Ranges:", "Content-Digest:", "Digest:", "Content-Md5:", "Repr-Digest:", "Vary: Accept-Encoding"}
	rows := []struct {
		name, method, edits string
		status              int
		header              []string
		body                []string
		want                []string
		wantBody            string // "-" for as it was
	}{
		{name: "of known length", edits: "remove a", header: []string{jsonType, "Content-Length: 7"}, body: []string{`{"a":`, `1}`}, want: []string{"Content-Length: 2"}, wantBody: "{}"},
		{name: "of unknown length", edits: "remove a", header: strong, body: []string{`{"a"`, `:1}`}, want: append(weak, "Content-Length: 2"), wantBody: "{}"},
		{name: "unchanged", edits: "remove b", header: strong, body: []string{`{"a":1}`}, want: []string{`ETag: "x"`, "Accept-Ranges: bytes", "Digest: x"}, wantBody: "-"},
		{name: "by a placeholder", edits: "set a {http.request.host}", header: strong, body: []string{`{}`}, want: []string{"ETag:", "Last-Modified:"}, wantBody: `{"a":"example.com"}`},
		{name: "a placeholder is a string", edits: "set a {http.request.uri.query.v}", header: []string{jsonType}, body: []string{`{}`}, wantBody: `{"a":"q\r\nx"}`},
		{name: "a header from a placeholder", edits: "set header X-A {http.request.uri.query.v}\nset header X-B {http.response.header.X-C}\nremove header X-C", header: []string{"X-A: old", "X-C: c"}, want: []string{"X-A:", "X-B: c", "X-C:"}},
		{name: "of an error", edits: "remove a", status: 500, header: []string{jsonType}, body: []string{`{"a":1}`}, wantBody: "{}"},
		{name: "of another status", edits: "remove a\nremove header X-A\nstatus 2xx 404", status: 500, header: []string{jsonType, "X-A: 1"}, body: []string{`{"a":1}`}, want: []string{"X-A: 1"}, wantBody: "-"},
		{name: "of a class", edits: "remove a\nstatus 2xx 404", status: 201, header: []string{jsonType}, body: []string{`{"a":1}`}, wantBody: "{}"},
		{name: "of a status", edits: "remove a\nstatus 2xx 404", status: 404, header: []string{jsonType}, body: []string{`{"a":1}`}, wantBody: "{}"},
		{name: "an array", edits: "remove \"#.a\"", header: []string{"Content-Type: application/problem+json"}, body: []string{`[{"a":1}]`}, wantBody: "[{}]"},
		{name: "twice", edits: "remove a", header: []string{jsonType}, body: []string{`{"a":1,"b":2,"a":3}`}, wantBody: `{"b":2}`},
		{name: "no type", edits: "remove a", body: []string{`{"a":1}`}, wantBody: "-"},
		{name: "empty", edits: "set a 1", header: []string{jsonType}, wantBody: ""},
		{name: "empty, of known length", edits: "set a 1", header: []string{jsonType, "Content-Length: 0"}, want: []string{"Content-Length: 0"}, wantBody: ""},
		{name: "HEAD", method: http.MethodHead, edits: "remove a", header: append(strong, "Content-Length: 7"), want: append(weak, "Content-Length:"), wantBody: ""},
		{name: "not modified", edits: "remove a", status: 304, header: strong[1:2], want: []string{`ETag: W/"x"`}, wantBody: ""},
		{name: "not modified, edited by status", edits: "remove a\nstatus 200", status: 304, header: strong[1:2], want: []string{`ETag: W/"x"`}, wantBody: ""},
		{name: "no content", edits: "remove a\nset header X-A 1", status: 204, header: []string{jsonType}, want: []string{"X-A: 1"}, wantBody: ""},
		{name: "brotli and gzip", edits: "remove a", header: []string{jsonType, "Content-Encoding: gzip, gzip"}, body: []string{gzipped(gzipped(`{"a":1}`))}, want: []string{"Content-Encoding:", "Content-Length: 2"}, wantBody: "{}"},
		{name: "identity", edits: "remove a", header: []string{jsonType, "Content-Encoding: Identity"}, body: []string{`{"a":1}`}, wantBody: "{}"},
		{name: "coded and unchanged", edits: "remove b", header: []string{jsonType, "Content-Encoding: gzip"}, body: []string{gzipped(`{"a":1}`)}, want: []string{"Content-Encoding: gzip"}, wantBody: "-"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if row.status == 0 {
				row.status = 200
			}
			if row.method == "" {
				row.method = http.MethodGet
			}
			g := ask(t, row.method, nil, answering(row.status, row.header, row.body...), parsed(t, row.edits))
			want := row.wantBody
			if want == "-" {
				want = strings.Join(row.body, "")
			}
			if g.err != nil || g.broken || g.Code != row.status || g.Body.String() != want {
				t.Errorf("%d %q, want %q; error %v", g.Code, g.Body, want, g.err)
			}
			checkHeader(t, g.Header(), row.want)
		})
	}
}

// What cannot be edited passes as it is, or is rejected.
func TestUnedited(t *testing.T) {
	doc := `{"a":"` + strings.Repeat("x", 100) + `"}`
	trailing := func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Trailer", "X-T")
		_, err := w.Write([]byte(`{"a":1}`))
		return err
	}
	rows := map[string]struct {
		up   upstream
		body string
	}{
		"announced as too long": {answering(200, []string{jsonType, "Content-Length: " + strconv.Itoa(len(doc))}, doc), doc},
		"too long":              {answering(200, []string{jsonType}, doc[:50], doc[50:]), doc},
		"too long when decoded": {answering(200, []string{jsonType, "Content-Encoding: gzip"}, gzipped(doc)), gzipped(doc)},
		"malformed":             {answering(200, []string{jsonType}, `{"a":1`), `{"a":1`},
		"malformed, announced":  {answering(200, []string{jsonType, "Content-Length: 6"}, `{"a":1`), `{"a":1`},
		"damaged":               {answering(200, []string{jsonType, "Content-Encoding: gzip"}, gzipped(`{"a":1}`)[:15]), gzipped(`{"a":1}`)[:15]},
		"unknown coding":        {answering(200, []string{jsonType, "Content-Encoding: compress"}, "x"), "x"},
		"a part":                {answering(206, []string{jsonType, "Content-Range: bytes 0-1/7"}, `{"`), `{"`},
		"trailers":              {trailing, `{"a":1}`},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			const edits = "set header X-A 1\nremove a\nmax_body 64B\n"
			g := ask(t, http.MethodGet, nil, row.up, parsed(t, edits))
			if g.err != nil || g.broken || g.Body.String() != row.body || g.Header().Get("X-A") != "1" {
				t.Errorf("%d %q %v, error %v", g.Code, g.Body, g.Header(), g.err)
			}
			up := func(w http.ResponseWriter, r *http.Request) error {
				w.Header().Set("Set-Cookie", "s=1")
				return row.up(w, r)
			}
			g = ask(t, http.MethodGet, nil, up, setting{}, parsed(t, edits+"unedited reject"))
			if g.err != nil || g.broken || g.Code != http.StatusBadGateway || !strings.Contains(g.Body.String(), "response_not_editable") {
				t.Errorf("%d %q, broken %v, error %v", g.Code, g.Body, g.broken, g.err)
			}
			checkHeader(t, g.Header(), []string{"X-Before: 1", "X-A:", "Set-Cookie:", "Content-Encoding:", "Content-Type: application/problem+json"})
		})
	}
}

// setting sets a header before there is an answer.
type setting struct{}

func (setting) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	w.Header().Set("X-Before", "1")
	return next.ServeHTTP(w, r)
}

func TestStreams(t *testing.T) {
	events := []string{
		": comment\n\n", "event: a\nid: 1\ndata: {\"a\":1,\"b\":2}\n\n", "data: [DONE]\n\n",
		"data: {\"a\":1,\ndata: \"b\":2}\n\n", "retry: 5\r\ndata:{\"a\":1}\r\n\r\n", "data: {\"a\":1}\r\r", "data: {\"b\":1}\n\n", "data: {\"a\":1}",
	}
	const want = ": comment\n\nevent: a\nid: 1\ndata: {\"b\":2}\n\ndata: [DONE]\n\n" +
		"data: {\ndata:\"b\":2}\n\nretry: 5\r\ndata:{}\r\n\r\ndata: {}\r\rdata: {\"b\":1}\n\ndata: {}"
	t.Run("event by event", func(t *testing.T) {
		g := ask(t, http.MethodGet, nil, answering(200, []string{sse, "Content-Length: 9", `ETag: "x"`}, events...), parsed(t, "remove a"))
		if g.Body.String() != want {
			t.Errorf("body %q\nwant %q", g.Body, want)
		}
		checkHeader(t, g.Header(), []string{"Content-Length:", `ETag: W/"x"`})
	})
	t.Run("cut anywhere", func(t *testing.T) {
		text := strings.Join(events, "")
		for n := range text {
			g := ask(t, http.MethodGet, nil, answering(200, []string{sse}, text[:n], text[n:]), parsed(t, "remove a"))
			if g.Body.String() != want {
				t.Fatalf("cut at %d: body %q\nwant %q", n, g.Body, want)
			}
		}
		g := ask(t, http.MethodGet, nil, answering(200, []string{sse}, strings.Split(text, "")...), parsed(t, "remove a"))
		if g.Body.String() != want {
			t.Errorf("byte by byte: body %q\nwant %q", g.Body, want)
		}
	})
	t.Run("an event leaves when it has come", func(t *testing.T) {
		up := func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Type", "text/event-stream")
			for i, event := range []string{"data: {\"a\":1}\n\n", "data: {\"a\":2}\n\n"} {
				_, _ = w.Write([]byte(event))
				_ = http.NewResponseController(w).Flush()
				inner := w
				for {
					u, ok := inner.(interface{ Unwrap() http.ResponseWriter })
					if !ok {
						break
					}
					inner = u.Unwrap()
				}
				if sent := inner.(got).Body.String(); sent != strings.Repeat("data: {}\n\n", i+1) {
					t.Errorf("after event %d the client has %q", i, sent)
				}
			}
			return nil
		}
		ask(t, http.MethodGet, nil, up, parsed(t, "remove a"))
	})
	t.Run("lines", func(t *testing.T) {
		g := ask(t, http.MethodGet, nil, answering(200, []string{ndjson}, "{\"a\":1}\n{\"a\"", ":2}\r\nx\n\n{\"a\":3}"), parsed(t, "remove a"))
		if g.Body.String() != "{}\n{}\r\nx\n\n{}" {
			t.Errorf("body %q", g.Body)
		}
	})
	t.Run("compressed", func(t *testing.T) {
		z := gzipped(strings.Join(events, ""))
		g := ask(t, http.MethodGet, nil, answering(200, []string{sse, "Content-Encoding: gzip"}, z[:20], z[20:]), parsed(t, "remove a"))
		if g.Body.String() != want {
			t.Errorf("body %q\nwant %q", g.Body, want)
		}
		checkHeader(t, g.Header(), []string{"Content-Encoding:"})
	})
	for name, chunks := range map[string][]string{"damaged": {gzipped(want)[:20], "damaged, damaged"}, "cut": {gzipped(want)[:30]}} {
		t.Run("compressed and "+name, func(t *testing.T) {
			if g := ask(t, http.MethodGet, nil, answering(200, []string{sse, "Content-Encoding: gzip"}, chunks...), parsed(t, "remove a")); !g.broken {
				t.Errorf("not broken off: %q", g.Body)
			}
		})
	}
	t.Run("malformed", func(t *testing.T) {
		up := answering(200, []string{sse}, "data: [DONE]\n\n", "data: x\n\n", "data: {\"a\":1}}\n\n", "data: {\"a\":1}\n\n")
		g := ask(t, http.MethodGet, nil, up, parsed(t, "remove a"))
		if g.Body.String() != "data: [DONE]\n\ndata: x\n\ndata: {\"a\":1}}\n\ndata: {}\n\n" {
			t.Errorf("body %q", g.Body)
		}
		g = ask(t, http.MethodGet, nil, up, parsed(t, "remove a\nunedited reject"))
		if !g.broken || g.Body.String() != "data: [DONE]\n\ndata: x\n\n" {
			t.Errorf("broken %v, body %q", g.broken, g.Body)
		}
	})
	t.Run("too long", func(t *testing.T) {
		up := answering(200, []string{sse}, "data: {\"a\":1}\n\n", "data: {\"a\":\"", strings.Repeat("x", 50), "\"}\n\n", "data: {\"a\":1}\n\n")
		g := ask(t, http.MethodGet, nil, up, parsed(t, "remove a\nmax_body 40B"))
		if g.Body.String() != "data: {}\n\ndata: {\"a\":\""+strings.Repeat("x", 50)+"\"}\n\ndata: {}\n\n" {
			t.Errorf("body %q", g.Body)
		}
		g = ask(t, http.MethodGet, nil, up, parsed(t, "remove a\nmax_body 40B\nunedited reject"))
		if !g.broken || g.Body.String() != "data: {}\n\n" {
			t.Errorf("broken %v, body %q", g.broken, g.Body)
		}
	})
}

// Edits of headers hold nothing back, and leave what asks for parts and codings.
func TestHeadersOnly(t *testing.T) {
	up := func(w http.ResponseWriter, r *http.Request) error {
		if r.Header.Get("Range") == "" {
			t.Error("Range was removed")
		}
		return answering(206, []string{jsonType, `ETag: "x"`, "Content-Range: bytes 0-1/7", "Content-Length: 2", "Server: x"}, `{"`)(w, r)
	}
	g := ask(t, http.MethodGet, []string{"Range: bytes=0-1"}, up, parsed(t, "remove header Server"))
	if g.Body.String() != `{"` || g.Code != 206 {
		t.Errorf("%d %q", g.Code, g.Body)
	}
	checkHeader(t, g.Header(), []string{`ETag: "x"`, "Content-Length: 2", "Server:"})
	up = func(w http.ResponseWriter, r *http.Request) error {
		if r.Header.Get("Range") != "" || r.Header.Get("If-Range") != "" {
			t.Error("a part is asked for")
		}
		return answering(200, nil)(w, r)
	}
	ask(t, http.MethodGet, []string{"Range: bytes=0-1", `If-Range: "x"`}, up, parsed(t, "remove a"))
}

// What is held is given back, and an answer that fails before its end is none.
func TestHeldIsGivenBack(t *testing.T) {
	before := state.Buffered()
	for name, end := range map[string]func() error{
		"error": func() error { return caddyhttp.Error(http.StatusBadGateway, errors.New("demo")) },
		"panic": func() error { panic(http.ErrAbortHandler) },
		"end":   func() error { return nil },
	} {
		up := func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"a":1}`))
			if state.Buffered() == before {
				t.Error("nothing is held")
			}
			return end()
		}
		g := ask(t, http.MethodGet, nil, up, parsed(t, "remove a"))
		if n := state.Buffered(); n != before {
			t.Errorf("%s: %d bytes are still held", name, n-before)
		}
		if body := g.Body.String(); (body == "{}") != (name == "end") || g.broken != (name == "panic") || name == "error" && g.Code != http.StatusBadGateway {
			t.Errorf("%s: %d %q, broken %v", name, g.Code, body, g.broken)
		}
	}
}

// Two transformations edit one after the other, the inner one first.
func TestNested(t *testing.T) {
	g := ask(t, http.MethodGet, nil, answering(200, []string{jsonType}, `{"a":1}`), parsed(t, "append list outer"), parsed(t, "rename a b\nappend list inner"))
	if g.Body.String() != `{"b":1,"list":["inner","outer"]}` {
		t.Errorf("body %q", g.Body)
	}
}
