// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
)

const (
	defaultDimensions = 8
	maxDimensions     = 4096
)

type embedding struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"` // numbers, or base64 of them
}

type embeddingUsage struct {
	PromptTokens int `json:"prompt_tokens"`
	TotalTokens  int `json:"total_tokens"`
}

type embeddingList struct {
	Object string          `json:"object"`
	Data   []embedding     `json:"data"`
	Model  string          `json:"model"`
	Usage  *embeddingUsage `json:"usage,omitempty"`
}

// embedRequest is the part of an embedding request that is read, OpenAI's and
// Ollama's alike.
type embedRequest struct {
	Model          string          `json:"model"`
	Input          json.RawMessage `json:"input"`
	Dimensions     int             `json:"dimensions"`
	EncodingFormat string          `json:"encoding_format"`
}

// embed reads the request and returns a vector for each input.
func (x *exchange) embed() (req embedRequest, rep reply, vectors [][]float32, err error) {
	if err = x.decode(&req); err != nil {
		return req, rep, nil, err
	}
	texts, tokens, err := inputs(req.Input)
	if err != nil {
		return req, rep, nil, err
	}
	if req.Dimensions < 0 || req.Dimensions > maxDimensions {
		return req, rep, nil, invalid("dimensions", fmt.Sprintf("dimensions: must be from 1 to %d", maxDimensions))
	}
	if req.Dimensions == 0 {
		req.Dimensions = defaultDimensions
	}
	if rep, err = x.reply(req.Model, prompt{tokens: tokens}, nil, nil, 0); err != nil {
		return req, rep, nil, err
	}
	for _, t := range texts {
		vectors = append(vectors, vector(t, req.Dimensions))
	}
	return req, rep, vectors, nil
}

// serveEmbeddings answers OpenAI's POST /embeddings.
func serveEmbeddings(x *exchange) error {
	req, rep, vectors, err := x.embed()
	if err != nil {
		return err
	}
	list := embeddingList{Object: "list", Model: rep.model}
	if !rep.silent {
		list.Usage = &embeddingUsage{rep.prompt, rep.prompt}
	}
	for i, v := range vectors {
		e := embedding{Object: "embedding", Index: i, Embedding: v}
		if req.EncodingFormat == "base64" {
			e.Embedding = encodeVector(v)
		}
		list.Data = append(list.Data, e)
	}
	return x.answer(list)
}

// vector returns a vector of length one that depends on the text alone.
func vector(text string, dimensions int) []float32 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // a hash never fails
	v, state, sum := make([]float32, dimensions), h.Sum64(), 0.0
	for i := range v {
		// Knuth's linear congruential generator MMIX.
		state = state*6364136223846793005 + 1442695040888963407
		f := float64(int64(state)>>11) / (1 << 52)
		v[i] = float32(f)
		sum += f * f
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(sum))
	}
	return v
}

// encodeVector writes numbers as OpenAI does for encoding_format base64:
// 32-bit floats, little-endian.
func encodeVector(v []float32) string {
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return base64.StdEncoding.EncodeToString(b)
}
