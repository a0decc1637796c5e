// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langroute

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

// Served is which languages and pairs of them a route serves: those of a list, or every
// language that is known. It decides by which code a language goes on that route, so
// that there are no more codes than the list and the detectors have. It does not change
// once it is made.
type Served struct {
	patterns []Pattern
	labels   []languages.Code
}

// NewServed makes the set of a list; an empty one means every language. Labels are what
// the route's detectors can tell: where nothing is listed, a client's language keeps its
// script only if it is among them. A pattern that is there twice is an error.
func NewServed(patterns []Pattern, labels []languages.Code) (*Served, error) {
	for i, p := range patterns {
		if slices.Contains(patterns[:i], p) {
			return nil, fmt.Errorf("%s is listed twice", p)
		}
	}
	return &Served{slices.Clone(patterns), slices.Clone(labels)}, nil
}

// String returns the list, with commas between, and "" if every language is served.
func (s *Served) String() string {
	names := make([]string, len(s.patterns))
	for i, p := range s.patterns {
		names[i] = p.String()
	}
	return strings.Join(names, ", ")
}

// Sources returns the languages from which the patterns lead, each once. It is nil if
// that may be any language.
func (s *Served) Sources() []languages.Code {
	var sources []languages.Code
	for _, p := range s.patterns {
		if p.Source == "" {
			return nil
		}
		if !slices.Contains(sources, p.Source) {
			sources = append(sources, p.Source)
		}
	}
	return sources
}

// Find returns the codes by which the route knows a language and the one that it is to
// be translated into, which is empty if there is none. A listed language stands for each
// of its scripts, and of several entries the most specific one counts. A language by
// itself serves every target. It is false if nothing serves them.
func (s *Served) Find(source, target languages.Code) (from, into languages.Code, ok bool) {
	if len(s.patterns) == 0 {
		return s.narrow(source), s.narrow(target), true
	}
	best, rank := Pattern{}, -1
	for _, p := range s.patterns {
		if !p.Matches(source, target) {
			continue
		}
		if r := 3*closeness(p.Source, source) + closeness(p.Target, target); r > rank {
			best, rank = p, r
		}
	}
	if rank < 0 {
		return "", "", false
	}
	if from = best.Source; from == "" {
		from = s.narrow(source)
	}
	if into = best.Target; into == "" {
		into = s.narrow(target)
	}
	return from, into, true
}

// closeness ranks a side of a pattern that matches a code.
func closeness(side, code languages.Code) int {
	switch {
	case side == "":
		return 0
	case side != code:
		return 1
	}
	return 2
}

// findStated is Find for a language that somebody has named: without a script it stands
// for the only native one that is listed, if there is but one.
func (s *Served) findStated(source, target languages.Code) (from, into languages.Code, ok bool) {
	if from, into, ok = s.Find(source, target); ok || source.Script() != "" {
		return from, into, ok
	}
	only := languages.Code("")
	for _, p := range s.patterns {
		if p.Source == only || !source.Covers(p.Source) || !p.Matches(p.Source, target) {
			continue
		}
		if only != "" {
			return "", "", false
		}
		only = p.Source
	}
	if only == "" {
		return "", "", false
	}
	return s.Find(only, target)
}

// narrow drops the script of a code where no detector would tell it: what a client
// names must not make codes that nothing else knows.
func (s *Served) narrow(code languages.Code) languages.Code {
	if code.Script() == "" || slices.Contains(s.labels, code) {
		return code
	}
	for _, p := range s.patterns {
		if p.Source == code || p.Target == code {
			return code
		}
	}
	return code.Language()
}

// Reachable reports whether something that is written for a pattern can ever be found
// for a request that is served, see Table.
func (s *Served) Reachable(p Pattern) bool {
	if len(s.patterns) == 0 {
		return s.narrow(p.Source) == p.Source && s.narrow(p.Target) == p.Target
	}
	return slices.ContainsFunc(s.patterns, func(served Pattern) bool {
		return s.sideReachable(p.Source, served.Source) && s.sideReachable(p.Target, served.Target)
	})
}

// sideReachable is Reachable for one side.
func (s *Served) sideReachable(side, served languages.Code) bool {
	switch {
	case side == "":
		return true
	case served == "":
		return s.narrow(side) == side
	}
	return side.Covers(served)
}
