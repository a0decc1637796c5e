// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"testing"
)

// FuzzDecoder checks that no input makes a decoder panic or exceed its bound, and
// that chunks make no difference.
func FuzzDecoder(f *testing.F) {
	for i, name := range names {
		f.Add(byte(i), uint16(5), compressed(f, `data: {"usage":{"prompt_tokens":3}}`, name))
		f.Add(byte(i), uint16(0), compressed(f, texts()["repeated"], name))
	}
	f.Fuzz(func(t *testing.T, which byte, at uint16, body []byte) {
		name := names[int(which)%len(names)]
		read := func(chunks ...[]byte) (string, bool) {
			d := mustNew(t, name)
			d.MaxOutput = 1 << 20
			var got bytes.Buffer
			sink := func(p []byte) { got.Write(p) }
			for _, c := range chunks {
				d.Write(c, sink)
			}
			d.Finish(sink)
			if got.Len() > 1<<20 {
				t.Fatalf("got %d bytes, more than the bound", got.Len())
			}
			return got.String(), d.Err() == nil
		}
		n := min(int(at), len(body))
		whole, ok := read(body)
		if parts, okParts := read(body[:n], body[n:]); ok != okParts || ok && parts != whole {
			t.Fatalf("whole: %d bytes, complete: %v; cut at %d: %d bytes, complete: %v", len(whole), ok, n, len(parts), okParts)
		}
	})
}
