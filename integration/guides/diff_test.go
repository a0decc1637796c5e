// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"fmt"
	"strings"
	"testing"
)

// patch applies a change as a page shows it: lines that stay, begin with a space; lines
// that go with "-" and lines that come with "+". A line "..." stands between two changes.
func patch(text, diff string) (string, error) {
	var before, after strings.Builder
	apply := func() error {
		if before.Len()+after.Len() == 0 {
			return nil
		}
		if n := strings.Count(text, before.String()); n != 1 {
			return fmt.Errorf("what is to be changed is there %d times, want 1:\n%s", n, before.String())
		}
		text = strings.Replace(text, before.String(), after.String(), 1)
		before.Reset()
		after.Reset()
		return nil
	}
	for line := range strings.Lines(diff) {
		if line == "...\n" {
			if err := apply(); err != nil {
				return "", err
			}
			continue
		}
		rest := line[1:]
		switch line[0] {
		case '-':
			before.WriteString(rest)
		case '+':
			after.WriteString(rest)
		case ' ':
			before.WriteString(rest)
			after.WriteString(rest)
		default:
			return "", fmt.Errorf("a line of a change begins with %q", line[0])
		}
	}
	if err := apply(); err != nil {
		return "", err
	}
	return text, nil
}

func TestPatch(t *testing.T) {
	t.Parallel()
	const text = "a\nb\nc\nd\nb\n"
	for _, tt := range []struct {
		name, diff, want string
	}{
		{"a line comes", " a\n+x\n", "a\nx\nb\nc\nd\nb\n"},
		{"a line goes", " b\n-c\n", "a\nb\nd\nb\n"},
		{"two changes", "-a\n...\n d\n-b\n+x\n", "b\nc\nd\nx\n"},
		{"a line that is not there", " z\n+x\n", ""},
		{"a place that is there twice", " b\n+x\n", ""},
	} {
		got, err := patch(text, tt.diff)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s = %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}
