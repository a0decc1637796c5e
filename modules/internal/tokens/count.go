// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package tokens

const (
	// MaxExact is the longest text, in bytes, that Count reads as a whole.
	MaxExact = 256 << 10

	// samples and sampleSize say how a longer text is read. Together they are
	// as much as the longest text read as a whole.
	samples    = 2048
	sampleSize = MaxExact / samples
)

// Count returns the number of tokens in the text. Special tokens such as
// "<|endoftext|>" count as the text they are made of, and bytes that are not
// UTF-8 as the replacement for them.
//
// The time is bounded, whatever the text. It is cut into blocks of at most 4 KiB
// at places where tokens end anyway. A run without white space is cut where it
// exceeds 1 KiB, one of white space where it exceeds 256 bytes, which may cost a
// token at each cut. Of a text longer than MaxExact 2048 evenly spread samples of
// about 128 bytes are counted and scaled to its length, which comes within one or
// two percent. So no call takes longer than MaxExact bytes of the slowest text,
// and that is hardly slower than prose: some 60 ms on one core.
func (e Encoding) Count(text []byte) int64 {
	if len(text) <= MaxExact {
		return e.exact(text)
	}
	var counted, size int64
	stride := len(text) / samples
	room := uint64(stride - sampleSize + 1)
	for i := range samples {
		// The place within the stride varies, lest a text with a period of its
		// own is always read at the same spot.
		start := i*stride + int(uint64(i)*0x9e3779b97f4a7c15>>32%room)
		from := boundaryAfter(text, start)
		to := boundaryAfter(text, min(from+sampleSize, len(text)))
		counted += e.exact(text[from:to])
		size += int64(to - from)
	}
	return (counted*int64(len(text)) + size/2) / size
}

// exact counts all of the text.
func (e Encoding) exact(text []byte) (n int64) {
	if len(text) == 0 {
		return 0
	}
	vocabulary := e.vocabulary().load()
	for len(text) > 0 {
		end := block(text)
		counted, err := vocabulary.Count(string(text[:end]))
		if err != nil {
			counted = (end + 3) / 4 // the usual rule of thumb
		}
		n += int64(counted)
		text = text[end:]
	}
	return n
}
