// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

// Class is a kind of billable unit. The classes are disjoint: a cached token
// is counted as CacheRead and not as Input too.
type Class uint8

// The classes. All but WebSearch count tokens.
const (
	Input        Class = iota // text input that no other class covers
	CacheRead                 // input read from the provider's cache
	CacheWrite                // input written to it for five minutes, or for the provider's default
	CacheWrite1h              // input written to it for one hour
	InputAudio                // audio input, not cached
	InputImage                // image input, not cached
	Output                    // text output without reasoning
	Reasoning                 // output the model spent on thinking
	OutputAudio               // audio output
	OutputImage               // image output
	WebSearch                 // searches the provider ran, in calls

	NumClasses = iota
)

var classNames = [NumClasses]string{
	"input", "cache_read", "cache_write", "cache_write_1h", "input_audio", "input_image",
	"output", "reasoning", "output_audio", "output_image", "web_search",
}

// String returns the name used in logs, metrics and JSON, such as "cache_read".
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "unknown"
}

// Counts holds the units of every class. The zero value is no usage.
type Counts [NumClasses]int64

// TotalInput returns all input tokens, cached ones included. It is what price
// tiers and limits are measured against.
func (c Counts) TotalInput() int64 {
	return c[Input] + c[CacheRead] + c[CacheWrite] + c[CacheWrite1h] + c[InputAudio] + c[InputImage]
}

// TotalOutput returns all output tokens, reasoning included.
func (c Counts) TotalOutput() int64 {
	return c[Output] + c[Reasoning] + c[OutputAudio] + c[OutputImage]
}

// Total returns all tokens. Web searches are none.
func (c Counts) Total() int64 {
	return c.TotalInput() + c.TotalOutput()
}

// Add returns the sum of both.
func (c Counts) Add(o Counts) Counts {
	for i := range c {
		c[i] += o[i]
	}
	return c
}

// IsZero reports whether nothing was used.
func (c Counts) IsZero() bool { return c == Counts{} }
