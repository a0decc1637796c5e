// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// speechCall is a JSON body of 1 KB, as a speech service gets it.
func speechCall(language string) string {
	head := `{"pipelineTasks":[{"taskType":"asr","config":{"encoding":"base64","samplingRate":16000}}],` +
		`"config":{"language":{"sourceLanguage":"` + language + `"},"audioFormat":"wav","samplingRate":16000,"postProcessors":["punctuation","itn"]},` +
		`"input":[{"source":"` + inHindi + `"}],"audio":[{"audioContent":"`
	tail := `"}]}`
	return head + strings.Repeat("A", 1024-len(head)-len(tail)) + tail
}

// seekBody is a request body that is read again in each round.
type seekBody struct{ *strings.Reader }

func (seekBody) Close() error { return nil }

// BenchmarkHandle is a POST of 1 KB through the handler: reading and scanning the body,
// deciding, setting a member, telling the upstream. The outermost handler's own work is
// in the row "nothing", and hashing the body is there for the measure of the machine.
func BenchmarkHandle(b *testing.B) {
	const edits = "\nset_body config.serviceId {\nhi asr-conformer-hi\nta asr-conformer-ta\n* asr-multilingual\n}"
	rows := []struct{ name, options, body string }{
		{"nothing", "query lang", speechCall("hi")},
		{"stated", "languages hi ta te en\nbody config.language.sourceLanguage", speechCall("hi")},
		{"stated,set", "languages hi ta te en\nbody config.language.sourceLanguage\ndetect input.#.source" + edits, speechCall("hi")},
		{"identified,set", "languages hi ta te en\nbody config.language.sourceLanguage\ndetect input.#.source" + edits, speechCall("auto")},
	}
	for _, row := range rows {
		b.Run(row.name, func(b *testing.B) {
			h := parsed(b, row.options)
			w := httptest.NewRecorder()
			body := seekBody{strings.NewReader(row.body)}
			next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
			base := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/asr", nil)
			base.Header.Set("Content-Type", "application/json")
			// A replacer would keep the placeholders of all rounds.
			vars := make(map[string]any)
			base = base.WithContext(context.WithValue(base.Context(), caddyhttp.VarsCtxKey, vars))
			b.SetBytes(int64(len(row.body)))
			b.ReportAllocs()
			for b.Loop() {
				clear(vars)
				body.Reset(row.body)
				r := *base
				r.Body, r.ContentLength = body, int64(len(row.body))
				if err := h.ServeHTTP(w, &r, next); err != nil {
					b.Fatal(err)
				}
			}
			if got := base.Header[state.HeaderLanguage]; row.name != "nothing" && (len(got) != 1 || got[0] != "hi") {
				b.Fatalf("the language is %q", got)
			}
		})
	}
	b.Run("sha256", func(b *testing.B) {
		body := []byte(speechCall("hi"))
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			sum := sha256.Sum256(body)
			_, _ = io.Discard.Write(sum[:1])
		}
	})
}
