// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// devFile writes a file of texts.
func devFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "dev.tsv")
	text := "ta\tsent\tநாங்கள் நாளை காலை சந்தைக்குப் போகிறோம்\town\n" +
		"te\tsent\tನಾವು\town\n" + // in Kannada letters, so that one answer is wrong
		"other\tsent\tЗавтра утром\town\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReport(t *testing.T) {
	t.Parallel()
	samples, err := readSamples(devFile(t))
	if err != nil {
		t.Fatal(err)
	}
	set, err := choose("")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := write(&out, samples, []column{{"langid", detectAll(samples, set)}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| `ta` | 100.0 | 0.0 | 100.0 |",
		"| **mean, langid** | 50.0 |",
		"| sentence | 100.0 % | 50.0 % |",
		"langid 0 of 1 sentences",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("report lacks %q:\n%s", want, out.String())
		}
	}
	again, err := readSamples(devFile(t))
	if err != nil || len(again) != len(samples) || again[3] != samples[3] {
		t.Errorf("the windows are others in a second run, %v", err)
	}
}

func TestEstrange(t *testing.T) {
	t.Parallel()
	set, err := choose("Tamil,hi")
	if err != nil {
		t.Fatal(err)
	}
	samples := []sample{{label: "ta"}, {label: "te"}}
	if estrange(samples, set); samples[0].label != "ta" || samples[1].label != other {
		t.Errorf("estrange() = %v", samples)
	}
	if _, err := choose("hi,klingon"); err == nil {
		t.Error("choose() of an unknown language has no error")
	}
}
