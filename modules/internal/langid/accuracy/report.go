// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// column is the answers of a detector.
type column struct {
	name    string
	answers []answer
}

const other = "other"

// uncounted are labels that the means leave out: ks-Deva has next to no training text,
// and foreign text is counted by itself.
var uncounted = []string{"ks-Deva", other}

// recall counts answers that are right.
type recall struct{ right, all int }

func (r recall) percent() float64 { return 100 * float64(r.right) / float64(max(1, r.all)) }

// recalls counts by label and by number of words.
func recalls(samples []sample, answers []answer) map[string]map[int]recall {
	counts := make(map[string]map[int]recall)
	for i, s := range samples {
		if counts[s.label] == nil {
			counts[s.label] = make(map[int]recall)
		}
		c := counts[s.label][s.words]
		c.all++
		if answers[i].label == s.label {
			c.right++
		}
		counts[s.label][s.words] = c
	}
	return counts
}

// macro is the mean of the labels' recalls.
func macro(counts map[string]map[int]recall, words int) float64 {
	total, n := 0.0, 0
	for label, byLength := range counts {
		if c := byLength[words]; c.all > 0 && !slices.Contains(uncounted, label) {
			total += c.percent()
			n++
		}
	}
	return total / float64(max(1, n))
}

// write prints the tables.
func write(w io.Writer, samples []sample, columns []column) error {
	var b strings.Builder
	b.WriteString("| Language |")
	for _, n := range lengths {
		fmt.Fprintf(&b, " %s |", heading(n))
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(lengths)) + "\n")
	first := recalls(samples, columns[0].answers)
	var labels []string
	for label := range first {
		if label != other {
			labels = append(labels, label)
		}
	}
	slices.Sort(labels)
	for _, label := range labels {
		row(&b, "`"+label+"`", func(n int) float64 { return first[label][n].percent() })
	}
	for _, c := range columns {
		counts := recalls(samples, c.answers)
		row(&b, "**mean, "+c.name+"**", func(n int) float64 { return macro(counts, n) })
	}
	b.WriteString("\nAt a confidence of 0.8 or more:\n\n| | answered | right |\n|---|---:|---:|\n")
	for _, n := range lengths {
		answered, right := confident(samples, columns[0].answers, n, 0.8)
		fmt.Fprintf(&b, "| %s | %.1f %% | %.1f %% |\n", heading(n), answered.percent(), right.percent())
	}
	b.WriteString("\nForeign texts given to a language:")
	for _, c := range columns {
		foreign := recalls(samples, c.answers)[other][0]
		fmt.Fprintf(&b, " %s %d of %d sentences.", c.name, foreign.all-foreign.right, foreign.all)
	}
	foreign := recalls(samples, columns[0].answers)[other]
	fmt.Fprintf(&b, " Foreign windows that are told as such: 10 words %.1f %%, 5 words %.1f %%.\n", foreign[10].percent(), foreign[5].percent())
	_, err := io.WriteString(w, b.String())
	return err
}

// heading names a length.
func heading(words int) string {
	if words == 0 {
		return "sentence"
	}
	if words == 1 {
		return "1 word"
	}
	return fmt.Sprintf("%d words", words)
}

// row prints a row of percentages.
func row(b *strings.Builder, name string, value func(words int) float64) {
	fmt.Fprintf(b, "| %s |", name)
	for _, n := range lengths {
		fmt.Fprintf(b, " %.1f |", value(n))
	}
	b.WriteString("\n")
}

// confident counts the texts whose answer is at least so probable, and of those the ones
// that are right.
func confident(samples []sample, answers []answer, words int, least float32) (answered, right recall) {
	for i, s := range samples {
		if s.words != words || slices.Contains(uncounted, s.label) {
			continue
		}
		answered.all++
		if answers[i].label != other && answers[i].confidence >= least {
			answered.right++
			right.all++
			if answers[i].label == s.label {
				right.right++
			}
		}
	}
	return answered, right
}
