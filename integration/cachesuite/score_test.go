// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// passing are n outcomes of a kind that pass.
func passing(kind string, n int) []outcome {
	outcomes := make([]outcome, n)
	for i := range outcomes {
		outcomes[i] = outcome{ID: fmt.Sprintf("%s-%d", kind, i), Kind: kind, Passed: true}
	}
	return outcomes
}

// enough are as many outcomes as have to pass, and then the given ones.
func enough(more ...outcome) []outcome {
	return slices.Concat(passing(required, least[required]), passing(optimal, least[optimal]), more)
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	const expected = "age-parse-prefix"
	tests := []struct {
		name     string
		outcomes []outcome
		want     string // in the error; empty for none
	}{
		{"enough", enough(), ""},
		{"a known failure", enough(outcome{ID: expected, Kind: required, Message: "no"}), ""},
		{"a check that says no", enough(outcome{ID: "check-no", Kind: check, Message: "no"}), ""},
		{"nothing", nil, "0 required tests pass, of at least 150"},
		{"one required too few", enough()[1:], "149 required tests pass"},
		{"one optimal too few", enough()[:least[required]+least[optimal]-1], "74 optimal tests pass"},
		{"an unknown failure", enough(outcome{ID: "new", Kind: optimal, Message: "broken"}), "the optimal test new fails, and is not known to: broken"},
		{"a known failure that passes", enough(outcome{ID: expected, Kind: required, Passed: true}), expected + " passes"},
		{
			"a test whose dependency fails",
			enough(outcome{ID: expected, Kind: required}, outcome{ID: "later", Kind: required, Passed: true, DependsOn: []string{expected}}),
			"later fails, and is not known to: it depends on [" + expected + "]",
		},
		{
			"a test whose dependency has one that fails",
			enough(
				outcome{ID: expected, Kind: required},
				outcome{ID: "check-later", Kind: check, Passed: true, DependsOn: []string{expected}},
				outcome{ID: "last", Kind: required, Passed: true, DependsOn: []string{"check-later"}},
			),
			"last fails",
		},
		{"a dependency that is no test", enough(outcome{ID: "lost", Kind: required, Passed: true, DependsOn: []string{"none"}}), "lost fails"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := grade(test.outcomes).verdict()
			switch {
			case err == nil && test.want != "":
				t.Errorf("there is no error, want %q", test.want)
			case err != nil && (test.want == "" || !strings.Contains(err.Error(), test.want)):
				t.Errorf("the error is %q, want %q", err, test.want)
			}
		})
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	outcomes := enough(
		outcome{ID: "age-parse-prefix", Kind: required, Error: "Assertion", Message: "it is not from the cache"},
		outcome{ID: "later", Kind: required, Passed: true, DependsOn: []string{"age-parse-prefix"}},
		outcome{ID: "check-no", Kind: check, Error: "Assertion", Message: "it says no"},
	)
	tests := []struct {
		name      string
		all       bool
		has, lack string
	}{
		{"score", false, "required  150 of 152  (151 by themselves)\noptimal    75 of  75\ncheck       0 of   1\n", "check-no"},
		{"reason", false, "required age-parse-prefix\n\tAssertion: it is not from the cache\n\t" + ageList, "check-no"},
		{"checks", true, "check check-no\n\tAssertion: it says no\n", "\n\n\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			grade(outcomes).print(&b, test.all)
			if !strings.Contains(b.String(), test.has) || strings.Contains(b.String(), test.lack) {
				t.Errorf("it prints, without %q or with %q:\n%s", test.has, test.lack, b.String())
			}
		})
	}
}

func TestKnownFailuresAreExplained(t *testing.T) {
	t.Parallel()
	for _, id := range slices.Sorted(maps.Keys(known)) {
		if known[id] == "" {
			t.Errorf("%s has no reason", id)
		}
	}
}
