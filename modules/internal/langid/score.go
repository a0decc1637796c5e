// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langid

import (
	"encoding/binary"
	"math"

	"github.com/caddy-gateway/tollgate/modules/internal/langid/ngram"
)

const (
	// maxLanes is how many labels a model may have. Rows of a table have room for that
	// many or for narrowLanes.
	maxLanes    = 12
	narrowLanes = 4
	// tableBits is the size of a table: 1<<tableBits rows.
	tableBits  = 16
	tableShift = 64 - tableBits
	// zeroWeight is what a weight of 0 is stored as.
	zeroWeight = 128
	// spillAfter is how many weights of at most 255 a 16-bit lane can add up.
	spillAfter = 256
)

// model is a linear classifier of the languages of a group. Its rows hold one byte for
// each label, the weight of a feature.
type model struct {
	labels  []Code
	bias    [maxLanes]float32
	scale   float32
	lanes   int
	weights []byte
}

// sums adds up rows, each lane by itself: bytes become 16-bit lanes, which spill into
// integers before they overflow.
type sums struct {
	total          [maxLanes]int32
	even, odd, low uint64
	pending        int
}

const laneMask = 0x00ff00ff00ff00ff

// spill moves what the 16-bit lanes hold.
func (a *sums) spill() {
	for i := range 4 {
		shift := 16 * i
		a.total[2*i] += int32(a.even >> shift & 0xffff)
		a.total[2*i+1] += int32(a.odd >> shift & 0xffff)
	}
	for i, lane := range [4]int{8, 10, 9, 11} {
		a.total[lane] += int32(a.low >> (16 * i) & 0xffff)
	}
	a.even, a.odd, a.low, a.pending = 0, 0, 0, 0
}

// wide adds a row of maxLanes.
func (a *sums) wide(weights []byte, bucket uint32) {
	at := int(bucket) * maxLanes
	row := weights[at : at+maxLanes : at+maxLanes]
	first, rest := binary.LittleEndian.Uint64(row), uint64(binary.LittleEndian.Uint32(row[8:]))
	a.even += first & laneMask
	a.odd += first >> 8 & laneMask
	a.low += rest&0x00ff00ff | rest<<24&0x00ff00ff00000000
}

// narrow adds a row of narrowLanes.
func (a *sums) narrow(weights []byte, bucket uint32) {
	at := int(bucket) * narrowLanes
	rest := uint64(binary.LittleEndian.Uint32(weights[at : at+narrowLanes]))
	a.low += rest&0x00ff00ff | rest<<24&0x00ff00ff00000000
}

// addWide adds the rows of all features.
func (a *sums) addWide(weights, ids []byte) {
	window, word := uint64(0), ngram.NewWord
	for _, id := range ids[1:] {
		window = ngram.Push(window, id)
		b1, b2, b3, b4 := ngram.Grams(window, tableShift)
		if id == ngram.Boundary {
			b1 = ngram.Word(word, tableShift)
			window, word = 0, ngram.NewWord
		} else {
			word = ngram.PushWord(word, id)
		}
		a.wide(weights, b1)
		a.wide(weights, b2)
		a.wide(weights, b3)
		a.wide(weights, b4)
		if a.pending += 4; a.pending == spillAfter {
			a.spill()
		}
	}
	a.spill()
}

// addNarrow does the same for narrow rows.
func (a *sums) addNarrow(weights, ids []byte) {
	window, word := uint64(0), ngram.NewWord
	for _, id := range ids[1:] {
		window = ngram.Push(window, id)
		b1, b2, b3, b4 := ngram.Grams(window, tableShift)
		if id == ngram.Boundary {
			b1 = ngram.Word(word, tableShift)
			window, word = 0, ngram.NewWord
		} else {
			word = ngram.PushWord(word, id)
		}
		a.narrow(weights, b1)
		a.narrow(weights, b2)
		a.narrow(weights, b3)
		a.narrow(weights, b4)
		if a.pending += 4; a.pending == spillAfter {
			a.spill()
		}
	}
	a.spill()
}

// probabilities fills in the probability of each label, given logarithms of prior odds.
func (m *model) probabilities(p, prior *[maxLanes]float32, ids []byte) {
	var a sums
	first := 0
	if m.lanes == maxLanes {
		a.addWide(m.weights, ids)
	} else {
		a.addNarrow(m.weights, ids)
		first = maxLanes - narrowLanes
	}
	features := 4 * (len(ids) - 1)
	factor := m.scale / float32(math.Sqrt(float64(features)))
	highest := float32(math.Inf(-1))
	for i := range m.labels {
		p[i] = float32(int(a.total[first+i])-zeroWeight*features)*factor + m.bias[i] + prior[i]
		highest = max(highest, p[i])
	}
	total := float32(0)
	for i := range m.labels {
		p[i] = float32(math.Exp(float64(p[i] - highest)))
		total += p[i]
	}
	for i := range m.labels {
		p[i] /= total
	}
}
