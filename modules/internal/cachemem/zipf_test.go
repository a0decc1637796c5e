// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachemem

import (
	"math"
	"sort"
)

// zipfSums returns the sums of 1/n^s, for exponents below one as well, which the
// standard library does not have.
func zipfSums(s float64) []float64 {
	sums := make([]float64, universe)
	sum := 0.0
	for i := range sums {
		sum += math.Pow(float64(i+1), -s)
		sums[i] = sum
	}
	return sums
}

// search returns the first of the sums that is at least x.
func search(sums []float64, x float64) int { return sort.SearchFloat64s(sums, x) }
