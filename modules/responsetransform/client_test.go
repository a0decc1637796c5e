// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package responsetransform

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// No client gets around edits of a body by a coding that cannot be read.
func TestCodingsThatAreAskedFor(t *testing.T) {
	for _, row := range []struct {
		edits string
		sent  []string
		want  []string // at the upstream
	}{
		{"remove a", nil, nil},
		{"remove a", []string{"gzip"}, []string{"gzip"}},
		{"remove a", []string{"gzip, deflate;q=0.9, br, zstd;q=0.5, *;q=0.1"}, []string{"gzip, br, zstd;q=0.5"}},
		{"remove a", []string{"deflate", "X-GZIP , dcb"}, []string{"X-GZIP"}},
		{"remove a", []string{"deflate"}, []string{"identity"}},
		{"remove a", []string{"*"}, []string{"identity"}},
		{"remove a", []string{""}, []string{""}},
		{"remove header Server", []string{"deflate"}, []string{"deflate"}},
	} {
		up := func(w http.ResponseWriter, r *http.Request) error {
			if got := r.Header["Accept-Encoding"]; !slices.Equal(got, row.want) {
				t.Errorf("%s: %q is asked for after %q, want %q", row.edits, got, row.sent, row.want)
			}
			return answering(200, nil)(w, r)
		}
		var header []string
		for _, v := range row.sent {
			header = append(header, "Accept-Encoding: "+v)
		}
		ask(t, http.MethodGet, header, up, parsed(t, row.edits))
	}
}

// An answer into which a header of the request was put is told to be good for requests
// with that header alone.
func TestVary(t *testing.T) {
	const (
		plain = "Content-Type: text/plain"
		own   = "Vary: Accept-Encoding"
	)
	for _, row := range []struct {
		name, method, edits string
		status              int
		header              []string
		want                string // of Vary
	}{
		{"a value of the body", "GET", "set a {http.request.header.x-lang}", 200, []string{jsonType, own}, "Accept-Encoding, X-Lang"},
		{"a value of the body, HEAD", "HEAD", "set a {http.request.header.x-lang}", 200, []string{jsonType}, "X-Lang"},
		{"a value of the body, not modified", "GET", "set a {http.request.header.x-lang}", 304, nil, "X-Lang"},
		{"a value of the body, not modified, by status", "GET", "set a {http.request.header.x-lang}\nstatus 2xx", 304, nil, "X-Lang"},
		{"a value of the body, streamed", "GET", "set a {http.request.header.x-lang}", 200, []string{sse}, "X-Lang"},
		{"a value of no body", "GET", "set a {http.request.header.x-lang}", 200, []string{plain, own}, "Accept-Encoding"},
		{"within a value", "GET", "set a `{\"b\": \"x-{http.request.header.X-Lang}-{http.request.cookie.s}\"}`", 200, []string{jsonType}, "X-Lang, Cookie"},
		{"a path", "GET", "set a.{http.request.header.x-lang} 1", 200, []string{jsonType}, "X-Lang"},
		{"a new name", "GET", "rename a {http.request.header.x-lang}", 200, []string{jsonType}, "X-Lang"},
		{"a header", "GET", "set header X-A {http.request.header.x-lang}\nadd header X-B {http.request.header.X-Lang}", 200, []string{plain}, "X-Lang"},
		{"a header, of another status", "GET", "set header X-A {http.request.header.x-lang}\nstatus 404", 200, []string{plain}, ""},
		{"it is there", "GET", "set header X-A {http.request.header.x-lang}", 200, []string{"Vary: a, x-LANG"}, "a, x-LANG"},
		{"edited itself", "GET", "set header X-A {http.request.header.x-lang}\nremove header Vary", 200, []string{plain}, ""},
		{"nothing of the request", "GET", "set a {http.response.header.X-A}\nset b {http.request.host}", 200, []string{jsonType}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := ask(t, row.method, []string{"X-Lang: hi"}, answering(row.status, row.header, "{}"), parsed(t, row.edits))
			if got := strings.Join(g.Header()["Vary"], ", "); got != row.want {
				t.Errorf("Vary is %q, want %q", got, row.want)
			}
		})
	}
}

// A checksum behind a stream is of what the upstream has sent.
func TestDigestsBehindAStreamGo(t *testing.T) {
	for name, body := range map[string]string{"edited": "data: {\"a\":1}\n\n", "unchanged": "data: {}\n\n"} {
		up := func(w http.ResponseWriter, _ *http.Request) error {
			h := w.Header()
			h.Set("Content-Type", "text/event-stream")
			h.Set("Trailer", "Content-Digest, X-Cost")
			_, err := io.WriteString(w, body)
			h.Set("Content-Digest", "sha-256=:x:")
			h.Set(http.TrailerPrefix+"Repr-Digest", "sha-256=:x:")
			h.Set("X-Cost", "1")
			return err
		}
		g := ask(t, http.MethodGet, nil, up, parsed(t, "remove a"))
		res := g.Result()
		_ = res.Body.Close()
		if _, there := res.Trailer["Content-Digest"]; there || res.Trailer.Get("Repr-Digest") != "" || res.Trailer.Get("X-Cost") != "1" {
			t.Errorf("%s: trailers %v, header %v", name, res.Trailer, res.Header)
		}
	}
}
