// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func base64url(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// upgrade are the header lines of a request for a WebSocket that offers subprotocols.
func upgrade(protocols ...string) []string {
	lines := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: ZGVtbyBub25jZSBvZiAxNg=="}
	for _, p := range protocols {
		lines = append(lines, "Sec-WebSocket-Protocol: "+p)
	}
	return lines
}

func TestKeyInProtocols(t *testing.T) {
	all := `{"websocket": ["tollgate", "openai", "kubernetes", "bearer", "my.key.", "base64url:my.coded."]}`
	b64 := base64url(goodKey)
	rows := []struct {
		name   string
		offers []string
		code   string // of the refusal, empty if there is none
		up     string // what the upstream is offered
		named  string // what the answer names
	}{
		{"tollgate", []string{"tollgate.key." + b64 + ", chat"}, "", "chat", ""},
		{"openai", []string{"realtime, openai-insecure-api-key." + goodKey + ", openai-beta.realtime-v1"}, "", "realtime, openai-beta.realtime-v1", ""},
		{"kubernetes", []string{"base64url.bearer.authorization.k8s.io." + b64 + ", v4.channel.k8s.io"}, "", "v4.channel.k8s.io", ""},
		{"bearer", []string{"chat, bearer, " + goodKey}, "", "chat", ""},
		{"own prefix", []string{"my.key." + goodKey + ",chat"}, "", "chat", ""},
		{"own prefix, encoded", []string{"chat", "my.coded." + b64}, "", "chat", ""},
		{"another case", []string{"OpenAI-Insecure-API-Key." + goodKey + ", chat"}, "", "chat", ""},
		{"several lines", []string{"bearer", goodKey, "chat, v2"}, "", "chat, v2", ""},
		{"nothing else", []string{"tollgate.key." + b64}, "", "", "tollgate.key." + b64},
		{"nothing else, bearer", []string{"bearer, " + goodKey}, "", "", "bearer"},
		{"empty elements", []string{", ,bearer,, " + goodKey + ","}, "", "", "bearer"},
		{"wrong key", []string{"openai-insecure-api-key.wrong, chat"}, "key_invalid", "", ""},
		{"expired key", []string{"openai-insecure-api-key." + oldKey + ", chat"}, "key_invalid", "", ""},
		{"empty key", []string{"openai-insecure-api-key., chat"}, "key_missing", "", ""},
		{"not encoded", []string{"tollgate.key." + goodKey + ", chat"}, "key_invalid", "", ""},
		{"padded", []string{"tollgate.key." + b64 + "=, chat"}, "key_invalid", "", ""},
		{"encoded where it is not", []string{"my.key." + b64}, "key_invalid", "", ""},
		{"two keys", []string{"openai-insecure-api-key." + goodKey + ", bearer, " + otherKey}, "key_duplicate", "", ""},
		{"the same twice", []string{"bearer, " + goodKey, "bearer, " + goodKey}, "key_duplicate", "", ""},
		{"bearer without a key", []string{"chat, bearer"}, "key_missing", "", ""},
		{"no key", []string{"chat"}, "key_missing", "", ""},
		{"nothing", nil, "key_missing", "", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			g := serve(t, provisioned(t, people("")), all)
			g.replyTo = func(w http.ResponseWriter) { w.WriteHeader(http.StatusSwitchingProtocols) }
			a := g.open(t, upgrade(row.offers...))
			if row.code != "" {
				if a.status != 401 || a.code(t) != row.code || a.up != nil {
					t.Fatalf("status %d, %s", a.status, a.body)
				}
				return
			}
			if a.status != 101 || a.up == nil {
				t.Fatalf("status %d, %s", a.status, a.body)
			}
			if got := strings.Join(a.up.Header["Sec-Websocket-Protocol"], "|"); got != row.up {
				t.Errorf("the upstream is offered %q", got)
			}
			if got := strings.Join(a.header["Sec-Websocket-Protocol"], "|"); got != row.named {
				t.Errorf("the answer names %q, want %q", got, row.named)
			}
			if a.up.Header.Get("X-Consumer-Username") != "bob" {
				t.Errorf("the upstream has %v", a.up.Header)
			}
		})
	}
}

// open is do for a request that is answered with 101: what follows is not read.
func (g *gate) open(t *testing.T, header []string) answer {
	t.Helper()
	g.got = nil
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.URL+"/socket", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ":")
		r.Header.Add(name, strings.TrimSpace(value))
	}
	resp, err := g.Client().Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header, up: g.got}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		a.body = string(body)
	}
	return a
}

func TestProtocolOfTheUpstreamStays(t *testing.T) {
	g := serve(t, provisioned(t, people("")), `{"websocket": ["bearer"]}`)
	g.replyTo = func(w http.ResponseWriter) {
		w.Header()["Sec-WebSocket-Protocol"] = []string{"chat"} // as Caddy's proxy writes it
		w.WriteHeader(http.StatusSwitchingProtocols)
	}
	for _, offer := range []string{"bearer, " + goodKey, "bearer, " + goodKey + ", chat"} {
		if a := g.open(t, upgrade(offer)); a.status != 101 || !slices.Equal(a.header["Sec-Websocket-Protocol"], []string{"chat"}) {
			t.Errorf("offered %s: %d %v", offer, a.status, a.header)
		}
	}
}

// TestProtocolsAreNoCarrierOtherwise: without the option, and for other requests, nothing
// is looked for there; keys of the gateway go all the same.
func TestProtocolsAreNoCarrierOtherwise(t *testing.T) {
	rows := []struct {
		name, config string
		header       []string
		status       int
		up           string
	}{
		{"not configured", `{}`, upgrade("openai-insecure-api-key." + goodKey), 401, ""},
		{"another form", `{"websocket": ["bearer"]}`, upgrade("openai-insecure-api-key." + goodKey), 401, ""},
		{"no WebSocket", `{"websocket": ["bearer"]}`, []string{"Sec-WebSocket-Protocol: bearer, " + goodKey}, 401, ""},
		{"key elsewhere", `{}`, append(upgrade("openai-insecure-api-key."+otherKey+", chat, bearer, "+goodKey), "apikey: "+goodKey), 200, "chat"},
		{"encoded", `{}`, append(upgrade("chat, tollgate.key."+base64url(otherKey)), "apikey: "+goodKey), 200, "chat"},
		{"bare", `{}`, append(upgrade("chat, "+goodKey), "apikey: "+goodKey), 200, "chat"},
		{"key of somebody else", `{"websocket": ["openai"]}`, append(upgrade("openai-insecure-api-key.theirs, chat"), "apikey: "+goodKey), 200, "openai-insecure-api-key.theirs, chat"},
		{"not hidden", `{"websocket": ["openai"], "hide_credentials": false}`, upgrade("openai-insecure-api-key." + goodKey), 200, "openai-insecure-api-key." + goodKey},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := serve(t, provisioned(t, people("")), row.config).open(t, row.header)
			if a.status != row.status {
				t.Fatalf("status %d, %s", a.status, a.body)
			}
			if a.up != nil && strings.Join(a.up.Header["Sec-Websocket-Protocol"], "|") != row.up {
				t.Errorf("the upstream is offered %v", a.up.Header["Sec-Websocket-Protocol"])
			}
		})
	}
}

func TestBadForms(t *testing.T) {
	ctx := provisioned(t, people(""))
	for config, want := range map[string]string{
		`{"websocket": ["cookie"]}`:                                   "is no form of a key",
		`{"websocket": ["my key."]}`:                                  "is no form of a key",
		`{"websocket": ["a,b."]}`:                                     "is no form of a key",
		`{"websocket": ["."]}`:                                        "is no form of a key",
		`{"websocket": ["base64url:"]}`:                               "is no form of a key",
		`{"websocket": ["openai", "openai"]}`:                         "listed twice",
		`{"carriers": ["websocket"]}`:                                 "no form is named",
		`{"websocket": ["openai"], "carriers": ["header"]}`:           "carriers does not list it",
		`{"ticket": "t", "carriers": ["header"]}`:                     "carriers does not list it",
		`{"ticket": "t", "ticket_requests": "all"}`:                   "write websocket or any",
		`{"query": ["t"], "ticket": "t", "carriers": ["query"]}`:      "carriers does not list it",
		`{"carriers": ["header", "cookie"], "websocket": ["openai"]}`: "is unknown",
	} {
		if _, err := loadErr(ctx, config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", config, err, want)
		}
	}
}

// TestEncoderHidesKeysInProtocols: Caddy copies the header for logs before anybody can
// remove a key from it.
func TestEncoderHidesKeysInProtocols(t *testing.T) {
	loadKeys(t, `{"websocket": ["my.secret.form."]}`)
	log, buf := logInto(t, `{}`)
	for name, header := range map[string]http.Header{
		"openai":         {"Sec-Websocket-Protocol": {"realtime, openai-insecure-api-key." + canary + ", v1"}},
		"tollgate":       {"Sec-Websocket-Protocol": {"v1", "tollgate.key." + canary}},
		"kubernetes":     {"Sec-WebSocket-Protocol": {"v1, base64url.bearer.authorization.k8s.io." + canary}},
		"bearer":         {"Sec-Websocket-Protocol": {"v1, Bearer, " + canary}},
		"bearer, lines":  {"sec-websocket-protocol": {"v1", "bearer", canary}},
		"own":            {"Sec-Websocket-Protocol": {"MY.secret.form." + canary + ",v1"}},
		"twice":          {"Sec-Websocket-Protocol": {"bearer, " + canary + ", v1, bearer," + canary}},
		"bearer, spaced": {"Sec-Websocket-Protocol": {"v1 ,\tbearer\t,\t" + canary}},
	} {
		t.Run(name, func(t *testing.T) {
			r := canaryRequest(t)
			r.Header = header
			for _, write := range []func(){
				func() { log.Info("x", zap.Object("request", r)) },
				func() {
					log.Info("x", zap.Object("resp_headers", caddyhttp.LoggableHTTPHeader{Header: header, ShouldLogCredentials: true}))
				},
				func() { log.Info("x", zap.Any("headers", header)) },
				func() {
					log.Info("x", zap.Object("env", env{"HTTP_SEC_WEBSOCKET_PROTOCOL": strings.Join(header[keyOf(header)], ", ")}))
				},
			} {
				buf.Reset()
				write()
				if line := buf.String(); strings.Contains(line, canary) || !strings.Contains(line, "v1") || !strings.Contains(line, redacted) {
					t.Errorf("the log has %s", line)
				}
			}
		})
	}
}

func keyOf(h http.Header) string {
	for name := range h {
		return name
	}
	return ""
}

func TestEncoderLeavesOtherProtocols(t *testing.T) {
	log, buf := logInto(t, `{}`)
	log.Info("x", zap.Any("headers", http.Header{"Sec-Websocket-Protocol": {"chat, v2", "bearer"}}))
	if line := buf.String(); !strings.Contains(line, `["chat, v2","bearer"]`) {
		t.Errorf("the log has %s", line)
	}
}

func FuzzProtocolsHideKeys(f *testing.F) {
	f.Add("chat, bearer, "+goodKey, "v2")
	f.Add("tollgate.key."+base64url(goodKey), "")
	f.Add(",,bearer ,bearer,"+goodKey, " bearer")
	k := &load(f, provisioned(f, people("")), `{"websocket": ["tollgate", "openai", "kubernetes", "bearer"]}`).(*Handler).Keys
	f.Fuzz(func(t *testing.T, one, two string) {
		r, rq := prepared(t, "/")
		r.Header["Upgrade"] = []string{"websocket"}
		r.Header[state.HeaderProtocol] = []string{one, two}
		if _, err := k.identify(r, rq); err != nil {
			t.Fatal(err)
		}
		for rest := protocolsOf(r.Header[state.HeaderProtocol]); len(rest) > 0; rest = rest[1:] {
			if k.ownKey(rest) > 0 {
				t.Errorf("%q and %q leave %v", one, two, r.Header)
			}
		}
	})
}
