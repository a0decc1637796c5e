// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"strings"
	"unicode/utf8"
)

const (
	// DefaultMaxRows is the default of Options.MaxRows.
	DefaultMaxRows = 10_000
	// DefaultMaxPerConsumer is the default of Options.MaxPerConsumer.
	DefaultMaxPerConsumer = 1000
	// DefaultMaxTotal is the default of Options.MaxTotal.
	DefaultMaxTotal = 100_000

	maxName = 256  // bytes of a key's field that are kept
	maxTags = 1024 // bytes of a set of tags that are kept
)

// Options bounds what a ledger holds. A value of zero or less means the
// default.
type Options struct {
	// MaxRows is the number of rows of one hour that are kept in full detail.
	MaxRows int
	// MaxPerConsumer is how many of them one consumer may have. Clients choose
	// the names of models; the limit keeps one from using up everybody's rows.
	MaxPerConsumer int
	// MaxTotal is the number of rows of all hours together that a Table holds.
	// Beyond it the oldest hours are merged.
	MaxTotal int
}

// withDefaults returns o with the defaults filled in.
func (o Options) withDefaults() Options {
	if o.MaxRows <= 0 {
		o.MaxRows = DefaultMaxRows
	}
	if o.MaxPerConsumer <= 0 {
		o.MaxPerConsumer = DefaultMaxPerConsumer
	}
	if o.MaxTotal <= 0 {
		o.MaxTotal = DefaultMaxTotal
	}
	return o
}

// Detail decides in how much detail the rows of one hour are kept.
//
// Once a consumer has MaxPerConsumer rows, or all together have MaxRows, what
// would need another row belongs to the consumer's row for the same provider,
// route and tags with the model Other. When there are MaxRows such rows as
// well, provider and route become Other too, and when there are MaxRows of
// those, consumer and tags. So an hour never has more than 3*MaxRows+1 rows, no
// sum is ever lost, and what is lost is detail, least important first.
type Detail struct {
	o           Options
	used        [foldLevels]int // rows at each level of folding
	perConsumer map[string]int  // rows in full detail
}

// foldLevels counts the levels of detail: all, without the model, and the
// consumer with its tags alone.
const foldLevels = 3

// rest is the key of everything beyond the last level.
var rest = Key{Other, Other, Other, Other, Other}

// NewDetail returns the detail of an hour without rows.
func NewDetail(o Options) *Detail {
	return &Detail{o: o.withDefaults(), perConsumer: map[string]int{}}
}

// Count takes note of a row that the hour has.
func (d *Detail) Count(k Key) {
	level := k.level()
	if level >= foldLevels {
		return
	}
	d.used[level]++
	if level == 0 {
		d.perConsumer[k.Consumer]++
	}
}

// Place returns the key of the row in which the sums of k belong, and whether
// the row has to be made, which is then counted. There tells which rows the
// hour has.
func (d *Detail) Place(k Key, there func(Key) bool) (row Key, fresh bool) {
	for level := k.level(); level < foldLevels; level++ {
		row = k.fold(level)
		if there(row) {
			return row, false
		}
		full := d.used[level] >= d.o.MaxRows || level == 0 && d.perConsumer[k.Consumer] >= d.o.MaxPerConsumer
		if !full {
			row = row.clone() // before it is counted, which keeps the consumer
			d.Count(row)
			return row, true
		}
	}
	return rest, !there(rest)
}

// level tells how far k is folded. A model that really has the name Other makes
// no difference worth telling apart.
func (k *Key) level() int {
	switch {
	case *k == rest:
		return foldLevels
	case k.Model != Other:
		return 0
	case k.Provider == Other && k.Route == Other:
		return 2
	}
	return 1
}

// fold returns k with less detail, the more so the higher the level.
func (k *Key) fold(level int) Key {
	folded := *k
	if level >= 1 {
		folded.Model = Other
	}
	if level >= 2 {
		folded.Provider, folded.Route = Other, Other
	}
	return folded
}

// clone returns a copy of k that shares no memory with it. The strings of a key
// may be parts of a request body, which must not stay.
func (k *Key) clone() Key {
	return Key{
		strings.Clone(k.Consumer), strings.Clone(k.Provider), strings.Clone(k.Model),
		strings.Clone(k.Route), strings.Clone(k.Tags),
	}
}

// KeyOf returns the key of r. Names are cut to 256 bytes, not within a
// character, and sets of tags to 1024, not within a tag. The strings share
// memory with those of r.
func KeyOf(r *Record) Key {
	return Key{shorten(r.Consumer), shorten(r.Provider), shorten(r.Model), shorten(r.Route), shortenTags(r.Tags)}
}

func shorten(s string) string {
	if len(s) <= maxName {
		return s
	}
	end := maxName
	for end > maxName-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

func shortenTags(s string) string {
	if len(s) <= maxTags {
		return s
	}
	return s[:max(strings.LastIndexByte(s[:maxTags+1], ','), 0)]
}
