// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requesttransform

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// What Kong's request-transformer does to a request, as observed from outside, in the
// profile kong. The options are the plugin's, written as this directive has them. These
// of its behaviours have no row:
//
//   - http_method and replace.uri: Caddy's own method and rewrite do that, also with
//     what a matcher has captured; the rows that need a method set it beforehand;
//   - templates in Lua, and what they do when they fail: placeholders are no programs;
//   - Host, which reverse_proxy sets: edits of it are refused at load;
//   - multipart bodies, in which Kong renames and adds: they stay as they are.

const (
	formType = "Content-Type: application/x-www-form-urlencoded"
	jsonType = "Content-Type: application/json"
)

func TestKongRequests(t *testing.T) {
	const (
		removing  = "remove header x-to-remove\nremove query q1\nremove body toremoveform"
		renaming  = "rename header x-to-rename x-is-renamed\nrename query originalparam renamedparam\nrename body originalparam renamedparam"
		adding    = "add header h1 v1\nadd header h2 value:2\nadd query q1 v1\nadd body p1 v1"
		appending = "append header h1 v1\nappend header h1 v2\nappend header h2 v1\nappend query q1 v1\nappend query q1 v2\nappend query q2 v1\n" +
			"append body p1 v1\nappend body p1 v2\nappend body p2 value:1"
		ordered = "remove header x-to-remove\nreplace header x-to-replace false\nadd header x-added a1\nadd header x-added2 b1\nadd header x-added3 c2\n" +
			"append header x-added a2\nappend header x-added a3"
		same      = "rename header identical identical\nrename query inexist exist"
		replacing = "replace body p1 v1\nreplace header x-h v1\nreplace query q1 v1"
	)
	rows := []struct {
		name, edits string
		send        call
		header      []string // "name: value, value" at the upstream; "name:" for none
		uri, body   string   // "-" for as it was sent
	}{
		{"a form becomes a query", "form_to_query", call{method: http.MethodGet, uri: "/request?hello=world", body: "name=marco", header: []string{formType}}, []string{"Content-Type:"}, "/request?hello=world&name=marco", ""},
		{"what a form holds stays in the query", "form_to_query", call{method: http.MethodGet, uri: "/request?hello=world", body: "a=x HTTP/1.1\r\nX-A: 1#b;c&d=%41", header: []string{formType}}, []string{"Content-Type:"}, "/request?hello=world&a=x%20HTTP/1.1%0D%0AX-A:%201%23b%3Bc&d=%41", ""},
		{"a body is made", "add header Content-Type application/json\nadd body body somecontent", call{method: http.MethodPost}, nil, "-", `{"body":"somecontent"}`},
		{"remove a header", removing, call{header: []string{"x-to-remove: true", "x-another-header: true"}}, []string{"x-to-remove:", "x-another-header: true"}, "-", "-"},
		{"remove from malformed JSON", removing, call{body: "malformed json body", header: []string{jsonType}}, nil, "-", "-"},
		{"remove from empty JSON", removing, call{body: "{}", header: []string{jsonType}}, []string{"Content-Length:"}, "-", "-"},
		{"remove from nothing", removing, call{method: http.MethodPost}, nil, "-", ""},
		{"remove from a form", removing, call{body: "toremoveform=yes&nottoremove=yes", header: []string{formType}}, nil, "-", "nottoremove=yes"},
		{"remove from JSON", removing, call{body: `{"toremoveform":"yes","nottoremove":"yes"}`, header: []string{jsonType}}, nil, "-", `{"nottoremove":"yes"}`},
		{"remove from a query", removing, call{uri: "/request?q1=v1&q2=v2"}, nil, "/request?q2=v2", "-"},
		{"rename a header", renaming, call{header: []string{"x-to-rename: true", "x-another-header: true"}}, []string{"x-to-rename:", "x-is-renamed: true", "x-another-header: true"}, "-", "-"},
		{"rename nothing", renaming, call{header: []string{"x-another-header: true"}}, []string{"x-to-rename:", "x-is-renamed:"}, "-", "-"},
		{"rename over another", renaming, call{header: []string{"x-to-rename: new-result", "x-is-renamed: old-result"}}, []string{"x-is-renamed: new-result", "x-to-rename:"}, "-", "-"},
		{"rename over another case", renaming, call{header: []string{"x-to-rename: new-result", "X-Is-Renamed: old-result"}}, []string{"x-is-renamed: new-result"}, "-", "-"},
		{"rename a parameter", renaming, call{uri: "/request?originalparam=true&nottorename=true"}, nil, "/request?renamedparam=true&nottorename=true", "-"},
		{"rename a field", renaming, call{body: "originalparam=yes&nottorename=yes", header: []string{formType}}, nil, "-", "renamedparam=yes&nottorename=yes"},
		{"rename a member", renaming, call{body: `{"originalparam":"yes","nottorename":"yes"}`, header: []string{jsonType}}, nil, "-", `{"renamedparam":"yes","nottorename":"yes"}`},
		{"rename to itself", same, call{uri: "/request?exist=true", header: []string{"identical: true"}}, []string{"identical: true"}, "-", "-"},
		{"rename a missing member", "rename body p0 p1", call{body: `{"p2":"v1"}`, header: []string{jsonType}}, nil, "-", "-"},
		{"replace a field", replacing, call{body: "p1=v&p2=v1", header: []string{formType}}, nil, "-", "p1=v1&p2=v1"},
		{"replace a member", replacing, call{body: `{"p1":"v","p2":"v1"}`, header: []string{jsonType}}, nil, "-", `{"p1":"v1","p2":"v1"}`},
		{"replace what is not there", replacing, call{uri: "/request?q2=v", body: "p2=v1", header: []string{formType}}, []string{"x-h:"}, "-", "-"},
		{"replace in malformed JSON", replacing, call{body: `{"p1":`, header: []string{jsonType}}, nil, "-", "-"},
		{"add headers", adding, call{}, []string{"h1: v1", "h2: value:2"}, "/request?q1=v1", "-"},
		{"add a header that is there", adding, call{header: []string{"h1: v3"}}, []string{"h1: v3", "h2: value:2"}, "/request?q1=v1", "-"},
		{"add a parameter", adding, call{uri: "/request?q2=v2"}, nil, "/request?q2=v2&q1=v1", "-"},
		{"add a parameter that is there", adding, call{uri: "/request?q1=v2"}, nil, "-", "-"},
		{"add a field", adding, call{body: "p2=v2", header: []string{formType}}, nil, "/request?q1=v1", "p2=v2&p1=v1"},
		{"add a member that is there", adding, call{body: `{"p1":"v0"}`, header: []string{jsonType}}, nil, "/request?q1=v1", "-"},
		{"append", appending, call{}, []string{"h1: v1, v2", "h2: v1"}, "/request?q1=v1&q1=v2&q2=v1", "-"},
		{"append to a form without a body", appending, call{method: http.MethodPost, header: []string{formType}}, nil, "/request?q1=v1&q1=v2&q2=v1", "p1=v1&p1=v2&p2=value%3A1"},
		{"append to a form", appending, call{body: "p1=v0", header: []string{formType}}, nil, "/request?q1=v1&q1=v2&q2=v1", "p1=v0&p1=v1&p1=v2&p2=value%3A1"},
		{"append to multipart", appending, call{body: "--x\r\nContent-Disposition: form-data; name=\"p1\"\r\n\r\nX\r\n--x--\r\n", header: []string{"Content-Type: multipart/form-data; boundary=x"}}, nil, "/request?q1=v1&q1=v2&q2=v1", "-"},
		{"append a hash", "append header h1 v1\nappend header h1 \"#value_with_hash\"", call{}, []string{"h1: v1, #value_with_hash"}, "-", "-"},
		{"order", ordered, call{header: []string{"x-to-remove: true", "x-to-replace: true", "x-added3: c1"}}, []string{"x-to-remove:", "x-to-replace: false", "x-added: a1, a2, a3", "x-added2: b1", "x-added3: c1"}, "-", "-"},
		{"remove and add", "remove header Authorization\nadd header Authorization \"Basic test\"", call{header: []string{"Authorization: Basic other"}}, []string{"Authorization: Basic test"}, "-", "-"},
		{"remove nothing and add", "remove header Authorization\nadd header Authorization \"Basic test\"", call{}, []string{"Authorization: Basic test"}, "-", "-"},
		{"captures", "add query uri_param1 {re.1}\nadd query uri_param2[some_index][1] {re.2}", call{uri: "/requests/user1/foo/user2/bar?q1=20"}, nil, "/requests/user1/foo/user2/bar?q1=20&uri_param1=foo&uri_param2%5Bsome_index%5D%5B1%5D=bar", "-"},
		{"templates see the original request", "add query uri_param2 {http.request.host}\nadd header x-test-header {http.request.uri.query.q1}\nremove query q1", call{uri: "http://test1.test/?q1=20"}, []string{"x-test-header: 20"}, "/?uri_param2=test1.test", "-"},
		{"templates see the original header", "replace header x-replace-header \"the new value\"\nreplace query q2 {http.request.header.x-replace-header}", call{uri: "/?q2=20", header: []string{"x-replace-header: the old value"}}, []string{"x-replace-header: the new value"}, "/?q2=the+old+value", "-"},
		{"what a template comes to is none", "add query q1 {http.request.header.x-t}", call{header: []string{"x-t: {http.request.host}"}}, nil, "/request?q1=%7Bhttp.request.host%7D", "-"},
		{"variables of other handlers", "add query shared_param1 {http.vars.my_version}", call{}, nil, "/request?shared_param1=1.2.3", "-"},
		{"a query that is not edited", "add header x-a 1", call{uri: "/request?expected=$&+,/:;?@"}, nil, "-", "-"},
		{"a query of which nothing is edited", "remove query q1", call{uri: "/request?expected=$&+,/:;?@"}, nil, "-", "-"},
		{"a member is added to 1 MiB", "add body p1 v1", call{body: `{"x":"` + strings.Repeat("y", 1<<20) + `"}`, header: []string{jsonType}}, nil, "-", `{"x":"` + strings.Repeat("y", 1<<20) + `","p1":"v1"}`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := row.send.request(t)
			h := parsed(t, "kong", row.edits)
			sent := r.RequestURI
			if strings.HasPrefix(sent, "http://") {
				r.RequestURI = r.URL.RequestURI()
				sent = r.RequestURI
			}
			o := send(t, h, r)
			if !o.reached {
				t.Fatalf("refused: %v", o.err)
			}
			want := row.uri
			if want == "-" {
				want = sent
			}
			if o.uri != want {
				t.Errorf("URI %s, want %s", o.uri, want)
			}
			if want = row.body; want == "-" {
				want = row.send.body
			}
			if o.body != want {
				t.Errorf("body %.200s, want %.200s", o.body, want)
			}
			checkHeader(t, o.header, row.header)
		})
	}
}

func checkHeader(t *testing.T, h http.Header, want []string) {
	t.Helper()
	for _, line := range want {
		name, text, _ := strings.Cut(line, ":")
		var values []string
		if text = strings.TrimSpace(text); text != "" {
			values = strings.Split(text, ", ")
		}
		if got := h.Values(name); !slices.Equal(got, values) {
			t.Errorf("%s is %q, want %q", name, got, values)
		}
	}
}
