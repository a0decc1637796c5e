// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"math/rand/v2"
	"sync"

	"github.com/caddy-gateway/tollgate/modules/internal/langid/ngram"
)

// How models are learnt. The values were chosen by leaving out parts of the training
// text; most differ little from their neighbours.
const (
	tableBits = 16
	epochs    = 30
	// members models, which see other windows in another order, are averaged.
	members = 4
	// rate is the step of the first epoch; it falls to 0 over the last.
	rate     = 0.5
	biasRate = 0.1
	// dropped is the share of features that an example leaves out, so that weight is
	// spread over all that speak for a label.
	dropped = 0.2
	tiny    = 1e-6
)

// weights are a linear classifier: a row of weights for each bucket.
type weights struct {
	group ngram.Group
	lanes int
	rows  []float32
	bias  []float32
}

func newWeights(g ngram.Group, lanes int) *weights {
	return &weights{group: g, lanes: lanes, rows: make([]float32, lanes<<tableBits), bias: make([]float32, lanes)}
}

// row returns the weights of a bucket.
func (w *weights) row(bucket uint32) []float32 {
	at := int(bucket) * w.lanes
	return w.rows[at : at+w.lanes]
}

// scores fills in a score for each label: the sum of the weights over the square root of
// their number, as the evidence of overlapping features grows.
func (w *weights) scores(p []float64, buckets []uint32) {
	clear(p)
	for _, b := range buckets {
		for i, weight := range w.row(b) {
			p[i] += float64(weight)
		}
	}
	factor := 1 / math.Sqrt(float64(len(buckets)))
	for i := range p {
		p[i] = p[i]*factor + float64(w.bias[i])
	}
}

// softmax turns scores into probabilities.
func softmax(p []float64) {
	highest, total := math.Inf(-1), 0.0
	for _, v := range p {
		highest = max(highest, v)
	}
	for i := range p {
		p[i] = math.Exp(p[i] - highest)
		total += p[i]
	}
	for i := range p {
		p[i] /= total
	}
}

// learn trains the members at once and averages them. Each draws its own numbers, so
// that the result does not depend on which is ready first.
func learn(g ngram.Group, lanes int, examples []example) *weights {
	trained := make([]*weights, members)
	var running sync.WaitGroup
	for i := range trained {
		running.Go(func() { trained[i] = learnOne(g, lanes, examples, uint64(i)) })
	}
	running.Wait()
	average := newWeights(g, lanes)
	for _, w := range trained {
		for i, v := range w.rows {
			average.rows[i] += v / members
		}
		for i, v := range w.bias {
			average.bias[i] += v / members
		}
	}
	return average
}

// learnOne is multinomial logistic regression by stochastic gradients, whose steps
// shrink for each weight by itself (AdaGrad).
func learnOne(g ngram.Group, lanes int, examples []example, member uint64) *weights {
	w := newWeights(g, lanes)
	squares, biasSquares := newWeights(g, lanes), make([]float64, lanes)
	random := rand.New(rand.NewPCG(member, uint64(g)))
	p := make([]float64, lanes)
	var ids []byte
	var buckets, kept []uint32
	for step, end := 0, epochs*len(examples); step < end; {
		for _, k := range random.Perm(len(examples)) {
			e := &examples[k]
			pace := rate * (1 - float64(step)/float64(end))
			step++
			if ids = idsOf(ids, e.cut(random), g); len(ids) == 0 {
				continue
			}
			buckets, kept = ngram.Buckets(buckets[:0], ids, tableBits), kept[:0]
			for _, b := range buckets {
				if random.Float64() >= dropped {
					kept = append(kept, b)
				}
			}
			if len(kept) == 0 {
				continue
			}
			w.scores(p, kept)
			softmax(p)
			p[e.label]--
			for i := range p {
				p[i] *= e.weight
				biasSquares[i] += p[i] * p[i]
				w.bias[i] -= float32(biasRate * pace * p[i] / (math.Sqrt(biasSquares[i]) + tiny))
				p[i] /= math.Sqrt(float64(len(kept)))
			}
			for _, b := range kept {
				row, seen := w.row(b), squares.row(b)
				for i, v := range p {
					gradient := float32(v)
					seen[i] += gradient * gradient
					row[i] -= float32(pace) * gradient / (float32(math.Sqrt(float64(seen[i]))) + tiny)
				}
			}
		}
	}
	return w
}
