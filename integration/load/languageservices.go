// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// languageServices are the variables of the example language-services that say where its
// services are.
var languageServices = []string{
	"ASR_SERVICE", "ASR_V2_SERVICE", "ASR_HINDI", "ASR_TAMIL", "ASR_TELUGU", "ASR_ENGLISH", "TTS_SERVICE", "NMT_SERVICE", "PIPELINE_SERVICE",
	"CONFIG_SERVICE", "AUTH_SERVICE", "METRICS_SERVICE", "TELEMETRY_SERVICE", "ALERTING_SERVICE", "DASHBOARD_SERVICE",
}

// languageKeys are its consumers by the variables of their keys.
var languageKeys = map[string]string{
	"VOICE_CLIENT_KEY": "voice-client", "VOICE_CLIENT_ASR_KEY": "asr", "PIPELINE_CLIENT_KEY": "pipeline-client", "DEVELOPER_KEY": "developer",
}

func startLanguageServices(ctx context.Context, o options, dir string) (s *system, stop func(), err error) {
	env := make(map[string]string)
	for variable, name := range languageKeys {
		env[variable] = keyOf(name)
	}
	var stops []func()
	stop = func() {
		for _, end := range stops {
			end()
		}
	}
	for _, variable := range languageServices {
		address, end, err := startService(variable)
		if err != nil {
			return nil, stop, err
		}
		env[variable] = address
		stops = append(stops, end)
	}
	p, err := startExample(ctx, o, dir, "language-services", env)
	if err != nil {
		return nil, stop, err
	}
	return newSystem(p, languageKinds(), languageLimits()), stop, nil
}

func languageLimits() []limit {
	each := map[string]int{
		"asr voice-client": 100, "asr pipeline-client": 100, "asr-v2 pipeline-client": 100, "tts voice-client": 100, "nmt voice-client": 150,
		"pipeline pipeline-client": 50, "config developer": 200, "dashboard developer": 200, "auth everybody": 200,
	}
	limits := make([]limit, 0, 2+2*len(each))
	limits = append(limits, limit{name: "everything/min", most: 1000, window: time.Minute}, limit{name: "everything/hour", most: 10_000, window: time.Hour})
	for who, most := range each {
		limits = append(limits, limit{name: who + "/min", most: most, window: time.Minute}, limit{name: who + "/hour", most: 10 * most, window: time.Hour})
	}
	return limits
}

// countsFor are the limits that a request to a service counts for.
func countsFor(service, who string) []string {
	return []string{service + " " + who + "/min", service + " " + who + "/hour", "everything/min", "everything/hour"}
}

// spoken are languages, where requests in them go, and a text.
var spoken = []struct{ code, service, text string }{
	{"hi", "ASR_HINDI", "यह एक छोटा सा वाक्य है"},
	{"ta", "ASR_TAMIL", "இது ஒரு சிறிய வாக்கியம்"},
	{"te", "ASR_TELUGU", "ఇది ఒక చిన్న వాక్యం"},
	{"en", "ASR_ENGLISH", "this is a short sentence"},
	{"xx", "ASR_SERVICE", ""},
}

func languageKinds() []kind {
	admitted := []int{http.StatusOK, http.StatusTooManyRequests}
	var kinds []kind
	post := func(name, consumer, path string, weight int, service string, body func(*rand.Rand) string) *kind {
		of := strings.Split(path, "/")[3]
		kinds = append(kinds, kind{
			name: name, weight: weight, method: http.MethodPost, path: path, body: body, want: admitted,
			header: [][2]string{{"X-API-Key", keyOf(consumer)}, {"X-Detected-Language", "xx"}},
			limits: countsFor(of, consumer), check: answeredBy(service),
		})
		return &kinds[len(kinds)-1]
	}
	for _, l := range spoken {
		post("speech, "+l.code, "voice-client", "/api/v1/asr/inference?slow", 1, l.service, func(r *rand.Rand) string {
			return fmt.Sprintf(`{"config":{"language":{"sourceLanguage":"%s"}},"audio":[{"audioContent":"%d"}]}`, l.code, r.IntN(1e9))
		})
	}
	post("speech, second client", "pipeline-client", "/api/v1/asr/inference?lang=ta", 2, "ASR_TAMIL", func(r *rand.Rand) string {
		return fmt.Sprintf(`{"audio":[{"audioContent":"%d"}]}`, r.IntN(1e9))
	})
	post("text to speech", "voice-client", "/api/v1/tts/inference", 4, "TTS_SERVICE", func(r *rand.Rand) string {
		return fmt.Sprintf(`{"input":[{"source":"%s"}]}`, spoken[r.IntN(4)].text)
	})
	post("translation", "voice-client", "/api/v1/nmt/inference", 4, "NMT_SERVICE", func(r *rand.Rand) string {
		return fmt.Sprintf(`{"config":{"language":{"targetLanguage":"ta"}},"input":[{"source":"%s"}]}`, spoken[r.IntN(4)].text)
	})
	post("pipeline", "pipeline-client", "/api/v1/pipeline/inference", 2, "PIPELINE_SERVICE", func(*rand.Rand) string { return `{"tasks":[]}` })
	post("config", "developer", "/api/v1/config/settings", 3, "CONFIG_SERVICE", func(*rand.Rand) string { return `{}` })
	post("dashboard", "developer", "/api/v1/dashboard/panels", 3, "DASHBOARD_SERVICE", func(*rand.Rand) string { return `{}` })
	next := post("speech, next version", "pipeline-client", "/api/v1/asr-v2/inference", 2, "ASR_V2_SERVICE", func(*rand.Rand) string { return `{}` })
	next.path, next.header = "/api/asr/inference", append(next.header, [2]string{"X-API-Version", "v2"})
	preflight := [][2]string{{"Origin", appOrigin}, {"Access-Control-Request-Method", "POST"}, {"Access-Control-Request-Headers", "apikey"}}
	kinds = append(kinds, kind{name: "preflight", weight: 2, method: http.MethodOptions, path: "/api/v1/asr/inference", want: []int{200, 204}, header: preflight})
	kinds = append(kinds, kind{
		name: "sign in", weight: 4, method: http.MethodPost, path: "/api/v1/auth/login", want: admitted, check: answeredBy("AUTH_SERVICE"),
		body: func(*rand.Rand) string { return `{"user":"demo"}` }, limits: countsFor("auth", "everybody"),
	})
	return append(kinds, languageHostile()...)
}

func languageHostile() []kind {
	usual := func(*rand.Rand) string { return `{"config":{"language":{"sourceLanguage":"hi"}}}` }
	text := func(s string) func(*rand.Rand) string { return func(*rand.Rand) string { return s } }
	key := [2]string{"X-API-Key", keyOf("voice-client")}
	keyed := [][2]string{key}
	asr := "/api/v1/asr/inference"
	return []kind{
		{name: "no key", weight: 2, method: http.MethodPost, path: asr, body: usual, want: []int{401}},
		{name: "wrong key", weight: 2, method: http.MethodPost, path: asr + "?apikey=demo-wrong-key", body: usual, want: []int{401}},
		{name: "wrong group", weight: 1, method: http.MethodPost, path: "/api/v1/config/settings", body: usual, header: keyed, want: []int{403}},
		{name: "key of speech alone", weight: 1, method: http.MethodPost, path: "/api/v1/nmt/inference", body: usual, header: [][2]string{{"X-API-Key", keyOf("asr")}}, want: []int{403}},
		{name: "language twice", weight: 1, method: http.MethodPost, path: asr, header: keyed, want: []int{400, 429}, limits: countsFor("asr", "voice-client"), body: text(`{"config":{"language":{"sourceLanguage":"hi","sourceLanguage":"ta"}}}`)},
		{name: "unknown path", weight: 1, method: http.MethodGet, path: "/api/v1/secret", header: keyed, want: []int{404}},
		{name: "unknown version", weight: 1, method: http.MethodPost, path: "/api/v9/asr/inference", body: usual, header: keyed, want: []int{400}},
		{name: "page of another origin", weight: 1, method: http.MethodPost, path: asr, body: usual, header: [][2]string{{"Origin", "https://elsewhere.example"}}, want: []int{401}},
		{name: "encoded dots", weight: 1, method: http.MethodGet, path: "/api/v1/auth/%2e%2e/config/settings", want: []int{400}},
		{name: "a large header", weight: 1, method: http.MethodPost, path: asr, body: usual, header: [][2]string{key, {"X-Large", strings.Repeat("x", 2<<20)}}, want: []int{431}},
		{name: "client leaves", weight: 1, method: http.MethodPost, path: asr, body: text(strings.Repeat(" ", 2000)), header: keyed, leaveRequest: true, limits: countsFor("asr", "voice-client")},
	}
}

// answeredBy checks which service has answered.
func answeredBy(service string) func(string, string) string {
	return func(_, answer string) string {
		var h heard
		if err := json.Unmarshal([]byte(answer), &h); err != nil || h.Service != service {
			return fmt.Sprintf("%s has answered instead of %s", h.Service, service)
		}
		return ""
	}
}
