// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langid

import (
	"fmt"
	"math"
	"slices"

	"github.com/caddy-gateway/tollgate/modules/internal/langid/ngram"
)

// Set is a compiled choice of languages, made once and used by any number of goroutines.
// Its method Identify answers with these languages or with Other.
type Set struct {
	labels  []Code
	scripts uint32 // those of scriptLabels that are chosen
	groups  [ngram.NumGroups]choice
}

// choice is which labels of a model are chosen.
type choice struct {
	lanes [maxLanes]bool
	prior [maxLanes]float32
	any   bool
}

// outsidePrior is how probable a language outside the set is before the text is read, as
// a fraction of one in it. Short texts, which could be either, are so given to languages
// of the set, but longer ones that are clearly in another language are not.
const outsidePrior = 0.05

// Labels returns all labels that Identify can give besides Other, sorted: codes of
// languages, with the script where the detector knows a language in two.
func Labels() []Code {
	var all []Code
	for _, label := range scriptLabels {
		if label != "" {
			all = append(all, label)
		}
	}
	for _, m := range models {
		for _, label := range m.labels {
			if label != Other {
				all = append(all, label)
			}
		}
	}
	slices.Sort(all)
	return all
}

// NewSet compiles a choice of languages, or of all of Labels if none is given. A code
// without a script stands for the language in each script that has a label of its own:
// "ks" for "ks-Arab" and "ks-Deva", but "hi" not for romanised Hindi, "hi-Latn". A
// language that Identify cannot recognise is an error.
func NewSet(codes ...Code) (*Set, error) {
	all := Labels()
	s := &Set{labels: all}
	if len(codes) > 0 {
		s.labels = nil
		for _, code := range codes {
			found := false
			for _, label := range all {
				if code.Covers(label) {
					found = true
					s.labels = append(s.labels, label)
				}
			}
			if !found {
				return nil, fmt.Errorf("recognise language %q: known are %v", code, all)
			}
		}
		slices.Sort(s.labels)
		s.labels = slices.Compact(s.labels)
	}
	for sc, label := range scriptLabels {
		if label != "" && slices.Contains(s.labels, label) {
			s.scripts |= 1 << sc
		}
	}
	for g := range models {
		c := &s.groups[g]
		for i, label := range models[g].labels {
			c.lanes[i] = slices.Contains(s.labels, label)
			c.any = c.any || c.lanes[i]
			if !c.lanes[i] && label != Other {
				c.prior[i] = float32(math.Log(outsidePrior))
			}
		}
	}
	return s, nil
}

// Labels returns the labels that Identify can give besides Other, sorted.
func (s *Set) Labels() []Code { return slices.Clone(s.labels) }
