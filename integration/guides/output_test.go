// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// varying is what is another each time, with what stands for it where output is compared.
var varying = []struct {
	pattern *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`sha256:[0-9a-f]{12,64}`), "<digest>"},
	{regexp.MustCompile(`\btg_[0-9A-Za-z]+`), "<key>"},
	{regexp.MustCompile(`\bkey_[0-9a-f]{12}\b`), "<key id>"},
	{regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), "<id>"},
	{regexp.MustCompile(`\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z| UTC)?`), "<time>"},
	{regexp.MustCompile(`\b[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [0-9:]{8} GMT`), "<date>"},
	{regexp.MustCompile(`\b\d{4}-\d{2}-\d{2}\b`), "<day>"},
	{regexp.MustCompile(`\b\d{4}-\d{2}:`), "<month>:"},
	{regexp.MustCompile(`"ts":[0-9.]+`), `"ts":<time>`},
	{regexp.MustCompile(`\bpid=\d+`), "pid=<n>"},
	{regexp.MustCompile(`\bt=\d+`), "t=<n>"},
	{regexp.MustCompile(`\(\d+ bytes\)`), "(<n> bytes)"},
	{regexp.MustCompile(`\b(\d+d)?(\d+h)?(\d+m)?\d+s\b`), "<duration>"},
	{regexp.MustCompile(`\b\d+d\d+h\b`), "<duration>"},
	{regexp.MustCompile(`[ \t\r]+`), " "},
}

// normal is a line without what is another each time.
func normal(line string) string {
	for _, v := range varying {
		line = v.pattern.ReplaceAllString(line, v.name)
	}
	return strings.TrimSpace(line)
}

// compare says how output differs from what a page shows. There "..." as a line stands
// for any lines, and at the end of one for any rest of it.
func compare(want []string, output string) error {
	var got []string
	for line := range strings.Lines(output) {
		if line = normal(line); line != "" {
			got = append(got, line)
		}
	}
	anywhere := false
	for _, line := range want {
		if line == "..." {
			anywhere = true
			continue
		}
		at := 0
		for at < len(got) && !same(normal(line), got[at]) {
			if at++; !anywhere {
				at = len(got)
			}
		}
		if at == len(got) {
			return fmt.Errorf("the output lacks the line %q, or has others before it", line)
		}
		got, anywhere = got[at+1:], false
	}
	if len(got) > 0 && !anywhere {
		return fmt.Errorf("the output goes on with %q", got[0])
	}
	return nil
}

func same(want, got string) bool {
	if head, ok := strings.CutSuffix(want, "..."); ok {
		return strings.HasPrefix(got, strings.TrimSpace(head))
	}
	return want == got
}

func TestOutputIsCompared(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, want, got string
		ok              bool
	}{
		{"the same", "a\nb", "a\nb\n", true},
		{"another", "a", "b\n", false},
		{"more", "a", "a\nb\n", false},
		{"less", "a\nb", "a\n", false},
		{"any lines before", "...\nb", "x\ny\nb\n", true},
		{"any lines after", "a\n...", "a\nx\n", true},
		{"any lines and not the one", "...\nb", "x\n", false},
		{"not the first line", "b", "x\nb\n", false},
		{"any rest", "a b...", "a  bc\n", true},
		{"another beginning", "a b...", "b a b\n", false},
		{"an id", "id 01a20051-95ad-72ca-a962-c1d4d85f1436", "id 01a20051-95ad-72ca-a962-c1d4d85f1437\n", true},
		{"another figure", "cost 0.5", "cost 0.6\n", false},
	} {
		if err := compare(strings.Split(tt.want, "\n"), tt.got); (err == nil) != tt.ok {
			t.Errorf("%s: %v, want accepted %t", tt.name, err, tt.ok)
		}
	}
}
