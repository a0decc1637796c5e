// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

// Class is a kind of usage that may carry a price of its own. The classes are
// disjoint: a token counts in exactly one of them.
type Class uint8

// The classes of usage. All count tokens, except WebSearch, which counts
// calls.
const (
	Input        Class = iota // text of the prompt, read afresh
	CacheRead                 // prompt tokens read from the provider's cache
	CacheWrite                // prompt tokens written to the cache for the default time (5 minutes)
	CacheWrite1h              // prompt tokens written to the cache for an hour
	InputAudio                // audio in the prompt
	InputImage                // images in the prompt
	Output                    // text of the answer, without reasoning
	Reasoning                 // reasoning that the provider reports apart
	OutputAudio               // audio in the answer
	OutputImage               // images in the answer
	WebSearch                 // web searches made by the provider, in calls
	NumClasses   = iota       // number of classes
)

var classNames = [NumClasses]string{
	"input", "cache_read", "cache_write", "cache_write_1h", "input_audio", "input_image",
	"output", "reasoning", "output_audio", "output_image", "web_search",
}

// String returns the name of the class as used in metrics and price files,
// such as "cache_read". An invalid class is "unknown".
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "unknown"
}

// Counts holds the number of tokens (or calls) of each class.
type Counts [NumClasses]int64

// TotalInput returns the tokens of the whole prompt, cached or not.
func (c Counts) TotalInput() int64 {
	return c[Input] + c[CacheRead] + c[CacheWrite] + c[CacheWrite1h] + c[InputAudio] + c[InputImage]
}

// TotalOutput returns the tokens of the whole answer, reasoning included.
func (c Counts) TotalOutput() int64 {
	return c[Output] + c[Reasoning] + c[OutputAudio] + c[OutputImage]
}

// Total returns the tokens of prompt and answer. Calls are not included.
func (c Counts) Total() int64 {
	return c.TotalInput() + c.TotalOutput()
}

// Add adds the counts of o.
func (c *Counts) Add(o Counts) {
	for i := range c {
		c[i] += o[i]
	}
}

// IsZero reports whether nothing was used.
func (c Counts) IsZero() bool {
	return c == Counts{}
}
