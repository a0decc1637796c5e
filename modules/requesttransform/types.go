// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requesttransform

import (
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/reshape"
)

// ambiguous says that the values of Content-Type are several that differ, of which one is
// of a body that is edited: the upstream may take another than the first.
func (h *Handler) ambiguous(values []string) bool {
	if len(values) == 0 || len(values) == 1 && !strings.Contains(values[0], ",") {
		return false
	}
	several, edited := false, false
	for _, value := range values {
		for rest, more := value, true; more; {
			var one string
			one, rest, more = cutType(rest)
			several = several || one != values[0]
			edited = edited || reshape.MediaOf(one, h.ContentTypes) != reshape.Other
		}
	}
	return several && edited
}

// cutType cuts a list at the first comma that is in no quoted string.
func cutType(list string) (before, after string, found bool) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return list[:i], list[i+1:], true
		}
	}
	return list, "", false
}
