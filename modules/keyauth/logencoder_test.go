// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

// canary must be in no log. It has not the form of a generated key.
const canary = "canary-0123456789-not-a-secret"

// logInto returns a logger that writes through the encoder.
func logInto(t testing.TB, config string) (*zap.Logger, *bytes.Buffer) {
	t.Helper()
	mod, err := provisioned(t, `{}`).LoadModuleByID("caddy.logging.encoders.gateway", json.RawMessage(config))
	if err != nil {
		t.Fatal(err)
	}
	buf := new(bytes.Buffer)
	return zap.New(zapcore.NewCore(mod.(zapcore.Encoder), zapcore.AddSync(buf), zapcore.DebugLevel)), buf
}

// canaryRequest has the canary in every carrier.
func canaryRequest(t testing.TB) caddyhttp.LoggableHTTPRequest {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/x?a=1&apikey="+canary+"&api%4Bey="+canary+"&token="+canary+"&b=2", nil)
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), httptest.NewRecorder(), new(caddyhttp.Server))
	for _, name := range []string{"apikey", "api-key", "X-API-Key", "X-Goog-Api-Key", "Authorization", "Proxy-Authorization", "Cookie"} {
		r.Header.Set(name, canary)
	}
	r.Header.Set("Referer", "https://example.com/page?apikey="+canary+"#x")
	r.Header.Set("X-Plain", "visible")
	return caddyhttp.LoggableHTTPRequest{Request: r, ShouldLogCredentials: true}
}

func TestEncoderHidesCanary(t *testing.T) {
	generated, err := apikey.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, config := range []string{`{}`, `{"wrap": {"format": "json"}}`, `{"wrap": {"format": "console"}}`, `{"wrap": {"format": "filter"}}`} {
		log, buf := logInto(t, config)
		rows := []struct {
			name  string
			write func()
			want  string // still there
		}{
			{"field of the entry", func() { log.Error("x", zap.Object("request", canaryRequest(t))) }, "visible"},
			{"field of the logger", func() { log.With(zap.Object("request", canaryRequest(t))).Info("x") }, "visible"},
			{"lazy field", func() { log.WithLazy(zap.Object("request", canaryRequest(t))).Info("x") }, "visible"},
			{"response headers", func() {
				log.Info("x", zap.Object("resp_headers", caddyhttp.LoggableHTTPHeader{ShouldLogCredentials: true, Header: http.Header{
					"Set-Cookie": {canary, canary}, "Location": {"/cb?code=1&access_token=" + canary}, "X-Plain": {"visible"},
				}}))
			}, "visible"},
			{"headers of a proxied request", func() {
				log.Debug("x", zap.Object("request", canaryRequest(t)), zap.Object("headers", caddyhttp.LoggableHTTPHeader{Header: http.Header{"X-Api-Key": {canary}}}))
			}, "visible"},
			{"reflected header", func() { log.Info("x", zap.Reflect("h", http.Header{"Apikey": {canary}, "X-Plain": {"visible"}})) }, "visible"},
			{"reflected struct", func() { log.Info("x", zap.Reflect("v", struct{ U, V string }{"/?key=" + canary, "visible"})) }, "visible"},
			{"CGI variables", func() { log.Info("x", zap.Object("env", env{"HTTP_X_API_KEY": canary, "HTTP_X_PLAIN": "visible"})) }, "visible"},
			{"error", func() { log.Error("x", zap.Error(errors.New(`Get "http://up/?api_key=`+canary+`": refused`))) }, "refused"},
			{"message", func() { log.Error("GET /x?apikey=" + canary + " failed") }, "failed"},
			{"strings", func() { log.Info("x", zap.Strings("l", []string{"/?sig=" + canary, "visible"})) }, "visible"},
			{"bytes", func() { log.Info("x", zap.ByteString("b", []byte("/?sig="+canary+"&c=visible"))) }, "visible"},
			{"generated key in a path", func() { log.Info("x", zap.String("uri", "/llm/"+generated+"/visible")) }, "visible"},
			{"generated key in text", func() { log.Info("key " + generated + " is visible") }, "visible"},
			{"namespace", func() { log.With(zap.Namespace("n")).Info("x", zap.Object("request", canaryRequest(t))) }, "visible"},
		}
		for _, row := range rows {
			t.Run(config+" "+row.name, func(t *testing.T) {
				buf.Reset()
				row.write()
				line := buf.String()
				if strings.Contains(line, canary) || strings.Contains(line, generated) {
					t.Errorf("the canary is in the log: %s", line)
				}
				if !strings.Contains(line, row.want) || !strings.Contains(line, redacted) {
					t.Errorf("the log lacks %s or %s: %s", row.want, redacted, line)
				}
			})
		}
	}
}

type env map[string]string

func (e env) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	for name, value := range e {
		enc.AddString(name, value)
	}
	return nil
}

// TestEncoderLearnsLater: the log is set up before any key_auth is. What the process
// learns it keeps, so each run of the test needs names of its own.
func TestEncoderLearnsLater(t *testing.T) {
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	header, param := "X-Late-"+run, "late_"+run
	log, buf := logInto(t, `{"headers": ["X-Listed"], "query": ["listed_param"]}`)
	write := func() string {
		buf.Reset()
		log.Info("x", zap.String("uri", "/?"+param+"="+canary+"&listed-param=second"), zap.Object("headers", caddyhttp.LoggableHTTPHeader{Header: http.Header{
			http.CanonicalHeaderKey(header): {canary}, "X-Listed": {"second"},
		}}))
		return buf.String()
	}
	if line := write(); strings.Count(line, canary) != 2 || strings.Contains(line, "second") {
		t.Fatalf("before: %s", line)
	}
	loadKeys(t, `{"headers": ["`+header+`"], "query": ["`+param+`"]}`)
	if line := write(); strings.Contains(line, canary) {
		t.Errorf("after: %s", line)
	}
}

func TestEncoderKeepsItsTypeWhenCloned(t *testing.T) {
	log, _ := logInto(t, `{}`)
	probe := new(typeProbe)
	log.Core().With([]zapcore.Field{zap.Inline(probe)})
	if !probe.redacts {
		t.Error("the encoder behind a logger with fields does not say that it redacts")
	}
}

type typeProbe struct{ redacts bool }

func (p *typeProbe) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	_, p.redacts = enc.(gateway.KeyRedactor)
	return nil
}

// TestEncoderEntriesAreIndependent: fields of one entry must not show up in
// the next.
func TestEncoderEntriesAreIndependent(t *testing.T) {
	for _, config := range []string{
		`{}`, `{"wrap": {"format": "console"}}`, `{"wrap": {"format": "filter"}}`, `{"wrap": {"format": "append"}}`,
	} {
		t.Run(config, func(t *testing.T) {
			log, buf := logInto(t, config)
			log = log.With(zap.String("kept", "k"), zap.Strings("list", []string{"l"}))
			log.Info("one", zap.String("first", "a"))
			buf.Reset()
			log.Info("two")
			if line := buf.String(); strings.Contains(line, "first") || strings.Count(line, "kept") != 1 || strings.Count(line, "list") != 1 {
				t.Errorf("entry %s", line)
			}
		})
	}
}

// TestEncoderLeavesListsToFilters: the filters of Caddy change only lists of
// the type that it has for the values of a header.
func TestEncoderLeavesListsToFilters(t *testing.T) {
	log, buf := logInto(t, `{"wrap": {"format": "filter", "fields": {
		"request>headers>X-Plain": {"filter": "hash"},
		"request>headers>Referer": {"filter": "regexp", "regexp": "example", "value": "masked"}
	}}}`)
	log.Info("x", zap.Object("request", canaryRequest(t)))
	if line := buf.String(); strings.Contains(line, "visible") || strings.Contains(line, canary) || !strings.Contains(line, "https://masked.com/page?apikey="+redacted) {
		t.Errorf("line %s", line)
	}
}

func TestHiddenText(t *testing.T) {
	rows := []struct{ name, text, want string }{
		{"nothing", "plain text; with=things", "plain text; with=things"},
		{"first parameter", "/p?apikey=secret", "/p?apikey=REDACTED"},
		{"later parameter", "/p?a=1&KEY=secret&b=2", "/p?a=1&KEY=REDACTED&b=2"},
		{"encoded name", "/p?ap%69key=secret", "/p?ap%69key=REDACTED"},
		{"after a semicolon", "/p?a=1;token=secret", "/p?a=1;token=REDACTED"},
		{"fragment", "/cb#access_token=secret&x=1", "/cb#access_token=REDACTED&x=1"},
		{"value with separators", "/p?token=sec;ret?x=y&b=1", "/p?token=REDACTED&b=1"},
		{"quoted in a text", `get "/p?token=secret" failed=1`, `get "/p?token=REDACTED" failed=1`},
		{"empty value", "/p?token=&b=1", "/p?token=&b=1"},
		{"two in a row", "/p?token=a&key=b", "/p?token=REDACTED&key=REDACTED"},
		{"other names", "/p?tokens=1&monkey=2", "/p?tokens=1&monkey=2"},
		{"name that cannot be decoded", "/p?%zz=1", "/p?%zz=1"},
		{"short of a generated key", "tg_" + strings.Repeat("a", 48), "tg_" + strings.Repeat("a", 48)},
		{"form of a generated key", "x tg_" + strings.Repeat("a", 49) + " y", "x REDACTED y"},
		{"two generated keys", "tg_" + strings.Repeat("a", 49) + "/tg_" + strings.Repeat("b", 49), "REDACTED/REDACTED"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if got := currentSecrets().text(row.text); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}

func FuzzHiddenText(f *testing.F) {
	f.Add("/p?a=1&", "&b=2")
	f.Add("x", "")
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.Contains(before+after, canary) {
			return
		}
		s := before + "?apikey=" + canary + "&" + after
		if got := currentSecrets().text(s); strings.Contains(got, canary) {
			t.Errorf("%q shows the canary: %q", s, got)
		}
	})
}

func TestEncoderCaddyfile(t *testing.T) {
	rows := []struct{ name, src, want, err string }{
		{"bare", "gateway", `{}`, ""},
		{"named format", "gateway json", `{"wrap":{"format":"json"}}`, ""},
		{"console with names", "gateway console {\n headers X-My-Key\n query token code\n}", `{"wrap":{"format":"console"},"headers":["X-My-Key"],"query":["token","code"]}`, ""},
		{"wrapped with options", "gateway {\n wrap json {\n time_format iso8601\n }\n headers X-My-Key\n}", `{"wrap":{"format":"json","time_format":"iso8601"},"headers":["X-My-Key"]}`, ""},
		{"unknown format", "gateway yaml", "", `gateway: log format "yaml" is unknown; write json or console, at Testfile:1`},
		{"two formats", "gateway json {\n wrap console\n}", "", "named twice"},
		{"wrap without format", "gateway {\n wrap\n}", "", "wrap takes the name of a format"},
		{"surplus", "gateway json console", "", "gateway takes 0 or 1 argument, not 2"},
		{"unknown option", "gateway {\n header X\n}", "", `gateway: unknown option "header"; valid options are: headers, query, wrap, at Testfile:2`},
		{"no header name", "gateway {\n headers X:\n}", "", "is not a header name"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			e := new(Encoder)
			err := e.UnmarshalCaddyfile(caddyfile.NewTestDispenser(row.src))
			if row.err != "" {
				if err == nil || !strings.Contains(err.Error(), row.err) {
					t.Errorf("error %v, want %s", err, row.err)
				}
				return
			}
			got, _ := json.Marshal(e)
			if err != nil || string(got) != row.want {
				t.Errorf("got %s, error %v, want %s", got, err, row.want)
			}
		})
	}
}
