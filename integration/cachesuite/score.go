// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// The kinds of tests: what a cache must do, what a good one does, and what caches do
// differently without being wrong.
const (
	required = "required"
	optimal  = "optimal"
	check    = "check"
)

// kinds are all of them, in the order they are reported in.
var kinds = []string{required, optimal, check}

// least is how many tests of a kind have to pass.
var least = map[string]int{required: 150, optimal: 75}

// outcome is a test and what came of it.
type outcome struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Kind      string   `json:"kind"`
	DependsOn []string `json:"depends_on"`
	Passed    bool     `json:"passed"`
	Error     string   `json:"error"` // Setup where the test could not be made
	Message   string   `json:"message"`
}

// score is what came of all tests.
type score struct {
	total, passed map[string]int // by kind
	alone         map[string]int // those that pass, whatever becomes of the tests they depend on
	failed        []failure
	stale         []string // known failures that do not fail
}

// failure is a test that does not pass.
type failure struct {
	outcome
	why string // empty where it is not known
}

// grade counts as the suite's own pages do: a test is passed if it and those that it
// depends on are.
func grade(outcomes []outcome) *score {
	s := &score{total: map[string]int{}, passed: map[string]int{}, alone: map[string]int{}}
	byID := make(map[string]*outcome, len(outcomes))
	for i := range outcomes {
		byID[outcomes[i].ID] = &outcomes[i]
	}
	var passes func(id string) bool
	passes = func(id string) bool {
		o := byID[id]
		return o != nil && o.Passed && !slices.ContainsFunc(o.DependsOn, func(id string) bool { return !passes(id) })
	}
	for _, o := range outcomes {
		s.total[o.Kind]++
		if o.Passed {
			s.alone[o.Kind]++
		}
		passed := passes(o.ID)
		if passed {
			s.passed[o.Kind]++
			if known[o.ID] != "" {
				s.stale = append(s.stale, o.ID)
			}
			continue
		}
		if o.Passed {
			o.Error, o.Message = "Dependency", fmt.Sprintf("it depends on %v", o.DependsOn)
		}
		s.failed = append(s.failed, failure{o, known[o.ID]})
	}
	return s
}

// print writes the score and the failures, those of checks only on demand.
func (s *score) print(w io.Writer, all bool) {
	for _, kind := range kinds {
		_, _ = fmt.Fprintf(w, "%-8s  %3d of %3d", kind, s.passed[kind], s.total[kind])
		if alone := s.alone[kind]; alone != s.passed[kind] {
			_, _ = fmt.Fprintf(w, "  (%d by themselves)", alone)
		}
		_, _ = fmt.Fprintln(w)
	}
	for _, kind := range kinds {
		if kind == check && !all {
			continue
		}
		for _, f := range s.failed {
			if f.Kind != kind {
				continue
			}
			_, _ = fmt.Fprintf(w, "\n%s %s\n\t%s: %s\n", f.Kind, f.ID, f.Error, f.Message)
			if f.why != "" {
				_, _ = fmt.Fprintf(w, "\t%s\n", f.why)
			}
		}
	}
}

// verdict says what is wrong with the score.
func (s *score) verdict() error {
	var errs []error
	for _, kind := range kinds {
		if s.passed[kind] < least[kind] {
			errs = append(errs, fmt.Errorf("%d %s tests pass, of at least %d", s.passed[kind], kind, least[kind]))
		}
	}
	for _, f := range s.failed {
		if f.Kind != check && f.why == "" {
			errs = append(errs, fmt.Errorf("the %s test %s fails, and is not known to: %s", f.Kind, f.ID, f.Message))
		}
	}
	for _, id := range s.stale {
		errs = append(errs, fmt.Errorf("the test %s passes; remove it from those that are known to fail", id))
	}
	return errors.Join(errs...)
}
