// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package lingua

import (
	"runtime/debug"
	"sync"

	"github.com/pemistahl/lingua-go"
)

// scorer is what is used of a lingua-go detector.
type scorer interface {
	ComputeLanguageConfidenceValues(text string) []lingua.ConfidenceValue
}

// models are those of a choice of languages, which are loaded once.
type models struct {
	load   func() scorer
	begin  sync.Once
	ready  chan struct{} // closed when scorer is there
	scorer scorer
}

func newModels(load func() scorer) *models {
	return &models{load: load, ready: make(chan struct{})}
}

// start has the models loaded in the background, unless they are already.
func (m *models) start() {
	m.begin.Do(func() {
		go func() {
			m.scorer = m.load()
			close(m.ready)
		}()
	})
}

// get returns the models, or nil and starts to load them if they are not there.
func (m *models) get() scorer {
	select {
	case <-m.ready:
		return m.scorer
	default:
		m.start()
		return nil
	}
}

// library are the models of this process, which routes and configurations share: by the
// key of their choice. lingua-go keeps what it has loaded for ever, so that nothing is
// gained by forgetting them here.
var library struct {
	sync.Mutex
	models map[string]*models
	// loading is held while models are read, so that none is read twice.
	loading sync.Mutex
}

// modelsOf returns the models of a choice of languages, which are at least two. It loads
// nothing.
func modelsOf(chosen []lingua.Language, lowAccuracy bool) *models {
	k := key(chosen, lowAccuracy)
	library.Lock()
	defer library.Unlock()
	m := library.models[k]
	if m == nil {
		m = newModels(func() scorer { return load(chosen, lowAccuracy) })
		if library.models == nil {
			library.models = make(map[string]*models)
		}
		library.models[k] = m
	}
	return m
}

// load reads models one after the other, so that most cores are left to requests, and
// that they are not all in memory in both of their forms at a time.
func load(chosen []lingua.Language, lowAccuracy bool) scorer {
	library.loading.Lock()
	defer library.loading.Unlock()
	for i := 1; i < len(chosen); i++ {
		build(chosen[i-1:i+1], lowAccuracy)
	}
	scorer := build(chosen, lowAccuracy)
	debug.FreeOSMemory() // the models in the form in which they were read are twice as large
	return scorer
}

// build makes a detector. It loads those models that are not loaded yet.
func build(chosen []lingua.Language, lowAccuracy bool) lingua.LanguageDetector {
	b := lingua.NewLanguageDetectorBuilder().FromLanguages(chosen...).WithPreloadedLanguageModels()
	if lowAccuracy {
		b = b.WithLowAccuracyMode()
	}
	return b.Build()
}
