// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// loneProgram is what xcaddy generates for a build with one plugin.
const loneProgram = `package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"
	_ %q
)

func main() { caddycmd.Main() }
`

// TestOneFeatureBuildsAlone builds Caddy with a single feature, outside this module as
// an operator would, and asks the program what is in it.
func TestOneFeatureBuildsAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("links a whole Caddy")
	}
	t.Parallel()
	tree := readRepository(t)
	feature := loneFeature(t, tree)

	dir := t.TempDir()
	requirements := regexp.MustCompile(`(?ms)^require .*`).FindString(readText(t, "../go.mod"))
	gomod := fmt.Sprintf("module lonefeature\n\ngo 1.26.0\n\nrequire %[1]s v0.0.0\n\nreplace %[1]s => %[2]s\n\n%[3]s",
		modulePath, tree.root, requirements)
	for name, content := range map[string]string{
		"main.go": fmt.Sprintf(loneProgram, modulePath+"/"+feature),
		"go.mod":  gomod,
		"go.sum":  readText(t, "../go.sum"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatalf("write program: %v", err)
		}
	}
	command(t, dir, "go", "build", "-trimpath", "-tags=nobadger,nomysql,nopgx", "-o", "caddy", ".")
	listed := strings.Fields(command(t, dir, filepath.Join(dir, "caddy"), "list-modules"))

	for id, registrant := range registered(t) {
		present := slices.Contains(listed, id)
		switch {
		case registrant == feature && !present:
			t.Errorf("the program for %s alone does not hold %s", feature, id)
		case registrant != feature && floors[registrant] == floorFeature && present:
			t.Errorf("the program for %s alone also holds %s of %s", feature, id, registrant)
		}
	}
}

// loneFeature chooses the feature to build: the one that most operators start with, if
// it is there.
func loneFeature(t *testing.T, tree *sourceTree) string {
	t.Helper()
	var features []string
	for _, dir := range tree.moduleDirs() {
		if floors[dir] == floorFeature {
			features = append(features, dir)
		}
	}
	if len(features) == 0 {
		t.Fatal("there is no feature")
	}
	if usual := "modules/keyauth"; slices.Contains(features, usual) {
		return usual
	}
	return features[0]
}

// command runs a program in a directory and returns what it prints.
func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("run %s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
