// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requesttransform

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func TestCaddyfile(t *testing.T) {
	t.Parallel()
	const text = `request_transform {
	set meta.gateway tollgate
	remove header X-Debug X-Trace
	rename query a b
	add body p -1 string
	append header X-A "a b"
	content_type application/json text/*
	malformed pass
	form_to_query
	max_body 1MiB
}`
	const want = `{"edits":[{"do":"set","in":"body","name":"meta.gateway","value":"tollgate"},{"do":"remove","in":"header","name":"X-Debug"},` +
		`{"do":"remove","in":"header","name":"X-Trace"},{"do":"rename","in":"query","name":"a","to":"b"},` +
		`{"do":"add","in":"body","name":"p","value":"-1","type":"string"},{"do":"append","in":"header","name":"X-A","value":"a b"}],` +
		`"content_types":["application/json","text/*"],"malformed":"pass","form_to_query":true,"max_body":1048576}`
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
	rows := map[string]string{
		"":                                    "nothing is to be edited",
		"malformed pass":                      "nothing is to be edited",
		"add header just_a_key":               "write: add header <name> <value>",
		"replace header just_a_key":           "write: replace header <name> <value>",
		"append query just_a_key":             "write: append query <name> <value>",
		"add query uri_param2 \"\"":           "the value is empty",
		"add header X-A \"a\nb\"":             "no header field may have",
		"add header \"X A\" b":                "is not a header name",
		"set header Host example.com":         "header_up Host",
		"remove header content-length":        "framed",
		"rename header X-A transfer-encoding": "framed",
		"add header X-Consumer-Username bob":  "who calls",
		"remove header connection":            "concerns the connection",
		"remove header":                       "write: remove header <name>...; for a member called header write: remove body header",
		"set header x":                        "for a member called header write: set body header x",
		"rename a b.c":                        "a member stays in its object",
		"rename a.# b":                        "elements have no names",
		"add a.# 1":                           "write append",
		"remove a..b":                         "a name in the path is empty",
		"remove a.1000":                       "beyond 999",
		"remove {a":                           "a brace is not closed",
		`remove a\b`:                          "a backslash stands before",
		"set a x number":                      `"x" is no number`,
		"set a 1 boolean":                     `"1" is no boolean`,
		"set a x json":                        "is no JSON value",
		"set a {b}{c} json":                   "one placeholder and nothing else",
		"set a b c":                           `"c" is no type`,
		"set header X-A b string":             "too many",
		"set a b c d":                         "too many",
		"remove a\nremove a":                  "is there twice",
		"add header x-a 1\nadd header X-A 2":  "is there twice",
		"remove a\nremove b.c\nremove b.c":    "Testfile:4",
		"content_type json\nremove a":         "is not a media type",
		"content_type text/* text/*":          "listed twice",
		"max_body 0B\nremove a":               "too small",
		"malformed drop\nremove a":            "is not one of",
		"method GET":                          "unknown option",
	}
	for text, want := range rows {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var h Handler
			err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser("request_transform {\n" + text + "\n}"))
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Testfile:") {
				t.Errorf("error is %v, want one about: %s", err, want)
			}
		})
	}
}

func TestJSONRefuses(t *testing.T) {
	ctx := provisioned(t, "")
	for config, want := range map[string]string{
		`{}`: "nothing is to be edited",
		`{"edits":[{"do":"drop","in":"body","name":"a"}]}`:                             "none of: remove",
		`{"edits":[{"do":"remove","in":"uri","name":"a"}]}`:                            "none of: header",
		`{"edits":[{"do":"remove","in":"body","name":""}]}`:                            "the name is empty",
		`{"edits":[{"do":"remove","in":"body","name":"a","to":"b"}]}`:                  "only rename has",
		`{"edits":[{"do":"rename","in":"body","name":"a"}]}`:                           "the new name is missing",
		`{"edits":[{"do":"remove","in":"body","name":"a","value":"b"}]}`:               "has no value",
		`{"edits":[{"do":"set","in":"query","name":"a","value":"1","type":"number"}]}`: "have a type",
		`{"edits":[{"do":"remove","in":"body","name":"a"}],"max_body":-1}`:             "max_body is -1",
		`{"edits":[{"do":"remove","in":"body","name":"a"}],"malformed":"x"}`:           "malformed is",
	} {
		if _, err := ctx.LoadModuleByID("http.handlers.request_transform", json.RawMessage(config)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want one about: %s", config, err, want)
		}
	}
}
