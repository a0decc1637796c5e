// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"bytes"
	"math/bits"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// Embeddings is the operation whose answers have no tokens.
const Embeddings = "embeddings"

// The paths of limits.
var (
	pathMaxTokens     = []string{"max_tokens"}
	pathMaxCompletion = []string{"max_completion_tokens"}
	pathMaxOutput     = []string{"max_output_tokens"}
	pathPredict       = []string{"n_predict"}
	pathNumPredict    = []string{"options", "num_predict"}
)

// output reads what limits answers, and how many there are.
func (r *bounder) output() (err error) {
	if r.call.Operation == Embeddings {
		r.Prompts = true
		return nil
	}
	switch r.call.Format { //nolint:exhaustive // embeddings have been dealt with
	case usage.OpenAIChat:
		err = r.chatOutput()
	case usage.OpenAIResponses:
		if !r.call.Fixed {
			err = r.limit(pathMaxOutput, inMaxOutput, true)
		}
	case usage.AnthropicMessages:
		if err = r.limit(pathMaxTokens, inMaxTokens, true); err == nil {
			err = r.thinking()
		}
	case usage.OllamaNative:
		err = r.ollamaOutput()
	case usage.Gemini:
		err = r.geminiOutput()
	}
	return err
}

// chatOutput reads OpenAI's older API and those of the many servers that speak it.
func (r *bounder) chatOutput() error {
	if err := r.chatLimits(); err != nil {
		return err
	}
	n, err := count(r.members[inN], "n")
	if err != nil {
		return err
	}
	best, err := count(r.members[inBestOf], "best_of")
	if err != nil {
		return err
	}
	r.Answers = max(n, best)
	if r.call.Operation == "completions" {
		if prompts := prompts(r.members[inPrompt]); prompts > 1 {
			r.Prompts, r.Answers = true, times(r.Answers, prompts)
		}
	}
	if r.set(inPrediction) {
		// What was predicted wrongly is billed as output.
		r.Predicted = int64(len(r.members[inPrediction]))
	}
	if r.set(inModalities) && string(r.members[inModalities]) != `["text"]` {
		r.Drawn = true
	}
	return nil
}

// chatLimits reads the names that a limit has. Some servers know max_tokens only, and
// others prefer the newer name if both are there.
func (r *bounder) chatLimits() error {
	newer := false
	if r.call.Operation == "chat" {
		switch r.call.Provider {
		case "openai", "azure", "xai", "groq":
			newer = true
		}
		if newer || !jsonpeek.IsNull(r.members[inMaxCompletion]) {
			if err := r.limit(pathMaxCompletion, inMaxCompletion, newer); err != nil {
				return err
			}
		}
	}
	if !newer || !jsonpeek.IsNull(r.members[inMaxTokens]) {
		if err := r.limit(pathMaxTokens, inMaxTokens, true); err != nil {
			return err
		}
	}
	if raw := r.members[inNPredict]; !jsonpeek.IsNull(raw) && r.call.Provider != "openai" && r.call.Provider != "azure" {
		// Where a server knows it, it counts before the others.
		tokens, err := atMost(raw, pathPredict[0], true)
		if err != nil {
			return err
		}
		if tokens == None {
			tokens = mostTokens
		}
		r.Limits = append(r.Limits, Limit{Path: pathPredict, Tokens: tokens})
	}
	return nil
}

// prompts is how many prompts a completion has: one, a list of texts, or a list of
// lists of tokens.
func prompts(raw []byte) (n int64) {
	_ = jsonpeek.Array(raw, func(value []byte) bool {
		if len(value) > 0 && (value[0] == '"' || value[0] == '[') {
			n++
		}
		return true
	})
	return max(n, 1)
}

func (r *bounder) ollamaOutput() error {
	var values [1][]byte
	if err := nested(r.members[inOptions], "options", ollamaNames, values[:]); err != nil {
		return err
	}
	tokens, err := atMost(values[0], "num_predict", true)
	if err != nil {
		return err
	}
	if tokens == 0 {
		tokens = None
	}
	r.Limits = append(r.Limits, Limit{Path: pathNumPredict, Tokens: tokens, Sure: true})
	return nil
}

var ollamaNames = jsonpeek.NewNames("num_predict")

// geminiOutput reads the configuration, whose members have two spellings each. The
// limit covers reasoning as well: where both were measured, their sum ends there
// (https://github.com/googleapis/python-genai/issues/2062).
func (r *bounder) geminiOutput() error {
	const config, configSnake = "generationConfig", "generation_config"
	raw, name := r.members[inGenerationConfig], config
	if snake := r.members[inGenerationConfigSnake]; snake != nil {
		if raw != nil {
			return &jsonpeek.DuplicateError{Name: config}
		}
		raw, name = snake, configSnake
	}
	var values [6][]byte
	if err := nested(raw, name, geminiNames, values[:]); err != nil {
		return err
	}
	path := []string{name, "maxOutputTokens"}
	for i := range len(values) / 2 {
		if values[2*i] != nil && values[2*i+1] != nil {
			return &jsonpeek.DuplicateError{Name: geminiMembers[2*i]}
		}
	}
	if values[1] != nil {
		path[1] = geminiMembers[1]
	}
	tokens, err := atMost(either(values[0], values[1]), path[1], false)
	if err != nil {
		return err
	}
	if tokens == 0 { // which is what protocol buffers have for nothing
		tokens = None
	}
	if candidates := either(values[2], values[3]); string(candidates) != "0" {
		if r.Answers, err = count(candidates, geminiMembers[2]); err != nil {
			return err
		}
	}
	modalities := either(values[4], values[5])
	textOnly := jsonpeek.IsNull(modalities) || string(modalities) == `["TEXT"]`
	if !textOnly || strings.Contains(r.call.Model, "image") || strings.Contains(r.call.Model, "tts") {
		r.Drawn = true
	}
	r.Limits = append(r.Limits, Limit{Path: path, Tokens: tokens, Sure: true})
	return nil
}

var (
	geminiMembers = []string{
		"maxOutputTokens", "max_output_tokens", "candidateCount", "candidate_count", "responseModalities", "response_modalities",
	}
	geminiNames = jsonpeek.NewNames(geminiMembers...)
)

func either(a, b []byte) []byte {
	if a != nil {
		return a
	}
	return b
}

// thinking reads the part of the answer that Anthropic's models may spend on
// reasoning.
func (r *bounder) thinking() error {
	var values [1][]byte
	if err := nested(r.members[inThinking], "thinking", thinkingNames, values[:]); err != nil {
		return err
	}
	budget, err := atMost(values[0], "budget_tokens", false)
	r.Thinking = max(budget, 0)
	return err
}

var thinkingNames = jsonpeek.NewNames("budget_tokens")

// limit reads a limit that is a member of the request itself.
func (r *bounder) limit(path []string, member int, sure bool) error {
	tokens, err := atMost(r.members[member], path[0], false)
	if err != nil {
		return err
	}
	if tokens == 0 && !r.zeroIsZero() {
		tokens = None
	}
	r.Limits = append(r.Limits, Limit{Path: path, Tokens: tokens, Sure: sure})
	return nil
}

// zeroIsZero says that a limit of zero is one. Servers that are not the provider's own
// often take it for none.
func (r *bounder) zeroIsZero() bool {
	switch r.call.Provider {
	case "openai", "azure", "anthropic":
		return true
	}
	return false
}

// nested reads members of a member that is an object, or not there.
func nested(raw []byte, name string, names *jsonpeek.Names, out [][]byte) error {
	if jsonpeek.IsNull(raw) {
		return nil
	}
	if raw[0] != '{' {
		return &FieldError{Name: name, Want: "an object"}
	}
	return jsonpeek.Scan(raw, names, out)
}

// atMost reads a number of tokens, or [None] if there is none.
func atMost(raw []byte, name string, negative bool) (int64, error) {
	if jsonpeek.IsNull(raw) {
		return None, nil
	}
	n, ok := jsonpeek.Int(raw)
	switch {
	case !ok && !huge(raw), n < 0 && !negative:
		return 0, &FieldError{Name: name, Want: "a whole number, not below 0"}
	case !ok:
		return mostTokens, nil
	case n < 0:
		return None, nil
	}
	return min(n, mostTokens), nil
}

// huge says that raw is a whole number that is only too large.
func huge(raw []byte) bool {
	return len(raw) > 18 && len(bytes.Trim(raw, "0123456789")) == 0
}

// count reads how many of something are asked for.
func count(raw []byte, name string) (int64, error) {
	n, err := atMost(raw, name, false)
	switch {
	case err != nil || n == 0:
		return 0, &FieldError{Name: name, Want: "a whole number, at least 1", Count: true}
	case n == None:
		return 1, nil
	}
	return n, nil
}

// times multiplies, at most to mostTokens.
func times(a, b int64) int64 {
	hi, lo := bits.Mul64(uint64(max(a, 0)), uint64(max(b, 0)))
	if hi != 0 || lo > mostTokens {
		return mostTokens
	}
	return int64(lo)
}

// Total is how much output there can be in all if each answer has so many tokens.
func (b *Bounds) Total(perAnswer int64) int64 {
	return times(min(max(perAnswer, 0), mostTokens)+b.Predicted, b.Answers)
}
