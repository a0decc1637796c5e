// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// mayGrow is by how much memory and goroutines may be above what they were in the second
// quarter: collections come when they come.
const mayGrow = 1.25

// Shares of a run without which it shows nothing: of the requests that were to be made,
// and of the moments at which there was to be a sample.
const mustBeMade, mustBeSampled = 0.9, 0.5

// report prints what came of a system, and returns how many problems there are.
func report(w io.Writer, s *system, samples []sample, o options) (problems int) {
	fmt.Fprintf(w, "\n%s\n\n", s.process.name)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "requests\tnumber\tstatus\tcache\tp50 ms\tp99 ms\trefused p99 ms")
	var hits, asked int
	var lacking []string
	for _, k := range s.kinds {
		f := s.figures[k.name]
		total := 0
		for _, n := range f.statuses {
			total += n
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", k.name, total, counted(f.statuses), counted(f.cache),
			quantile(f.took, 0.5), quantile(f.took, 0.99), quantile(f.refused, 0.99))
		hits += f.cache["Hit"]
		asked += f.cache["Hit"] + f.cache["Miss"]
		lacking = append(lacking, f.lacks(&k, o.length >= time.Minute)...)
	}
	if asked > 0 {
		fmt.Fprintf(t, "share of hits\t%.1f %%\n", 100*float64(hits)/float64(asked))
	}
	fmt.Fprintln(t, "\nlimit\tof\tin the fullest window\tadmitted in all")
	for _, name := range slices.Sorted(maps.Keys(s.limits)) {
		l := s.limits[name]
		fullest := l.fullest()
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\n", name, l.most, fullest, len(l.admitted))
		if fullest > l.most {
			problems++
			fmt.Fprintf(t, "PROBLEM: the limit was exceeded\n")
		}
	}
	n := unfounded(s.refusals, s.limits)
	fmt.Fprintf(t, "\nrefused because of limits\t%d\tof which without one that was used up\t%d\n", len(s.refusals), n)
	if n > 0 {
		lacking = append(lacking, "requests were refused before their limits were used up")
	}
	fmt.Fprintf(t, "requests for which there was room\t%d\tof\t%d\n", s.offered-s.skipped, s.offered)
	if wanted := mustBeMade * o.length.Seconds() * float64(o.rate); float64(s.offered-s.skipped) < wanted && o.length >= time.Minute {
		lacking = append(lacking, fmt.Sprintf("%.0f requests were to be made: the machine has too much else to do", wanted))
	}
	if wanted := mustBeSampled * o.length.Seconds() / every(o).Seconds(); float64(len(samples)) < wanted {
		lacking = append(lacking, fmt.Sprintf("there are %d samples instead of %.0f", len(samples), wanted))
	}
	fmt.Fprintln(t, "\ntaken up\tsecond quarter\tlast quarter")
	for _, of := range []struct {
		name  string
		value func(sample) float64
		least float64 // below which growth is no matter
	}{
		{"resident MiB", func(s sample) float64 { return s.resident }, 20},
		{"live heap MiB without stored answers", func(s sample) float64 { return s.heap - s.cached }, 8},
		{"goroutines", func(s sample) float64 { return s.goroutines }, 100},
	} {
		before, after := grown(samples, of.value)
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\n", of.name, before, after)
		if o.length >= time.Minute && after > mayGrow*before+of.least {
			problems++
			fmt.Fprintf(t, "PROBLEM: it grows\n")
		}
	}
	if asked > 0 {
		before, after := grown(samples, func(s sample) float64 { return s.cached })
		fmt.Fprintf(t, "stored answers MiB\t%.1f\t%.1f\n", before, after)
	}
	_ = t.Flush()
	lacking = append(lacking, s.process.complaints()...)
	problems += len(lacking)
	for _, text := range lacking {
		fmt.Fprintf(w, "PROBLEM: %s\n", text)
	}
	for _, text := range slices.Sorted(maps.Keys(s.problems)) {
		problems++
		fmt.Fprintf(w, "PROBLEM, %d times: %s\n", s.problems[text], text)
	}
	return problems
}

// lacks says what there should be of a kind and is not. What takes its time is wanted of
// longer runs alone.
func (f *figures) lacks(k *kind, long bool) (problems []string) {
	if !k.leaveRequest && f.statuses[k.want[0]] == 0 && long {
		problems = append(problems, fmt.Sprintf("%s: not one answer was %d", k.name, k.want[0]))
	}
	if n := f.cache["Hit"] + f.cache["Miss"]; k.hits > 0 && float64(f.cache["Hit"]) < k.hits*float64(n) || k.hits > 0 && n == 0 {
		problems = append(problems, fmt.Sprintf("%s: %d hits of %d", k.name, f.cache["Hit"], n))
	}
	return problems
}

func counted[K int | string](counts map[K]int) string {
	list := make([]string, 0, len(counts))
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%v: %d", k, counts[k]))
	}
	return strings.Join(list, ", ")
}

func quantile(took []time.Duration, q float64) string {
	if len(took) == 0 {
		return "-"
	}
	sorted := slices.Sorted(slices.Values(took))
	d := sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
	return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000)
}
