// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package lingua

import (
	"context"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/pemistahl/lingua-go"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

// identifier answers with the languages of a choice.
type identifier struct {
	codes    map[lingua.Language]languages.Code
	scripts  [numScripts]bool // in which they are written
	sharpen  float64
	distance float64
	models   *models
	turns    *turns
}

// What the probabilities of lingua-go are raised to, and normalised again, so that they
// are as often right as they say. Those of its n-grams of all lengths are too careful,
// those of trigrams alone too bold. The exponents are those of the smallest loss over
// one to twenty words of the Universal Declaration of Human Rights, among ten languages
// of Europe and among all.
const (
	sharpenHigh = 2
	sharpenLow  = 0.5
)

func newIdentifier(codes []languages.Code, lowAccuracy bool, distance float64) *identifier {
	d := &identifier{codes: make(map[lingua.Language]languages.Code, len(codes)), sharpen: sharpenHigh, distance: distance, turns: allTurns()}
	if lowAccuracy {
		d.sharpen = sharpenLow
	}
	for _, code := range codes {
		d.codes[known().languages[code]] = code
		s := scriptOfCode(code)
		d.scripts[s] = true
		d.scripts[han] = d.scripts[han] || s == kana
	}
	d.models = modelsOf(withContrasts(d.codes), lowAccuracy)
	return d
}

// Identify identifies the language of a text, as Detector describes it.
func (d *identifier) Identify(text []byte) languages.Result {
	e := excerptOf(text)
	r := languages.Result{Script: e.script.String(), Letters: e.letters}
	switch {
	case e.letters == 0:
		return r
	case !d.scripts[e.script]:
		r.Language, r.Confidence, r.Source = languages.Other, 1, source
		return r
	}
	s := d.models.get()
	if s == nil || !d.turns.take() {
		return r
	}
	defer d.turns.give()
	d.decide(&r, s.ComputeLanguageConfidenceValues(e.words))
	return r
}

// decide takes the most probable language, from values in descending order.
func (d *identifier) decide(r *languages.Result, values []lingua.ConfidenceValue) {
	highest, next := values[0].Value(), values[1].Value()
	r.Language, r.Source = languages.Other, source
	if highest == next {
		return // lingua-go knows nothing, or cannot tell these two
	}
	sum := 0.0
	for _, v := range values {
		sum += math.Pow(v.Value()/highest, d.sharpen)
	}
	r.Confidence = float32(1 / sum)
	switch code, asked := d.codes[values[0].Language()]; {
	case (1-math.Pow(next/highest, d.sharpen))/sum < d.distance:
		r.Confidence = 1 - r.Confidence
	case asked: // and not only there for the contrast
		r.Language = code
	}
}

// Load loads the models, and returns when they are there.
func (d *identifier) Load(ctx context.Context) error {
	d.models.start()
	select {
	case <-d.models.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// turns bounds how many texts are looked at together, and for how long one waits.
type turns struct {
	taken chan struct{}
	wait  time.Duration
}

// maxWait is how long a text waits until it is looked at.
const maxWait = time.Second

// allTurns are those of the process. They are made when the configuration is read, by
// which time Caddy has told the runtime how many cores there are.
var allTurns = sync.OnceValue(func() *turns {
	return &turns{taken: make(chan struct{}, runtime.GOMAXPROCS(0)), wait: maxWait}
})

// take takes a turn, and is false if there was none in time.
func (t *turns) take() bool {
	select {
	case t.taken <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(t.wait)
	defer timer.Stop()
	select {
	case t.taken <- struct{}{}:
		return true
	case <-timer.C:
		return false
	}
}

// give gives a turn back.
func (t *turns) give() { <-t.taken }
