// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/caddy-gateway/tollgate/modules/internal/langid"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/languages"
)

// Texts in some languages.
const (
	inHindi    = "मुझे अपने खाते की जानकारी चाहिए, कृपया मेरी सहायता कीजिए"
	inTamil    = "எனக்கு என் கணக்கு விவரங்கள் வேண்டும்"
	inTelugu   = "నాకు నా ఖాతా వివరాలు కావాలి"
	inEnglish  = "I would like to know the balance of my account, please help me"
	inAssamese = "মোৰ একাউণ্টৰ বিষয়ে জানিব বিচাৰোঁ, অনুগ্ৰহ কৰি সহায় কৰক"
	inFrench   = "Je voudrais connaître le solde de mon compte, aidez-moi s'il vous plaît"
)

func init() {
	caddy.RegisterModule(scripts{})
	caddy.RegisterModule(frenchOnly{})
	caddy.RegisterModule(loading{})
	caddy.RegisterModule(noDetector{})
}

// scripts stands for the default detector.
type scripts struct{}

func (scripts) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gateway.language_detectors.script", New: func() caddy.Module { return new(scripts) }}
}
func (*scripts) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }
func (*scripts) Languages() []languages.Code                   { return langid.Labels() }
func (*scripts) Among(codes ...languages.Code) (languages.Identifier, error) {
	return langid.NewSet(codes...)
}

// frenchOnly takes every text for French.
type frenchOnly struct{}

func (frenchOnly) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gateway.language_detectors.french", New: func() caddy.Module { return new(frenchOnly) }}
}
func (*frenchOnly) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }
func (*frenchOnly) Languages() []languages.Code                   { return []languages.Code{"fr"} }
func (f *frenchOnly) Among(...languages.Code) (languages.Identifier, error) {
	return f, nil
}

func (*frenchOnly) Identify(text []byte) languages.Result {
	return languages.Result{Language: "fr", Script: "Latn", Confidence: 0.95, Letters: len(text), Source: "french"}
}

// loading is never ready.
type loading struct{ frenchOnly }

func (loading) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gateway.language_detectors.loading", New: func() caddy.Module { return new(loading) }}
}
func (l *loading) Among(...languages.Code) (languages.Identifier, error) { return l, nil }
func (*loading) Identify(text []byte) languages.Result {
	return languages.Result{Script: "Latn", Letters: len(text)}
}

// noDetector is a module of the namespace that implements nothing.
type noDetector struct{}

func (noDetector) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gateway.language_detectors.nothing", New: func() caddy.Module { return new(noDetector) }}
}
func (*noDetector) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

func provisioned(t testing.TB) caddy.Context {
	t.Helper()
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(`{"ledger":{"memory":true}}`)}})
	if err != nil {
		t.Fatalf("provision gateway app: %v", err)
	}
	return ctx
}

// parsed reads options in a Caddyfile and loads what they are in JSON.
func parsed(t testing.TB, opts string) *Handler {
	t.Helper()
	var h Handler
	if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser("language_router {\n" + opts + "\n}")); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(&h)
	if err != nil {
		t.Fatal(err)
	}
	return load(t, string(config))
}

// load makes a handler from its JSON.
func load(t testing.TB, config string) *Handler {
	t.Helper()
	mod, err := provisioned(t).LoadModuleByID("http.handlers.language_router", json.RawMessage(config))
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
		c.method = http.MethodPost
	}
	if c.uri == "" {
		c.uri = "/v1/x"
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

// outcome is what became of a request.
type outcome struct {
	lang   state.Language
	header http.Header // as the upstream got it
	body   string
	length int64
	answer http.Header
	err    *state.Denial
	status int
}

// send passes a request through handlers to an upstream that answers 200.
func send(t testing.TB, r *http.Request, chain ...*Handler) outcome {
	t.Helper()
	var o outcome
	w := httptest.NewRecorder()
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
	var next caddyhttp.Handler = caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read forwarded body: %v", err)
		}
		o.header, o.body, o.length = r.Header.Clone(), string(data), r.ContentLength
		w.Header().Set("X-Detected-Language", "upstream")
		w.WriteHeader(http.StatusOK)
		return nil
	})
	for _, h := range slices.Backward(chain) {
		inner := next
		next = caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return h.ServeHTTP(w, r, inner) })
	}
	err := next.ServeHTTP(w, r)
	o.answer, o.status = w.Header(), w.Code
	o.lang = state.Of(r).Language
	if o.err, _ = errors.AsType[*state.Denial](err); err != nil && o.err == nil {
		t.Fatalf("%v is no denial", err)
	}
	if f := state.Of(r).Failure; o.err == nil && f.Denied {
		o.err = &state.Denial{Status: f.Status, Code: f.Code, Message: f.Message}
	}
	return o
}

// jsonCall is a POST of a JSON document.
func jsonCall(body string) call {
	return call{body: body, header: []string{"Content-Type: application/json"}}
}
