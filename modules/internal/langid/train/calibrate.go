// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"math/rand/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/langid/ngram"
)

// sharpness returns the factor by which scores must be multiplied for the probabilities
// to be right on text that was not trained with: one example in five is kept apart, and
// the factor chosen under which its windows are most probable. Single words are left
// out: many belong to several languages, which would make all answers timid.
func sharpness(g ngram.Group, lanes int, examples []example) float64 {
	const parts = 5
	var apart, rest []example
	for i, e := range examples {
		if i%parts == 0 {
			apart = append(apart, e)
		} else {
			rest = append(rest, e)
		}
	}
	w := learn(g, lanes, rest)
	random := rand.New(rand.NewPCG(parts, uint64(g)))
	type scored struct {
		scores []float64
		label  int
	}
	var seen []scored
	for range parts {
		for _, e := range apart {
			words := window(random, e.words)
			ids := idsOf(nil, words, g)
			if len(words) < 2 || len(ids) == 0 {
				continue
			}
			s := scored{scores: make([]float64, lanes), label: e.label}
			w.scores(s.scores, ngram.Buckets(nil, ids, tableBits))
			seen = append(seen, s)
		}
	}
	best, least := 1.0, math.Inf(1)
	p := make([]float64, lanes)
	for factor := 0.4; factor < 1.5; factor += 0.02 {
		loss := 0.0
		for _, s := range seen {
			for i, v := range s.scores {
				p[i] = v * factor
			}
			softmax(p)
			loss -= math.Log(p[s.label] + 1e-12)
		}
		if loss < least {
			best, least = factor, loss
		}
	}
	return best
}
