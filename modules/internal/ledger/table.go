// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"iter"
	"maps"
	"slices"
)

// Table holds sums by hour and key in bounded memory. It is not safe for
// concurrent use.
//
// Within an hour the bounds are those of Detail. When there are MaxTotal rows
// of all hours, the two oldest hours become one, under the older one's name, as
// often as it takes: the sums stay, and what is lost is when long ago they were
// made. Two hours may have as many rows as Detail grants them. A row takes about
// 500 bytes and its names.
//
// Adding to a row that exists does not allocate.
type Table struct {
	o     Options
	hours map[Hour]*hourSums
	rows  int
}

type hourSums struct {
	rows   map[Key]*Row
	detail *Detail
}

// NewTable returns an empty table.
func NewTable(o Options) *Table {
	return &Table{o: o.withDefaults(), hours: map[Hour]*hourSums{}}
}

// Len returns the number of rows.
func (t *Table) Len() int { return t.rows }

// Record adds one settled request.
func (t *Table) Record(r *Record) {
	t.row(HourOf(r.At), KeyOf(r)).AddRecord(r)
}

// Add adds sums of an hour under the key of w. It keeps neither w nor memory
// that its strings share.
func (t *Table) Add(h Hour, w *Row) {
	t.row(h, w.Key).Add(w)
}

// AddTable adds everything that o holds.
func (t *Table) AddTable(o *Table) {
	for h, w := range o.All() {
		t.Add(h, w)
	}
}

// All yields the rows with their hours, the hours in order. The table must not
// change meanwhile.
func (t *Table) All() iter.Seq2[Hour, *Row] {
	return func(yield func(Hour, *Row) bool) {
		for _, h := range slices.Sorted(maps.Keys(t.hours)) {
			for _, w := range t.hours[h].rows {
				if !yield(h, w) {
					return
				}
			}
		}
	}
}

// AddTo adds the rows to g.
func (t *Table) AddTo(g *Groups) {
	for h, s := range t.hours {
		if h < g.first || h >= g.end {
			continue
		}
		for _, w := range s.rows {
			g.Add(h, w)
		}
	}
}

// row returns the row for a key, or the one it folds into, and makes it if need
// be.
func (t *Table) row(h Hour, k Key) *Row {
	s := t.hours[h]
	if s != nil {
		if w := s.rows[k]; w != nil {
			return w
		}
	}
	for t.rows >= t.o.MaxTotal && len(t.hours) > 1 {
		t.mergeOldest()
		s = t.hours[h]
	}
	if s == nil {
		s = &hourSums{rows: map[Key]*Row{}, detail: NewDetail(t.o)}
		t.hours[h] = s
	}
	return t.place(s, k)
}

func (t *Table) place(s *hourSums, k Key) *Row {
	k, fresh := s.detail.Place(k, func(k Key) bool { return s.rows[k] != nil })
	if !fresh {
		return s.rows[k]
	}
	w := &Row{Key: k}
	s.rows[k] = w
	t.rows++
	return w
}

// mergeOldest makes one hour of the two oldest.
func (t *Table) mergeOldest() {
	oldest, second := MaxHour+1, MaxHour+1
	for h := range t.hours {
		switch {
		case h < oldest:
			oldest, second = h, oldest
		case h < second:
			second = h
		}
	}
	into, from := t.hours[oldest], t.hours[second]
	if len(into.rows) < len(from.rows) {
		into, from = from, into
	}
	t.rows -= len(from.rows)
	for k, w := range from.rows {
		if same := into.rows[k]; same != nil {
			same.Add(w)
		} else {
			t.place(into, k).Add(w)
		}
	}
	t.hours[oldest] = into
	delete(t.hours, second)
}
