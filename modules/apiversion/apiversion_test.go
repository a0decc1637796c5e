// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apiversion

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const twoVersions = "versions v1 v2\ndefault v1"

func TestVersions(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, opts, target string
		header             []string
		uri, version, from string // at the upstream
		stripped           string
	}{
		{"path", twoVersions, "/api/v2/asr/inference", nil, "/api/v2/asr/inference", "v2", "path", "/api/asr/inference"},
		{"default", twoVersions, "/api/asr/inference?a=%zz&b", nil, "/api/v1/asr/inference?a=%zz&b", "v1", "default", "/api/asr/inference"},
		{"header", twoVersions, "/api/asr", []string{"X-API-Version: v2"}, "/api/v2/asr", "v2", "header", "/api/asr"},
		{"header with the number alone", twoVersions, "/api/asr", []string{"X-API-Version: 2"}, "/api/v2/asr", "v2", "header", "/api/asr"},
		{"header twice, the same", twoVersions, "/api/asr", []string{"X-API-Version: 2", "X-API-Version: V2"}, "/api/v2/asr", "v2", "header", "/api/asr"},
		{"empty header", twoVersions, "/api/asr", []string{"X-API-Version: "}, "/api/v1/asr", "v1", "default", "/api/asr"},
		{"the path wins", twoVersions, "/api/v1/asr", []string{"X-API-Version: v2"}, "/api/v1/asr", "v1", "path", "/api/asr"},
		{"escapes stay", twoVersions, "/api/a%2Fb/%E0%A4%B9?x=%2F", nil, "/api/v1/a%2Fb/%E0%A4%B9?x=%2F", "v1", "default", "/api/a%2Fb/%E0%A4%B9"},
		{"an empty query stays", twoVersions, "/api/asr?", nil, "/api/v1/asr?", "v1", "default", "/api/asr"},
		{"the prefix alone", twoVersions, "/api", nil, "/api/v1", "v1", "default", "/api"},
		{"elsewhere", twoVersions, "/health", []string{"X-API-Version: v9"}, "/health", "", "", ""},
		{"a prefix of its own", twoVersions + "\nprefix /", "/asr", nil, "/v1/asr", "v1", "default", "/asr"},
		{"query", twoVersions + "\nquery", "/api/asr?version=2", nil, "/api/v2/asr?version=2", "v2", "query", "/api/asr"},
		{"query of another name", twoVersions + "\nquery v", "/api/asr?%76=v2", nil, "/api/v2/asr?%76=v2", "v2", "query", "/api/asr"},
		{"query instead of the default header", twoVersions + "\nquery", "/api/asr", []string{"X-API-Version: v2"}, "/api/v1/asr", "v1", "default", "/api/asr"},
		{"accept", twoVersions + "\naccept", "/api/asr", []string{"Accept: application/json; version=2"}, "/api/v2/asr", "v2", "accept", "/api/asr"},
		{"accept of a vendor", twoVersions + "\naccept", "/api/asr", []string{"Accept: application/vnd.example.v2+json"}, "/api/v2/asr", "v2", "accept", "/api/asr"},
		{"accept with another parameter", twoVersions + "\naccept v", "/api/asr", []string{"Accept: application/json;v=2"}, "/api/v2/asr", "v2", "accept", "/api/asr"},
		{"query before header", twoVersions + "\nquery\nheader", "/api/asr?version=1", []string{"X-API-Version: v2"}, "/api/v1/asr?version=1", "v1", "query", "/api/asr"},
		{"header before query", twoVersions + "\nheader\nquery", "/api/asr?version=1", []string{"X-API-Version: v2"}, "/api/v2/asr?version=1", "v2", "header", "/api/asr"},
		{"header before the path", twoVersions + "\nheader\npath", "/api/v1/asr", []string{"X-API-Version: v2"}, "/api/v2/asr", "v2", "header", "/api/asr"},
		{"they agree", twoVersions + "\nconflict reject", "/api/v2/asr", []string{"X-API-Version: 2"}, "/api/v2/asr", "v2", "path", "/api/asr"},
		{"strip", twoVersions + "\nrewrite strip", "/api/v2/asr?x", nil, "/api/asr?x", "v2", "path", "/api/asr"},
		{"off", twoVersions + "\nrewrite off", "/api/asr", nil, "/api/asr", "v1", "default", "/api/asr"},
		{"off with the path", twoVersions + "\nrewrite off", "/api/v2/asr", nil, "/api/v2/asr", "v2", "path", "/api/asr"},
		{"a parameter behind the version", twoVersions, "/api/v2/asr;lang=hi/x", nil, "/api/v2/asr;lang=hi/x", "v2", "path", "/api/asr;lang=hi/x"},
		{"a parameter without a version", twoVersions, "/api/asr;lang=hi/x", nil, "/api/v1/asr;lang=hi/x", "v1", "default", "/api/asr;lang=hi/x"},
		{"a parameter elsewhere", twoVersions, "/files;x/api", nil, "/files;x/api", "", "", ""},
		{"dates", "versions 2025-06-01 2026-01-31\nprefix /", "/2025-06-01/x", nil, "/2025-06-01/x", "2025-06-01", "path", "/x"},
		{"a word in the path that is no version", twoVersions, "/api/v1beta/asr", nil, "/api/v1/v1beta/asr", "v1", "default", "/api/v1beta/asr"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := send(t, parsed(t, row.opts), row.target, row.header...)
			if got.up == nil {
				t.Fatalf("refused: %d %s", got.status, got.body)
			}
			if got.up.URI != row.uri || got.up.RequestURI != row.uri {
				t.Errorf("the upstream gets %s and %s, want %s", got.up.URI, got.up.RequestURI, row.uri)
			}
			if got.up.Name != row.version || got.up.Source != row.from || got.up.Stripped != row.stripped {
				t.Errorf("placeholders %q, %q, %q", got.up.Name, got.up.Source, got.up.Stripped)
			}
			if told := got.up.Header["X-Api-Version"]; row.version != "" && !slices.Equal(told, []string{row.version}) {
				t.Errorf("X-API-Version %q, want %q", told, row.version)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, opts, target string
		header             []string
		status             int
		code, words        string
	}{
		{"unknown in the path", twoVersions, "/api/v9/asr", nil, 400, "api_version_unknown", `There is no API version "v9"; there are: v1, v2`},
		{"in another case", twoVersions, "/api/V1/asr", nil, 400, "api_version_unknown", "v1, v2"},
		{"unknown in a header", twoVersions, "/api/asr", []string{"X-API-Version: v9"}, 400, "api_version_unknown", "v1, v2"},
		{"with 404", twoVersions + "\nunknown 404", "/api/v9/asr", nil, 404, "api_version_unknown", "v1, v2"},
		{"with 406", twoVersions + "\nunknown 406\naccept", "/api/asr", []string{"Accept: application/json;version=9"}, 406, "api_version_unknown", "v1, v2"},
		{"the prefix in another case", twoVersions, "/API/v1/asr", []string{"X-API-Version: v9"}, 400, "api_version_unknown", "another way"},
		{"the slash behind the prefix escaped", twoVersions, "/api%2Fv1/asr", nil, 400, "api_version_unknown", "another way"},
		{"an empty segment before the prefix", twoVersions, "//api/v1/asr", nil, 400, "api_version_unknown", "another way"},
		{"dots before the prefix", twoVersions, "/x/../api/v1/asr", nil, 400, "api_version_unknown", "another way"},
		{"dots that leave the version", twoVersions, "/api/../v2/asr", nil, 400, "api_version_unknown", "another way"},
		{"dots from one version to another", twoVersions, "/api/v1/%2e%2e/v2/asr", nil, 400, "api_version_unknown", "another way"},
		{"an escaped version, as it is", twoVersions + "\nrewrite off", "/api/%762/asr", nil, 400, "api_version_unknown", "another way"},
		{"an empty segment before the version, as it is", twoVersions + "\nrewrite off", "/api//v2/asr", nil, 400, "api_version_unknown", "another way"},
		{"an escaped version, stripped", twoVersions + "\nrewrite strip", "/api/%762/asr", nil, 400, "api_version_unknown", "another way"},
		{"a parameter of the version, as it is", twoVersions + "\nrewrite off", "/api/v2;x=1/asr", nil, 400, "api_version_unknown", "another way"},
		{"a parameter of the version, stripped", twoVersions + "\nrewrite strip", "/api/v2;/asr", nil, 400, "api_version_unknown", "another way"},
		{"a parameter of the prefix", twoVersions, "/api;x/v2/asr", nil, 400, "api_version_unknown", "another way"},
		{"a backslash", twoVersions, "/api%5Cv2/asr", nil, 400, "api_version_unknown", "another way"},
		{"a backslash behind the version", twoVersions + "\nrewrite off", "/api/v2%5Casr", nil, 400, "api_version_unknown", "another way"},
		{"a prefix in another case that parameters would leave", twoVersions, "/API/v1/asr/..;/..;/..;/z", nil, 400, "api_version_unknown", "another way"},
		{"a prefix in another case that backslashes would leave", twoVersions, "/API/v1/asr/..%5C..%5C..%5C..%5Cz", nil, 400, "api_version_unknown", "another way"},
		{"an escaped prefix that parameters would leave", twoVersions, "/api%2Fv1/asr/..;/..;/..;/z", []string{"X-API-Version: v2"}, 400, "api_version_unknown", "another way"},
		{"an empty segment and a prefix that parameters would leave", twoVersions + "\nheader\nrewrite off", "/api//v1/asr/..;/..;/..;/z", []string{"X-API-Version: v2"}, 400, "api_version_unknown", "another way"},
		{"a version that parameters and backslashes lead to", twoVersions + "\nrewrite off", "/api/v1/..;%5Cv2/asr", nil, 400, "api_version_unknown", "another way"},
		{"unknown in the path, though a header comes first", twoVersions + "\nheader\npath", "/api/v9/asr", []string{"X-API-Version: v1"}, 400, "api_version_unknown", "v9"},
		{"two in one header", twoVersions, "/api/asr", []string{"X-API-Version: v1", "X-API-Version: v2"}, 400, "api_version_conflict", "in one place (header X-Api-Version)"},
		{"two in the query", twoVersions + "\nquery", "/api/asr?version=1&version=9", nil, 400, "api_version_conflict", "query version"},
		{"a list in a header", twoVersions, "/api/asr", []string{"X-API-Version: v1, v2"}, 400, "api_version_unknown", "v1, v2"},
		{"path against header", twoVersions + "\nconflict reject", "/api/v1/asr", []string{"X-API-Version: v2"}, 400, "api_version_conflict", "v1 (path) and v2 (header X-Api-Version)"},
		{"unknown behind one that is known", twoVersions + "\nconflict reject", "/api/v1/asr", []string{"X-API-Version: v9"}, 400, "api_version_unknown", "v9"},
		{"none, without a default", "versions v1 v2", "/api/asr", nil, 400, "api_version_missing", "there are: v1, v2"},
		{"hostile", twoVersions, "/api/asr", []string{"X-API-Version: \"},{\u202e\"" + strings.Repeat("x", 500)}, 400, "api_version_unknown", "..."},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := send(t, parsed(t, row.opts), row.target, row.header...)
			if got.up != nil || got.status != row.status || got.code != row.code || !strings.Contains(unquoted(t, got.body), row.words) {
				t.Errorf("%d %s %s, want %d %s with %q", got.status, got.code, got.body, row.status, row.code, row.words)
			}
			if len(got.body) > 700 {
				t.Errorf("the answer has %d bytes", len(got.body))
			}
		})
	}
}

// unquoted is the message of a problem.
func unquoted(t testing.TB, body string) string {
	t.Helper()
	var problem struct{ Message string }
	if err := json.Unmarshal([]byte(body), &problem); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return problem.Message
}

const ending1 = twoVersions + `
response_header
version v1 {
	deprecated 2026-01-01 https://docs.test/v1
	sunset 2026-12-31T12:00:00Z /docs/sunset
	successor v2
	gone
}`

func TestLifecycleHeaders(t *testing.T) {
	t.Parallel()
	h := parsed(t, ending1)
	h.now = func() time.Time { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) }
	got := send(t, h, "/api/v1/a%20b?secret=1")
	want := http.Header{
		"Deprecation":   {"@1767225600"},
		"Sunset":        {"Thu, 31 Dec 2026 12:00:00 GMT"},
		"X-Api-Version": {"v1"},
		"Link": {
			`<https://up.test/>; rel="self"`, `<https://docs.test/v1>; rel="deprecation"`, `</docs/sunset>; rel="sunset"`,
			`</api/v2/a%20b>; rel="successor-version"`,
		},
		"Vary": {"Accept-Encoding"},
	}
	for name, values := range want {
		if !slices.Equal(got.header[name], values) {
			t.Errorf("%s: %q, want %q", name, got.header[name], values)
		}
	}
	got = send(t, h, "/api/asr", "X-API-Version: v2")
	if got.header["Deprecation"] != nil || got.header["Sunset"] != nil || len(got.header["Link"]) != 1 {
		t.Errorf("a version that goes on is told of its end: %v", got.header)
	}
	if vary := got.header["Vary"]; !slices.Equal(vary, []string{"Accept-Encoding", "X-Api-Version"}) {
		t.Errorf("Vary %q", vary)
	}
	h.now = func() time.Time { return time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC) }
	got = send(t, h, "/api/asr")
	if got.status != http.StatusGone || got.code != "api_version_gone" || !strings.Contains(got.body, "use v2") || got.header.Get("Sunset") == "" {
		t.Errorf("after its end: %d %s %v", got.status, got.body, got.header)
	}
}

func TestAnswersOfTheGatewayTellOfTheVersion(t *testing.T) {
	t.Parallel()
	got := send(t, parsed(t, twoVersions+"\naccept\nheader"), "/api/asr", "X-API-Version: v9")
	if vary := got.header["Vary"]; !slices.Equal(vary, []string{"Accept", "X-Api-Version"}) {
		t.Errorf("a refusal has Vary %q", vary)
	}
}

// What the upstream is told of the version no client takes away, nor contradicts in a
// spelling that some servers take for the same.
func TestTheUpstreamIsTold(t *testing.T) {
	t.Parallel()
	got := send(t, parsed(t, twoVersions+"\nrewrite strip"), "/api/v2/asr",
		"X_API_Version: v1", "X.Api-Version: v1", "x-api_version: v1", "X-Api-Versions: x", "X_Api: x", "Connection: keep-alive, X-API-Version")
	if got.up == nil {
		t.Fatalf("refused: %d %s", got.status, got.body)
	}
	if c := got.up.Header["Connection"]; !slices.Equal(c, []string{"keep-alive"}) {
		t.Errorf("Connection is %q", c)
	}
	delete(got.up.Header, "Connection")
	for name, value := range map[string]string{"X-Api-Version": "v2", "X-Api-Versions": "x", "X_Api": "x"} {
		if !slices.Equal(got.up.Header[http.CanonicalHeaderKey(name)], []string{value}) {
			t.Errorf("%s is %q", name, got.up.Header[http.CanonicalHeaderKey(name)])
		}
	}
	if len(got.up.Header) != 3 {
		t.Errorf("the upstream gets %v", got.up.Header)
	}
}

func TestKongErrors(t *testing.T) {
	t.Parallel()
	h := parsed(t, twoVersions)
	h.app = kongApp
	if got := send(t, h, "/api/v9"); got.code != "" || !strings.Contains(got.body, `"message"`) {
		t.Errorf("body %s", got.body)
	}
}

func TestMatcher(t *testing.T) {
	t.Parallel()
	m := &MatchAPIVersion{Versions: []string{"v1", "v2"}}
	for version, want := range map[string]bool{"v1": true, "v2": true, "v3": false, "": false, "none": false} {
		if got := matches(t, m, version); got != want {
			t.Errorf("version %q: %v, want %v", version, got, want)
		}
	}
}

func BenchmarkHandle(b *testing.B) {
	h := parsed(b, twoVersions)
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
	r := httptest.NewRequest(http.MethodGet, "/api/asr/inference", nil)
	w := httptest.NewRecorder()
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
	b.ReportAllocs()
	for b.Loop() {
		r.URL.Path = "/api/v1/asr/inference"
		if err := h.ServeHTTP(w, r, next); err != nil {
			b.Fatal(err)
		}
	}
}

// Error routes may decide on the version again, and others edit headers in place.
func TestAnswersAreToldOnce(t *testing.T) {
	t.Parallel()
	l := &life{
		deprecation: []string{"@1"}, sunset: []string{"soon"}, told: []string{"v1"}, successor: -1,
		links: []string{`<https://docs.test/v1>; rel="deprecation"`},
	}
	e := &ending{life: l, header: "X-Api-Version", successor: `</api/v2>; rel="successor-version"`}
	h := make(http.Header)
	e.FinishHeader(h)
	e.FinishHeader(h)
	if got := h["Link"]; len(got) != 2 {
		t.Errorf("Link is %q", got)
	}
	for _, values := range h {
		values[0] = "edited"
	}
	if l.deprecation[0] != "@1" || l.sunset[0] != "soon" || l.told[0] != "v1" || l.links[0][0] != '<' {
		t.Errorf("the next answer says %+v", l)
	}
}
