// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// The types of this file mirror the file format described in the package
// documentation.

type fileTable struct {
	Schema  int               `json:"schema"`
	AsOf    string            `json:"as_of"`
	Unit    string            `json:"unit"`
	Note    string            `json:"note"`
	Sources map[string]string `json:"sources"`
	Models  []rawModel        `json:"models"`
}

type fileModel struct {
	ID        string    `json:"id"`
	Provider  string    `json:"provider"`
	Match     []string  `json:"match"`
	MaxInput  int64     `json:"max_input"`
	MaxOutput int64     `json:"max_output"`
	Source    string    `json:"source"`
	Note      string    `json:"note"`
	Prices    []fileRow `json:"prices"`
}

type fileRow struct {
	From   string `json:"from"`
	Source string `json:"source"`
	fileTariff
	Windows     []fileWindow      `json:"windows"`
	Batch       *fileTariff       `json:"batch"`
	Flex        *fileTariff       `json:"flex"`
	Priority    *fileTariff       `json:"priority"`
	Fees        fileFees          `json:"fees"`
	Multipliers map[string]string `json:"multipliers"`
}

type fileTariff struct {
	filePrices
	Tiers []fileTier `json:"tiers"`
}

type fileTier struct {
	Above *int64 `json:"input_tokens_gt"`
	From  *int64 `json:"input_tokens_ge"`
	filePrices
}

type fileWindow struct {
	Name   string   `json:"name"`
	TZ     string   `json:"tz"`
	Days   string   `json:"days"`
	Hours  []string `json:"hours"`
	Except []string `json:"except"`
	fileTariff
}

// fileFees are in USD per call.
type fileFees struct {
	WebSearch *string `json:"web_search"`
}

type filePrices struct {
	Input        *string `json:"input"`
	CacheRead    *string `json:"cache_read"`
	CacheWrite   *string `json:"cache_write"`
	CacheWrite1h *string `json:"cache_write_1h"`
	InputAudio   *string `json:"input_audio"`
	InputImage   *string `json:"input_image"`
	Output       *string `json:"output"`
	Reasoning    *string `json:"reasoning"`
	OutputAudio  *string `json:"output_audio"`
	OutputImage  *string `json:"output_image"`
}

// byClass returns the texts in the order of usage.Class.
func (p *filePrices) byClass() [usage.NumClasses]*string {
	return [usage.NumClasses]*string{
		usage.Input:        p.Input,
		usage.CacheRead:    p.CacheRead,
		usage.CacheWrite:   p.CacheWrite,
		usage.CacheWrite1h: p.CacheWrite1h,
		usage.InputAudio:   p.InputAudio,
		usage.InputImage:   p.InputImage,
		usage.Output:       p.Output,
		usage.Reasoning:    p.Reasoning,
		usage.OutputAudio:  p.OutputAudio,
		usage.OutputImage:  p.OutputImage,
	}
}
