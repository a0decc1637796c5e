// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package options

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// form is the shape of an argument list, as shown in error messages and as a
// set of permitted counts.
type form struct {
	text string
	// counts holds the permitted numbers of arguments, ascending; open says
	// that every number above the last is permitted too.
	counts []int
	open   bool
}

// parseForm reads a form such as "<name>", "[<name>]", "<status> [every <n>]"
// or "<cidr>...". Optional parts come last and are filled from left to right.
func parseForm(text string) form {
	f := form{text: text, open: strings.Contains(text, "...")}
	n := 0
	for word := range strings.FieldsSeq(text) {
		if strings.HasPrefix(word, "[") {
			f.counts = append(f.counts, n) // the list may end before this part
		}
		n++
	}
	f.counts = append(f.counts, n)
	return f
}

// check returns an error naming the right form unless n arguments are allowed.
func (f form) check(name string, n int) error {
	last := f.counts[len(f.counts)-1]
	if slices.Contains(f.counts, n) || f.open && n > last {
		return nil
	}
	return fmt.Errorf("%s takes %s, not %d; write: %s", name, f.describe(), n, f.usage(name))
}

// describe says in words how many arguments are allowed.
func (f form) describe() string {
	last := f.counts[len(f.counts)-1]
	switch {
	case f.open:
		return "at least " + plural(f.counts[0], "argument")
	case len(f.counts) > 1:
		parts := make([]string, len(f.counts)-1)
		for i, c := range f.counts[:len(parts)] {
			parts[i] = strconv.Itoa(c)
		}
		return strings.Join(parts, ", ") + " or " + plural(last, "argument")
	case last == 0:
		return "no arguments"
	default:
		return "exactly " + plural(last, "argument")
	}
}

// usage is the option as it is to be written.
func (f form) usage(name string) string {
	if f.text == "" {
		return name
	}
	return name + " " + f.text
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
