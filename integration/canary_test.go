// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// canary is a key that must not be seen anywhere. Its core is what is searched for: the
// characters around it change when a key is encoded, the core's do not.
type canary struct {
	carrier string
	core    string
}

func newCanary(carrier string, n int) canary {
	return canary{carrier, fmt.Sprintf("Zq7canary%02dX9notasecret", n)}
}

// key is the whole key, with characters that URLs and JSON write differently.
func (c canary) key() string { return "demo/" + c.core + "+=~end" }

// forms are the ways in which the core can stand in a text, in lower case.
func (c canary) forms() []string {
	var percent strings.Builder
	for _, b := range []byte(c.core) {
		fmt.Fprintf(&percent, "%%%02x", b)
	}
	forms := []string{c.core, hex.EncodeToString([]byte(c.core)), percent.String()}
	// Base64 depends on where in a group of three the text begins. What the
	// neighbours of the core decide is cut off.
	for pad := range 3 {
		coded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", pad) + c.core + "xxx"))
		forms = append(forms, coded[4:4+(len(c.core)-3)/3*4])
	}
	for i := range forms {
		forms[i] = strings.ToLower(forms[i])
	}
	return forms
}

// sightings says where canaries are seen.
type sightings struct {
	t        *testing.T
	canaries []canary
}

// absent fails the test if any canary stands in the text of a sink.
func (s sightings) absent(sink, text string) {
	s.t.Helper()
	lower := strings.ToLower(text)
	for _, c := range s.canaries {
		for _, form := range c.forms() {
			if i := strings.Index(lower, form); i >= 0 {
				s.t.Errorf("%s shows the key from %s: ...%s...", sink, c.carrier, text[max(0, i-300):min(len(text), i+100)])
				break
			}
		}
	}
}

func TestCanaryFormsAreFound(t *testing.T) {
	c := newCanary("test", 0)
	key := c.key()
	for name, text := range map[string]string{
		"plain": "a " + key + " b", "query": url.QueryEscape(key), "path": url.PathEscape(key),
		"hex": hex.EncodeToString([]byte(key)), "upper case": strings.ToUpper(key),
		"base64":             base64.StdEncoding.EncodeToString([]byte(key)),
		"base64 for URLs":    base64.RawURLEncoding.EncodeToString([]byte(key)),
		"base64 in a phrase": base64.StdEncoding.EncodeToString([]byte("Bearer " + key)),
		"base64 of a pair":   base64.StdEncoding.EncodeToString([]byte("user:" + key)),
	} {
		found := false
		for _, form := range c.forms() {
			found = found || strings.Contains(strings.ToLower(text), form)
		}
		if !found {
			t.Errorf("%s: %s is not recognised", name, text)
		}
	}
}

// canaryGlobals log everything, in both formats and with what Caddy itself would hide.
const canaryGlobals = `{
	metrics
	servers {
		log_credentials
	}
	gateway {
		group llm other
		prices {{PRICES}}
		consumer caller {
{{KEYS}}
			groups llm
		}
	}
	log {
		level DEBUG
		format {{FORMAT}}json
	}
	log console {
		level DEBUG
		format {{FORMAT}}console
	}
}
`

// canaryCaddyfile has a path for each way in which a request can end.
const canaryCaddyfile = canaryGlobals + `
(keyed) {
	gateway_route {args[0]}
	key_auth {
		query apikey
		body apikey
		max_body 4KiB
		realm gateway
	}
	ip_restriction {
		allow 127.0.0.0/8
	}
	acl allow {args[1]}
	llm_cost openai
}

(upstream) {
	header_up X-Api-Key {env.TOLLGATE_TEST_PROVIDER_KEY}
	header_up X-Original-Uri {http.request.orig_uri}
	header_up X-Original-Query {http.request.orig_uri.query}
}

http://127.0.0.1:{{PORT}} {
	log {
		format {{FORMAT}}json
	}
	correlation_id
	request_guard

	handle_path /ok/* {
		import keyed ok llm
		reverse_proxy {{UPSTREAM}} {
			import upstream
		}
	}
	handle_path /forbidden/* {
		import keyed forbidden other
		reverse_proxy {{UPSTREAM}}
	}
	handle_path /down/* {
		import keyed down llm
		reverse_proxy 127.0.0.1:{{PORT9}} {
			import upstream
		}
	}
	handle_path /broken/* {
		import keyed broken llm
		reverse_proxy {{UPSTREAM}} {
			header_up X-Break stream
			header_up Authorization "Bearer {env.TOLLGATE_TEST_PROVIDER_KEY}"
		}
	}
	handle_path /lost/* {
		import keyed lost llm
		reverse_proxy {{UPSTREAM}} {
			header_up X-Break held
			header_up Authorization "Bearer {env.TOLLGATE_TEST_PROVIDER_KEY}"
		}
	}
	handle {
		error 404
	}
}
`

// canaryUpstream answers a chat completion and breaks off where it is told to.
func canaryUpstream(t *testing.T) *Upstream {
	return upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.Header.Get("X-Break") {
		case "stream":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, streams[0].events[0])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "held":
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"id":"c1",`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, cannedAnswers["/v1/chat/completions"])
	})
}

// attempt is a request that carries keys.
type attempt struct {
	path    string // a chat completion unless given
	query   string
	headers []string
	body    string
}

// carriers are the places in which a request can carry the key that decides.
var carriers = []struct {
	name  string
	carry func(a *attempt, key string)
}{
	{"header apikey", func(a *attempt, key string) { a.headers = append(a.headers, "apikey: "+key) }},
	{"header X-API-Key", func(a *attempt, key string) { a.headers = append(a.headers, "X-API-Key: "+key) }},
	{"bearer", func(a *attempt, key string) { a.headers = append(a.headers, "Authorization: Bearer "+key) }},
	{"bearer in lower case", func(a *attempt, key string) { a.headers = append(a.headers, "Authorization: bearer "+key) }},
	{"query", func(a *attempt, key string) { a.query = "?apikey=" + url.QueryEscape(key) + "&page=2" }},
	{"query with encoded name", func(a *attempt, key string) { a.query = "?page=2&%61pi%6Bey=" + url.QueryEscape(key) }},
	{"body", func(a *attempt, key string) {
		a.body = `{"apikey":"` + key + `",` + strings.TrimPrefix(a.body, "{")
	}},
	{"form", func(a *attempt, key string) {
		a.path = "/things" // no model is called by forms
		a.headers = append(a.headers, "Content-Type: application/x-www-form-urlencoded")
		a.body = url.Values{"apikey": {key}, "text": {strings.Repeat("x", max(0, len(a.body)-100))}}.Encode()
	}},
}

// endings are the ways in which a request can end. The key is not one of the gateway's
// where unknown is set.
var endings = []struct {
	name, path string
	status     int // 0 if the connection breaks
	unknown    bool
	large      bool
}{
	{name: "success", path: "/ok", status: 200},
	{name: "unknown key", path: "/ok", status: 401, unknown: true},
	{name: "wrong group", path: "/forbidden", status: 403},
	{name: "no route", path: "/nowhere", status: 404},
	{name: "large body", path: "/ok", status: 413, large: true},
	{name: "upstream down", path: "/down", status: 502},
	{name: "stream breaks off", path: "/broken", status: 0},
	{name: "held answer breaks off", path: "/lost", status: 0},
}

// send makes a request that may break off, and returns all that the client has of it.
func (a attempt) send(t *testing.T, g *Gateway, path, id string) (status int, all string) {
	t.Helper()
	if a.path == "" {
		a.path = "/v1/chat/completions"
	}
	target := g.URL + path + a.path + a.query
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(a.body))
	if err != nil {
		t.Fatalf("make request: %v", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Correlation-ID", id)
	for _, line := range a.headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	res, err := g.client.Do(r)
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	status = res.StatusCode
	if err != nil {
		status = 0
	}
	return status, fmt.Sprint(res.Header, res.Trailer, string(body))
}
