// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

func TestCaddyfile(t *testing.T) {
	rows := []struct{ name, text, want string }{
		{"nothing", "language_router", `{}`},
		{"everything", `language_router {
			languages hi ta
			languages en hi>ta
			body a.b c
			query lang
			header X-Language
			target_body d
			target_query e
			target_header X-Target
			detect input.#.source
			detect_form text
			last_user_message
			detector script
			detector french
			accept_language off
			fallback en
			unserved reject
			confidence 0
			min_letters 6
			max_body 1MiB
			set_body config.serviceId {
				hi asr-hi
				* asr
			}
			set_body z {
				hi>ta nmt
			}
			response_headers
		}`, `{"languages":["hi","ta","en","hi\u003eta"],"body":["a.b","c"],"query":["lang"],"header":["X-Language"],"target_body":["d"],` +
			`"target_query":["e"],"target_header":["X-Target"],"detect":["input.#.source"],"detect_form":["text"],"last_user_message":true,` +
			`"detectors":[{"detector":"script"},{"detector":"french"}],"accept_language":"off","fallback":"en","unserved":"reject","confidence":0,` +
			`"min_letters":6,"max_body":1048576,"set_body":[{"path":"config.serviceId","values":{"*":"asr","hi":"asr-hi"}},` +
			`{"path":"z","values":{"hi\u003eta":"nmt"}}],"response_headers":true}`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var h Handler
			if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(row.text)); err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(&h)
			if err != nil || string(got) != row.want {
				t.Errorf("%v\n got %s\nwant %s", err, got, row.want)
			}
		})
	}
}

func TestDirectiveIsOrdered(t *testing.T) {
	src := "http://127.0.0.1 {\nreverse_proxy 127.0.0.1:1\nlanguage_router {\nquery lang\n}\n}\n"
	got, _, err := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}.Adapt([]byte(src), nil)
	router, proxy := strings.Index(string(got), "language_router"), strings.Index(string(got), "reverse_proxy")
	if err != nil || router < 0 || router > proxy {
		t.Errorf("%v, %s", err, got)
	}
}

func TestCaddyfileRefuses(t *testing.T) {
	rows := []struct{ options, want string }{
		{"language hi", "unknown option"},
		{"languages", "languages takes at least 1 argument"},
		{"languages hi xx", `languages: "xx" is no language that is known`},
		{"languages hi\nlanguages Hindi", "languages: hi is listed twice, at Testfile:3"},
		{"languages hi>ta", "hi>ta is never served, because nothing says where a target is stated; add target_body"},
		{"body", "body takes at least 1 argument"},
		{"body a..b", "body: parse path"},
		{"body \"\"", "body: parse path"},
		{"body a\nbody a", `"a" is listed twice, at Testfile:3`},
		{"body a A", "differs only in case"},
		{"query lang lang", "listed twice"},
		{"query \"\"", "a name is empty"},
		{"header X:Y", "is not a header name"},
		{"header X-L x-l", "listed twice"},
		{"target_body a.", "parse path"},
		{"detect a.#b\\x", "parse path"},
		{"detect_form \"\"", "a name is empty"},
		{"last_user_message on", "last_user_message takes no arguments"},
		{"detector", "no detector is named; there are: french, loading, nothing, script"},
		{"detector klingon", `there is no detector "klingon" in this build; there are: `},
		{"detector nothing", "which is no language detector"},
		{"detector script\ndetector script", "detector script is named twice; keep one of them, at Testfile:3"},
		{"accept_language maybe", "tiebreak, always, off"},
		{"fallback klingon", `fallback: "klingon" is no language that is known; write a code such as en or mni-Mtei, at Testfile:2`},
		{"languages hi ta\nfallback en\nquery lang", "fallback: the fallback en is not among the languages that are served (hi, ta); add it to languages, or name one of them, at Testfile:3"},
		{"fallback en\nfallback hi", "given twice"},
		{"unserved pass", "identify, fallback, reject"},
		{"confidence 1.5", `"1.5" is no probability`},
		{"confidence -0.1", "is no probability"},
		{"confidence NaN", "is no probability"},
		{"confidence high", "is no probability"},
		{"min_letters 0", "min_letters"},
		{"min_letters 257", "min_letters"},
		{"max_body 10", "lacks a unit"},
		{"max_body 1B", "too small"},
		{"set_body", "set_body takes exactly 1 argument"},
		{"set_body a", "no value is written"},
		{"set_body a {\n}", "no value is written"},
		{"set_body a.#.b {\nhi x\n}", "goes through an array"},
		{"set_body a..b {\nhi x\n}", "parse path"},
		{"set_body a {\nhi\n}", "hi takes exactly 1 value, not 0; write: hi <text>"},
		{"set_body a {\nhi x y\n}", "hi takes exactly 1 value, not 2"},
		{"set_body a {\nxx x\n}", `"xx" is no language that is known`},
		{"set_body a {\nhi x\nhin_Deva y\n}", "hi is there twice, at Testfile:4"},
		{"set_body a {\nhi x\n}\nset_body a {\nta x\n}", "one of them would undo the other"},
		{"set_body a {\nhi x\n}\nset_body a.b {\nta x\n}", "one of them would undo the other"},
		{"languages hi\nset_body a {\nta x\n}\nquery lang", "set_body: a: ta never applies, because it is not among the languages that are served (hi); add it to languages, or leave it out, at Testfile:3"},
		{"set_body a {\nhi>ta x\n}", "hi>ta never applies, because nothing says where a target is stated"},
		{"response_headers on", "response_headers takes no arguments"},
	}
	for _, row := range rows {
		t.Run(row.options, func(t *testing.T) {
			err := new(Handler).UnmarshalCaddyfile(caddyfile.NewTestDispenser("language_router {\n" + row.options + "\n}"))
			if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "Testfile:") {
				t.Errorf("error %v, want one with %q and a line", err, row.want)
			}
		})
	}
	if err := new(Handler).UnmarshalCaddyfile(caddyfile.NewTestDispenser("language_router hi")); err == nil {
		t.Error("an argument is accepted")
	}
}

func TestLoadRefuses(t *testing.T) {
	rows := []struct{ name, config, want string }{
		{"path", `{"body":["a..b"]}`, "language_router: body: parse path"},
		{"paths twice", `{"detect":["a","a"]}`, `detect: "a" is listed twice`},
		{"header", `{"header":["a b"]}`, "header: "},
		{"confidence", `{"confidence":2}`, "confidence: 2 is no probability"},
		{"letters", `{"min_letters":-1}`, "min_letters: -1 is out of range"},
		{"size", `{"max_body":-1}`, "max_body: -1 is no size"},
		{"tiny size", `{"max_body":1023}`, "max_body: 1023 is no size"},
		{"accept_language", `{"accept_language":"never"}`, `accept_language: "never" is not one of`},
		{"unserved", `{"unserved":"ignore"}`, `unserved: "ignore" is not one of`},
		{"languages", `{"languages":["hi","hin"]}`, "languages: hi is listed twice"},
		{"fallback", `{"languages":["hi"],"fallback":"en"}`, "fallback: the fallback en is not among"},
		{"fallback unknown", `{"fallback":"xx"}`, `fallback: "xx" is no language`},
		{"values twice", `{"set_body":[{"path":"a","values":{"hi":"x","Hindi":"y"}}]}`, "set_body: a: hi is there twice"},
		{"value for a script that nobody tells", `{"set_body":[{"path":"a","values":{"te-Latn":"x"}}]}`, "te-Latn never applies"},
		{"no values", `{"set_body":[{"path":"a"}]}`, "no value is written"},
		{"no path", `{"set_body":[{"values":{"hi":"x"}}]}`, "set_body: "},
		{"field", `{"detect_form":[""]}`, "detect_form: a name is empty"},
		{"detector without a language", `{"languages":["hi","ta"],"detectors":[{"detector":"script"},{"detector":"french"}]}`, "detector: french knows none of the languages that are served (hi, ta)"},
		{"default detector without a language", `{"languages":["fr"],"detect":["a"]}`, "detector: script knows none of the languages that are served (fr)"},
		{"detector twice", `{"detectors":[{"detector":"script"},{"detector":"script"}]}`, "detector script is named twice"},
		{"no detector", `{"detectors":[{"detector":"nothing"}]}`, "which is no language detector"},
		{"unknown detector", `{"detectors":[{"detector":"klingon"}]}`, "klingon"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := provisioned(t).LoadModuleByID("http.handlers.language_router", json.RawMessage(row.config))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %s", err, row.want)
			}
		})
	}
	t.Run("default detector missing", func(t *testing.T) {
		_, err := loadDefault(provisioned(t), "absent")
		if err == nil || !strings.Contains(err.Error(), "import github.com/caddy-gateway/tollgate/modules/scriptdetector") {
			t.Errorf("error %v", err)
		}
	})
	if _, err := caddy.GetModule("http.handlers.language_router"); err != nil {
		t.Error(err)
	}
}
