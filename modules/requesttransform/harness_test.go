// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requesttransform

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func provisioned(t testing.TB, profile string) caddy.Context {
	t.Helper()
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{
		"gateway": json.RawMessage(`{"profile":"` + profile + `","ledger":{"memory":true}}`),
	}})
	if err != nil {
		t.Fatalf("provision gateway app: %v", err)
	}
	return ctx
}

// parsed reads options in a Caddyfile and loads what they are in JSON.
func parsed(t testing.TB, profile, opts string) *Handler {
	t.Helper()
	var h Handler
	if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser("request_transform {\n" + opts + "\n}")); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(&h)
	if err != nil {
		t.Fatal(err)
	}
	mod, err := provisioned(t, profile).LoadModuleByID("http.handlers.request_transform", config)
	if err != nil {
		t.Fatalf("load %s: %v", config, err)
	}
	return mod.(*Handler)
}

// call is a request. Header lines are "name: value".
type call struct {
	method, uri, body string
	header            []string
	chunked           bool
}

func (c call) request(t testing.TB) *http.Request {
	t.Helper()
	if c.method == "" {
		c.method = http.MethodGet
		if c.body != "" {
			c.method = http.MethodPost
		}
	}
	if c.uri == "" {
		c.uri = "/request"
	}
	var body io.Reader
	switch {
	case c.chunked:
		body = io.MultiReader(strings.NewReader(c.body))
	case c.body != "":
		body = strings.NewReader(c.body)
	}
	r := httptest.NewRequestWithContext(t.Context(), c.method, c.uri, body)
	for _, line := range c.header {
		name, value, _ := strings.Cut(line, ":")
		r.Header.Add(name, strings.TrimSpace(value))
	}
	return r
}

// outcome is what the upstream got.
type outcome struct {
	uri, body string
	header    http.Header
	length    int64
	reached   bool
	read      bool // the handler has read the body
	err       *state.Denial
}

// watched tells whether somebody has read from it.
type watched struct {
	io.ReadCloser
	read bool
}

func (w *watched) Read(p []byte) (int, error) {
	w.read = true
	return w.ReadCloser.Read(p)
}

var captured = regexp.MustCompile(`^/requests/user1/(\w+)/user2/(\S+)$`)

// send passes a request through a handler to an upstream.
func send(t testing.TB, h *Handler, r *http.Request) outcome {
	t.Helper()
	var o outcome
	w := httptest.NewRecorder()
	body := &watched{ReadCloser: r.Body}
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = body
	}
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
	caddyhttp.SetVar(r.Context(), "my_version", "1.2.3")
	if m := captured.FindStringSubmatch(r.URL.Path); m != nil {
		repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		repl.Set("re.1", m[1]) // as path_regexp does
		repl.Set("re.2", m[2])
	}
	err := h.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		o.read = body.read
		data, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read forwarded body: %v", err)
		}
		if uri := r.URL.RequestURI(); uri != r.RequestURI {
			t.Errorf("the URI is %s and %s", uri, r.RequestURI)
		}
		if r.ContentLength >= 0 && r.ContentLength != int64(len(data)) {
			t.Errorf("the length is %d, of a body of %d", r.ContentLength, len(data))
		}
		o.reached, o.uri, o.header, o.body, o.length = true, r.RequestURI, r.Header.Clone(), string(data), r.ContentLength
		w.WriteHeader(http.StatusNoContent)
		return nil
	}))
	if o.err, _ = errors.AsType[*state.Denial](err); err != nil && o.err == nil {
		t.Fatalf("%v is no denial", err)
	}
	if f := state.Of(r).Failure; o.err == nil && f.Denied {
		o.err = &state.Denial{Status: f.Status, Code: f.Code, Message: f.Message}
	}
	return o
}
