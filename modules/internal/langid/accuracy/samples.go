// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/langid"
	"github.com/caddy-gateway/tollgate/modules/languages"
)

// sample is a text of known language.
type sample struct {
	label string
	words int // how many words were cut out, 0 for the whole
	text  string
}

// lengths are the numbers of words that are cut out, and 0 for the whole text.
var lengths = []int{0, 10, 5, 3, 2, 1}

// cuts is how many windows of each length are cut from a text.
const cuts = 4

// readSamples reads a file and cuts its texts.
func readSamples(name string) ([]sample, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	random := rand.New(rand.NewPCG(22, 1))
	var samples []sample
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for number := 1; lines.Scan(); number++ {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) != 4 {
			return nil, fmt.Errorf("read %s: line %d has %d columns, want 4", name, number, len(fields))
		}
		label, words := fields[0], strings.Fields(fields[2])
		for _, n := range lengths {
			switch {
			case n == 0:
				samples = append(samples, sample{label, n, fields[2]})
			case len(words) >= n:
				for range cuts {
					at := random.IntN(len(words) - n + 1)
					samples = append(samples, sample{label, n, strings.Join(words[at:at+n], " ")})
				}
			}
		}
	}
	return samples, lines.Err()
}

// writeTexts writes the texts, one a line.
func writeTexts(name string, samples []sample) error {
	var b bytes.Buffer
	for _, s := range samples {
		b.WriteString(s.text + "\n")
	}
	return os.WriteFile(name, b.Bytes(), 0o600)
}

// answer is what a detector says of a text.
type answer struct {
	label      string
	confidence float32
}

// choose compiles a list of languages, or all for an empty one.
func choose(list string) (*langid.Set, error) {
	var codes []languages.Code
	for name := range strings.SplitSeq(list, ",") {
		if code, ok := languages.Canonical(name); ok {
			codes = append(codes, code)
		} else if list != "" {
			return nil, fmt.Errorf("choose languages: %q is unknown", name)
		}
	}
	return langid.NewSet(codes...)
}

// estrange makes all samples foreign whose language is not in the set.
func estrange(samples []sample, set *langid.Set) {
	for i := range samples {
		if !slices.Contains(set.Labels(), languages.Code(samples[i].label)) {
			samples[i].label = other
		}
	}
}

// detectAll asks the detector of this repository.
func detectAll(samples []sample, set *langid.Set) []answer {
	answers := make([]answer, len(samples))
	for i, s := range samples {
		r := set.Identify([]byte(s.text))
		label := r.Language
		if label == "" {
			label = languages.Other
		}
		answers[i] = answer{string(label), r.Confidence}
	}
	return answers
}

// readAnswers reads the labels that another detector gave, one a line.
func readAnswers(name string, want int) ([]answer, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var answers []answer
	for line := range strings.Lines(string(content)) {
		answers = append(answers, answer{label: strings.TrimSpace(line)})
	}
	if len(answers) != want {
		return nil, fmt.Errorf("read %s: %d labels for %d texts", name, len(answers), want)
	}
	return answers, nil
}
