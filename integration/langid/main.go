// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Command langid labels texts with lingua-go, to which the gateway's own detector is
// compared: a text a line from standard input, a code a line to standard output, "other"
// where lingua-go knows none. The median time goes to standard error.
//
// It chooses among the nine of the languages concerned that lingua-go knows, which is
// where it does best: with all its languages it is slower and no better at these.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pemistahl/lingua-go"
)

func main() {
	if err := label(os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "langid:", err)
		os.Exit(1)
	}
}

// label labels each line.
func label(texts io.Reader, labels, notes io.Writer) error {
	detector := lingua.NewLanguageDetectorBuilder().
		FromLanguages(lingua.English, lingua.Hindi, lingua.Marathi, lingua.Tamil, lingua.Telugu,
			lingua.Bengali, lingua.Gujarati, lingua.Punjabi, lingua.Urdu).
		WithPreloadedLanguageModels().
		Build()
	var times []time.Duration
	out := bufio.NewWriter(labels)
	lines := bufio.NewScanner(texts)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text, start := lines.Text(), time.Now()
		language, known := detector.DetectLanguageOf(text)
		times = append(times, time.Since(start))
		code := "other"
		if known {
			code = strings.ToLower(language.IsoCode639_1().String())
		}
		fmt.Fprintln(out, code)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if len(times) > 0 {
		slices.Sort(times)
		fmt.Fprintf(notes, "lingua-go: median %v, 99th percentile %v\n", times[len(times)/2], times[len(times)*99/100])
	}
	return out.Flush()
}
