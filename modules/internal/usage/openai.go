// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import (
	"bytes"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// Chat completions, legacy completions and embeddings of OpenAI and the many
// that speak like it. A stream ends in [DONE]; its usage comes in the last
// chunk, or cumulatively in every chunk, or not at all. "usage":null in the
// others is common.
// See https://platform.openai.com/docs/api-reference/chat.
var openAIParser = &parser{
	paths: jsonpeek.NewPaths("model", "service_tier", "usage", "error").
		Outside([]string{"model", "usage"}, "service_tier"),
	event: openAIEvent,
	take:  takeOpenAI,
	quiet: withoutBrace,
}

func openAIEvent(m *Meter, name, data []byte) {
	if len(data) <= 2*len(doneMark) && bytes.Equal(bytes.TrimSpace(data), doneMark) {
		m.end()
		return
	}
	if len(name) > 0 && string(name) == "error" {
		m.fail()
	}
	if m.probing() || m.speaksOfUsage(data) {
		m.parse(name, data)
	}
}

func takeOpenAI(m *Meter, _ []byte) {
	if m.media != MediaJSON && m.doc.Value(2) != nil {
		m.report.Final = isLastChunk(m.payload)
	}
	m.known.model.take(&m.report.Model, m.doc.Value(0))
	m.known.tier.take(&m.report.ServiceTier, m.doc.Value(1))
	m.takeOpenAIUsage(m.figures(2), 0)
	m.setError(m.doc.Value(3))
}

// isLastChunk says that a chunk with a usage is not one of many: it holds no choice,
// or says why its choice ends.
func isLastChunk(chunk []byte) (last bool) {
	_ = jsonpeek.Object(chunk, func(name, value []byte) bool {
		if string(name) != "choices" {
			return true
		}
		_, rest, reason := bytes.Cut(value, finishReason)
		rest = skipSpace(bytes.TrimPrefix(skipSpace(rest), colon))
		last = reason && bytes.HasPrefix(rest, quote) || bytes.HasSuffix(value, closed) && len(skipSpace(value[1:])) == 1
		return false
	})
	return last
}

// openAIUsage is the union of what the OpenAI-style APIs report. Chat calls the
// sides prompt and completion, responses call them input and output.
type openAIUsage struct {
	tally
	prompt, completion, total           int64
	cached, written                     int64 // parts of prompt
	hit, miss                           int64 // DeepSeek: the parts of prompt
	inputAudio, inputImage              int64 // parts of prompt
	reasoning, outputAudio, outputImage int64
	searches                            int64
	cost, ticks                         []byte
}

// takeOpenAIUsage reads a usage object. The searches are those counted
// elsewhere.
func (m *Meter) takeOpenAIUsage(raw []byte, searches int64) {
	if jsonpeek.IsNull(raw) {
		return
	}
	u := openAIUsage{searches: searches}
	u.object(raw, func(name, value []byte) bool {
		switch string(name) {
		case "prompt_tokens", "input_tokens":
			u.count(value, &u.prompt)
		case "completion_tokens", "output_tokens":
			u.count(value, &u.completion)
		case "total_tokens":
			u.count(value, &u.total)
		case "cached_tokens": // Moonshot has it here
			u.count(value, &u.cached)
		case "prompt_cache_hit_tokens":
			u.count(value, &u.hit)
		case "prompt_cache_miss_tokens":
			u.count(value, &u.miss)
		case "prompt_tokens_details", "input_tokens_details":
			u.object(value, u.inputDetail)
		case "completion_tokens_details", "output_tokens_details":
			u.object(value, u.outputDetail)
		case "server_tool_use":
			u.object(value, func(name, value []byte) bool {
				if string(name) == "web_search_requests" {
					u.count(value, &u.searches)
				}
				return true
			})
		case "cost":
			u.cost = value
		case "cost_in_usd_ticks":
			u.ticks = value
		}
		return true
	})
	counts := u.counts() // before its remarks are read
	m.settle(&u.tally, counts)
	m.setCost(u.cost, u.ticks)
}

func (u *openAIUsage) inputDetail(name, value []byte) bool {
	switch string(name) {
	case "cached_tokens":
		u.count(value, &u.cached)
	case "cache_write_tokens":
		u.count(value, &u.written)
	case "audio_tokens":
		u.count(value, &u.inputAudio)
	case "image_tokens":
		u.count(value, &u.inputImage)
	}
	return true
}

func (u *openAIUsage) outputDetail(name, value []byte) bool {
	switch string(name) {
	case "reasoning_tokens":
		u.count(value, &u.reasoning)
	case "audio_tokens":
		u.count(value, &u.outputAudio)
	case "image_tokens":
		u.count(value, &u.outputImage)
	}
	return true
}

// counts makes the classes disjoint.
func (u *openAIUsage) counts() (c Counts) {
	if u.prompt == 0 {
		// Some report only the parts, or for embeddings only the total.
		if u.prompt = u.hit + u.miss; u.prompt == 0 && u.completion == 0 {
			u.prompt = max(0, u.total-u.reasoning)
		}
	}
	left := u.prompt
	// DeepSeek reports its cache hits under both names: the larger is the count.
	c[CacheRead] = u.part(max(u.cached, u.hit), u.prompt, &left)
	c[CacheWrite] = u.part(u.written, u.prompt, &left)
	c[InputAudio] = u.part(u.inputAudio, u.prompt, &left)
	c[InputImage] = u.part(u.inputImage, u.prompt, &left)
	c[Input] = left

	left = u.completion
	if u.additive() {
		c[Reasoning] = u.reasoning
	} else {
		c[Reasoning] = u.part(u.reasoning, u.completion, &left)
	}
	c[OutputAudio] = u.part(u.outputAudio, u.completion, &left)
	c[OutputImage] = u.part(u.outputImage, u.completion, &left)
	c[Output] = left
	c[WebSearch] = u.searches
	return c
}

// additive reports whether reasoning comes on top of the completion. The total
// settles it; if it does not, more reasoning than completion does.
func (u *openAIUsage) additive() bool {
	switch u.total {
	case u.prompt + u.completion:
		return false
	case u.prompt + u.completion + u.reasoning:
		return true
	}
	return u.reasoning > u.completion
}

var (
	doneMark     = []byte("[DONE]")
	finishReason = []byte(`"finish_reason"`)
	quote        = []byte(`"`)
	closed       = []byte(`]`)
)
