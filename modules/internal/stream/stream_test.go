// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// recorder writes down what a scanner reports; pieces are joined.
type recorder struct {
	events []string
	part   []byte
}

func (r *recorder) Event(name, data []byte) {
	r.events = append(r.events, fmt.Sprintf("%s|%s", name, data))
}

func (r *recorder) Part(name, data []byte, last bool) {
	r.part = append(r.part, data...)
	if last {
		r.events = append(r.events, fmt.Sprintf("%s|long:%s", name, strings.TrimRight(string(r.part), " \t\r")))
		r.part = nil
	}
}

// split scans the text in chunks of the given size; zero means in one piece.
// Every chunk is overwritten after use, so that nothing may be retained.
func split(t *testing.T, f Framing, limit, size int, text string) []string {
	t.Helper()
	s := Scanner{max: limit}
	s.Reset(f)
	var r recorder
	feed := func(part string) {
		chunk := []byte(part)
		s.Write(chunk, &r)
		if string(chunk) != part {
			t.Fatalf("chunk was altered")
		}
		for i := range chunk {
			chunk[i] = '#'
		}
	}
	if size == 0 {
		feed(text)
	} else {
		for len(text) > 0 {
			n := min(size, len(text))
			feed(text[:n])
			text = text[n:]
		}
	}
	s.Finish(&r)
	return r.events
}

func TestScanner(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		framing Framing
		in      string
		want    []string
	}{
		{"one event", SSE, "data: a\n\n", []string{"|a"}},
		{"no space after colon", SSE, "data:a\n\ndata:  b\n\n", []string{"|a", "| b"}},
		{"event name", SSE, "event: x\ndata: a\n\ndata: b\n\n", []string{"x|a", "|b"}},
		{"event name after data", SSE, "data: a\nevent: x\n\n", []string{"x|a"}},
		{"overlong event name", SSE, "event: " + strings.Repeat("n", maxName+1) + "\ndata: a\n\n", []string{"|a"}},
		{"crlf", SSE, "event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", []string{"x|a", "|b"}},
		{"cr", SSE, "data: a\r\rdata: b\r\r", []string{"|a", "|b"}},
		{"lf and crlf", SSE, "data: a\n\r\ndata: b\r\ndata: c\r\n\n\r\ndata: d\n\n", []string{"|a", "|b\nc", "|d"}},
		{"cr and crlf", SSE, "data: a\r\r\ndata: b\r\ndata: c\r\rdata: d\r\n\r", []string{"|a", "|b\nc", "|d"}},
		{"crlf then lf", SSE, "data: a\r\n\ndata:\r\n\n", []string{"|a", "|"}},
		{"lone cr", SSE, "\r", nil},
		{"leading empty lines", SSE, "\r\n\r\ndata: a\r\n\r\n", []string{"|a"}},
		{"crlf at the bound", SSE, "data: 34567890123456\r\n\r\n", []string{"|34567890123456"}},
		{"long line with cr", SSE, "data: a\r\rdata: " + strings.Repeat("y", 30) + "\r\rdata: b\r\r", []string{"|a", "|long:" + strings.Repeat("y", 30), "|b"}},
		{"comments", SSE, ": keep-alive\n\n:\ndata: a\n: x\n\n", []string{"|a"}},
		{"other fields", SSE, "id: 1\nretry: 2\ndatas: x\ndat: y\nevents: z\ndata: a\n\n", []string{"|a"}},
		{"three data lines", SSE, "data: a\ndata: b\ndata:\n\n", []string{"|a\nb\n"}},
		{"data without colon", SSE, "data\n\n", []string{"|"}},
		{"empty data", SSE, "data:\n\n", []string{"|"}},
		{"event without data", SSE, "event: x\n\ndata: a\n\n", []string{"|a"}},
		{"byte order mark", SSE, "\xEF\xBB\xBFdata: a\n\n", []string{"|a"}},
		{"byte order mark later", SSE, "\n\xEF\xBB\xBFdata: a\n\ndata: b\n\n", []string{"|b"}},
		{"end without empty line", SSE, "data: a\n", []string{"|a"}},
		{"end within line", SSE, "data: a\n\ndata: b", []string{"|a", "|b"}},
		{"empty", SSE, "", nil},
		{"at the bound", SSE, "data: 34567890123456\n\n", []string{"|34567890123456"}},
		{"beyond the bound", SSE, "event: x\ndata: 345678901234567\n\ndata: b\n\n", []string{"x|long:345678901234567", "|b"}},
		{"far beyond, no space", SSE, "data:" + strings.Repeat("y", 99) + "\r\n\r\n", []string{"|long:" + strings.Repeat("y", 99)}},
		{"beyond, with mark", SSE, "\xEF\xBB\xBFdata: 345678901234567\n\n", []string{"|long:345678901234567"}},
		{"long comment", SSE, ":" + strings.Repeat("y", 99) + "\n\ndata: b\n\n", []string{"|b"}},
		{"long second data line", SSE, "data: a\ndata: " + strings.Repeat("y", 99) + "\n\ndata: b\n\n", []string{"|b"}},
		{"data line after a long one", SSE, "data: " + strings.Repeat("y", 20) + "\ndata: a\n\n", []string{"|long:" + strings.Repeat("y", 20)}},
		{"many data lines", SSE, strings.Repeat("data: 0123456789\n", 9) + "\ndata: b\n\n", []string{"|b"}},
		{"cut within a long line", SSE, "data: " + strings.Repeat("y", 99), nil},
		{"lines", NDJSON, "{}\n[1]\n", []string{"|{}", "|[1]"}},
		{"lines with crlf", NDJSON, "{}\r\n\r\n[1]\r\n", []string{"|{}", "|[1]"}},
		{"lines with bare cr", NDJSON, "{\r}\n", []string{"|{\r}"}},
		{"last line open", NDJSON, "{}\n[1]", []string{"|{}", "|[1]"}},
		{"blank lines", NDJSON, "\n \n\t{} \n", []string{"|{}"}},
		{"line with mark", NDJSON, "\xEF\xBB\xBF{}\n", []string{"|{}"}},
		{"long line", NDJSON, strings.Repeat("z", 50) + "\r\n{}\n", []string{"|long:" + strings.Repeat("z", 50), "|{}"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			limit := 20
			if strings.Contains(c.name, "event name") {
				limit = 0
			}
			for size := 0; size <= len(c.in); size++ {
				if got := split(t, c.framing, limit, size, c.in); !slices.Equal(got, c.want) {
					t.Errorf("chunks of %d: got %q, want %q", size, got, c.want)
				}
			}
		})
	}
}

func TestScannerBoundsMemory(t *testing.T) {
	t.Parallel()
	var s Scanner
	s.Reset(SSE)
	chunk := []byte("data: " + strings.Repeat("x", 100_000))
	var parts int
	sink := counter{parts: &parts}
	for range 50 {
		s.Write(chunk, sink)
	}
	if parts == 0 || cap(s.line) > MaxLine+1 || cap(s.held) > MaxLine {
		t.Errorf("parts %d, line %d bytes, held %d bytes", parts, cap(s.line), cap(s.held))
	}
	s.Reset(SSE)
	if cap(s.line) > keepSize {
		t.Errorf("%d bytes kept after reset", cap(s.line))
	}
}

// counter counts without allocating.
type counter struct{ events, parts *int }

func (c counter) Event(_, _ []byte) { *c.events++ }

func (c counter) Part(_, _ []byte, _ bool) { *c.parts++ }

func TestScannerAllocatesNothingPerEvent(t *testing.T) { // not parallel: AllocsPerRun forbids it
	text := []byte(strings.Repeat("event: delta\ndata: {\"text\":\"hello\"}\n\n", 50))
	var events, parts int
	sink := &counter{&events, &parts}
	var s Scanner
	for name, size := range map[string]int{"whole": len(text), "cut": 7} {
		allocs := testing.AllocsPerRun(20, func() {
			s.Reset(SSE)
			for rest := text; len(rest) > 0; {
				n := min(size, len(rest))
				s.Write(rest[:n], sink)
				rest = rest[n:]
			}
			s.Finish(sink)
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations per stream, want none", name, allocs)
		}
	}
	if events%50 != 0 || events == 0 {
		t.Errorf("%d events seen", events)
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte("event: a\r\ndata: 1\r\n\r\ndata: 2\n\n: c\rdata:3\r\r"), uint8(3), uint8(24), false)
	f.Add([]byte("\xEF\xBB\xBFdata: 12345678901234567890\n\ndata: x"), uint8(1), uint8(9), false)
	f.Add([]byte("{\"a\":1}\n{\"b\":2}\r\n"), uint8(2), uint8(5), true)
	f.Fuzz(func(t *testing.T, text []byte, size, limit uint8, lines bool) {
		framing := SSE
		if lines {
			framing = NDJSON
		}
		whole := split(t, framing, 16+int(limit), 0, string(text))
		cut := split(t, framing, 16+int(limit), int(size%16)+1, string(text))
		if !slices.Equal(whole, cut) {
			t.Errorf("whole %q, in chunks %q", whole, cut)
		}
	})
}

func BenchmarkScanner(b *testing.B) {
	event := "data: {\"id\":\"chatcmpl-demo\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + strings.Repeat("word ", 18) + "\"}}]}\n\n"
	text := []byte(strings.Repeat(event, 200))
	var events, parts int
	sink := &counter{&events, &parts}
	var s Scanner
	b.ReportAllocs()
	for b.Loop() {
		s.Reset(SSE)
		s.Write(text, sink)
		s.Finish(sink)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
}
