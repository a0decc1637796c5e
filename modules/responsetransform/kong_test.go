// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package responsetransform

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// What Kong's response-transformer does to an answer, as observed from outside. The
// options are the plugin's, written as this directive has them: what follows a colon in
// the name of a removed header, which Kong ignores, is left out, and a type is written
// where a text would be taken for a number. In three rows ours does what Kong does not,
// and says so by its name.

const jsonType = "Content-Type: application/json"

func TestKongAnswers(t *testing.T) {
	long := `{"url":"x","pad":"` + strings.Repeat("y", 1<<20-100) + `"}`
	rows := []struct {
		name, edits string
		header      []string // of the upstream
		body        string
		want        []string // "name: value, value" at the client; "name:" for none
		wantBody    string   // "-" for as it was
	}{
		{"remove", "remove header Access-Control-Allow-Origin\nremove url", []string{jsonType, "Access-Control-Allow-Origin: *"}, `{"url":"x","a":1}`, []string{"Access-Control-Allow-Origin:"}, `{"a":1}`},
		{"replace headers", "replace header h1 v1\nreplace header h2 value:2", []string{"h1: value1", "h2: a", "h2: b"}, "", []string{"h1: v1", "h2: value:2"}, ""},
		{"replace what is not there", "replace header h1 v1\nreplace header h2 value:2", []string{"h2: a"}, "", []string{"h1:", "h2: value:2"}, ""},
		{"add a header", "add header h2 v2", []string{"h1: v1"}, "", []string{"h1: v1", "h2: v2"}, ""},
		{"add what is there", "add header h2 v2", []string{"h2: v3"}, "", []string{"h2: v3"}, ""},
		{"append a header", "append header h1 v2", nil, "", []string{"h1: v2"}, ""},
		{"append to a header", "append header h1 v2", []string{"h1: v1"}, "", []string{"h1: v1, v2"}, ""},
		{"order of headers", "remove header h1\nreplace header h2 v3\nadd header h3 v3\nappend header h3 v4", []string{"h1: v1", "h2: v2"}, "", []string{"h1:", "h2: v3", "h3: v3, v4"}, ""},
		{"another type", "remove url", []string{"Content-Type: application/x-www-form-urlencoded", "Content-Length: 5"}, "url=x", []string{"Content-Length: 5"}, "-"},
		{"add members", "add p1 v1 string\nadd p3 value:3 string\nadd p4 `\"v1\"` string\nadd p5 -1 number\nadd p6 false boolean\nadd p7 true boolean", []string{jsonType}, `{"p2":"v1"}`, nil, `{"p2":"v1","p1":"v1","p3":"value:3","p4":"\"v1\"","p5":-1,"p6":false,"p7":true}`},
		{"replace members", "replace p1 v2\nreplace p2 `\"v2\"`\nreplace p3 -1\nreplace p4 false", []string{jsonType}, `{"p1":"v1"}`, nil, `{"p1":"v2"}`},
		{"replace by a number", "replace p1 v2\nreplace p2 `\"v2\"`\nreplace p3 -1\nreplace p4 false", []string{jsonType}, `{"p3":"v1"}`, nil, `{"p3":-1}`},
		{"order of members", "remove p1\nrename p4 p2\nreplace p2 v2\nadd p3 v1\nappend p3 v2", []string{jsonType}, `{"p1":"v1","p4":"v1"}`, nil, `{"p2":"v2","p3":["v1","v2"]}`},
		{"no JSON", "remove foo", []string{jsonType}, "not a json value", nil, "-"},
		{"slashes", "replace headers /hello/world\nreplace url `\"wot\"`", []string{jsonType}, `{"headers":{"a":1},"url":"/a"}`, nil, `{"headers":"/hello/world","url":"\"wot\""}`},
		{"1 MiB", "add p1 v1\nremove url\nmax_body 2MiB", []string{jsonType}, long, nil, strings.Replace(strings.TrimSuffix(long, "}"), `"url":"x",`, "", 1) + `,"p1":"v1"}`},
		{"gzip, which Kong leaves alone", "add p1 v1", []string{jsonType, "Content-Encoding: gzip"}, gzipped(`{}`), []string{"Content-Encoding:"}, `{"p1":"v1"}`},
		{"a path, where Kong has a name with a dot", "add meta.gateway kong", []string{jsonType}, `{}`, nil, `{"meta":{"gateway":"kong"}}`},
		{"a name with a dot", `add meta\.gateway kong`, []string{jsonType}, `{}`, nil, `{"meta.gateway":"kong"}`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			g := ask(t, http.MethodGet, nil, answering(200, row.header, row.body), parsed(t, row.edits))
			want := row.wantBody
			if want == "-" {
				want = row.body
			}
			if g.err != nil || g.broken || g.Body.String() != want {
				t.Errorf("body %.200q, want %.200q; error %v", g.Body, want, g.err)
			}
			checkHeader(t, g.Header(), row.want)
		})
	}
	t.Run("latency, which Kong sends as its name", func(t *testing.T) {
		timed := func(w http.ResponseWriter, r *http.Request) error {
			caddyhttp.SetVar(r.Context(), "elapsed", 1.5)
			return answering(200, nil, "x")(w, r)
		}
		g := ask(t, http.MethodGet, nil, timed, parsed(t, "add header X-Response-Time {http.vars.elapsed}"))
		checkHeader(t, g.Header(), []string{"X-Response-Time: 1.5"})
	})
	t.Run("a refusal", func(t *testing.T) {
		refusing := func(http.ResponseWriter, *http.Request) error { return caddyhttp.Error(http.StatusUnauthorized, nil) }
		if g := ask(t, http.MethodGet, nil, refusing, parsed(t, "remove ip")); g.Code != http.StatusUnauthorized {
			t.Errorf("status %d", g.Code)
		}
	})
}
