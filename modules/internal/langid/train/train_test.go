// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/langid/ngram"
)

// sampleRows are texts of two languages, enough of them to leave some out.
func sampleRows() []row {
	var rows []row
	for range 10 {
		rows = append(rows,
			row{label: "bn", source: "one", words: strings.Fields("আমরা কাল সকালে কলকাতা যাব")},
			row{label: "as", source: "two", words: strings.Fields("আমি কাইলৈ ৰাতিপুৱা গুৱাহাটীলৈ যাম")})
	}
	return rows
}

func TestLearn(t *testing.T) {
	t.Parallel()
	names := []string{"bn", "as"}
	examples := examplesOf(ngram.Beng, names, sampleRows())
	if len(examples) != 20 {
		t.Fatalf("examplesOf() has %d, want 20", len(examples))
	}
	w := learn(ngram.Beng, len(names), examples)
	first := quantise(w, names, 1)
	p := make([]float64, len(names))
	for _, e := range examples[:2] {
		w.scores(p, ngram.Buckets(nil, idsOf(nil, e.words, ngram.Beng), tableBits))
		softmax(p)
		if p[e.label] < 0.9 {
			t.Errorf("probability of %s for its own text is %v", names[e.label], p[e.label])
		}
	}
	second := quantise(learn(ngram.Beng, len(names), examples), names, 1)
	if !bytes.Equal(first.weights, second.weights) || first.scale != second.scale {
		t.Error("the same text gave other tables")
	}
	code, err := source([]table{first}, []string{"one"})
	if err != nil || !bytes.Contains(code, []byte(`labels:  []Code{"bn", "as"}`)) {
		t.Errorf("source() = %s, %v", code, err)
	}
}

func TestReadRows(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		rows       int
		fails      bool
	}{
		{name: "two sources", text: "hi\tक ख\tone\nhi\tग\ttwo\n", rows: 1},
		{name: "a column too few", text: "hi\tक ख\n", fails: true},
		{name: "empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			name := filepath.Join(t.TempDir(), "train.tsv")
			if err := os.WriteFile(name, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			rows, err := readRows(name, map[string]bool{"two": true})
			if len(rows) != tt.rows || (err != nil) != tt.fails {
				t.Errorf("readRows() = %v, %v", rows, err)
			}
		})
	}
}

func TestOwnText(t *testing.T) {
	t.Parallel()
	rows := ownRows()
	if len(rows) < 100 {
		t.Errorf("%d rows, want 100 or more", len(rows))
	}
	for _, r := range rows {
		if r.label != "hi-Latn" || len(r.words) < 3 {
			t.Errorf("row %v", r)
		}
	}
}
