// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import "github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"

// Google's generateContent. Every chunk of a stream holds cumulative usage;
// without alt=sse the stream is one JSON array of chunks. No event ends it: a
// chunk with a finish reason may be followed by others, so a stream counts as
// complete if it ended after one. Candidates too long to look into (64 KiB,
// images) are taken to be finished.
// See https://ai.google.dev/api/generate-content.
var geminiParser = &parser{
	paths: jsonpeek.NewPaths("modelVersion", "usageMetadata", "error", "candidates", "promptFeedback"),
	event: geminiEvent,
	take:  takeGemini,
}

func geminiEvent(m *Meter, name, data []byte) { m.parse(name, data) }

func takeGemini(m *Meter, _ []byte) {
	d := &m.doc
	m.known.model.take(&m.report.Model, d.Value(0))
	m.setError(d.Value(2))
	m.takeGeminiUsage(m.figures(1))
	if m.media == MediaJSON || m.finished {
		return
	}
	m.finished = d.Oversize(3) || has(d.Value(4), "blockReason")
	if candidates := d.Value(3); candidates != nil {
		_ = jsonpeek.Array(candidates, func(candidate []byte) bool {
			m.finished = m.finished || has(candidate, "finishReason")
			return !m.finished
		})
	}
}

// has reports whether the object has a member that is not null.
func has(object []byte, wanted string) (found bool) {
	_ = jsonpeek.Object(object, func(name, value []byte) bool {
		found = string(name) == wanted && !jsonpeek.IsNull(value)
		return !found
	})
	return found
}

// geminiUsage is usageMetadata. Candidates exclude thoughts, the prompt includes
// what came from the cache but not what tools put in.
type geminiUsage struct {
	tally
	prompt, cached, tools  int64
	candidates, thoughts   int64
	promptAudio, image     int64 // parts of prompt
	cachedAudio, cachedImg int64 // parts of cached and of the two above
	outAudio, outImage     int64 // parts of candidates
}

func (m *Meter) takeGeminiUsage(raw []byte) {
	if jsonpeek.IsNull(raw) {
		return
	}
	var u geminiUsage
	var total int64
	u.object(raw, func(name, value []byte) bool {
		switch string(name) {
		case "promptTokenCount":
			u.count(value, &u.prompt)
		case "cachedContentTokenCount":
			u.count(value, &u.cached)
		case "toolUsePromptTokenCount":
			u.count(value, &u.tools)
		case "candidatesTokenCount":
			u.count(value, &u.candidates)
		case "thoughtsTokenCount":
			u.count(value, &u.thoughts)
		case "totalTokenCount":
			u.count(value, &total) // only to be checked: the parts are complete
		case "promptTokensDetails":
			u.modalities(value, &u.promptAudio, &u.image)
		case "cacheTokensDetails":
			u.modalities(value, &u.cachedAudio, &u.cachedImg)
		case "candidatesTokensDetails":
			u.modalities(value, &u.outAudio, &u.outImage)
		}
		return true
	})
	counts := u.counts() // before its remarks are read
	m.settle(&u.tally, counts)
}

// modalities reads a list of token counts by modality. Text, documents and video
// stay in the remainder, which has the price of text.
func (u *geminiUsage) modalities(raw []byte, audio, image *int64) {
	if jsonpeek.IsNull(raw) {
		return
	}
	err := jsonpeek.Array(raw, func(entry []byte) bool {
		var modality []byte
		var n int64
		u.object(entry, func(name, value []byte) bool {
			switch string(name) {
			case "modality":
				modality = value
			case "tokenCount":
				u.count(value, &n)
			}
			return true
		})
		switch string(modality) {
		case `"AUDIO"`:
			*audio += n
		case `"IMAGE"`:
			*image += n
		}
		return true
	})
	if err != nil {
		u.absurd = true
	}
}

// counts makes the classes disjoint.
func (u *geminiUsage) counts() (c Counts) {
	left := u.prompt
	c[CacheRead] = u.part(u.cached, u.prompt, &left)
	c[InputAudio] = u.part(max(0, u.promptAudio-u.cachedAudio), u.prompt, &left)
	c[InputImage] = u.part(max(0, u.image-u.cachedImg), u.prompt, &left)
	c[Input] = left + u.tools

	left = u.candidates
	c[OutputAudio] = u.part(u.outAudio, u.candidates, &left)
	c[OutputImage] = u.part(u.outImage, u.candidates, &left)
	c[Output] = left
	c[Reasoning] = u.thoughts
	return c
}
