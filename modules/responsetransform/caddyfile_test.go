// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package responsetransform

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func TestCaddyfile(t *testing.T) {
	t.Parallel()
	const text = `response_transform {
	set meta.gateway tollgate
	remove internal.debug
	remove header Server
	status 2xx 404
	content_type application/json
	unedited reject
	max_body 2MiB
}`
	const want = `{"edits":[{"do":"set","in":"body","name":"meta.gateway","value":"tollgate"},{"do":"remove","in":"body","name":"internal.debug"},` +
		`{"do":"remove","in":"header","name":"Server"}],"status":[2,404],"content_types":["application/json"],"unedited":"reject","max_body":2097152}`
	var h Handler
	if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(text)); err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(&h); err != nil || string(got) != want {
		t.Errorf("JSON is %s, %v; want %s", got, err, want)
	}
}

func TestCaddyfileRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                 "nothing is to be edited",
		"remove query a":                   "an answer has no query",
		"set header Content-Length 1":      "framed",
		"set header X-Consumer-Username x": "who calls",
		"remove a\nstatus 1xx":             "neither a status",
		"remove a\nstatus 2":               "neither a status",
		"remove a\nstatus 200 200":         "listed twice",
		"remove a\nunedited drop":          "is not one of",
		"remove a\nremove b\nremove a":     "Testfile:4",
		"remove a\ncontent_type json":      "is not a media type",
		"remove a\nmax_body 1":             "lacks a unit",
		"form_to_query":                    "unknown option",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var h Handler
			err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser("response_transform {\n" + text + "\n}"))
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Testfile:") {
				t.Errorf("error is %v, want one about: %s", err, want)
			}
		})
	}
}

func TestJSONRefuses(t *testing.T) {
	ctx := provisioned(t)
	const edits = `"edits":[{"do":"remove","in":"body","name":"a"}]`
	for config, want := range map[string]string{
		`{}`: "nothing is to be edited",
		`{"edits":[{"do":"remove","in":"query","name":"a"}]}`: "no query",
		`{` + edits + `,"status":[1]}`:                        "status 1 is neither",
		`{` + edits + `,"status":[99]}`:                       "status 99 is neither",
		`{` + edits + `,"unedited":"x"}`:                      "unedited is",
		`{` + edits + `,"max_body":-1}`:                       "max_body is -1",
		`{` + edits + `,"content_types":["x"]}`:               "is not a media type",
	} {
		if _, err := ctx.LoadModuleByID("http.handlers.response_transform", json.RawMessage(config)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want one about: %s", config, err, want)
		}
	}
}
