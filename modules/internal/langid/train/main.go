// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Command train learns the tables by which langid tells languages of one script apart.
//
//	go run ./modules/internal/langid/train [-out DIR] [-without SOURCE,...] FOLDER
//
// FOLDER holds train.tsv: lines of label, text and source, with tabs between. Sources
// can be left out, as one is by default, whose licence is in doubt; "own" names the text
// that is part of this command. The same text gives the same tables on the same
// architecture.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/langid/ngram"
)

// labels are those that each group's model tells apart, in the order of the groups.
// Kashmiri in Devanagari, of which there are a few dozen lines, is not among them.
var labels = [ngram.NumGroups][]string{
	ngram.Deva: {"hi", "mr", "ne", "sa", "kok", "mai", "brx", "doi", "sd-Deva", "sat-Deva"},
	ngram.Beng: {"bn", "as", "mni-Beng"},
	ngram.Arab: {"ur", "ks-Arab", "sd-Arab", "other"},
	ngram.Latn: {"en", "hi-Latn", "other"},
}

func main() {
	out := flag.String("out", "modules/internal/langid", "the `directory` of the package that embeds the tables")
	without := flag.String("without", "hinglish_top", "`sources` to leave out, with commas between")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *out, *without); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(folder, out, without string) error {
	leftOut := make(map[string]bool)
	for source := range strings.SplitSeq(without, ",") {
		leftOut[source] = true
	}
	rows, err := readRows(filepath.Join(folder, "train.tsv"), leftOut)
	if err != nil {
		return err
	}
	if !leftOut["own"] {
		rows = append(rows, ownRows()...)
	}
	var tables []table
	for g := range ngram.Group(ngram.NumGroups) {
		examples := examplesOf(g, labels[g], rows)
		factor := sharpness(g, len(labels[g]), examples)
		t := quantise(learn(g, len(labels[g]), examples), labels[g], factor)
		fmt.Printf("%s: %d rows, sharpness %.2f\n", g, len(examples), factor)
		if err := os.WriteFile(filepath.Join(out, t.fileName()), t.weights, 0o600); err != nil {
			return err
		}
		tables = append(tables, t)
	}
	code, err := source(tables, sourcesOf(rows))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "tables.go"), code, 0o600)
}

// sourcesOf returns the names of the sources, without what follows a colon.
func sourcesOf(rows []row) []string {
	sources := make([]string, 0, len(rows))
	for _, r := range rows {
		name, _, _ := strings.Cut(r.source, ":")
		sources = append(sources, name)
	}
	slices.Sort(sources)
	return slices.Compact(sources)
}
