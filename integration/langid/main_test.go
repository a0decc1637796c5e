// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

func TestLabel(t *testing.T) {
	t.Parallel()
	texts := "Please turn off the lights before you go home.\n" +
		"क्या आप मुझे बता सकते हैं कि यह बस कहाँ जा रही है?\n" +
		"12345\n" +
		"நாங்கள் நாளை காலை சந்தைக்குப் போகிறோம்.\n"
	var labels, notes strings.Builder
	if err := label(strings.NewReader(texts), &labels, &notes); err != nil {
		t.Fatal(err)
	}
	if got, want := labels.String(), "en\nhi\nother\nta\n"; got != want {
		t.Errorf("labels %q, want %q", got, want)
	}
	if !strings.Contains(notes.String(), "median") {
		t.Errorf("notes %q, want the median time", notes.String())
	}
}
