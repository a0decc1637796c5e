// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachingtest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// fault is something that a store can do wrong, and the test that notices.
type fault struct {
	name   string
	caught string
	wrap   func(m *Model) caching.Store
	// alone are two gateways that do not share what they have.
	alone bool
}

// altered is a model that is asked something else, or answers it.
type altered struct {
	*Model
	key     func(caching.Key) caching.Key
	entry   func(*caching.Entry) // what is put
	answer  func(*caching.Entry) *caching.Entry
	since   func(caching.Mark) caching.Mark
	outcome func(caching.Outcome) caching.Outcome
	tags    func([]string) []string
}

func (a *altered) Get(ctx context.Context, k caching.Key) (*caching.Entry, error) {
	if a.key != nil {
		k = a.key(k)
	}
	e, err := a.Model.Get(ctx, k)
	if e != nil && a.answer != nil {
		return a.answer(e), nil
	}
	return e, err
}

func (a *altered) Put(ctx context.Context, k caching.Key, e *caching.Entry, since caching.Mark) (caching.Outcome, error) {
	if a.key != nil {
		k = a.key(k)
	}
	if a.entry != nil {
		a.entry(e)
	}
	if a.since != nil {
		since = a.since(since)
	}
	o, err := a.Model.Put(ctx, k, e, since)
	if a.outcome != nil {
		o = a.outcome(o)
	}
	return o, err
}

func (a *altered) Purge(ctx context.Context, tags ...string) (int64, error) {
	if a.tags != nil {
		tags = a.tags(tags)
	}
	return a.Model.Purge(ctx, tags...)
}

func alter(a altered) func(*Model) caching.Store {
	return func(m *Model) caching.Store { c := a; c.Model = m; return &c }
}

var faults = []fault{
	{name: "bodies are cut at 64 KiB", caught: "entries", wrap: alter(altered{answer: func(e *caching.Entry) *caching.Entry {
		c := *e
		if b := e.Bytes(); len(b) > 64<<10 {
			c.Body = [][]byte{b[:64<<10]}
		}
		return &c
	}})},
	{name: "bodies are text", caught: "entries", wrap: alter(altered{entry: func(e *caching.Entry) {
		e.Body = [][]byte{[]byte(strings.ToValidUTF8(string(e.Bytes()), "?"))}
	}})},
	{name: "tags are not given back", caught: "entries", wrap: alter(altered{answer: func(e *caching.Entry) *caching.Entry {
		c := *e
		c.Tags = nil
		return &c
	}})},
	{name: "empty bodies are no entries", caught: "entries", wrap: alter(altered{answer: func(e *caching.Entry) *caching.Entry {
		if e.Len() == 0 {
			return nil
		}
		return e
	}})},
	{name: "keys are cut", caught: "keys", wrap: alter(altered{key: func(k caching.Key) caching.Key { k[31] &= 0xf0; return k }})},
	{name: "old tags stay", caught: "replace", wrap: func(m *Model) caching.Store {
		var tags []string
		return alter(altered{entry: func(e *caching.Entry) { tags = append(tags, e.Tags...); e.Tags = slices.Clone(tags) }})(m)
	}},
	{name: "the first one stays", caught: "replace", wrap: func(m *Model) caching.Store { return &stays{m} }},
	{name: "delete forgets everything", caught: "delete", wrap: func(m *Model) caching.Store { return &deletes{m, true} }},
	{name: "delete does nothing", caught: "delete", wrap: func(m *Model) caching.Store { return &deletes{m, false} }},
	{name: "purge does nothing", caught: "purge", wrap: alter(altered{tags: func([]string) []string { return []string{"nobody has this"} }})},
	{name: "purge takes everything", caught: "purge", wrap: alter(altered{tags: func([]string) []string { return nil }})},
	{name: "purge minds the first tag alone", caught: "purge", wrap: alter(altered{tags: func(t []string) []string { return t[:min(1, len(t))] }})},
	{name: "tags are joined by commas", caught: "strange tags", wrap: alter(altered{
		entry: func(e *caching.Entry) { e.Tags = strings.Split(strings.Join(e.Tags, ","), ",") },
		tags: func(t []string) []string {
			if len(t) == 0 {
				return nil
			}
			return strings.Split(strings.Join(t, ","), ",")
		},
	})},
	{name: "marks are not minded", caught: "marks", wrap: alter(altered{since: func(caching.Mark) caching.Mark { return caching.Mark{} }})},
	{name: "any purge is minded", caught: "marks", wrap: func(m *Model) caching.Store { return &strict{m} }},
	{name: "a mark is for ever", caught: "marks", wrap: alter(altered{since: func(caching.Mark) caching.Mark { return caching.Mark{Epoch: 1} }})},
	{name: "a mark is for one key", caught: "kindred marks", wrap: func(m *Model) caching.Store { return &single{m} }},
	{name: "old purges are forgotten", caught: "many purges", wrap: func(m *Model) caching.Store {
		return alter(altered{since: func(s caching.Mark) caching.Mark {
			if s.Epoch != 0 {
				s.Seq = max(s.Seq, m.Mark(caching.Key{}).Seq-min(1000, m.Mark(caching.Key{}).Seq))
			}
			return s
		}})(m)
	}},
	{name: "entries live for ever", caught: "expiry", wrap: func(m *Model) caching.Store {
		m.o.Now = func() time.Time { return time.Unix(0, 0) }
		return m
	}},
	{name: "entries live six seconds longer", caught: "expiry", wrap: func(m *Model) caching.Store {
		now := m.o.Now
		m.o.Now = func() time.Time { return now().Add(-6 * time.Second) }
		return m
	}},
	{name: "entries live six seconds less", caught: "expiry", wrap: func(m *Model) caching.Store {
		now := m.o.Now
		m.o.Now = func() time.Time { return now().Add(6 * time.Second) }
		return m
	}},
	{name: "memory is used again", caught: "immutable", wrap: func(m *Model) caching.Store { return &reuses{Model: m} }},
	{name: "any size is kept", caught: "oversize", wrap: func(m *Model) caching.Store { m.o.MaxEntryBytes = 0; return m }},
	{name: "only bodies have a size", caught: "oversize", wrap: func(m *Model) caching.Store { return &bodySize{m} }},
	{name: "an empty tag is everything", caught: "invalid", wrap: alter(altered{tags: func(t []string) []string {
		return slices.DeleteFunc(slices.Clone(t), func(tag string) bool { return tag == "" })
	}})},
	{name: "done contexts are misses", caught: "contexts", wrap: func(m *Model) caching.Store { return &hasty{m} }},
	{name: "closed stores answer", caught: "closed", wrap: func(m *Model) caching.Store { return &open24{m} }},
	{name: "pieces are mixed", caught: "whole", wrap: func(m *Model) caching.Store { return &mixes{Model: m} }},
	{name: "keys are mixed", caught: "whole", wrap: func(m *Model) caching.Store { return &confuses{Model: m} }},
	{name: "puts are seen late", caught: "fresh", wrap: func(m *Model) caching.Store { return &late{Model: m} }},
	{name: "gateways do not share", caught: "fresh", wrap: func(m *Model) caching.Store { return m }, alone: true},
	{name: "gateways do not share purges", caught: "purge", wrap: func(m *Model) caching.Store { return m }, alone: true},
	{name: "purges miss some", caught: "purged for good", wrap: func(m *Model) caching.Store { return &misses{Model: m} }},
	{name: "names are not minded", caught: "names", wrap: func(m *Model) caching.Store { return &nameless{m} }},
}

type stays struct{ *Model }

func (s *stays) Put(ctx context.Context, k caching.Key, e *caching.Entry, since caching.Mark) (caching.Outcome, error) {
	if old, err := s.Model.Get(ctx, k); old != nil {
		return caching.Stored, err
	}
	return s.Model.Put(ctx, k, e, since)
}

type deletes struct {
	*Model
	all bool
}

func (s *deletes) Delete(ctx context.Context, _ caching.Key) error {
	if s.all {
		_, err := s.Model.Purge(ctx)
		return err
	}
	return nil
}

// strict takes any purge for one that concerns all.
type strict struct{ *Model }

func (s *strict) Put(ctx context.Context, k caching.Key, e *caching.Entry, since caching.Mark) (caching.Outcome, error) {
	if since != (caching.Mark{}) && since != s.Mark(k) {
		return caching.Outdated, nil
	}
	return s.Model.Put(ctx, k, e, since)
}

// single has marks that are for one key each.
type single struct{ *Model }

func (s *single) Mark(k caching.Key) caching.Mark {
	return caching.Mark{Epoch: 1 + uint64(k[31]), Seq: s.Model.Mark(k).Seq}
}

func (s *single) Put(ctx context.Context, k caching.Key, e *caching.Entry, since caching.Mark) (caching.Outcome, error) {
	if since.Epoch != 0 && since.Epoch != 1+uint64(k[31]) {
		return caching.Outdated, nil
	}
	return s.Model.Put(ctx, k, e, since)
}

// reuses writes what comes into the memory of what was there.
type reuses struct {
	*Model
	mu sync.Mutex
}

func (s *reuses) Put(ctx context.Context, k caching.Key, e *caching.Entry, since caching.Mark) (caching.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, _ := s.Model.Get(ctx, k); old != nil && len(old.Body) == 1 && len(e.Body) == 1 {
		copy(old.Body[0], e.Body[0])
	}
	return s.Model.Put(ctx, k, e, since)
}

type bodySize struct{ *Model }

func (s *bodySize) Put(ctx context.Context, k caching.Key, e *caching.Entry, since caching.Mark) (caching.Outcome, error) {
	if e.Len() > s.o.MaxEntryBytes {
		return caching.TooLarge, nil
	}
	m := *e
	m.Meta, m.Tags = nil, nil
	o, err := s.Model.Put(ctx, k, &m, since)
	m.Meta, m.Tags = e.Meta, e.Tags
	return o, err
}

type hasty struct{ *Model }

func (s *hasty) Get(ctx context.Context, k caching.Key) (*caching.Entry, error) {
	if ctx.Err() != nil {
		return nil, nil //nolint:nilnil // That is the fault.
	}
	return s.Model.Get(ctx, k)
}

type open24 struct{ *Model }

func (s *open24) Close() error { return nil }

// mixes gives the last piece of one entry and the others of the one before.
type mixes struct {
	*Model
	before sync.Map
}

func (s *mixes) Put(ctx context.Context, k caching.Key, e *caching.Entry, since caching.Mark) (caching.Outcome, error) {
	if old, ok := s.before.Swap(k, e); ok && len(e.Body) > 1 && len(old.(*caching.Entry).Body) > 1 {
		c := *e
		c.Body = slices.Clone(e.Body)
		c.Body[0] = old.(*caching.Entry).Body[0]
		e = &c
	}
	return s.Model.Put(ctx, k, e, since)
}

// confuses gives now and then what somebody else has asked for.
type confuses struct {
	*Model
	calls atomic.Int64
	last  atomic.Pointer[caching.Entry]
}

func (s *confuses) Get(ctx context.Context, k caching.Key) (*caching.Entry, error) {
	e, err := s.Model.Get(ctx, k)
	if e == nil {
		return e, err
	}
	if last := s.last.Swap(e); last != nil && s.calls.Add(1)%20 == 0 {
		return last, nil
	}
	return e, err
}

// late makes a put seen with the next one.
type late struct {
	*Model
	waiting sync.Map
}

func (s *late) Put(ctx context.Context, k caching.Key, e *caching.Entry, since caching.Mark) (caching.Outcome, error) {
	old, ok := s.waiting.Swap(k, e)
	if !ok {
		return s.Model.Put(ctx, k, e, since)
	}
	return s.Model.Put(ctx, k, old.(*caching.Entry), since)
}

// misses leaves now and then what was there.
type misses struct {
	*Model
	calls atomic.Int64
}

func (s *misses) Purge(ctx context.Context, tags ...string) (int64, error) {
	if s.calls.Add(1)%5 == 0 {
		return 0, nil
	}
	return s.Model.Purge(ctx, tags...)
}

// nameless keeps all caches in one place.
type nameless struct{ *Model }

var everything struct {
	sync.Mutex
	m map[caching.Key]*caching.Entry
}

func (s *nameless) Put(ctx context.Context, k caching.Key, e *caching.Entry, since caching.Mark) (caching.Outcome, error) {
	everything.Lock()
	defer everything.Unlock()
	if everything.m == nil {
		everything.m = map[caching.Key]*caching.Entry{}
	}
	everything.m[k] = e
	return s.Model.Put(ctx, k, e, since)
}

func (s *nameless) Get(_ context.Context, k caching.Key) (*caching.Entry, error) {
	everything.Lock()
	defer everything.Unlock()
	return everything.m[k], nil
}
