// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Command accuracy measures how often langid is right, by language and by length of
// text, and prints it as Markdown.
//
//	go run ./modules/internal/langid/accuracy [-languages CODE,...] [-windows FILE] [-against NAME=FILE] FOLDER
//
// FOLDER holds dev.tsv: lines of label, kind, text and source, with tabs between. Of each
// text, windows of 10, 5, 3, 2 words and 1 are cut at places that are the same in each run.
// With -windows, the texts are written to a file, one a line; with -against, the labels
// that another detector gave to these lines, one a line, are counted beside. With
// -languages, the detector chooses among these, and text in others counts as foreign.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	windows := flag.String("windows", "", "write the texts to `FILE` and stop")
	against := flag.String("against", "", "`NAME=FILE` of another detector's labels")
	languages := flag.String("languages", "", "the `codes` of the languages to choose among")
	name := flag.String("file", "dev.tsv", "the `file` in the folder to measure with")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(filepath.Join(flag.Arg(0), *name), *languages, *windows, *against); err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}

func run(file, languages, windows, against string) error {
	set, err := choose(languages)
	if err != nil {
		return err
	}
	samples, err := readSamples(file)
	if err != nil {
		return err
	}
	if windows != "" {
		return writeTexts(windows, samples)
	}
	if languages != "" {
		estrange(samples, set)
	}
	columns := []column{{"langid", detectAll(samples, set)}}
	if name, labels, ok := strings.Cut(against, "="); ok {
		theirs, err := readAnswers(labels, len(samples))
		if err != nil {
			return err
		}
		columns = append(columns, column{name, theirs})
	}
	return write(os.Stdout, samples, columns)
}
