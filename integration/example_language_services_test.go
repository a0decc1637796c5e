// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
)

const languageServicesFile = "language-services.Caddyfile"

// languageServices are those of the example by the variable that says where they are:
// the name of the route and of the service in paths, and the requests a minute. Some get
// the path that the client asked for, and others what comes behind their name.
var languageServices = map[string]struct {
	name  string
	limit int
	whole bool
}{
	"ASR_SERVICE":       {"asr", 100, true},
	"TTS_SERVICE":       {"tts", 100, true},
	"NMT_SERVICE":       {"nmt", 150, true},
	"PIPELINE_SERVICE":  {"pipeline", 50, true},
	"CONFIG_SERVICE":    {"config", 200, false},
	"METRICS_SERVICE":   {"metrics", 200, false},
	"TELEMETRY_SERVICE": {"telemetry", 200, false},
	"ALERTING_SERVICE":  {"alerting", 200, false},
	"DASHBOARD_SERVICE": {"dashboard", 200, false},
	"AUTH_SERVICE":      {"auth", 200, false},
}

// nextSpeech is the variable of the instances of the next version of speech.
const nextSpeech = "ASR_V2_SERVICE"

// unstated are what services are asked for that are told nothing of a language.
var unstated = map[string]string{
	"asr": `{"config":{"serviceId":"asr-multilingual"},"a":1}`,
	"tts": `{"config":{"serviceId":"tts-misc"},"a":1}`,
	"nmt": `{"config":{"serviceId":"nmt-indic-indic"},"a":1}`,
}

// languageKeys are the keys of the example's consumers, by variable.
var languageKeys = map[string]string{
	"VOICE_CLIENT_KEY":     "demo-voice-key-not-a-secret",
	"VOICE_CLIENT_ASR_KEY": "demo-asr-key-not-a-secret",
	"PIPELINE_CLIENT_KEY":  "demo-pipeline-key-not-a-secret",
	"DEVELOPER_KEY":        "demo-developer-key-not-a-secret",
}

// speechLanguages are the variables of the instances for one language, with the model
// that the example asks them for. Those of ASR_SERVICE are for all others.
var speechLanguages = map[string]struct{ language, model string }{
	"ASR_HINDI":   {"hi", "asr-conformer-hi"},
	"ASR_TAMIL":   {"ta", "asr-conformer-ta"},
	"ASR_TELUGU":  {"te", "asr-conformer-te"},
	"ASR_ENGLISH": {"en", "asr-whisper-en"},
}

// languageGateway loads the example with an upstream for each service, and one for
// each language of speech.
func languageGateway(t *testing.T, replacements ...string) (*Gateway, map[string]*Upstream) {
	t.Helper()
	return languageGatewayAnswering(t, nil, replacements...)
}

// languageGatewayAnswering is languageGateway with upstreams that answer as a handler does.
func languageGatewayAnswering(t *testing.T, answer http.HandlerFunc, replacements ...string) (*Gateway, map[string]*Upstream) {
	t.Helper()
	env, upstreams := map[string]string{"HEALTH_INTERVAL": "50ms", "FAIL_DURATION": "200ms"}, make(map[string]*Upstream)
	maps.Copy(env, languageKeys)
	for variable, service := range languageServices {
		up := upstream(t, answer)
		upstreams[service.name], env[variable] = up, up.Addr
	}
	next := upstream(t, answer)
	upstreams["asr v2"], env[nextSpeech] = next, next.Addr
	for variable, speech := range speechLanguages {
		up := upstream(t, answer)
		upstreams["asr "+speech.language], env[variable] = up, up.Addr
	}
	return exampleGateway(t, languageServicesFile, env, replacements...), upstreams
}

// reached are the requests of a service without checks of its health.
func reached(up *Upstream) []Recorded {
	var requests []Recorded
	for _, r := range up.Requests() {
		if !strings.HasSuffix(r.URI, "/health") {
			requests = append(requests, r)
		}
	}
	return requests
}

func TestLanguageServicesForward(t *testing.T) {
	g, upstreams := languageGateway(t)
	for _, service := range languageServices {
		t.Run(service.name, func(t *testing.T) {
			got := g.Post("/api/v1/"+service.name+"/inference?n=1&apikey="+languageKeys["DEVELOPER_KEY"], `{"a":1}`)
			requests := reached(upstreams[service.name])
			if got.Status != 200 || len(requests) != 1 {
				t.Fatalf("answer = %d %s after %d requests", got.Status, got.Body, len(requests))
			}
			r := requests[0]
			path, consumer := "/inference?n=1", "developer"
			if service.whole {
				path = "/api/v1/" + service.name + path
			}
			if service.name == "auth" { // where a key is nothing
				path, consumer = path+"&apikey="+languageKeys["DEVELOPER_KEY"], ""
			}
			if r.Host != upstreams[service.name].Addr {
				t.Errorf("the service was called as %q", r.Host)
			}
			if r.URI != path || r.Header.Get("X-Consumer-Username") != consumer || r.Header.Get("X-Api-Version") != "v1" {
				t.Errorf("the service had %s from %q, of version %q", r.URI, r.Header.Get("X-Consumer-Username"), r.Header.Get("X-Api-Version"))
			}
			want := `{"a":1}`
			if edited, ok := unstated[service.name]; ok {
				want = edited
			}
			body := r.Body
			if service.name == "pipeline" { // which is told the time besides
				body, _, _ = strings.Cut(body, `,"gateway"`)
				body += "}"
			}
			if body != want || r.Header.Get("X-Correlation-Id") == "" || r.Header.Get("X-Correlation-Id") != got.Header.Get("X-Correlation-Id") {
				t.Errorf("the service had %+v, and the client X-Correlation-ID %q", r, got.Header.Get("X-Correlation-Id"))
			}
		})
	}
}

// TestLanguageServicesServeTheirRoots asks for what stands at the name of a service itself.
func TestLanguageServicesServeTheirRoots(t *testing.T) {
	g, upstreams := languageGateway(t)
	for _, service := range languageServices {
		t.Run(service.name, func(t *testing.T) {
			for _, path := range []string{"/api/v1/" + service.name, "/api/" + service.name} {
				before := len(reached(upstreams[service.name]))
				got := g.Get(path+"?n=1", "apikey: "+languageKeys["DEVELOPER_KEY"])
				requests := reached(upstreams[service.name])[before:]
				want := "/?n=1"
				if service.whole {
					want = "/api/v1/" + service.name + "?n=1"
				}
				if got.Status != 200 || len(requests) != 1 || requests[0].URI != want {
					t.Errorf("%s = %d %s, and the service had %+v, want %s", path, got.Status, got.Body, requests, want)
				}
			}
		})
	}
}

func TestLanguageServicesAdmit(t *testing.T) {
	g, upstreams := languageGateway(t)
	for _, row := range []struct {
		service, variable string // no variable: no key
		status            int
	}{
		{"asr", "", 401},
		{"asr", "VOICE_CLIENT_KEY", 200},
		{"asr", "VOICE_CLIENT_ASR_KEY", 200},
		{"tts", "VOICE_CLIENT_ASR_KEY", 403},
		{"pipeline", "VOICE_CLIENT_ASR_KEY", 403},
		{"config", "VOICE_CLIENT_ASR_KEY", 403},
		{"tts", "VOICE_CLIENT_KEY", 200},
		{"config", "VOICE_CLIENT_KEY", 403},
		{"asr", "DEVELOPER_KEY", 200},
		{"nmt", "VOICE_CLIENT_ASR_KEY", 403},
		{"nmt", "VOICE_CLIENT_KEY", 200},
		{"pipeline", "PIPELINE_CLIENT_KEY", 200},
		{"config", "PIPELINE_CLIENT_KEY", 403},
		{"config", "DEVELOPER_KEY", 200},
		{"auth", "", 200},
	} {
		t.Run(row.service+" with "+row.variable, func(t *testing.T) {
			before := len(reached(upstreams[row.service]))
			var headers []string
			if row.variable != "" {
				headers = []string{"X-API-Key: " + languageKeys[row.variable]}
			}
			got := g.Get("/api/v1/"+row.service+"/things", headers...)
			if calls := len(reached(upstreams[row.service])) - before; got.Status != row.status || (calls == 1) != (row.status == 200) {
				t.Errorf("answer = %d %s after %d calls, want %d", got.Status, got.Body, calls, row.status)
			}
		})
	}
	for service, up := range upstreams {
		for variable, key := range languageKeys {
			if strings.Contains(up.Wire(), key) {
				t.Errorf("the service %s had the key of %s", service, variable)
			}
		}
	}
}

// checkPolicy makes a request of a service, whose answer tells of all limits: by minute and
// hour for each caller, and by minute, hour and day for all callers of all services.
func checkPolicy(t *testing.T, g *Gateway, service string, limit int) {
	t.Helper()
	policy := g.Get("/api/v1/"+service+"/things", "apikey: "+languageKeys["DEVELOPER_KEY"]).Header.Get("RateLimit-Policy")
	for _, want := range []string{
		fmt.Sprintf(`"%s:requests/60s";q=%d;`, service, limit), fmt.Sprintf(`"%s:requests/3600s";q=%d;`, service, 10*limit),
		`"everything:requests/60s";q=5000;`, `"everything:requests/3600s";q=50000;`, `"everything:requests/86400s";q=100000;`,
	} {
		if !strings.Contains(policy, want) {
			t.Errorf("the limits are %s, without %s", policy, want)
		}
	}
}

func TestLanguageServicesLimit(t *testing.T) {
	// All services together may be asked for less than the sum of what each may.
	g, upstreams := languageGateway(t, "requests 1000/min 10000/hour", "requests 5000/min 50000/hour")
	for _, service := range languageServices {
		t.Run(service.name, func(t *testing.T) {
			checkPolicy(t, g, service.name, service.limit)
			path, key, who := "/api/v1/"+service.name+"/things", "apikey: "+languageKeys["DEVELOPER_KEY"], "by consumer developer"
			if service.name == "auth" {
				key, who = "apikey: ", "by client address 127.0.0.1"
			}
			admit(t, g, service.limit-1, path, key)
			checkDenied(t, g.Get(path, key), "rate_limit_exceeded", service.name+", "+who)
			if n := len(reached(upstreams[service.name])); n != service.limit {
				t.Errorf("the service had %d requests, want %d", n, service.limit)
			}
		})
	}
	admit(t, g, 1, "/api/v1/asr/things", "apikey: "+languageKeys["VOICE_CLIENT_KEY"])
}

// TestLanguageServicesLimitEverybody counts requests of all consumers to all services,
// and none that was refused.
func TestLanguageServicesLimitEverybody(t *testing.T) {
	g, _ := languageGateway(t, "requests 1000/min", "requests 60/min")
	for range 10 {
		if got := g.Get("/api/v1/asr/things", "apikey: demo-wrong-key-not-a-secret"); got.Status != 401 {
			t.Errorf("a wrong key = %d %s", got.Status, got.Body)
		}
	}
	admit(t, g, 30, "/api/v1/asr/things", "apikey: "+languageKeys["VOICE_CLIENT_KEY"])
	admit(t, g, 20, "/api/v1/tts/things", "apikey: "+languageKeys["DEVELOPER_KEY"])
	admit(t, g, 10, "/api/v1/auth/things")
	for _, path := range []string{"/api/v1/nmt/things", "/api/v1/auth/things"} {
		checkDenied(t, g.Get(path, "apikey: "+languageKeys["PIPELINE_CLIENT_KEY"]), "rate_limit_exceeded", "requests 60/min (everything, for all callers together)")
	}
}
