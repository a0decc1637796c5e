// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langroute

import (
	"fmt"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

// Pattern is which languages something is for, as an operator writes it: one language
// ("hi"), a pair of which a translation goes from the first to the second ("hi>ta"), or
// either side left open ("*>ta", "*"). An empty code is an open side.
type Pattern struct {
	Source, Target languages.Code
}

// ParsePattern reads a pattern. The languages may be written in any form that
// languages.Canonical knows.
func ParsePattern(s string) (Pattern, error) {
	source, target, pair := strings.Cut(s, ">")
	var (
		p   Pattern
		err error
	)
	if p.Source, err = side(source, s); err != nil {
		return Pattern{}, err
	}
	if !pair {
		return p, nil
	}
	if p.Target, err = side(target, s); err != nil {
		return Pattern{}, err
	}
	return p, nil
}

// side reads one side of a pattern.
func side(name, whole string) (languages.Code, error) {
	if name == "*" {
		return "", nil
	}
	code, ok := languages.Canonical(name)
	if !ok {
		return "", fmt.Errorf("%q is no language that is known: write a code such as hi or mni-Mtei, a pair such as hi>ta or *>ta, or * for all", whole)
	}
	return code, nil
}

// String returns the pattern as it is written: "hi", "hi>ta", "*>ta" or "*".
func (p Pattern) String() string {
	source := string(p.Source)
	if source == "" {
		source = "*"
	}
	if p.Target == "" {
		return source
	}
	return source + ">" + string(p.Target)
}

// Matches reports whether the pattern is for a request in a language, which is to be
// translated into target unless that is empty.
func (p Pattern) Matches(source, target languages.Code) bool {
	return (p.Source == "" || source != "" && p.Source.Covers(source)) &&
		(p.Target == "" || target != "" && p.Target.Covers(target))
}
