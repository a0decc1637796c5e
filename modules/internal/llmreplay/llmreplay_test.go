// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// api is a format and an operation of it.
type api struct {
	format    usage.Format
	operation string
}

func (a api) String() string { return a.format.String() + " " + a.operation }

var (
	chatAPI       = api{usage.OpenAIChat, "chat"}
	completionAPI = api{usage.OpenAIChat, "completions"}
	responsesAPI  = api{usage.OpenAIResponses, "responses"}
	messagesAPI   = api{usage.AnthropicMessages, "messages"}
	ollamaChatAPI = api{usage.OllamaNative, "chat"}
	generateAPI   = api{usage.OllamaNative, "generate"}
	geminiAPI     = api{usage.Gemini, "generate"}
)

// decoded returns what a document means, numbers as they are written.
func decoded(t *testing.T, doc []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(doc)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil || d.More() {
		t.Fatalf("%s: %v", doc, err)
	}
	return v
}

// sameJSON fails the test unless two documents mean the same.
func sameJSON(t *testing.T, got []byte, want string) {
	t.Helper()
	if !reflect.DeepEqual(decoded(t, got), decoded(t, []byte(want))) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func wholeOf(t *testing.T, a api, stream string) []byte {
	t.Helper()
	got, err := Whole(a.format, a.operation, []byte(stream))
	if err != nil {
		t.Fatalf("%s of\n%s\n%v", a, stream, err)
	}
	return got
}

func streamOf(t *testing.T, a api, whole string, o Options) string {
	t.Helper()
	got, err := Stream(a.format, a.operation, []byte(whole), o)
	if err != nil {
		t.Fatalf("%s of\n%s\n%v", a, whole, err)
	}
	return string(got)
}

// reasonOf returns the reason of an error, which must be one of this package.
func reasonOf(t *testing.T, err error) Reason {
	t.Helper()
	var e *Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &e):
		t.Fatalf("an error of another type: %v", err)
	}
	return e.Reason
}

// sseOf writes payloads as server-sent events without names.
func sseOf(payloads ...string) string {
	var b strings.Builder
	for _, p := range payloads {
		fmt.Fprintf(&b, "data: %s\n\n", p)
	}
	return b.String()
}

// namedOf writes payloads as events that are named by their type.
func namedOf(t *testing.T, payloads ...string) string {
	t.Helper()
	var b strings.Builder
	for _, p := range payloads {
		fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", typeOf(t, []byte(p)), p)
	}
	return b.String()
}

func typeOf(t *testing.T, payload []byte) string {
	t.Helper()
	var e struct{ Type string }
	if err := json.Unmarshal(payload, &e); err != nil || e.Type == "" {
		t.Fatalf("%s has no type: %v", payload, err)
	}
	return e.Type
}

// payloadsOf returns the payloads of a stream, in which each event has one.
func payloadsOf(t *testing.T, stream string) []string {
	t.Helper()
	var all []string
	for event := range Events([]byte(stream)) {
		if event[0] == '{' {
			all = append(all, string(event))
			continue
		}
		n := 0
		if err := eachPayload(event, func(data []byte) error { n++; all = append(all, string(data)); return nil }); err != nil || n != 1 {
			t.Fatalf("event %q has %d payloads: %v", event, n, err)
		}
	}
	return all
}

// refusal is an answer that cannot be turned round.
type refusal struct {
	name   string
	api    api
	answer string
	want   Reason
}

func checkRefusals(t *testing.T, turn func(a api, answer string) error, rows []refusal) {
	t.Helper()
	for _, c := range rows {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := reasonOf(t, turn(c.api, c.answer)); got != c.want {
				t.Errorf("got reason %q, want %q", got, c.want)
			}
		})
	}
}

func wholeError(a api, stream string) error {
	_, err := Whole(a.format, a.operation, []byte(stream))
	return err
}

func streamError(a api, whole string) error {
	_, err := Stream(a.format, a.operation, []byte(whole), Options{})
	return err
}

func TestOperationsThatDoNotStream(t *testing.T) {
	t.Parallel()
	for _, a := range []api{
		{usage.OpenAIEmbeddings, "embeddings"},
		{usage.OllamaNative, "embeddings"},
		{usage.Gemini, "embeddings"},
		{usage.AnthropicMessages, "count_tokens"},
		{usage.FormatNone, ""},
		{usage.OpenAIChat, "models"},
	} {
		if got := reasonOf(t, wholeError(a, "data: {}\n\n")); got != Unsupported {
			t.Errorf("%s as a document: %q", a, got)
		}
		if got := reasonOf(t, streamError(a, "{}")); got != Unsupported {
			t.Errorf("%s as a stream: %q", a, got)
		}
	}
}
