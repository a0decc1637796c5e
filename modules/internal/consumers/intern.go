// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers

import (
	"net/netip"
	"slices"
	"strings"
)

// interner stores equal lists once. Consumers by the thousand share a handful
// of them. It copies what it keeps, so that a table does not hold on to the
// file it came from.
type interner struct {
	strings  map[string]string
	lists    map[string][]string
	sets     map[string]string // by list
	models   map[string]*modelList
	prefixes map[string][]netip.Prefix
	key      []byte
}

func newInterner() *interner {
	return &interner{
		strings:  map[string]string{},
		lists:    map[string][]string{},
		sets:     map[string]string{},
		models:   map[string]*modelList{},
		prefixes: map[string][]netip.Prefix{},
	}
}

// joined returns the elements of list as one key. No element holds the
// separator: validation refuses control characters.
func (n *interner) joined(list []string) []byte {
	n.key = n.key[:0]
	for _, s := range list {
		n.key = append(n.key, s...)
		n.key = append(n.key, 0)
	}
	return n.key
}

// list returns a shared copy of list, nil if it is empty.
func (n *interner) list(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	if known, ok := n.lists[string(n.joined(list))]; ok {
		return known
	}
	shared := make([]string, len(list))
	for i, s := range list {
		known, ok := n.strings[s]
		if !ok {
			known = strings.Clone(s)
			n.strings[known] = known
		}
		shared[i] = known
	}
	n.lists[string(n.key)] = shared
	return shared
}

// set returns a shared string of the tags in list, sorted and joined.
func (n *interner) set(list []string) string {
	if len(list) == 0 {
		return ""
	}
	known, ok := n.sets[string(n.joined(list))]
	if !ok {
		known = tagSet(list)
		n.sets[string(n.key)] = known
	}
	return known
}

// tagSet returns the tags in list, sorted and joined. Validation refuses tags
// with a comma.
func tagSet(list []string) string {
	return strings.Join(slices.Sorted(slices.Values(list)), ",")
}

// modelList returns a shared list of model patterns, nil if it is empty.
func (n *interner) modelList(patterns []string) *modelList {
	if len(patterns) == 0 {
		return nil
	}
	shared := n.list(patterns)
	known, ok := n.models[string(n.joined(patterns))]
	if !ok {
		known = &modelList{patterns: shared}
		n.models[string(n.key)] = known
	}
	return known
}

// prefixList returns a shared copy of list, nil if it is empty.
func (n *interner) prefixList(list []netip.Prefix) []netip.Prefix {
	if len(list) == 0 {
		return nil
	}
	n.key = n.key[:0]
	for _, p := range list {
		n.key = p.AppendTo(n.key)
		n.key = append(n.key, 0)
	}
	known, ok := n.prefixes[string(n.key)]
	if !ok {
		known = append(make([]netip.Prefix, 0, len(list)), list...)
		n.prefixes[string(n.key)] = known
	}
	return known
}
