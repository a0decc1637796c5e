// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"iter"
	"slices"
	"strings"
)

// Book is an immutable collection of models with their prices. It is safe for
// concurrent use.
type Book struct {
	models   []*Model
	exact    map[nameKey]*Model
	patterns map[string][]pattern
	version  string
	warnings []string

	snapshots map[*Model][]*Model
}

// nameKey identifies a name within a provider. The empty provider stands for
// all of them.
type nameKey struct {
	provider, name string
}

// wellKnown are the providers that sell their own models. They win when the
// same name is looked up without a provider.
var wellKnown = []string{"anthropic", "deepseek", "gemini", "openai", "xai"}

// newBook indexes groups of models. The names of an earlier group stand before
// those of a later one, and within a group those of a maker before a reseller.
func newBook(version string, warnings []string, groups ...[]*Model) *Book {
	models := slices.Concat(groups...)
	b := &Book{
		models:   models,
		exact:    make(map[nameKey]*Model, 4*len(models)),
		patterns: make(map[string][]pattern),
		version:  version,
		warnings: warnings,
	}
	for _, group := range groups {
		for _, m := range makersFirst(group) {
			for _, name := range m.names {
				b.index(m, name)
			}
		}
	}
	for _, list := range b.patterns {
		slices.SortStableFunc(list, func(x, y pattern) int { return y.weight() - x.weight() })
	}
	b.enterSnapshots()
	return b
}

func makersFirst(models []*Model) []*Model {
	rank := func(m *Model) int {
		if slices.Contains(wellKnown, m.Provider) {
			return 0
		}
		return 1
	}
	sorted := slices.Clone(models)
	slices.SortStableFunc(sorted, func(x, y *Model) int { return rank(x) - rank(y) })
	return sorted
}

// index enters a name unless another model has it already.
func (b *Book) index(m *Model, name string) {
	if strings.Contains(name, "*") {
		p := pattern{text: name, model: m}
		b.patterns[m.Provider] = append(b.patterns[m.Provider], p)
		// A bare "*" says nothing about the name: it needs its provider.
		if p.weight() > 0 {
			b.patterns[""] = append(b.patterns[""], p)
		}
		return
	}
	for _, key := range []nameKey{{m.Provider, name}, {"", name}} {
		if b.exact[key] == nil {
			b.exact[key] = m
		}
	}
}

// Version identifies the contents: the date of the table and the beginning of
// its SHA-256 digest. Overlays are joined by "+".
func (b *Book) Version() string {
	return b.version
}

// Warnings lists what Parse found odd but let pass, such as prices out of
// proportion. They are meant for a log.
func (b *Book) Warnings() []string {
	return slices.Clone(b.warnings)
}

// Len returns the number of models.
func (b *Book) Len() int {
	return len(b.models)
}

// Models iterates over the models in the order of the file, those of overlays
// first.
func (b *Book) Models() iter.Seq[*Model] {
	return slices.Values(b.models)
}

// Overlay returns a book in which the models of o replace those of b with the
// same provider and id, and win every name that both claim, also in lookups
// without a provider. Neither book is changed.
func (b *Book) Overlay(o *Book) *Book {
	replaced := make(map[nameKey]bool, len(o.models))
	for _, m := range o.models {
		replaced[nameKey{m.Provider, m.ID}] = true
	}
	var kept []*Model
	for _, m := range b.models {
		if !replaced[nameKey{m.Provider, m.ID}] {
			kept = append(kept, m)
		}
	}
	warnings := slices.Concat(b.warnings, o.warnings)
	return newBook(b.version+"+"+o.version, warnings, o.models, kept)
}

// Lookup finds the model of a name as it stands in a request or response.
//
// The name is tried as it is, then without a path such as "models/" or the
// provider's own prefix ("xai/grok-4"), then in lower case. Each is compared
// with the names in the book, then without a snapshot suffix
// ("-20251101", "-2024-07-18", "@20251101", "-001", "-latest"). Wildcards come
// last, the one with the most literal characters first.
//
// The empty provider searches all of them; there a bare "*" does not count, so
// that an unknown model is not priced by a catch-all meant for one provider.
func (b *Book) Lookup(provider, model string) (*Model, bool) {
	// Most names are found here; what follows is for the others.
	if m := b.named(nameKey{provider, model}); m != nil {
		return m, true
	}
	if model == "" {
		return nil, false
	}
	var room [4]nameKey
	keys := candidates(room[:0], provider, model)
	if lower := strings.ToLower(model); lower != model {
		keys = candidates(keys, provider, lower)
	}
	for _, key := range keys {
		if m := b.named(key); m != nil {
			return m, true
		}
	}
	for _, key := range keys {
		for _, p := range b.patterns[key.provider] {
			if p.matches(key.name) {
				return p.model, true
			}
		}
	}
	return nil, false
}

// named looks for a name and then for what it is a snapshot of.
func (b *Book) named(key nameKey) *Model {
	if m := b.exact[key]; m != nil {
		return m
	}
	if base, ok := snapshotBase(key.name); ok {
		return b.exact[nameKey{key.provider, base}]
	}
	return nil
}
