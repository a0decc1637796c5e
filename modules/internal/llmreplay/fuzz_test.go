// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"encoding/json"
	"testing"
)

var fuzzAPIs = []api{chatAPI, completionAPI, responsesAPI, messagesAPI, ollamaChatAPI, generateAPI, geminiAPI}

// FuzzReplay feeds both directions with anything. Nothing panics, errors are of this
// package, and what comes out can be read; memory stays within a multiple of what
// came in.
func FuzzReplay(f *testing.F) {
	for _, s := range samples {
		for i, a := range fuzzAPIs {
			if a == s.api {
				f.Add(i, []byte(s.doc))
				stream, err := Stream(a.format, a.operation, []byte(s.doc), Options{IncludeUsage: true})
				if err != nil {
					f.Fatal(err)
				}
				if len(stream) < 20_000 {
					f.Add(i, stream)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, which int, answer []byte) {
		a := fuzzAPIs[uint(which)%uint(len(fuzzAPIs))] //nolint:gosec // any will do
		whole, err := Whole(a.format, a.operation, answer)
		if reasonOf(t, err) == "" {
			checkDocument(t, a, whole)
			if len(whole) > 2*len(answer)+100 {
				t.Errorf("%d bytes of %d", len(whole), len(answer))
			}
		}
		checkDocument(t, a, answer)
		DropUsage(answer)
		_, err = AddUsage(answer, []byte(`{}`))
		reasonOf(t, err)
	})
}

// checkDocument makes a stream of a document, if it can be one, and that whole again.
func checkDocument(t *testing.T, a api, doc []byte) {
	t.Helper()
	stream, err := Stream(a.format, a.operation, doc, Options{IncludeUsage: true})
	if reasonOf(t, err) != "" {
		return
	}
	if !json.Valid(doc) {
		t.Fatalf("a stream of what is not JSON: %q", doc)
	}
	whole, err := Whole(a.format, a.operation, stream)
	switch reasonOf(t, err) {
	case "", Unsupported: // such as names that come in two spellings
	default:
		t.Fatalf("a stream that is none: %v\n%q\nof %q", err, stream, doc)
	}
	if err == nil && !json.Valid(whole) {
		t.Fatalf("%q of %q", whole, stream)
	}
}
