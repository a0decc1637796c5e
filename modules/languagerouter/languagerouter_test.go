// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// speech is the route of a speech service.
const speech = `
	languages hi ta te en hi>ta *>ta
	body config.language.sourceLanguage
	query lang sourceLanguage
	header X-Language X-Source-Language
	target_body config.language.targetLanguage
	target_query target
	target_header X-Target-Language
	detect input.#.source messages.#.content
	detect_form text
	fallback en
	set_body config.serviceId {
		hi    asr-conformer-hi
		ta    asr-conformer-ta
		hi>ta nmt-hi-ta
		*     asr-multilingual
	}`

func TestSignals(t *testing.T) {
	stated := func(code string) string {
		return `{"config":{"language":{"sourceLanguage":"` + code + `"}}}`
	}
	withID := func(id, rest string) string { return `{"config":{"serviceId":"` + id + `",` + rest + `}` }
	fallback := func(reason, script string) state.Language {
		return state.Language{Code: "en", Script: script, Source: "fallback", Reason: reason}
	}
	header := func(c call, lines ...string) call { c.header = append(c.header, lines...); return c }
	sourced := func(text string) string { return `{"input":[{"source":"` + text + `"}]}` }
	rows := []struct {
		name string
		call call
		want state.Language
		body string // as it is forwarded; "" for unchanged
	}{
		{
			"the body states Hindi", jsonCall(stated("hi")),
			state.Language{Code: "hi", Confidence: 1, Source: "body"},
			withID("asr-conformer-hi", `"language":{"sourceLanguage":"hi"}}`),
		},
		{
			"the body states Tamil, as FLORES has it", jsonCall(stated("tam_Taml")),
			state.Language{Code: "ta", Confidence: 1, Source: "body"},
			withID("asr-conformer-ta", `"language":{"sourceLanguage":"tam_Taml"}}`),
		},
		{
			"the body states Telugu, which has no model of its own", jsonCall(stated("te-IN")),
			state.Language{Code: "te", Confidence: 1, Source: "body"},
			withID("asr-multilingual", `"language":{"sourceLanguage":"te-IN"}}`),
		},
		{
			"the body states English", jsonCall(stated("English")),
			state.Language{Code: "en", Confidence: 1, Source: "body"},
			withID("asr-multilingual", `"language":{"sourceLanguage":"English"}}`),
		},
		{
			"the body before query and header", header(call{uri: "/v1/x?lang=te", body: stated("ta")}, "Content-Type: application/json", "X-Language: hi"),
			state.Language{Code: "ta", Confidence: 1, Source: "body"},
			withID("asr-conformer-ta", `"language":{"sourceLanguage":"ta"}}`),
		},
		{
			"the query before the header", header(call{uri: "/v1/x?lang=te"}, "X-Language: hi"),
			state.Language{Code: "te", Confidence: 1, Source: "query"},
			"",
		},
		{
			"the second parameter",
			call{uri: "/v1/x?lang=&sourceLanguage=ta"},
			state.Language{Code: "ta", Confidence: 1, Source: "query"},
			"",
		},
		{
			"the query where the body is blank",
			call{uri: "/v1/x?lang=te&target=ta", body: `{"config":{"language":{"sourceLanguage":" ","targetLanguage":"\t"}}}`, header: []string{"Content-Type: application/json"}},
			state.Language{Code: "te", Target: "ta", Confidence: 1, Source: "query"},
			withID("asr-multilingual", `"language":{"sourceLanguage":" ","targetLanguage":"\t"}}`),
		},
		{
			"an encoded parameter",
			call{uri: "/v1/x?l%61ng=hi%5FIN&lang=ta"},
			state.Language{Code: "hi", Confidence: 1, Source: "query"},
			"",
		},
		{"the header", header(call{}, "X-Language: hi"), state.Language{Code: "hi", Confidence: 1, Source: "header"}, ""},
		{"the second header", header(call{}, "X-Source-Language: hin"), state.Language{Code: "hi", Confidence: 1, Source: "header"}, ""},
		{
			"stated before the text", jsonCall(`{"config":{"language":{"sourceLanguage":"ta"}},"input":[{"source":"` + inHindi + `"}]}`),
			state.Language{Code: "ta", Confidence: 1, Source: "body"},
			withID("asr-conformer-ta", `"language":{"sourceLanguage":"ta"}},"input":[{"source":"`+inHindi+`"}]`),
		},
		{
			"auto asks for the text", jsonCall(`{"config":{"language":{"sourceLanguage":"auto"}},"input":[{"source":"` + inTamil + `"}]}`),
			state.Language{Code: "ta", Script: "Taml", Confidence: 1, Source: "script"},
			withID("asr-conformer-ta", `"language":{"sourceLanguage":"auto"}},"input":[{"source":"`+inTamil+`"}]`),
		},
		{
			"unknown, and no text", jsonCall(stated("klingon")), fallback("not_served", ""),
			withID("asr-multilingual", `"language":{"sourceLanguage":"klingon"}}`),
		},
		{
			"unknown, and a text", jsonCall(`{"config":{"language":{"sourceLanguage":"klingon"}},"input":[{"source":"` + inTamil + `"}]}`),
			state.Language{Code: "ta", Script: "Taml", Confidence: 1, Source: "script"},
			withID("asr-conformer-ta", `"language":{"sourceLanguage":"klingon"}},"input":[{"source":"`+inTamil+`"}]`),
		},
		{"not served", jsonCall(stated("fr")), fallback("not_served", ""), withID("asr-multilingual", `"language":{"sourceLanguage":"fr"}}`)},
		{"missing", jsonCall(`{}`), fallback("no_text", ""), `{"config":{"serviceId":"asr-multilingual"}}`},
		{"malformed", jsonCall(`{"config":{"language":{"sourceLanguage":"hi"`), fallback("invalid_body", ""), ""},
		{"not UTF-8", jsonCall("{\"config\":\"\xff\"}"), fallback("invalid_body", ""), ""},
		{"too deep", jsonCall(strings.Repeat("[", 100_000)), fallback("invalid_body", ""), ""},
		{"an array", jsonCall(`[1,2]`), fallback("no_text", ""), ""},
		{"a number", jsonCall(`17`), fallback("invalid_body", ""), ""},
		{"wrong types", jsonCall(`{"config":[],"input":{"source":7},"messages":"x"}`), fallback("no_text", ""), ""},
		{"no string", jsonCall(`{"config":{"language":{"sourceLanguage":7}},"x":1}`), fallback("no_text", ""), withID("asr-multilingual", `"language":{"sourceLanguage":7}},"x":1`)},
		{"no body", call{}, fallback("no_text", ""), ""},
		{"digits and emoji", jsonCall(sourced("12345 😀😀 !!")), fallback("no_text", "Zyyy"), `{"config":{"serviceId":"asr-multilingual"},"input":[{"source":"12345 😀😀 !!"}]}`},
		{"a word", jsonCall(sourced("हा")), fallback("too_short", "Deva"), `{"config":{"serviceId":"asr-multilingual"},"input":[{"source":"हा"}]}`},
		{"a letter of a script alone", jsonCall(sourced("அ")), state.Language{Code: "ta", Script: "Taml", Confidence: 1, Source: "script"}, `{"config":{"serviceId":"asr-conformer-ta"},"input":[{"source":"அ"}]}`},
		{
			"Telugu in a form",
			call{body: "text=" + inTelugu + "&x=1", header: []string{"Content-Type: application/x-www-form-urlencoded"}},
			state.Language{Code: "te", Script: "Telu", Confidence: 1, Source: "script"},
			"",
		},
		{
			"Tamil in plain text",
			call{body: inTamil, header: []string{"Content-Type: text/plain; charset=utf-8"}},
			state.Language{Code: "ta", Script: "Taml", Confidence: 1, Source: "script"},
			"",
		},
		{
			"Telugu in JSON without a type",
			call{body: ` {"input":[{"source":"` + inTelugu + `"}]}`},
			state.Language{Code: "te", Script: "Telu", Confidence: 1, Source: "script"},
			` {"config":{"serviceId":"asr-multilingual"},"input":[{"source":"` + inTelugu + `"}]}`,
		},
		{"something without a type", call{body: inTelugu}, fallback("no_text", ""), ""},
		{
			"JSON of another type",
			call{body: sourced(inTelugu), header: []string{"Content-Type: Application/vnd.demo+JSON"}},
			state.Language{Code: "te", Script: "Telu", Confidence: 1, Source: "script"},
			`{"config":{"serviceId":"asr-multilingual"},"input":[{"source":"` + inTelugu + `"}]}`,
		},
		{"sound", call{body: inTelugu, header: []string{"Content-Type: audio/wav"}}, fallback("no_text", ""), ""},
		{"a compressed form", call{body: "text=x", header: []string{"Content-Type: application/x-www-form-urlencoded", "Content-Encoding: gzip"}}, fallback("invalid_body", ""), ""},
		{
			"translation", jsonCall(`{"config":{"language":{"sourceLanguage":"hi","targetLanguage":"ta"}}}`),
			state.Language{Code: "hi", Target: "ta", Confidence: 1, Source: "body"},
			`{"config":{"serviceId":"nmt-hi-ta","language":{"sourceLanguage":"hi","targetLanguage":"ta"}}}`,
		},
		{
			"translation from any language", header(call{uri: "/v1/x?target=Tamil"}, "X-Language: te"),
			state.Language{Code: "te", Target: "ta", Confidence: 1, Source: "header"},
			"",
		},
		{
			"translation of an identified text", header(jsonCall(sourced(inTelugu)), "X-Target-Language: tam"),
			state.Language{Code: "te", Target: "ta", Script: "Telu", Confidence: 1, Source: "script"},
			`{"config":{"serviceId":"asr-multilingual"},"input":[{"source":"` + inTelugu + `"}]}`,
		},
		{
			"Accept-Language does not overrule a text", header(jsonCall(sourced(inTamil)), "Accept-Language: hi, en"),
			state.Language{Code: "ta", Script: "Taml", Confidence: 1, Source: "script"},
			`{"config":{"serviceId":"asr-conformer-ta"},"input":[{"source":"` + inTamil + `"}]}`,
		},
		{
			"Accept-Language breaks a tie", header(jsonCall(sourced("हा")), "Accept-Language: en-IN, mr;q=0.9, hi-IN;q=0.8"),
			state.Language{Code: "hi", Script: "Deva", Source: "accept_language", Reason: "too_short"},
			`{"config":{"serviceId":"asr-conformer-hi"},"input":[{"source":"हा"}]}`,
		},
	}
	h := parsed(t, speech)
	for _, row := range rows {
		for _, chunked := range []bool{false, true} {
			t.Run(row.name, func(t *testing.T) {
				row.call.chunked = chunked && row.call.body != ""
				o := send(t, row.call.request(t), h)
				if o.err != nil {
					t.Fatalf("refused: %v", o.err)
				}
				got := o.lang
				if got.Source == "accept_language" {
					got.Confidence = row.want.Confidence // that of the text, which may be in that language
				}
				if got != row.want {
					t.Errorf("got  %+v\nwant %+v", got, row.want)
				}
				want := row.body
				if want == "" {
					want = row.call.body
				} else if o.length != int64(len(want)) {
					t.Errorf("the length is %d, want %d", o.length, len(want))
				}
				if o.body != want {
					t.Errorf("forwarded %.200s\nwant      %.200s", o.body, want)
				}
			})
		}
	}
}

// TestIdentifies checks the languages that the gateway is for, in sentences.
func TestIdentifies(t *testing.T) {
	h := parsed(t, "last_user_message\nfallback en")
	for code, text := range map[string]string{"hi": inHindi, "ta": inTamil, "te": inTelugu, "en": inEnglish, "as": inAssamese} {
		o := send(t, jsonCall(`{"messages":[{"role":"user","content":"`+inFrench+`"},{"role":"user","content":"`+text+`"}]}`).request(t), h)
		if string(o.lang.Code) != code || o.lang.Reason != "" || o.lang.Confidence < 0.8 {
			t.Errorf("%s: %+v", code, o.lang)
		}
	}
}

func TestDetectors(t *testing.T) {
	body := jsonCall(`{"text":"` + inFrench + `"}`)
	rows := []struct{ name, options, code, source, reason string }{
		{"the default alone", "", "", "fallback", "other"},
		{"a second one", "detector script\ndetector french", "fr", "french", ""},
		{"the second one first", "detector french\ndetector script", "fr", "french", ""},
		{"one that is not ready", "detector script\ndetector loading", "", "fallback", "not_ready"},
		{"one that is not ready, and a language is liked best", "detector loading\naccept_language tiebreak", "en", "accept_language", "not_ready"},
		{"more than is confident", "detector french\nconfidence 0.96", "", "fallback", "low_confidence"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := body
			if strings.Contains(row.options, "tiebreak") {
				c.header = append(c.header, "Accept-Language: ta, en")
			}
			o := send(t, c.request(t), parsed(t, "detect text\n"+row.options))
			if l := o.lang; string(l.Code) != row.code || l.Source != row.source || l.Reason != row.reason {
				t.Errorf("%+v, want %s by %s, reason %q", l, row.code, row.source, row.reason)
			}
		})
	}
	t.Run("a detector alone identifies plain text", func(t *testing.T) {
		o := send(t, call{body: inTamil, header: []string{"Content-Type: text/plain"}}.request(t), parsed(t, "detector script"))
		if o.lang.Code != "ta" {
			t.Errorf("%+v", o.lang)
		}
	})
	t.Run("nothing is identified unasked", func(t *testing.T) {
		o := send(t, call{body: inTamil, header: []string{"Content-Type: text/plain"}}.request(t), parsed(t, "query lang"))
		if o.lang.Code != "" || o.lang.Reason != "no_text" {
			t.Errorf("%+v", o.lang)
		}
	})
}

func TestRefusals(t *testing.T) {
	rows := []struct {
		name, options string
		call          call
		status        int
		code, message string
	}{
		{"not served", "languages hi ta\nquery lang\nunserved reject", call{uri: "/?lang=te"}, 400, "language_not_served", `The language "te" is not served; served are: hi, ta`},
		{"unknown", "query lang\nunserved reject", call{uri: "/?lang=xx"}, 400, "language_not_served", `"xx" is no language that is known`},
		{"stated twice", "body a.b", jsonCall(`{"a":{"b":"hi","b":"ta"}}`), 400, "ambiguous_field", "The member b is given more than once"},
		{"stated in two spellings", "body lang", jsonCall(`{"lang":"hi","Lang":"ta"}`), 400, "ambiguous_field", "The member lang"},
		{"target stated twice", "target_body to\nlast_user_message", jsonCall(`{"To":"hi"}`), 400, "ambiguous_field", "The member to"},
		{"set twice", "query lang\nset_body id {\nhi x\n}", call{uri: "/?lang=hi", body: `{"id":1,"id":2}`}, 400, "ambiguous_field", "The member id"},
		{"compressed", "body lang", call{body: "xx", header: []string{"Content-Type: application/json", "Content-Encoding: gzip"}}, 415, "content_encoding_unsupported", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			o := send(t, row.call.request(t), parsed(t, row.options))
			if o.err == nil || o.err.Status != row.status || o.err.Code != row.code || !strings.HasPrefix(o.err.Message, row.message) {
				t.Fatalf("%+v, want %d %s: %s", o.err, row.status, row.code, row.message)
			}
			if o.header != nil {
				t.Error("the upstream was asked")
			}
		})
	}
}

// TestTextInAnyCase checks that clients with other names for members are not refused
// because some route identifies text.
func TestTextInAnyCase(t *testing.T) {
	h := parsed(t, "detect text input.#.source\nlast_user_message")
	rows := []struct{ name, body, code, reason string }{
		{"Pascal case", `{"Prompt":"x","Input":[],"Messages":[{"Role":"user"}],"Text":"` + inTamil + `"}`, "", "no_text"},
		{"twice", `{"text":"` + inTamil + `","text":"` + inTelugu + `"}`, "ta", ""},
		{"beside another case", `{"Text":"` + inTelugu + `","text":"` + inTamil + `"}`, "ta", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			o := send(t, jsonCall(row.body).request(t), h)
			if o.err != nil || string(o.lang.Code) != row.code || o.lang.Reason != row.reason || o.body != row.body {
				t.Errorf("%v, %+v, forwarded %s", o.err, o.lang, o.body)
			}
		})
	}
}

// TestHeaders checks what the upstream is told, and by option the client.
func TestHeaders(t *testing.T) {
	rows := []struct {
		name, uri string
		want      [4]string // language, confidence, source, target
	}{
		{"a language", "/?lang=hi", [4]string{"hi", "1.00", "query", ""}},
		{"a translation", "/?lang=hi&to=ta", [4]string{"hi", "1.00", "query", "ta"}},
		{"none", "/?to=ta", [4]string{"", "", "fallback", ""}},
	}
	names := [4]string{state.HeaderLanguage, state.HeaderLanguageConfidence, state.HeaderLanguageSource, state.HeaderTargetLanguage}
	silent := parsed(t, "query lang\ntarget_query to")
	open := parsed(t, "query lang\ntarget_query to\nresponse_headers")
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			forged := []string{"X-Detected-Language: forged", "x_detected_language: forged", "Connection: X-Detected-Language, keep-alive"}
			for _, name := range names {
				forged = append(forged, name+": forged")
			}
			c := call{method: http.MethodGet, uri: row.uri, header: forged}
			quiet, told := send(t, c.request(t), silent), send(t, c.request(t), open)
			for i, name := range names {
				if got := strings.Join(quiet.header[name], "|"); got != row.want[i] {
					t.Errorf("upstream: %s is %q, want %q", name, got, row.want[i])
				}
				if got := strings.Join(told.answer[name], "|"); got != row.want[i] {
					t.Errorf("client: %s is %q, want %q", name, got, row.want[i])
				}
			}
			if len(quiet.answer[state.HeaderLanguageSource]) > 0 {
				t.Error("the client is told without being asked for")
			}
			if c := quiet.header.Get("Connection"); c != "keep-alive" {
				t.Errorf("Connection is %q", c)
			}
		})
	}
}

// TestTwoRouters checks that the later handler decides anew, on the body as the first
// has edited it.
func TestTwoRouters(t *testing.T) {
	first := parsed(t, "query lang\nset_body a {\n* {gateway.language}\n}\nresponse_headers")
	second := parsed(t, "body a\ntarget_query to\nset_body b {\n* {gateway.language.pair}-{http.request.method}\n}\nresponse_headers")
	c := jsonCall(`{}`)
	c.uri = "/?lang=ta&to=hi"
	o := send(t, c.request(t), first, second)
	want := state.Language{Code: "ta", Target: "hi", Confidence: 1, Source: "body"}
	if o.lang != want || o.body != `{"b":"ta>hi-POST","a":"ta"}` {
		t.Errorf("%+v, forwarded %s", o.lang, o.body)
	}
	if got := o.header[state.HeaderLanguageSource]; len(got) != 1 || got[0] != "body" {
		t.Errorf("the upstream hears of the source %q", got)
	}
	if got := o.answer[state.HeaderTargetLanguage]; len(got) != 1 || got[0] != "hi" {
		t.Errorf("the client hears of the target %q", got)
	}
	// What the first has promised holds, and is what the second has decided.
	o = send(t, c.request(t), parsed(t, "query lang\ntarget_query to\nresponse_headers"), parsed(t, "header X-Language"))
	if l, target := o.answer[state.HeaderLanguage], o.answer[state.HeaderTargetLanguage]; len(l)+len(target) > 0 || o.answer.Get(state.HeaderLanguageSource) != "fallback" {
		t.Errorf("the client hears of %q, %q by %q", l, target, o.answer[state.HeaderLanguageSource])
	}
}
