// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewayerrors

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// load makes a handler from its JSON.
func load(t testing.TB, config string) (*Handler, error) {
	t.Helper()
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(`{}`)}})
	if err != nil {
		t.Fatalf("provision gateway app: %v", err)
	}
	module, err := ctx.LoadModuleByID("http.handlers.gateway_errors", json.RawMessage(config))
	if err != nil {
		return nil, err
	}
	return module.(*Handler), nil
}

// failing answers a request through the handlers, the outermost first, with a refusal.
func failing(t testing.TB, status int, code, message string, header http.Header, handlers ...*Handler) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/x", nil)
	maps.Copy(r.Header, header)
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
	var chain caddyhttp.Handler = caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		return state.Deny(status, code, message)
	})
	for _, h := range slices.Backward(handlers) {
		next := chain
		chain = caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return h.ServeHTTP(w, r, next) })
	}
	if err := chain.ServeHTTP(w, r); err != nil {
		t.Errorf("serve: %v", err)
	}
	return w
}

func accepting(mediaType string) http.Header { return http.Header{"Accept": {mediaType}} }

func TestPages(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, []byte(`<p>{{.Status}} from a file</p>`), 0o600); err != nil {
		t.Fatal(err)
	}
	quoted, _ := json.Marshal(file)
	const several = `{"pages": [
		{"on": ["any"], "body": "any {{.Status}} {{.Title}}"},
		{"on": ["4xx", "500"], "body": "class {{.Code}}"},
		{"on": ["401"], "body": "one {{.Message}}"},
		{"on": ["401"], "content_type": "text/plain", "body": "plain {{.Message}}"}
	]}`
	for name, tc := range map[string]struct {
		config, accept string
		status         int
		want, ctype    string
	}{
		"the status":                 {several, "text/html", 401, "one A &lt;b&gt; &amp; c", "text/html; charset=utf-8"},
		"the class":                  {several, "text/html", 403, "class the_code", "text/html; charset=utf-8"},
		"two on one line":            {several, "text/html", 500, "class the_code", "text/html; charset=utf-8"},
		"any":                        {several, "text/html", 503, "any 503 Service Unavailable", "text/html; charset=utf-8"},
		"plain text":                 {several, "text/plain", 401, "plain A <b> & c", "text/plain"},
		"plain text without a page":  {several, "text/plain", 403, "403 Forbidden", "text/plain; charset=utf-8"},
		"a program":                  {several, "*/*", 401, `"code":"the_code"`, "application/problem+json"},
		"a file":                     {`{"pages": [{"on": ["404"], "file": ` + string(quoted) + `}]}`, "text/html", 404, "<p>404 from a file</p>", "text/html; charset=utf-8"},
		"a form for all":             {`{"format": "plain"}`, "application/json", 403, "403 Forbidden", "text/plain; charset=utf-8"},
		"a page for all":             {`{"format": "html", "pages": [{"on": ["any"], "body": "own"}]}`, "application/json", 403, "own", "text/html; charset=utf-8"},
		"problems for all":           {`{"format": "problem"}`, "text/html", 403, `"code":"the_code"`, "application/problem+json"},
		"a template that fails late": {`{"pages": [{"on": ["any"], "body": "{{if eq .Status 403}}{{slice .Code 0 99}}{{end}}"}]}`, "text/html", 403, "<dd>the_code</dd>", "text/html; charset=utf-8"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := load(t, tc.config)
			if err != nil {
				t.Fatal(err)
			}
			w := failing(t, tc.status, "the_code", "A <b> & c", accepting(tc.accept), h)
			if w.Code != tc.status || w.Header().Get("Content-Type") != tc.ctype || !strings.Contains(w.Body.String(), tc.want) {
				t.Errorf("status %d, type %q, body %s", w.Code, w.Header().Get("Content-Type"), w.Body)
			}
			if policy := w.Header().Get("Content-Security-Policy"); (policy != "") != strings.HasPrefix(tc.ctype, "text/html") {
				t.Errorf("policy %q", policy)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("header %v", w.Header())
			}
		})
	}
}

// Values from a request are escaped by where they stand.
func TestTemplatesEscape(t *testing.T) {
	h, err := load(t, `{"pages": [{"on": ["any"], "body": "<a href=\"/help?m={{.Message}}\" title={{.Code}}>{{.Message}}</a><script>let m = {{.Message}}</script>", "policy": "default-src 'self'"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	w := failing(t, 400, "a onclick=x", `"><script>alert(1)</script>`, accepting("text/html"), h)
	body := w.Body.String()
	if strings.Count(body, "<script>") != 1 || strings.Contains(body, " onclick=x") || strings.Contains(body, `"><script>alert`) {
		t.Errorf("body %s", body)
	}
	if got := w.Header().Get("Content-Security-Policy"); got != "default-src 'self'" {
		t.Errorf("policy %q", got)
	}
}

func TestNestedHandlers(t *testing.T) {
	outer, err := load(t, `{"pages": [{"on": ["4xx"], "body": "outer"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := load(t, `{"pages": [{"on": ["404"], "body": "inner"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	for status, want := range map[int]string{404: "inner", 403: "outer", 500: "<h1>500"} {
		if w := failing(t, status, "the_code", "No", accepting("text/html"), outer, inner); !strings.Contains(w.Body.String(), want) {
			t.Errorf("status %d: body %s, want %s", status, w.Body, want)
		}
	}
}

func TestProvisionRefuses(t *testing.T) {
	large := filepath.Join(t.TempDir(), "large.html")
	if err := os.WriteFile(large, make([]byte, mostTemplate+1), 0o600); err != nil {
		t.Fatal(err)
	}
	quoted, _ := json.Marshal(large)
	for name, tc := range map[string]struct{ config, want string }{
		"format":               {`{"format": "xml"}`, "format is"},
		"status":               {`{"pages": [{"on": ["200"], "body": "x"}]}`, "no status of an error"},
		"no status":            {`{"pages": [{"body": "x"}]}`, "it is for no status"},
		"neither":              {`{"pages": [{"on": ["404"]}]}`, "one of body and file"},
		"both":                 {`{"pages": [{"on": ["404"], "body": "x", "file": "y"}]}`, "one of body and file"},
		"no file":              {`{"pages": [{"on": ["404"], "file": "/no/such/file"}]}`, "read template"},
		"a large file":         {`{"pages": [{"on": ["404"], "file": ` + string(quoted) + `}]}`, "larger than 1 MiB"},
		"syntax":               {`{"pages": [{"on": ["404"], "body": "{{.Status"}]}`, "read template"},
		"unknown field":        {`{"pages": [{"on": ["404"], "body": "{{.Password}}"}]}`, "try template"},
		"unsafe context":       {`{"pages": [{"on": ["404"], "body": "<a href='{{if .Code}}x'{{else}}\"{{end}}>"}]}`, "try template"},
		"media type":           {`{"pages": [{"on": ["404"], "body": "x", "content_type": "application/json"}]}`, "text/html or text/plain"},
		"policy of text":       {`{"pages": [{"on": ["404"], "body": "x", "content_type": "text/plain", "policy": "x"}]}`, "no policy"},
		"control character":    {`{"pages": [{"on": ["404"], "body": "x", "policy": "a\nb"}]}`, "control character"},
		"twice":                {`{"pages": [{"on": ["404"], "body": "x"}, {"on": ["5xx", "404"], "body": "y"}]}`, "already"},
		"a page that is never": {`{"format": "problem", "pages": [{"on": ["404"], "body": "x"}]}`, "no error has the form"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := load(t, tc.config); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestUnmarshalCaddyfile(t *testing.T) {
	for _, row := range []struct{ name, src, want, err string }{
		{
			"everything", "gateway_errors {\n format html\n page 404 410 {\n file pages/404.html\n policy off\n }\n page any {\n body <p>{{.Status}}</p>\n content_type text/html\n }\n}",
			`{"format":"html","pages":[{"on":["404","410"],"file":"pages/404.html","policy":"off"},{"on":["any"],"body":"\u003cp\u003e{{.Status}}\u003c/p\u003e","content_type":"text/html"}]}`, "",
		},
		{"bare", "gateway_errors", "", "it changes nothing; write format or page"},
		{"argument", "gateway_errors html", "", "gateway_errors takes no arguments, not 1"},
		{"no status", "gateway_errors {\n page {\n body x\n }\n}", "", "page takes at least 1 argument, not 0"},
		{"wrong status", "gateway_errors {\n page 200 {\n body x\n }\n}", "", `"200" is no status of an error; write a number from 400 to 599, 4xx, 5xx or any, at Testfile:4`},
		{"no body", "gateway_errors {\n page 404\n}", "", "write one of body and file, at Testfile:2"},
		{"twice", "gateway_errors {\n page 404 {\n body x\n }\n page 404 {\n file y\n }\n}", "", "there is a page in html for 404 already; keep one of them, at Testfile:7"},
		{"template", "gateway_errors {\n page 404 {\n body {{.Code\n }\n}", "", "read template"},
		{"unknown option", "gateway_errors {\n page 404 {\n text x\n }\n}", "", `unknown option "text"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := new(Handler)
			err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(row.src))
			if row.err != "" {
				if err == nil || !strings.Contains(err.Error(), row.err) {
					t.Errorf("error %v, want %s", err, row.err)
				}
				return
			}
			got, _ := json.Marshal(h)
			if err != nil || string(got) != row.want {
				t.Errorf("error %v\n got %s\nwant %s", err, got, row.want)
			}
		})
	}
}
