// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"bytes"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/tokens"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// FuzzTranscript reads lines as payloads in three ways: as they come, in parts
// and, since a transcript must not depend on what it holds, one at a time.
func FuzzTranscript(f *testing.F) {
	for _, s := range streams {
		f.Add(uint8(s.format), uint8(s.media), uint8(3), bytes.Join(eventsOf(s.shape, 2), []byte("\n")))
	}
	f.Add(uint8(usage.OpenAIResponses), uint8(usage.MediaSSE), uint8(1), []byte("{\"type\":\"response.output_text.delta\",\"delta\":\"a\\ud83d\"}\n{\"delta\":\"\\ude80\",\"type\":\"response.reasoning_text.delta\"}"))
	f.Add(uint8(usage.Gemini), uint8(usage.MediaJSON), uint8(2), []byte(`[{"candidates":[{"content":{"parts":[{"text":"a\u00e9","thought":true},{"functionCall":{"args":{"a":["}"]}}}]}}]}]`))
	f.Add(uint8(usage.OpenAIChat), uint8(usage.MediaJSON), uint8(9), []byte(`{"choices":[{"index":99,"message":{"content":["a",{"text":"b"}],"reasoning":"c"}}]}`))
	f.Fuzz(func(t *testing.T, format, media, size uint8, body []byte) {
		var whole, parts, apart Transcript
		all := []*Transcript{&whole, &parts, &apart}
		for _, tr := range all {
			tr.Reset(usage.Format(format%7), usage.Media(media%4), tokens.O200kBase)
		}
		before := bytes.Clone(body)
		step := int(size)%32 + 1
		if usage.Media(media%4) == usage.MediaJSON {
			whole.Bytes(body)
			for rest := body; len(rest) > 0; {
				n := min(step, len(rest))
				parts.Bytes(rest[:n])
				apart.Bytes(rest[:n])
				apart.play()
				rest = rest[n:]
			}
		} else {
			for payload := range bytes.SplitSeq(body, []byte("\n")) {
				whole.Event(nil, payload)
				apart.Event(nil, payload)
				apart.play()
				if len(payload) == 0 {
					parts.Part(nil, nil, true)
				}
				for rest := payload; len(rest) > 0; {
					n := min(step, len(rest))
					parts.Part(nil, rest[:n], n == len(rest))
					rest = rest[n:]
				}
			}
		}
		want := read(t, &whole)
		for i, tr := range all {
			if got := read(t, tr); got != want {
				t.Errorf("way %d: read %q, not %q", i, got, want)
			}
			bounded(t, tr)
		}
		if c := whole.Output(); c.Total() < 0 || c.Total() > 3*int64(len(body)) {
			t.Errorf("%d tokens in %d bytes", c.Total(), len(body))
		}
		if !bytes.Equal(body, before) {
			t.Error("the body was altered")
		}
	})
}
