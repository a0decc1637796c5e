// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import "testing"

// FuzzMeter feeds a body whole and in chunks: the report must be the same, and
// its figures credible whatever the body says.
func FuzzMeter(f *testing.F) {
	for _, s := range loadSamples(f) {
		f.Add(s.body, uint8(s.format), uint8(s.media), uint8(7))
	}
	f.Add([]byte("event: error\r\ndata: {\"type\":\"error\"}\r\rdata: [DONE]"), uint8(AnthropicMessages), uint8(MediaSSE), uint8(0))
	f.Fuzz(func(t *testing.T, body []byte, format, media, size uint8) {
		fm, md := Format(format%numFormats), Media(media%4)
		whole, _ := meter(fm, md, body)
		var pieces [][]byte
		for rest := body; len(rest) > 0; {
			n := min(int(size%32)+1, len(rest))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		if cut, _ := meter(fm, md, pieces...); cut != whole {
			t.Fatalf("%v: whole %+v, in chunks %+v", fm, whole, cut)
		}
		var used Meter // which remembers what it read before
		for range 2 {
			used.Reset(fm, md)
			used.Write(body)
			if again := used.Finish(); again != whole {
				t.Fatalf("%v: first %+v, again %+v", fm, whole, again)
			}
		}
		for c, n := range whole.Counts {
			if n < 0 || n > 4*maxCount {
				t.Errorf("%v is %d", Class(c), n)
			}
		}
		if whole.Counts != (Counts{}) && !whole.Found {
			t.Error("counts without usage")
		}
		if len(whole.Model) > 3*maxText || whole.ReportedCost < 0 {
			t.Errorf("model of %d bytes, cost %v", len(whole.Model), whole.ReportedCost)
		}
	})
}
