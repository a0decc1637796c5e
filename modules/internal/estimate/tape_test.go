// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/stream"
	"github.com/caddy-gateway/tollgate/modules/internal/tokens"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// payloadsOf makes events that deliver texts, of a shape that changes now and then.
func payloadsOf(r *rand.Rand, count int) (payloads [][]byte, said string) {
	shapes := []string{
		`{"choices":[{"index":0,"delta":{"content":"%s"},"logprobs":null,"finish_reason":null}]}`,
		`{"id":"a","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}],"usage":null,"obfuscation":"%s"}`,
		`{"created_at":"2026-11-21T10:20:30.%s","choices":[{"delta":{"role":"assistant","content":"%[1]s"},"index":0}]}`,
		`{"choices":[{"text":"%s"}]}`,
		`{"pad":"` + strings.Repeat("z", maxTemplate) + `","choices":[{"text":"%s"}]}`,
	}
	const letters = "abcdefghijklmnopqrstuvwxyz é中"
	at := 0
	for range count {
		if r.IntN(20) == 0 {
			at = r.IntN(len(shapes))
		}
		var text strings.Builder
		size := r.IntN(8)
		if r.IntN(30) == 0 {
			size = r.IntN(600)
		}
		for range size {
			text.WriteRune([]rune(letters)[r.IntN(len([]rune(letters)))])
		}
		escaped := text.String()
		said += escaped
		if r.IntN(5) == 0 {
			escaped += `\"\"`
			said += `""`
		}
		event := fmt.Sprintf(shapes[at]+"%.0[2]s", escaped, strings.Repeat("x", r.IntN(12)))
		payloads = append(payloads, []byte(event[:strings.LastIndexByte(event, '}')+1]))
	}
	return payloads, said
}

func TestTapeKeepsEverything(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		payloads, said := payloadsOf(r, 300)
		var tr Transcript
		tr.Reset(usage.OpenAIChat, usage.MediaSSE, tokens.O200kBase)
		for _, p := range payloads {
			before := bytes.Clone(p)
			tr.Event(nil, p)
			if !bytes.Equal(p, before) {
				t.Fatal("a payload was altered")
			}
			clear(p) // it must not be kept
			if len(tr.tape.buf) > maxTape {
				t.Fatalf("the tape holds %d bytes", len(tr.tape.buf))
			}
		}
		if got := read(t, &tr).text; got != said {
			i := stream.CommonPrefix([]byte(got), []byte(said))
			t.Fatalf("seed %d: %d of %d bytes read, different from %d on: %.40q, want %.40q", seed, len(got), len(said), i, got[i:], said[i:])
		}
	}
}

func TestTapeHoldsLittle(t *testing.T) {
	t.Parallel()
	limits := map[string]int{"openai": 12, "openai-obfuscated": 20, "anthropic": 12, "ollama": 20}
	for _, s := range streams {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var tr Transcript
			tr.Reset(s.format, s.media, tokens.O200kBase)
			events := eventsOf(s.shape, 1000)
			var said string
			for i, e := range events {
				tr.Event(nil, e)
				said += words[i%len(words)]
			}
			if held := len(tr.tape.buf) / len(events); held > limits[s.name] {
				t.Errorf("%d bytes held for an event of %d bytes, want at most %d", held, len(events[0]), limits[s.name])
			}
			if got := read(t, &tr).text; got != said {
				t.Errorf("read %d bytes, want %d", len(got), len(said))
			}
		})
	}
}

func TestEventDoesNotAllocate(t *testing.T) {
	for _, s := range streams {
		events := eventsOf(s.shape, 200)
		var tr Transcript
		run := func() {
			tr.Reset(s.format, s.media, tokens.O200kBase)
			for _, e := range events {
				tr.Event(nil, e)
			}
		}
		run() // the buffers grow once
		if n := testing.AllocsPerRun(10, run); n > 0 {
			t.Errorf("%s: %.0f allocations in %d events", s.name, n, len(events))
		}
	}
}

// TestTapeHoldsLongGaps has more between the parts of a shape than usual.
func TestTapeHoldsLongGaps(t *testing.T) {
	t.Parallel()
	const shape = `{"id":"chatcmpl-demo","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}],"obfuscation":"%s"}`
	for _, size := range []int{0, minSplit, recordWhole - 1, recordWhole, 0xff, 0x100, 1000} {
		var tr Transcript
		tr.Reset(usage.OpenAIChat, usage.MediaSSE, tokens.O200kBase)
		var said string
		for i := range 20 {
			word, padding := fmt.Sprint("w", i), strings.Repeat("p", i%5)
			switch i {
			case 10:
				word = strings.Repeat("l", size)
			case 15:
				padding = strings.Repeat("q", size)
			}
			said += word
			tr.Event(nil, fmt.Appendf(nil, shape, word, padding))
		}
		tr.Event(nil, fmt.Appendf(nil, shape, "end", ""))
		if got := read(t, &tr).text; got != said+"end" {
			t.Errorf("gaps of %d: read %q, want %q", size, got, said+"end")
		}
	}
}
