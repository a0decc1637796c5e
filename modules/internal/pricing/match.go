// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import "strings"

// pattern is a name in which "*" stands for any characters, also none.
type pattern struct {
	text  string
	model *Model
}

// weight is the number of literal characters, by which patterns are ranked.
func (p pattern) weight() int {
	return len(p.text) - strings.Count(p.text, "*")
}

// matches compares without backtracking further than the last star, so that
// the time is at most the product of the two lengths.
func (p pattern) matches(name string) bool {
	star, resume := -1, 0
	i, j := 0, 0
	for j < len(name) {
		switch {
		case i < len(p.text) && p.text[i] == '*':
			star, resume = i, j
			i++
		case i < len(p.text) && p.text[i] == name[j]:
			i++
			j++
		case star >= 0:
			resume++
			i, j = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(p.text[i:], "*") == ""
}

// candidates appends the name and, when it carries a path, the name without.
func candidates(keys []nameKey, provider, name string) []nameKey {
	keys = append(keys, nameKey{provider, name})
	// "models/gemini-2.5-flash", "publishers/google/models/gemini-2.5-flash"
	if i := strings.LastIndex(name, "models/"); i >= 0 {
		return append(keys, nameKey{provider, name[i+len("models/"):]})
	}
	if prefix, rest, ok := strings.Cut(name, "/"); ok && (provider == "" || provider == prefix) {
		return append(keys, nameKey{prefix, rest})
	}
	return keys
}

// snapshotBase returns the name without the suffix by which providers mark a
// frozen version of a model or the newest one.
func snapshotBase(name string) (string, bool) {
	for _, suffix := range []string{"-####-##-##", "-########", "@########", "-00#", "-latest"} {
		cut := len(name) - len(suffix)
		if cut > 0 && fits(suffix, name[cut:]) {
			return name[:cut], true
		}
	}
	return "", false
}

// fits compares a text with a suffix of the same length in which "#" stands
// for a digit. Runs of digits that form no date are no snapshot.
func fits(suffix, text string) bool {
	var digits [8]byte
	n := 0
	for i := range len(suffix) {
		switch c := text[i]; {
		case suffix[i] != '#':
			if c != suffix[i] {
				return false
			}
		case c < '0' || c > '9':
			return false
		default:
			digits[n] = c - '0'
			n++
		}
	}
	if n != len(digits) {
		return true
	}
	month, day := digits[4]*10+digits[5], digits[6]*10+digits[7]
	return digits[0] == 2 && digits[1] == 0 && month >= 1 && month <= 12 && day >= 1 && day <= 31
}
