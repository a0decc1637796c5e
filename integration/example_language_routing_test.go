// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// speech is a request to the service of speech: what it says of its language, and what
// it is to be taken for ("" where the instances for all languages answer).
type speech struct {
	name, query, body string
	headers           []string
	language, source  string
}

var speeches = []speech{
	{name: "body", body: stated("hi"), language: "hi", source: "body"},
	{name: "body in capitals with a region", body: stated("TA_IN"), language: "ta", source: "body"},
	{name: "body by three letters", body: stated("tel"), language: "te", source: "body"},
	{name: "body by name", body: stated("English"), language: "en", source: "body"},
	{name: "body before query and header", query: "lang=ta", headers: []string{"X-Language: te"}, body: stated("hi"), language: "hi", source: "body"},
	{name: "query", query: "lang=ta", body: stated(""), language: "ta", source: "query"},
	{name: "other query", query: "sourceLanguage=te", body: stated(""), language: "te", source: "query"},
	{name: "query before header", query: "lang=hi", headers: []string{"X-Language: te"}, body: stated(""), language: "hi", source: "query"},
	{name: "header", headers: []string{"X-Language: en"}, body: stated(""), language: "en", source: "header"},
	{name: "other header", headers: []string{"X-Source-Language: hi"}, body: stated(""), language: "hi", source: "header"},
	{name: "header with the body of another type", headers: []string{"X-Language: hi", "Content-Type: audio/wav"}, body: "RIFF", language: "hi", source: "header"},
	{name: "unknown language", body: stated("tlh"), source: "fallback"},
	{name: "language that is not served", body: stated("fr"), source: "fallback"},
	{name: "missing", body: `{"audio":[]}`, source: "fallback"},
	{name: "null", body: `{"config":{"language":{"sourceLanguage":null}}}`, source: "fallback"},
	{name: "number", body: `{"config":{"language":{"sourceLanguage":1}}}`, source: "fallback"},
	{name: "not an object on the way", body: `{"config":{"language":"hi"}}`, source: "fallback"},
	{name: "malformed", body: `{"config":{"language":{"sourceLanguage":"hi"`, source: "fallback"},
	{name: "empty", source: "fallback"},
}

// stated is a body that states its language.
func stated(language string) string {
	body, _ := json.Marshal(map[string]any{
		"config": map[string]any{"language": map[string]any{"sourceLanguage": language}},
		"audio":  []any{map[string]any{"audioContent": "UklGRg=="}},
	})
	return string(body)
}

func TestLanguageServicesRouteSpeech(t *testing.T) {
	g, upstreams := languageGateway(t)
	model := map[string]string{"": "asr-multilingual"}
	for _, l := range speechLanguages {
		model[l.language] = l.model
	}
	for _, row := range speeches {
		t.Run(row.name, func(t *testing.T) {
			up := upstreams["asr"]
			if row.language != "" {
				up = upstreams["asr "+row.language]
			}
			before := len(reached(up))
			got := g.Post("/api/v1/asr/inference?"+row.query, row.body, append(row.headers, "apikey: "+languageKeys["DEVELOPER_KEY"])...)
			requests := reached(up)[before:]
			if got.Status != 200 || len(requests) != 1 {
				t.Fatalf("answer = %d %s after %d requests to the instance for %q", got.Status, got.Body, len(requests), row.language)
			}
			r := requests[0]
			if l, s := r.Header.Get("X-Detected-Language"), r.Header.Get("X-Detected-Language-Source"); l != row.language || s != row.source {
				t.Errorf("the instance is told language %q by %q, want %q by %q", l, s, row.language, row.source)
			}
			if !json.Valid([]byte(row.body)) {
				if r.Body != row.body {
					t.Errorf("a body that is no JSON became %q", r.Body)
				}
				return
			}
			var body struct{ Config struct{ ServiceID string } }
			if err := json.Unmarshal([]byte(r.Body), &body); err != nil || body.Config.ServiceID != model[row.language] {
				t.Errorf("config.serviceId is %q in %s, want %q", body.Config.ServiceID, r.Body, model[row.language])
			}
		})
	}
}

func TestLanguageServicesRouteText(t *testing.T) {
	g, upstreams := languageGateway(t)
	for _, row := range []struct {
		name, service, text, source, target string
		language, by, model                 string
	}{
		{"Hindi", "tts", "मेरा भाई कल शाम को बाज़ार से ताज़ी सब्ज़ियाँ लेकर आया था।", "", "", "hi", "model", "tts-indo-aryan"},
		{"Assamese", "tts", "মই কালি পুৱা গুৱাহাটীলৈ যাম আৰু তাত দুদিন থাকিম।", "", "", "as", "model", "tts-indo-aryan"},
		{"Tamil", "tts", "நாங்கள் நாளை காலை சந்தைக்குப் போகிறோம்.", "", "", "ta", "script", "tts-dravidian"},
		{"English", "tts", "We would like to know when the next train to the coast leaves.", "auto", "", "en", "model", "tts-misc"},
		{"stated wins", "tts", "We would like to know when the next train leaves.", "mr", "", "mr", "body", "tts-indo-aryan"},
		{"Thai is not served", "tts", "พรุ่งนี้เช้าเราจะไปตลาด", "", "", "", "fallback", "tts-misc"},
		{"digits", "tts", "12 345", "", "", "", "fallback", "tts-misc"},
		{"from identified Hindi", "nmt", "क्या आप मुझे बता सकते हैं कि यह बस कहाँ जा रही है?", "", "en", "hi", "model", "nmt-indic-en"},
		{"from stated English", "nmt", "Hello", "en", "hi", "en", "body", "nmt-en-indic"},
		{"between two", "nmt", "नमस्ते", "hi", "ta", "hi", "body", "nmt-indic-indic"},
		{"a pair that is not served", "nmt", "நன்றி", "ta", "te", "", "fallback", "nmt-indic-indic"},
	} {
		t.Run(row.name, func(t *testing.T) {
			config := map[string]any{"sourceLanguage": row.source, "targetLanguage": row.target}
			body, _ := json.Marshal(map[string]any{
				"input":  []any{map[string]any{"source": row.text}},
				"config": map[string]any{"language": config},
			})
			before := len(reached(upstreams[row.service]))
			got := g.Post("/api/v1/"+row.service+"/inference", string(body), "apikey: "+languageKeys["DEVELOPER_KEY"])
			requests := reached(upstreams[row.service])[before:]
			if got.Status != 200 || len(requests) != 1 {
				t.Fatalf("answer = %d %s after %d requests", got.Status, got.Body, len(requests))
			}
			r := requests[0]
			if l, s := r.Header.Get("X-Detected-Language"), r.Header.Get("X-Detected-Language-Source"); l != row.language || s != row.by {
				t.Errorf("the service is told language %q by %q, want %q by %q", l, s, row.language, row.by)
			}
			if !strings.Contains(r.Body, `"serviceId":"`+row.model+`"`) {
				t.Errorf("the service was asked %s, want %s", r.Body, row.model)
			}
		})
	}
}

// TestLanguageServicesFallBack has the instances for Hindi die and come back. Only what
// was on its way to them when they died may fail.
func TestLanguageServicesFallBack(t *testing.T) {
	g, upstreams := languageGateway(t)
	key := "apikey: " + languageKeys["DEVELOPER_KEY"]
	// ask reports whether the instances for all languages have answered.
	ask := func() (status int, fallback bool) {
		before := len(reached(upstreams["asr"]))
		got := g.Post("/api/v1/asr/inference?"+url.Values{"lang": {"hi"}}.Encode(), "{}", key)
		return got.Status, len(reached(upstreams["asr"])) > before
	}
	if status, fallback := ask(); status != 200 || fallback {
		t.Fatalf("answer = %d, by the instances for all languages: %v", status, fallback)
	}
	upstreams["asr hi"].Kill()
	eventually(t, "the instances for all languages answer in the place of those for Hindi", func() bool {
		_, fallback := ask()
		return fallback
	})
	for range 20 {
		if status, fallback := ask(); status != 200 || !fallback {
			t.Fatalf("then, answer = %d, by the instances for all languages: %v", status, fallback)
		}
	}
	upstreams["asr hi"].Restart()
	eventually(t, "the instances for Hindi are used again", func() bool {
		status, fallback := ask()
		return status == 200 && !fallback
	})
}
