// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// guidedScript is the script that the guide for operators has backups made with, for
// another directory.
func guidedScript(t *testing.T, backups string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "guides", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, script, found := strings.Cut(string(page), "```sh file=/usr/local/bin/tollgate-backup\n")
	script, _, ended := strings.Cut(script, "```")
	if !found || !ended {
		t.Fatal("the guide has no script tollgate-backup")
	}
	return file(t, "tollgate-backup", strings.ReplaceAll(script, "/backup", backups))
}

// TestGuidedBackups runs that script often on one day, with a clock and a gateway that are
// made up: the latter refuses a directory that exists, as the command does.
func TestGuidedBackups(t *testing.T) {
	programs, backups := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"date":  `echo "$2" | sed "s/^+//; s/%Y/2026/; s/%m/11/; s/%d/21/; s/%H/03/; s/%M/00/; s/%S/$SECOND/"`,
		"caddy": `mkdir "$3" && echo demo >"$3/ledger"`,
	} {
		if err := os.WriteFile(filepath.Join(programs, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil { //nolint:gosec // It is run.
			t.Fatal(err)
		}
	}
	// What earlier forms of the script have made.
	old := time.Now().AddDate(0, 0, -40)
	for _, name := range []string{"ledger-2026-10-01", "ledger-2026-11-20", "another-2026-10-01"} {
		path := filepath.Join(backups, name)
		if err := os.WriteFile(path, []byte("demo"), 0o600); err != nil {
			t.Fatal(err)
		}
		if name != "ledger-2026-11-20" {
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Mkdir(filepath.Join(backups, "2026-11-21"), 0o700); err != nil {
		t.Fatal(err)
	}
	script := guidedScript(t, backups)
	for second := range 31 {
		cmd := exec.CommandContext(t.Context(), "sh", script) //nolint:gosec // The guide's.
		cmd.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"), fmt.Sprintf("SECOND=%02d", second))
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("run %d: %v, %s", second, err, out)
		}
	}
	entries, err := os.ReadDir(backups)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	var want []string
	for second := range 30 {
		want = append(want, fmt.Sprintf("2026-11-21-03h00m%02ds", second+1))
	}
	want = append(want, "another-2026-10-01", "ledger-2026-11-20")
	if !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
}
