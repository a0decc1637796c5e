// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usagefilter

import (
	"errors"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

func TestAsk(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body, want string
	}{
		{"no options", `{"model":"m","stream":true}`, `{"stream_options":{"include_usage":true},"model":"m","stream":true}`},
		{"options are null", `{"stream":true, "stream_options": null}`, `{"stream":true, "stream_options": {"include_usage":true}}`},
		{"other options stay", `{"stream_options":{"include_obfuscation": false}}`, `{"stream_options":{"include_usage":true,"include_obfuscation": false}}`},
		{"no members", `{"stream_options":{}}`, `{"stream_options":{"include_usage":true}}`},
		{"declined", `{"stream_options":{"include_usage":false ,"x":1}}`, `{"stream_options":{"include_usage":true ,"x":1}}`},
		{"null", `{"stream_options":{"include_usage":null}}`, `{"stream_options":{"include_usage":true}}`},
		{"asked for", `{"stream_options":{"x":{},"include_usage":true}}`, ""},
		{"asked for with escapes", `{"stream_options":{"include\u005fusage":true}}`, ""},
		{"of another type", `{"stream_options":{"include_usage":"no"}}`, ""},
		{"options are no object", `{"stream_options":[]}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, changed, err := ask(t, tt.body)
			want := tt.want
			if want == "" {
				want = tt.body
			}
			if err != nil || got != want || changed != (tt.want != "") {
				t.Errorf("Ask() = %s, %v, %v; want %s", got, changed, err, want)
			}
		})
	}
	for _, body := range []string{
		`{"stream_options":{"include_usage":true,"include_usage":false}}`,
		`{"stream_options":{"Include_Usage":true}}`,
	} {
		t.Run("unclear", func(t *testing.T) {
			t.Parallel()
			got, changed, err := ask(t, body)
			if _, ok := errors.AsType[*jsonpeek.DuplicateError](err); !ok || changed || got != body {
				t.Errorf("Ask(%s) = %s, %v, %v; want a DuplicateError", body, got, changed, err)
			}
		})
	}
}

// ask calls Ask as a handler does.
func ask(t *testing.T, body string) (string, bool, error) {
	t.Helper()
	var out [1][]byte
	if err := jsonpeek.Scan([]byte(body), jsonpeek.NewNames("stream_options"), out[:]); err != nil {
		t.Fatalf("scan body: %v", err)
	}
	got, changed, err := Ask([]byte(body), out[0])
	return string(got), changed, err
}
