// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

const (
	// DefaultMaxRows is the default of Options.MaxRows.
	DefaultMaxRows = 100_000
	// DefaultMaxPerConsumer is the default of Options.MaxPerConsumer.
	DefaultMaxPerConsumer = 1000

	maxName = 256 // bytes of a key's field that are kept
	shards  = 64  // power of two
)

// Options bounds a Memory. A value of zero or less means the default.
type Options struct {
	// MaxRows is the number of rows kept in full detail.
	MaxRows int
	// MaxPerConsumer is how many of them one consumer may have. Clients choose
	// the names of models; the limit keeps one from using up everybody's rows.
	MaxPerConsumer int
}

// Memory is a Ledger in the memory of the process. It keeps sums, not records.
//
// Memory is bounded. Once a consumer has MaxPerConsumer rows, or all together
// have MaxRows, what would need another row is added to the consumer's row for
// the same provider and route with the model Other. When there are MaxRows such
// rows as well, provider and route become Other too, and when there are MaxRows
// of those, the consumer. So there are never more than 3*MaxRows+1 rows, no sum
// is ever lost, and what is lost is detail, least important first. A row takes
// about 500 bytes and its names, of which 256 bytes each are kept.
//
// Recording into a row that exists does not allocate and contends only with
// records of the same row.
type Memory struct {
	maxRows        int64
	maxPerConsumer int
	seed           maphash.Seed
	used           [foldLevels]atomic.Int64 // rows at each level of folding
	rest           row                      // everything beyond the last level
	shards         [shards]shard
}

// foldLevels counts the levels of detail: all, without the model, and the
// consumer alone.
const foldLevels = 3

// shard holds all rows of some consumers.
type shard struct {
	mu          sync.RWMutex
	rows        map[Key]*row
	perConsumer map[string]int // rows in full detail
}

// row is a Row with its lock.
type row struct {
	mu  sync.Mutex
	sum Row
}

// NewMemory returns an empty ledger.
func NewMemory(o Options) *Memory {
	if o.MaxRows <= 0 {
		o.MaxRows = DefaultMaxRows
	}
	if o.MaxPerConsumer <= 0 {
		o.MaxPerConsumer = DefaultMaxPerConsumer
	}
	m := &Memory{maxRows: int64(o.MaxRows), maxPerConsumer: o.MaxPerConsumer, seed: maphash.MakeSeed()}
	m.rest.sum.Key = Key{Other, Other, Other, Other}
	for i := range m.shards {
		m.shards[i].rows = map[Key]*row{}
		m.shards[i].perConsumer = map[string]int{}
	}
	return m
}

// Record implements Ledger.
func (m *Memory) Record(r *Record) {
	key := Key{shorten(r.Consumer), shorten(r.Provider), shorten(r.Model), shorten(r.Route)}
	s := &m.shards[maphash.String(m.seed, key.Consumer)%shards]
	s.mu.RLock()
	w := s.rows[key]
	s.mu.RUnlock()
	if w == nil {
		w = m.open(s, key)
	}
	w.mu.Lock()
	w.sum.add(r)
	w.mu.Unlock()
}

// open returns the row for key, or the one it folds into, and makes it if there
// is room.
func (m *Memory) open(s *shard, key Key) *row {
	s.mu.Lock()
	defer s.mu.Unlock()
	for level := range foldLevels {
		k := fold(key, level)
		if w := s.rows[k]; w != nil {
			return w
		}
		if level == 0 && s.perConsumer[k.Consumer] >= m.maxPerConsumer {
			continue
		}
		if m.used[level].Add(1) > m.maxRows {
			m.used[level].Add(-1)
			continue
		}
		// The strings may be parts of a request body, which must not stay.
		k = Key{strings.Clone(k.Consumer), strings.Clone(k.Provider), strings.Clone(k.Model), strings.Clone(k.Route)}
		if level == 0 {
			s.perConsumer[k.Consumer]++
		}
		w := &row{sum: Row{Key: k}}
		s.rows[k] = w
		return w
	}
	return &m.rest
}

// fold returns key with less detail, the more so the higher the level. The
// consumer stays, and with it the shard.
func fold(key Key, level int) Key {
	if level >= 1 {
		key.Model = Other
	}
	if level >= 2 {
		key.Provider, key.Route = Other, Other
	}
	return key
}

// shorten cuts s to maxName bytes, not within a character.
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

// Rows implements Ledger. It allocates; recording goes on meanwhile.
func (m *Memory) Rows(f Filter) []Row {
	var found []*row
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.RLock()
		for k, w := range s.rows {
			if f.Matches(k) {
				found = append(found, w)
			}
		}
		s.mu.RUnlock()
	}
	if f.Matches(m.rest.sum.Key) {
		found = append(found, &m.rest)
	}
	rows := make([]Row, 0, len(found))
	for _, w := range found {
		w.mu.Lock()
		// A row just made has no record yet, the rest mostly never.
		if w.sum.Requests > 0 {
			rows = append(rows, w.sum)
		}
		w.mu.Unlock()
	}
	sortRows(rows)
	return rows
}

// Interface guards
var _ Ledger = (*Memory)(nil)
