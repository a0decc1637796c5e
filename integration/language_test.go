// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// spoken are sentences by language, each of which has an upstream.
var spoken = []struct{ language, text string }{
	{"hi", "मेरा भाई कल शाम को बाज़ार से ताज़ी सब्ज़ियाँ लेकर आया था।"},
	{"ta", "நாங்கள் நாளை காலை சந்தைக்குப் போகிறோம்."},
	{"te", "మేము రేపు ఉదయం మార్కెట్\u200cకి వెళ్తాము."},
	{"en", "We would like to know when the next train to the coast leaves."},
	{"as", "মই কালি পুৱা গুৱাহাটীলৈ যাম আৰু তাত দুদিন থাকিম।"},
}

// languageSite has an upstream for each language, which answers with its language.
const languageSite = `{
	log {
		format gateway json
	}
}
:{{PORT}} {
	log {
		format gateway json
	}
	gateway_route translate
	language_router {
		languages hi ta te en as
		header X-Language
		detect input.#.source text
		detect_form prompt
		last_user_message
		response_headers
		fallback en
		set_body model {
			hi indic-hi
			* indic-multi
		}
	}
	route {
		@dravidian language ta te
		header @dravidian X-Family dravidian
		@assamese expression language('as', 'bn') && path('/*')
		header @assamese X-Family indo-aryan
		header X-Said "{gateway.language} {gateway.language.script} {gateway.language.confidence} {gateway.language.source}"
	}
	reverse_proxy {{HI}} {{HI2}} {{TA}} {{TE}} {{EN}} {{AS}} {
		lb_policy language {
			hi {{HI}}=3 {{HI2}}=1
			ta {{TA}}
			te {{TE}}
			as {{AS}}
			* {{EN}}
		}
	}
}
`

func languageGatewayOf(t *testing.T) (*Gateway, map[string]*Upstream) {
	t.Helper()
	upstreams := make(map[string]*Upstream)
	var options []option
	for _, name := range []string{"hi", "hi2", "ta", "te", "en", "as"} {
		up := upstream(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) })
		upstreams[name] = up
		options = append(options, with(strings.ToUpper(name), up.Addr))
	}
	return gateway(t, languageSite, options...), upstreams
}

func source(text string) string {
	body, _ := json.Marshal(map[string]any{"input": []any{map[string]any{"source": text}}})
	return string(body)
}

func TestTextReachesTheUpstreamOfItsLanguage(t *testing.T) {
	g, upstreams := languageGatewayOf(t)
	for _, s := range spoken {
		quoted, _ := json.Marshal(s.text)
		chat := `{"messages":[{"role":"system","content":"Answer in English."},{"role":"user","content":` + string(quoted) + `}]}`
		escaped := fmt.Sprintf(`{"text":"%s"}`, escape(s.text))
		for _, row := range []struct {
			name, body string
			headers    []string
		}{
			{"path", source(s.text), nil},
			{"chat", chat, nil},
			{"escaped", escaped, nil},
			{"plain", s.text, []string{"Content-Type: text/plain; charset=utf-8"}},
			{"form", "prompt=" + strings.ReplaceAll(s.text, " ", "+"), []string{"Content-Type: application/x-www-form-urlencoded"}},
		} {
			t.Run(s.language+" in "+row.name, func(t *testing.T) {
				got := g.Post("/", row.body, row.headers...)
				if strings.TrimSuffix(got.Body, "2") != s.language || got.Header.Get("X-Detected-Language") != s.language {
					t.Fatalf("the upstream for %s answers, detected %q", got.Body, got.Header.Get("X-Detected-Language"))
				}
				if said := got.Header.Get("X-Said"); !strings.HasPrefix(said, s.language+" ") {
					t.Errorf("placeholders say %q", said)
				}
				family := map[string]string{"ta": "dravidian", "te": "dravidian", "as": "indo-aryan"}[s.language]
				if f := got.Header.Get("X-Family"); f != family {
					t.Errorf("the matcher says %q, want %q", f, family)
				}
			})
		}
	}
	for _, name := range []string{"hi", "hi2"} {
		for _, r := range upstreams[name].Requests() {
			if strings.HasPrefix(r.Body, "{") && !strings.Contains(r.Body, `"model":"indic-hi"`) {
				t.Errorf("the upstream for Hindi was asked %s", r.Body)
			}
		}
	}
	metrics := g.Admin("/metrics").Body
	if want := `caddy_gateway_language_requests_total{language="as",route="translate",source="model"}`; !strings.Contains(metrics, want) {
		t.Errorf("metrics have no %s", want)
	}
}

// escape writes a text as a client does that sends ASCII alone.
func escape(text string) string {
	var b strings.Builder
	for _, c := range text {
		if c < 0x80 {
			b.WriteRune(c)
		} else {
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	return b.String()
}

// TestManyLanguagesAtOnce sends requests in all languages at once and checks that each
// was answered for its own, and that weights hold.
func TestManyLanguagesAtOnce(t *testing.T) {
	g, upstreams := languageGatewayOf(t)
	total := 10_000
	if testing.Short() {
		total = 1_000
	}
	const clients = 64
	var running sync.WaitGroup
	for client := range clients {
		running.Go(func() {
			for i := client; i < total; i += clients {
				s := spoken[i%len(spoken)]
				if got := g.Post("/", source(s.text)); strings.TrimSuffix(got.Body, "2") != s.language {
					t.Errorf("request %d in %s was answered for %s", i, s.language, got.Body)
				}
			}
		})
	}
	running.Wait()
	served := 0
	for name, up := range upstreams {
		n := len(up.Requests())
		served += n
		want := total / len(spoken)
		switch name {
		case "hi":
			want = want * 3 / 4
		case "hi2":
			want /= 4
		}
		if n != want {
			t.Errorf("the upstream %s served %d requests, want %d", name, n, want)
		}
	}
	if served != total {
		t.Errorf("%d requests were served, want %d", served, total)
	}
}

// TestNoBodyIsAnError sends what no router can make sense of.
func TestNoBodyIsAnError(t *testing.T) {
	g, _ := languageGatewayOf(t)
	deep := strings.Repeat(`{"input":[`, 500) + strings.Repeat(`]}`, 500)
	for _, row := range []struct{ name, body, reason string }{
		{"empty", "", "en"},
		{"not JSON", "{", "en"},
		{"deep", deep, "en"},
		{"invalid UTF-8", "{\"text\":\"\xff\xfe\"}", "en"},
		{"digits", source("12 345"), "en"},
		{"emoji", source("🎉🎉"), "en"},
		{"marks of direction", source("\u200f\u200e"), "en"},
		{"wrong types", `{"input":{"source":1},"text":[[]],"messages":"none"}`, "en"},
		{"array", `[1,2]`, "en"},
		{"mixed scripts", source("கமல் и Иван"), ""},
		{"megabytes", source(strings.Repeat(spoken[0].text+" ", 30_000)), "hi"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := g.Post("/", row.body)
			if got.Status != 200 || row.reason != "" && strings.TrimSuffix(got.Body, "2") != row.reason {
				t.Errorf("answer = %d %s, want 200 from the upstream for %s", got.Status, got.Body, row.reason)
			}
		})
	}
}
