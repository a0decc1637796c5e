// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package tokens counts the tokens of a text, for answers whose provider does not
// say how many there were.
//
// The vocabularies are those that OpenAI publishes: o200k_base for GPT-4o, 4.1
// and 5, the o series and gpt-oss (whose o200k_harmony only adds special
// tokens), cl100k_base for GPT-4, GPT-3.5 and the embedding models. Claude,
// Gemini, Grok, DeepSeek, Llama, Mistral and Qwen have vocabularies of their own,
// of which none is available here. Their text is counted with o200k_base, the
// newest one of a similar size, and [Encoding.Name] says so: such a figure is
// that tokenizer's, unadjusted. See
// https://github.com/openai/tiktoken/blob/main/tiktoken/model.py.
//
// The work is done by github.com/tiktoken-go/tokenizer, which embeds the
// vocabularies and never touches the network. Its one known difference from
// OpenAI's own tokenizer is that lines of nothing but spaces are counted one by
// one where OpenAI joins several of them. In source code whose every empty line
// is indented that is less than half a percent.
package tokens

import (
	"strings"
	"sync"

	"github.com/tiktoken-go/tokenizer/codec"
)

// Encoding is a way to cut text into tokens. The zero value is o200k_base.
// Encodings are comparable and safe for concurrent use.
//
// Naming an encoding costs nothing. The first Count loads its vocabulary, once
// for the process: that takes some tens of milliseconds and 4 to 7 MB, which are
// kept.
type Encoding struct{ table *table }

// table is a vocabulary that loads on first use.
type table struct {
	name string
	load func() *codec.Codec
}

var (
	o200k  = table{"o200k_base", sync.OnceValue(codec.NewO200kBase)}
	cl100k = table{"cl100k_base", sync.OnceValue(codec.NewCl100kBase)}
)

// The encodings.
var (
	O200kBase  = Encoding{&o200k}
	Cl100kBase = Encoding{&cl100k}
)

// Name returns OpenAI's name for the encoding, such as "o200k_base".
func (e Encoding) Name() string { return e.vocabulary().name }

func (e Encoding) vocabulary() *table {
	if e.table == nil {
		return &o200k
	}
	return e.table
}

// EncodingFor returns the encoding for a model, as far as it is known, and
// otherwise o200k_base. The model may be given as providers and resellers write
// it ("gpt-4-0613", "openai/gpt-4o", "ft:gpt-3.5-turbo:acme::1"). The provider
// tells the models of others apart from OpenAI's namesakes; "" is allowed.
func EncodingFor(provider, model string) Encoding {
	switch strings.ToLower(provider) {
	case "anthropic", "gemini", "google", "xai", "deepseek", "mistral", "ollama":
		return O200kBase
	}
	model = strings.ToLower(model)
	model = model[strings.LastIndexByte(model, '/')+1:]
	model = strings.TrimPrefix(model, "ft:")
	for _, family := range cl100kFamilies {
		// "gpt-4-turbo" is of the family, "gpt-4o" and "gpt-4.1" are not.
		if rest, ok := strings.CutPrefix(model, family); ok && (rest == "" || rest[0] == '-' || rest[0] == ':' || rest[0] == '@') {
			return Cl100kBase
		}
	}
	return O200kBase
}

// cl100kFamilies are the models of cl100k_base, Azure's spelling included.
var cl100kFamilies = []string{
	"gpt-4", "gpt-3.5", "gpt-35", "text-embedding-3", "text-embedding-ada-002", "davinci-002", "babbage-002",
}
