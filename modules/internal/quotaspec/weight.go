// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotaspec

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxWeight is the largest weight of a request.
const MaxWeight = 1_000_000

// Weight is what a request counts for.
type Weight struct {
	// Constant from 0 to MaxWeight, if there is no placeholder.
	Constant int64
	// Placeholder, with its braces, that holds the weight of a request.
	Placeholder string
}

// ParseWeight reads a whole number from 0 to MaxWeight, or a placeholder. An empty
// text is 1.
func ParseWeight(text string) (Weight, error) {
	if text == "" {
		return Weight{Constant: 1}, nil
	}
	if strings.ContainsAny(text, "{}") {
		if err := checkPlaceholder(text); err != nil {
			return Weight{}, err
		}
		return Weight{Placeholder: text}, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !isDigits(text) || n > MaxWeight {
		return Weight{}, fmt.Errorf("%q is not a weight; write a whole number from 0 to %d, or a placeholder that holds one", text, MaxWeight)
	}
	return Weight{Constant: n}, nil
}

// String returns the weight as it is written.
func (w Weight) String() string {
	if w.Placeholder != "" {
		return w.Placeholder
	}
	return strconv.FormatInt(w.Constant, 10)
}

// checkPlaceholder refuses what is not one whole placeholder.
func checkPlaceholder(text string) error {
	inner, ok := strings.CutPrefix(text, "{")
	if ok {
		inner, ok = strings.CutSuffix(inner, "}")
	}
	if !ok || inner == "" || strings.ContainsAny(inner, "{}") {
		return fmt.Errorf("%q is not one placeholder; write one such as {http.request.host}, with nothing around it", text)
	}
	return nil
}
