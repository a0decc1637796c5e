// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
)

// FuzzHandler checks that no request makes the handler fail by itself, that refusals are
// the client's fault, and that a body is forwarded as it came or as valid JSON.
func FuzzHandler(f *testing.F) {
	media := []string{"application/json", "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x/y+json"}
	for i, body := range []string{
		`{"config":{"language":{"sourceLanguage":"hi","targetLanguage":"ta"}},"input":[{"source":"` + inHindi + `"}]}`,
		`[{"messages":[{"role":"user","content":"x"}]}]`,
		inTamil,
		"text=" + url.QueryEscape(inTelugu) + "&text=%zz",
		"--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n" + inEnglish + "\r\n--x--",
		"{\"config\":null,\"config\":{},\"\\u0063onfig\":\xff}",
		`{"messages":[{"role":"user","content":[{"type":"text","text":"` + inAssamese + `"}]}]}`,
	} {
		f.Add([]byte(body), uint8(i), "auto", "hi;q=0.5,*", i%2 == 0)
	}
	h := parsed(f, speech+"\nlast_user_message\naccept_language always")
	f.Fuzz(func(t *testing.T, body []byte, kind uint8, lang, accept string, chunked bool) {
		c := call{uri: "/?lang=" + url.QueryEscape(lang), body: string(body), chunked: chunked}
		r := c.request(t)
		if m := media[int(kind)%len(media)]; m != "" {
			r.Header.Set("Content-Type", m)
		}
		r.Header["Accept-Language"] = []string{accept}
		o := send(t, r, h)
		if o.err != nil {
			if o.err.Status != http.StatusBadRequest || o.err.Code != "ambiguous_field" {
				t.Fatalf("refused: %v", o.err)
			}
			return
		}
		if o.lang.Source == "" || o.lang.Code == "" {
			t.Errorf("%+v", o.lang)
		}
		if o.body != string(body) && !json.Valid([]byte(o.body)) {
			t.Errorf("%q became %q", body, o.body)
		}
	})
}
