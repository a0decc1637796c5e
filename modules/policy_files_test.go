// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package modules_test

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// copyrightLine is the first line of every Go file.
const copyrightLine = "// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0\n\n"

// The wall and the median of the number of lines in a Go file: a stranger finds code by
// file name, which works while files are small and about one thing.
const (
	maxLines    = 500
	medianLines = 200
)

func TestGoFilesAreSmall(t *testing.T) {
	t.Parallel()
	var sizes []int
	for _, f := range readRepository(t).gofs {
		sizes = append(sizes, f.lines)
		if f.lines > maxLines {
			t.Errorf("%s has %d lines, want at most %d", f.name, f.lines, maxLines)
		}
	}
	slices.Sort(sizes)
	if median := sizes[len(sizes)/2]; median >= medianLines {
		t.Errorf("the median Go file has %d lines, want fewer than %d", median, medianLines)
	}
}

func TestGoFilesNameTheirLicence(t *testing.T) {
	t.Parallel()
	for _, f := range readRepository(t).gofs {
		if !bytes.HasPrefix(f.content, []byte(copyrightLine)) {
			t.Errorf("%s does not begin with the copyright line and an empty line", f.name)
		}
	}
}

// packageNames are too general to say what belongs in a package.
var packageNames = regexp.MustCompile(`^(utils?|common|helpers?|types|misc|base|shared|managers?)$`)

func TestPackageNamesSayWhatIsInside(t *testing.T) {
	t.Parallel()
	for dir := range readRepository(t).packages() {
		if packageNames.MatchString(path.Base(dir)) {
			t.Errorf("%s: the name does not say what belongs in the package", dir)
		}
	}
}

// unwanted is what no tracked text may contain, with the reason. The expressions are
// written so that they do not match themselves.
var unwanted = []struct {
	pattern *regexp.Regexp
	reason  string
}{
	{regexp.MustCompile(`(^|[\s"'(=:])/(work|root|home|Users)/[A-Za-z]`), "a path of somebody's machine"},
	{regexp.MustCompile(`\bshared[/]reference\b|\bseeds[/]\w`), "a document that is not in the repository"},
	{regexp.MustCompile(`\b(caddy-conventions|style-anchors|kong-conformance|reliability-security)[.]md\b`), "a document that is not in the repository"},
	{regexp.MustCompile(`\b(proxy|sum)[.]golang[.]org\b|\bregistry[.](npmjs|yarnpkg)[.]\w|\bfiles[.]pythonhosted[.]org\b`), "a package registry"},
	{regexp.MustCompile(`\b(TO[D]O|FIX[M]E|XX[X])\b`), "work left over"},
	{regexp.MustCompile(`\b(KA|AC|CI|RL)[0-9]{2}\b`), "a row of a table that is not in the repository"},
	{regexp.MustCompile(`\bsk-(ant-|proj-)?[A-Za-z0-9_]{32,}|\bxai-[A-Za-z0-9]{32,}|\bAIza[A-Za-z0-9_-]{35}|-----BEGIN [A-Z ]*PRIVATE[ ]KEY`), "something that looks like a real credential"},
}

// unchecked are tracked files that nobody here writes.
var unchecked = regexp.MustCompile(`(^|/)(go\.sum|LICENSE)$`)

func TestTextSpeaksOfTheProjectAlone(t *testing.T) {
	t.Parallel()
	tree := readRepository(t)
	for _, name := range tree.files {
		if unchecked.MatchString(name) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(tree.root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatalf("read tracked file: %v", err)
		}
		if !utf8.Valid(content) || bytes.IndexByte(content, 0) >= 0 {
			continue // not text, such as the corpus of a fuzz test
		}
		number := 0
		for line := range strings.Lines(string(content)) {
			number++
			for _, u := range unwanted {
				if found := u.pattern.FindString(line); found != "" {
					t.Errorf("%s:%d contains %q: %s", name, number, strings.TrimSpace(found), u.reason)
				}
			}
		}
	}
}
