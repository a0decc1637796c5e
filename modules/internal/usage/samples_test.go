// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sample is a response body and what it must be read as.
type sample struct {
	File     string           `json:"file"`
	Format   string           `json:"format"`
	Model    string           `json:"model"`
	Tier     string           `json:"tier"`
	Geo      string           `json:"geo"`
	Found    bool             `json:"found"`
	Partial  bool             `json:"partial"`
	Complete bool             `json:"complete"`
	Cost     string           `json:"cost"`
	Counts   map[string]int64 `json:"counts"`

	body   []byte
	format Format
	media  Media
}

// loadSamples reads testdata/expectations.json and the bodies it names.
func loadSamples(t testing.TB) []sample {
	t.Helper()
	text, err := os.ReadFile("testdata/expectations.json")
	if err != nil {
		t.Fatal(err)
	}
	var samples []sample
	if err := json.Unmarshal(text, &samples); err != nil {
		t.Fatal(err)
	}
	for i := range samples {
		s := &samples[i]
		if s.body, err = os.ReadFile(filepath.Join("testdata", s.File)); err != nil {
			t.Fatal(err)
		}
		for f := range Format(numFormats) {
			if f.String() == s.Format {
				s.format = f
			}
		}
		if s.format == FormatNone {
			t.Fatalf("%s: unknown format %q", s.File, s.Format)
		}
		s.media = map[string]Media{".json": MediaJSON, ".sse": MediaSSE, ".ndjson": MediaNDJSON}[filepath.Ext(s.File)]
	}
	return samples
}

// want returns the report that the sample must give.
func (s *sample) want(t *testing.T) Report {
	t.Helper()
	r := Report{Model: s.Model, ServiceTier: s.Tier, Geo: s.Geo, Found: s.Found, OutputPartial: s.Partial, Complete: s.Complete}
	for name, n := range s.Counts {
		r.Counts[classNamed(t, name)] = n
	}
	if s.Cost != "" {
		r.ReportedCost, r.HasReportedCost = usd(t, s.Cost), true
	}
	return r
}

func classNamed(t *testing.T, name string) Class {
	t.Helper()
	for c := range Class(NumClasses) {
		if c.String() == name {
			return c
		}
	}
	t.Fatalf("unknown class %q", name)
	return 0
}

// meter feeds the pieces, each of which is overwritten after use, and returns
// the final report and how often the end was signalled.
func meter(f Format, media Media, pieces ...[]byte) (Report, int) {
	var m Meter
	m.Reset(f, media)
	ends := 0
	for _, piece := range pieces {
		chunk := bytes.Clone(piece)
		if m.Write(chunk) {
			ends++
		}
		for i := range chunk {
			chunk[i] = '#'
		}
	}
	return m.Finish(), ends
}

func TestSamples(t *testing.T) {
	t.Parallel()
	for _, s := range loadSamples(t) {
		t.Run(s.File, func(t *testing.T) {
			t.Parallel()
			want := s.want(t)
			bodies := map[string][]byte{"plain": s.body}
			if s.media != MediaJSON {
				bodies["crlf"] = bytes.ReplaceAll(s.body, []byte("\n"), []byte("\r\n"))
			}
			if s.media == MediaSSE {
				bodies["cr"] = bytes.ReplaceAll(s.body, []byte("\n"), []byte("\r"))
				bodies["no space"] = bytes.ReplaceAll(s.body, []byte("\ndata: "), []byte("\ndata:"))
				bodies["no event names"] = dropLines(s.body, "event:")
				bodies["no end of event"] = bytes.TrimRight(s.body, "\n")
			}
			for name, body := range bodies {
				got, ends := meter(s.format, s.media, body)
				want.Final = got.Final // see TestFinalUsage
				if got != want {
					t.Errorf("%s: got %+v, want %+v", name, got, want)
				}
				if wantEnds := s.Complete && s.format != Gemini || s.media == MediaJSON; (ends > 0) != wantEnds && name != "no end of event" {
					t.Errorf("%s: end signalled %d times, want %v", name, ends, wantEnds)
				}
				for cut := range body {
					if got, n := meter(s.format, s.media, body[:cut], body[cut:]); got != want || n != ends {
						t.Fatalf("%s, cut at %d: got %+v and %d ends, want %+v", name, cut, got, n, want)
					}
				}
				single := make([][]byte, len(body))
				for i := range body {
					single[i] = body[i : i+1]
				}
				if got, n := meter(s.format, s.media, single...); got != want || n != ends {
					t.Errorf("%s, byte by byte: got %+v and %d ends, want %+v", name, got, n, want)
				}
			}
		})
	}
}

// dropLines removes the lines with the prefix.
func dropLines(text []byte, prefix string) []byte {
	var kept []string
	for _, line := range strings.SplitAfter(string(text), "\n") {
		if !strings.HasPrefix(line, prefix) {
			kept = append(kept, line)
		}
	}
	return []byte(strings.Join(kept, ""))
}

// TestSamplesCut checks that no prefix of a sample gives figures that the whole
// does not, except the placeholder of an Anthropic stream.
func TestSamplesCut(t *testing.T) {
	t.Parallel()
	for _, s := range loadSamples(t) {
		t.Run(s.File, func(t *testing.T) {
			t.Parallel()
			whole, _ := meter(s.format, s.media, s.body)
			for cut := range s.body {
				got, ends := meter(s.format, s.media, s.body[:cut])
				if got.Failed || got.Complete && ends == 0 && !endsNamed(s.body[:cut]) {
					t.Fatalf("cut at %d: %+v", cut, got)
				}
				if got.Malformed && s.media == MediaJSON {
					t.Fatalf("cut at %d: a document cut short is not malformed", cut)
				}
				if got.Counts.TotalInput() > whole.Counts.TotalInput() || got.Counts.TotalOutput() > whole.Counts.TotalOutput() {
					t.Fatalf("cut at %d: more than the whole: %v", cut, got.Counts)
				}
			}
		})
	}
}

// endsNamed reports whether the text holds something that ends a stream, if only
// for want of an empty line after it.
func endsNamed(text []byte) bool {
	for _, end := range []string{"[DONE]", "event: message_stop", "event: response.completed", `"done": true`, `"finishReason": "STOP"`} {
		if bytes.Contains(text, []byte(end)) {
			return true
		}
	}
	return false
}

// TestSamplesAreHarmless guards against a transcript with something like a key.
func TestSamplesAreHarmless(t *testing.T) {
	t.Parallel()
	for _, s := range loadSamples(t) {
		for _, mark := range []string{"sk-", "Bearer", "AIza", "xai-", "tg_"} {
			if bytes.Contains(s.body, []byte(mark)) {
				t.Errorf("%s contains %q", s.File, mark)
			}
		}
	}
}
