// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apierror_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-gateway/tollgate/modules/internal/apierror"
)

var shapes = []apierror.Shape{
	apierror.Problem, apierror.OpenAI, apierror.Anthropic,
	apierror.Ollama, apierror.Gemini, apierror.Kong,
}

// decode reads the body of e in shape s and fails when it is not exactly one
// JSON object.
func decode(t *testing.T, s apierror.Shape, e apierror.Error) map[string]any {
	t.Helper()
	body := apierror.Append(nil, s, e)
	if !utf8.Valid(body) {
		t.Fatalf("body is not UTF-8: %q", body)
	}
	var object map[string]any
	if err := json.Unmarshal(body, &object); err != nil {
		t.Fatalf("decode %s: %v", body, err)
	}
	return object
}

// member returns the value at a dotted path, nil if there is none.
func member(object map[string]any, path string) any {
	var value any = object
	for name := range strings.SplitSeq(path, ".") {
		inner, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = inner[name]
	}
	return value
}

func TestAppend(t *testing.T) {
	t.Parallel()
	full := apierror.Error{Status: 401, Code: "invalid_key", Message: "The key is unknown.", RequestID: "r-1"}
	bare := apierror.Error{Status: 403, Message: "No."}
	for _, tc := range []struct {
		name  string
		shape apierror.Shape
		err   apierror.Error
		want  string
	}{
		{"problem", apierror.Problem, full, `{"type":"about:blank","title":"Unauthorized","status":401,
			"detail":"The key is unknown.","message":"The key is unknown.","code":"invalid_key","request_id":"r-1"}`},
		{"problem, bare", apierror.Problem, bare, `{"type":"about:blank","title":"Forbidden","status":403,
			"detail":"No.","message":"No."}`},
		{
			"problem, provider's status", apierror.Problem,
			apierror.Error{Status: 529, Message: "m"},
			`{"type":"about:blank","title":"Overloaded","status":529,"detail":"m","message":"m"}`,
		},
		{
			"problem, status without text", apierror.Problem,
			apierror.Error{Status: 599, Message: "m"},
			`{"type":"about:blank","title":"Error","status":599,"detail":"m","message":"m"}`,
		},
		{"openai", apierror.OpenAI, full, `{"error":{"message":"The key is unknown.",
			"type":"authentication_error","param":null,"code":"invalid_key"},"request_id":"r-1"}`},
		{"openai, bare", apierror.OpenAI, bare, `{"error":{"message":"No.",
			"type":"permission_error","param":null,"code":null}}`},
		{"anthropic", apierror.Anthropic, full, `{"type":"error","error":{"type":"authentication_error",
			"message":"The key is unknown.","code":"invalid_key"},"request_id":"r-1"}`},
		{"anthropic, bare", apierror.Anthropic, bare, `{"type":"error","error":{"type":"permission_error","message":"No."}}`},
		{"ollama", apierror.Ollama, full, `{"error":"The key is unknown.","code":"invalid_key","request_id":"r-1"}`},
		{"ollama, bare", apierror.Ollama, bare, `{"error":"No."}`},
		{"gemini", apierror.Gemini, full, `{"error":{"code":401,"message":"The key is unknown.","status":"UNAUTHENTICATED",
			"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"INVALID_KEY","domain":"tollgate"}]},
			"request_id":"r-1"}`},
		{"gemini, bare", apierror.Gemini, bare, `{"error":{"code":403,"message":"No.","status":"PERMISSION_DENIED","details":[]}}`},
		{"kong", apierror.Kong, full, `{"message":"The key is unknown.","request_id":"r-1"}`},
		{"kong, bare", apierror.Kong, bare, `{"message":"No."}`},
		{"unknown shape", apierror.Shape(200), bare, `{"type":"about:blank","title":"Forbidden","status":403,
			"detail":"No.","message":"No."}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var want map[string]any
			if err := json.Unmarshal([]byte(tc.want), &want); err != nil {
				t.Fatal(err)
			}
			if got := decode(t, tc.shape, tc.err); !reflect.DeepEqual(got, want) {
				t.Errorf("body is\n%s", apierror.Append(nil, tc.shape, tc.err))
			}
		})
	}
}

func TestAppendExtends(t *testing.T) {
	t.Parallel()
	got := apierror.Append([]byte("data: "), apierror.Kong, apierror.Error{Message: "No."})
	if string(got) != `data: {"message":"No."}` {
		t.Errorf("Append = %s", got)
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status                    int
		openAI, anthropic, gemini string
	}{
		{400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"},
		{401, "authentication_error", "authentication_error", "UNAUTHENTICATED"},
		{402, "insufficient_quota", "billing_error", "RESOURCE_EXHAUSTED"},
		{403, "permission_error", "permission_error", "PERMISSION_DENIED"},
		{404, "invalid_request_error", "not_found_error", "NOT_FOUND"},
		{405, "invalid_request_error", "invalid_request_error", "UNIMPLEMENTED"},
		{408, "invalid_request_error", "invalid_request_error", "DEADLINE_EXCEEDED"},
		{409, "invalid_request_error", "invalid_request_error", "ABORTED"},
		{412, "invalid_request_error", "invalid_request_error", "FAILED_PRECONDITION"},
		{413, "invalid_request_error", "request_too_large", "INVALID_ARGUMENT"},
		{415, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"},
		{416, "invalid_request_error", "invalid_request_error", "OUT_OF_RANGE"},
		{429, "rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED"},
		{499, "invalid_request_error", "invalid_request_error", "CANCELLED"},
		{500, "api_error", "api_error", "INTERNAL"},
		{501, "api_error", "api_error", "UNIMPLEMENTED"},
		{502, "api_error", "api_error", "UNAVAILABLE"},
		{503, "api_error", "api_error", "UNAVAILABLE"},
		{504, "api_error", "timeout_error", "DEADLINE_EXCEEDED"},
		{529, "api_error", "overloaded_error", "UNAVAILABLE"},
	} {
		t.Run(fmt.Sprint(tc.status), func(t *testing.T) {
			t.Parallel()
			e := apierror.Error{Status: tc.status, Message: "m"}
			if got := member(decode(t, apierror.OpenAI, e), "error.type"); got != tc.openAI {
				t.Errorf("OpenAI type = %v", got)
			}
			if got := member(decode(t, apierror.Anthropic, e), "error.type"); got != tc.anthropic {
				t.Errorf("Anthropic type = %v", got)
			}
			if got := member(decode(t, apierror.Gemini, e), "error.status"); got != tc.gemini {
				t.Errorf("Gemini status = %v", got)
			}
		})
	}
}

// messagePath tells where each shape holds the message.
var messagePath = map[apierror.Shape]string{
	apierror.Problem: "detail", apierror.OpenAI: "error.message", apierror.Anthropic: "error.message",
	apierror.Ollama: "error", apierror.Gemini: "error.message", apierror.Kong: "message",
}

// TestEscaping guards against a string from a request breaking out of its
// member, in every shape and every member.
func TestEscaping(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, text, want string }{
		{"quote", `a","admin":true,"b":"`, `a","admin":true,"b":"`},
		{"backslash at the end", `a\`, `a\`},
		{"escaped quote", `a\"b`, `a\"b`},
		{"line breaks", "a\r\nb\tc", "a\r\nb\tc"},
		{"controls", "\x00\x01\x1f\x7f", "\x00\x01\x1f\x7f"},
		{"markup", "</script>&amp;", "</script>&amp;"},
		{"line separators", "a\u2028b\u2029c", "a\u2028b\u2029c"},
		{"other scripts", "ключ கீ 钥匙 🔑", "ключ கீ 钥匙 🔑"},
		{"not UTF-8", "a\xffb\xc3", "a\ufffdb\ufffd"},
		{"surrogate", "\xed\xa0\x80", "\ufffd\ufffd\ufffd"},
		{"replacement character itself", "\ufffd", "\ufffd"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, s := range shapes {
				e := apierror.Error{Status: 400, Code: tc.text, Message: tc.text, RequestID: tc.text}
				object := decode(t, s, e)
				if got := member(object, messagePath[s]); got != tc.want {
					t.Errorf("%v: message = %q", s, got)
				}
				if got := member(object, "request_id"); got != tc.want {
					t.Errorf("%v: request_id = %q", s, got)
				}
				if object["admin"] != nil {
					t.Errorf("%v: a member was injected", s)
				}
				body := apierror.Append(nil, s, e)
				if bytes.ContainsAny(body, "<>&\r\n\x00\x7f\u2028\u2029") {
					t.Errorf("%v: body holds a raw special character: %q", s, body)
				}
			}
		})
	}
}

func TestContentType(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		shape      apierror.Shape
		name, want string
	}{
		{apierror.Problem, "problem", "application/problem+json"},
		{apierror.OpenAI, "openai", "application/json"},
		{apierror.Anthropic, "anthropic", "application/json"},
		{apierror.Ollama, "ollama", "application/json"},
		{apierror.Gemini, "gemini", "application/json"},
		{apierror.Kong, "kong", "application/json; charset=utf-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := tc.shape.ContentType(); got != tc.want {
				t.Errorf("ContentType = %q", got)
			}
			if got := tc.shape.String(); got != tc.name {
				t.Errorf("String = %q", got)
			}
		})
	}
}

func FuzzAppend(f *testing.F) {
	f.Add(uint8(1), 401, "invalid_key", `a"b\`, "r-1")
	f.Add(uint8(4), 500, "a-b\xff", "\u2028", "")
	f.Fuzz(func(t *testing.T, shape uint8, status int, code, message, id string) {
		s := shapes[int(shape)%len(shapes)]
		e := apierror.Error{Status: status, Code: code, Message: message, RequestID: id}
		object := decode(t, s, e)
		if got := member(object, messagePath[s]); utf8.ValidString(message) && got != message {
			t.Errorf("message = %q", got)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	e := apierror.Error{Status: 401, Code: "invalid_key", Message: "The key is unknown.", RequestID: "0190c0de-0000-7000-8000-000000000000"}
	for _, s := range shapes {
		b.Run(s.String(), func(b *testing.B) {
			dst := make([]byte, 0, 512)
			b.ReportAllocs()
			for b.Loop() {
				dst = apierror.Append(dst[:0], s, e)
			}
		})
	}
}
