// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

// languagePrinter prints what was identified, line by line: a table has columns of fixed
// widths, so that it need not wait for the last line.
type languagePrinter struct {
	out       *bufio.Writer
	format    string
	threshold float32
}

const languageRow = "%-10s  %-6s  %10s  %-10s  %s\n"

// languageView is an answer in JSON.
type languageView struct {
	Language   languages.Code `json:"language"`
	Confidence float64        `json:"confidence"`
	Script     string         `json:"script"`
	Source     string         `json:"source"`
	Letters    int            `json:"letters"`
}

// begin prints the heading.
func (p *languagePrinter) begin() {
	if p.format == "table" {
		fmt.Fprintf(p.out, languageRow, "LANGUAGE", "SCRIPT", "CONFIDENCE", "DECIDED BY", "TEXT")
	}
}

// print prints what a text is. Errors are kept for flush.
func (p *languagePrinter) print(text []byte, r languages.Result) {
	label := cmp.Or(r.Language, languages.Other)
	if r.Confidence < p.threshold {
		label = languages.Other
	}
	script, by := cmp.Or(r.Script, "Zyyy"), cmp.Or(r.Source, "none")
	confidence := strconv.FormatFloat(float64(r.Confidence), 'f', 4, 32)
	switch p.format {
	case "json":
		rounded, _ := strconv.ParseFloat(confidence, 64)                             // it was just written
		line, _ := json.Marshal(languageView{label, rounded, script, by, r.Letters}) // strings and finite numbers
		_, _ = p.out.Write(append(line, '\n'))
	case "tsv":
		fmt.Fprintf(p.out, "%s\t%s\t%s\t%s\n", label, confidence, script, by)
	default:
		fmt.Fprintf(p.out, languageRow, label, script, confidence, by, shortText(text))
	}
}

// flush prints what is not printed yet.
func (p *languagePrinter) flush() error {
	if err := p.out.Flush(); err != nil {
		return fmt.Errorf("print languages: %w", err)
	}
	return nil
}

// shortText returns the beginning of a text as it can be shown in a table.
func shortText(text []byte) string {
	const most = 48
	var shown []rune
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if len(shown) == most {
			return string(append(shown, '…'))
		}
		if !unicode.IsGraphic(r) {
			r = ' '
		}
		shown = append(shown, r)
	}
	return string(shown)
}
