// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestFaultsAreCaught runs the suite on stores that are wrong, each in a process of
// its own, and wants the test to fail that is there for it.
func TestFaultsAreCaught(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			wantFailure(t, f.name, "TestModel", f.caught)
		})
	}
	t.Run("in real time", func(t *testing.T) {
		t.Parallel()
		wantFailure(t, "fixed instead of sliding", "TestModelInRealTime", "real time")
	})
}

// wantFailure runs one test of the suite on a fault, and reports if it passes.
func wantFailure(t *testing.T, fault, suite, test string) {
	t.Helper()
	test = strings.ReplaceAll(test, " ", "_")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.short", "-test.run=^"+suite+"$/^"+test+"$")
	cmd.Env = append(os.Environ(), faultVariable+"="+fault)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("%s passes:\n%s", test, out)
	}
	if failed := regexp.MustCompile("(?m)^ *--- FAIL: " + suite + "/" + test + "[ /]"); !failed.Match(out) {
		t.Errorf("want %s to fail, got\n%s", test, out)
	}
	if strings.Contains(string(out), "panic") {
		t.Errorf("the suite breaks down:\n%s", out)
	}
}
