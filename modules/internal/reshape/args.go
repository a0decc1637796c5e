// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package reshape

import (
	"fmt"
	"slices"
	"strings"
)

// ParseArgs reads the words behind a verb:
//
//	remove  header|query|body <name>...
//	rename  header|query|body <name> <new name>
//	replace header|query      <name> <value>
//	replace body              <path> <value> [string|number|boolean|json]
//
// and set, add and append like replace. Where the place is left out, it is the body.
func ParseArgs(do Verb, args []string) ([]Edit, error) {
	place, rest := Body, args
	named := len(args) > 0 && slices.Contains([]Place{Header, Query, Body}, Place(args[0]))
	if named {
		place, rest = Place(args[0]), args[1:]
	}
	most, form := len(rest), "<name>..."
	least := 1
	switch {
	case do == Rename:
		least, most, form = 2, 2, "<name> <new name>"
	case do.HasValue() && place == Body:
		least, most, form = 2, 3, "<path> <value> [string|number|boolean|json]"
	case do.HasValue():
		least, most, form = 2, 2, "<name> <value>"
	}
	if len(rest) < least || len(rest) > most {
		hint := ""
		if named && len(args) == least {
			hint = fmt.Sprintf("; for a member called %s write: %s body %s", args[0], do, strings.Join(args, " "))
		}
		return nil, fmt.Errorf("%d words after %s are too few or too many; write: %s %s %s%s", len(rest), place, do, place, form, hint)
	}
	if do == Remove {
		edits := make([]Edit, len(rest))
		for i, name := range rest {
			edits[i] = Edit{Do: do, In: place, Name: name}
		}
		return edits, nil
	}
	e := Edit{Do: do, In: place, Name: rest[0]}
	if do == Rename {
		e.To = rest[1]
		return []Edit{e}, nil
	}
	e.Value = rest[1]
	if len(rest) == 3 {
		if e.Type = Type(rest[2]); e.Type == Auto || !slices.Contains([]Type{String, Number, Boolean, JSON}, e.Type) {
			return nil, fmt.Errorf("%q is no type; write string, number, boolean or json, and put quotes around a value of several words", rest[2])
		}
	}
	return []Edit{e}, nil
}
