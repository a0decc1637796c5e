// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	_ "embed" // the project's own text
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/langid/ngram"
)

// row is a line of the training text.
type row struct {
	label, source string
	words         []string
}

// ownText holds sentences written for this project: people chat in romanised Hindi, and
// text of that kind is rare.
//
//go:embed own.tsv
var ownText string

// ownRows returns them as rows.
func ownRows() []row {
	var rows []row
	for line := range strings.Lines(ownText) {
		label, text, _ := strings.Cut(line, "\t")
		rows = append(rows, row{label: label, source: "own", words: strings.Fields(text)})
	}
	return rows
}

// readRows reads lines of label, text and source, with tabs between, without those of
// the sources that are left out.
func readRows(name string, without map[string]bool) ([]row, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var rows []row
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for number := 1; lines.Scan(); number++ {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) != 3 {
			return nil, fmt.Errorf("read %s: line %d has %d columns, want 3", name, number, len(fields))
		}
		if source := fields[2]; !without[source] {
			rows = append(rows, row{label: fields[0], source: source, words: strings.Fields(fields[1])})
		}
	}
	return rows, lines.Err()
}

// example is a row as a group's model sees it.
type example struct {
	words []string
	label int
	// weight evens out labels that have different numbers of rows.
	weight float64
	// mixes are texts of another language of which words are mixed in, or nil.
	mixes [][]string
}

// maxWeight bounds how much a row of a label with few rows counts.
const maxWeight = 3

// examplesOf returns the rows with the given labels that hold words in the group's
// script.
func examplesOf(g ngram.Group, labels []string, rows []row) []example {
	index := make(map[string]int)
	for i, label := range labels {
		index[label] = i
	}
	var examples []example
	counts := make([]int, len(labels))
	for _, r := range rows {
		label, ok := index[r.label]
		if ok && len(idsOf(nil, r.words, g)) > 0 {
			counts[label]++
			examples = append(examples, example{words: r.words, label: label})
		}
	}
	var english [][]string
	for _, e := range examples {
		if labels[e.label] == "en" {
			english = append(english, e.words)
		}
	}
	for i := range examples {
		e := &examples[i]
		if labels[e.label] == "hi-Latn" {
			e.mixes = english
		}
		e.weight = min(maxWeight, float64(len(examples))/float64(len(labels)*counts[e.label]))
	}
	return examples
}

// idsOf returns the identifiers of words.
func idsOf(dst []byte, words []string, g ngram.Group) []byte {
	return ngram.AppendIDs(dst[:0], []byte(strings.Join(words, " ")), g)
}

// windows are how many words are cut from a row, 0 meaning all, each with its share:
// most of what is to be recognised is short.
var windows = []struct {
	words int
	share float64
}{{1, 0.18}, {2, 0.2}, {3, 0.17}, {5, 0.15}, {10, 0.1}, {0, 0.2}}

// cut returns a window of an example's words, mixed with others where they are.
func (e *example) cut(random *rand.Rand) []string {
	words := window(random, e.words)
	if len(words) < 3 || len(e.mixes) == 0 || random.Float64() >= mixed {
		return words
	}
	return blend(random, words, e.mixes[random.IntN(len(e.mixes))])
}

// window cuts a random number of words from a random place.
func window(random *rand.Rand, words []string) []string {
	draw := random.Float64()
	for _, w := range windows {
		if draw >= w.share {
			draw -= w.share
			continue
		}
		if w.words == 0 || w.words >= len(words) {
			break
		}
		at := random.IntN(len(words) - w.words + 1)
		return words[at : at+w.words]
	}
	return words
}

// mixed is the share of romanised texts that are learnt with words of English between,
// as people write them.
const mixed = 0.5

// blend replaces up to half of some words by a run of words of another text.
func blend(random *rand.Rand, words, other []string) []string {
	run := min(1+random.IntN(max(1, len(words)/2)), len(other))
	at, from := random.IntN(len(words)-run+1), random.IntN(len(other)-run+1)
	blended := slices.Clone(words)
	copy(blended[at:], other[from:from+run])
	return blended
}
