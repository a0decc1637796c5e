// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// compress compresses a body as a whole with gzip.
func compress(t *testing.T, body string) []byte {
	t.Helper()
	return bytes.Join(compressEvents(t, []string{body}), nil)
}

// compressEvents compresses event by event with gzip, as servers of streams do, the
// end of the coding being a piece of its own.
func compressEvents(t *testing.T, events []string) (out [][]byte) {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	take := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, bytes.Clone(buf.Bytes()))
		buf.Reset()
	}
	for _, e := range events {
		if _, err := io.WriteString(w, e); err != nil {
			t.Fatal(err)
		}
		take(w.Flush())
	}
	take(w.Close())
	return out
}

// compressed is an answer in one coding: a document, and a stream compressed as a
// whole and event by event.
type compressed struct {
	Document []byte   `json:"document"`
	Stream   []byte   `json:"stream"`
	Flushed  [][]byte `json:"stream_flushed"`
}

// samples are answers with the usage saidUsage, by coding. What the standard library
// cannot compress was compressed beforehand.
func samples(t *testing.T) map[string]compressed {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "compressed.json"))
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]compressed
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	events := chunks("chat.completion.chunk", true)
	document := `{"model":"gpt-4o-mini","choices":[{"message":{"content":"` + strings.Repeat("text ", 4000) + `"}}],"usage":` + saidUsage + `}`
	zipped := compressed{compress(t, document), compress(t, strings.Join(events, "")), compressEvents(t, events)}
	for _, name := range []string{"gzip", "x-gzip", "GZIP"} {
		out[name] = zipped
	}
	return out
}

// coded makes an upstream that answers with a content coding, in pieces.
func coded(ctype string, codings []string, body ...[]byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", ctype)
		w.Header()["Content-Encoding"] = codings
		for _, p := range body {
			_, _ = w.Write(p)
			_ = http.NewResponseController(w).Flush()
		}
	}
}

const (
	plainRequest  = `{"model":"gpt-4o-mini","messages":[]}`
	streamRequest = `{"model":"gpt-4o-mini","stream":true,` + asking + `}`
)

// Compressed answers are counted as exactly as others, and reach the client as the
// upstream made them.
func TestCompressedAnswersAreRead(t *testing.T) {
	t.Parallel()
	for coding, sample := range samples(t) {
		whole := sample.Document
		half := len(whole) / 2
		for name, tc := range map[string]struct {
			upstream http.HandlerFunc
			request  string
			want     []byte
			headers  bool // tell the cost
			off      bool
		}{
			"JSON":               {coded(jsonType, []string{coding}, whole), plainRequest, whole, true, false},
			"JSON in pieces":     {coded(jsonType, []string{coding}, whole[:half], whole[half:len(whole)-3], whole[len(whole)-3:]), plainRequest, whole, true, false},
			"JSON not held":      {coded(jsonType, []string{coding}, whole[:half], whole[half:len(whole)-3], whole[len(whole)-3:]), plainRequest, whole, false, true},
			"SSE event by event": {coded(sseType, []string{coding}, sample.Flushed...), streamRequest, bytes.Join(sample.Flushed, nil), false, false},
			"SSE whole":          {coded(sseType, []string{coding}, sample.Stream), streamRequest, sample.Stream, false, false},
		} {
			t.Run(coding+" "+name, func(t *testing.T) {
				t.Parallel()
				rt := newRoute(t, &Handler{Provider: "openai", HeadersOff: tc.off}, tc.upstream)
				w := rt.post(chatPath, jsonType, tc.request)
				if !bytes.Equal(w.Body.Bytes(), tc.want) || w.Header().Get("Content-Encoding") != coding {
					t.Error("the answer was changed")
				}
				row := rt.agreed()
				if row.Requests != 1 || row.Exact != 1 || row.Failed != 0 || row.Counts.TotalInput() != 21 || row.Counts.TotalOutput() != 3 {
					t.Errorf("row %+v, report %+v", row, rt.last.LLM.Report)
				}
				if got := w.Header().Get(headerCost); (got != "") != tc.headers {
					t.Errorf("%s %q", headerCost, got)
				}
			})
		}
	}
}

// What cannot be read passes as well, and its cost is unknown. What ends too soon is
// counted as far as it goes.
func TestCompressedAnswersThatCannotBeRead(t *testing.T) {
	t.Parallel()
	document := `{"model":"gpt-4o-mini","choices":[],"usage":` + saidUsage + `}`
	zipped := compress(t, document)
	twice := compress(t, string(zipped))
	bomb := compress(t, `{"x":"`+strings.Repeat("a", 65<<20)+`","usage":`+saidUsage+`}`)
	for name, tc := range map[string]struct {
		codings   []string
		body      []byte
		exact     int64
		unknown   int64
		truncated bool
	}{
		"damaged":                 {[]string{"gzip"}, append(bytes.Clone(zipped[:20]), zipped[25:]...), 0, 1, false},
		"cut":                     {[]string{"gzip"}, zipped[:len(zipped)/2], 0, 0, true},
		"not compressed":          {[]string{"zstd"}, []byte(document), 0, 1, false},
		"unknown":                 {[]string{"deflate"}, zipped, 0, 1, false},
		"coded twice":             {[]string{"gzip, gzip"}, twice, 1, 0, false},
		"coded twice, two fields": {[]string{"gzip", "gzip"}, twice, 1, 0, false},
		"coded three times":       {[]string{"gzip, gzip, gzip"}, compress(t, string(twice)), 0, 1, false},
		"larger than the bound":   {[]string{"gzip"}, bomb, 0, 1, false},
		"identity":                {[]string{"identity"}, []byte(document), 1, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{Provider: "openai"}, coded(jsonType, tc.codings, tc.body))
			w := rt.post(chatPath, jsonType, plainRequest)
			if !bytes.Equal(w.Body.Bytes(), tc.body) {
				t.Error("the answer was changed")
			}
			row := rt.agreed()
			if row.Requests != 1 || row.Exact != tc.exact || row.PriceUnknown != tc.unknown || rt.last.LLM.Truncated != tc.truncated {
				t.Errorf("row %+v, report %+v", row, rt.last.LLM.Report)
			}
			if got := w.Header().Get(headerCost); (got != "") == (tc.unknown == 1) {
				t.Errorf("%s %q", headerCost, got)
			}
		})
	}
}

// A compressed stream that ends too soon is broken off, as any other is.
func TestCompressedStreamCut(t *testing.T) {
	t.Parallel()
	all := compressEvents(t, chunks("x", false))
	rt := newRoute(t, &Handler{Provider: "openai"}, coded(sseType, []string{"gzip"}, all[:3]...))
	rt.post(chatPath, jsonType, streamRequest)
	if row := rt.agreed(); !rt.broken || row.Requests != 1 || row.Exact != 0 || row.Failed != 1 {
		t.Errorf("broken %v, row %+v, report %+v", rt.broken, row, rt.last.LLM.Report)
	}
}
