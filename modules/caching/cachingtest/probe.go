// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachingtest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// hour is how long entries live that are not to expire.
const hour = time.Hour

// probe is a store under test.
type probe struct {
	t     testing.TB
	o     Opener
	s     caching.Store
	clock *Clock
}

// options are those of the stores of the tests.
func options(clock *Clock) caching.Options {
	return caching.Options{Name: "test", MaxBytes: 64 << 20, MaxEntryBytes: 8 << 20, OwnerShare: 1, Now: clock.Now}
}

// open opens a store.
func open(t testing.TB, o Opener) *probe {
	t.Helper()
	return openWith(t, o, func(*caching.Options) {})
}

func openWith(t testing.TB, o Opener, change func(*caching.Options)) *probe {
	t.Helper()
	clock := NewClock(start())
	opts := options(clock)
	change(&opts)
	p := &probe{t: t, o: o, s: o.Open(t, opts), clock: clock}
	if err := p.s.Err(); err != nil {
		t.Fatalf("a fresh store is not in good health: %v", err)
	}
	return p
}

// gateways returns probes of two stores with the same content, or of one twice if the
// store is that of one process.
func gateways(t testing.TB, o Opener) []*probe {
	t.Helper()
	if o.Several == nil {
		p := open(t, o)
		return []*probe{p, p}
	}
	clock := NewClock(start())
	var all []*probe
	for _, s := range o.Several(t, 2, options(clock)) {
		all = append(all, &probe{t: t, o: o, s: s, clock: clock})
	}
	return all
}

// advance makes time pass.
func (p *probe) advance(d time.Duration) {
	p.t.Helper()
	p.clock.Advance(d)
	if p.o.Advance != nil {
		p.o.Advance(p.t, d)
	}
}

// key returns a key of a name.
func key(name string) caching.Key { return sha256.Sum256([]byte(name)) }

// entry returns an entry with a body in one piece.
func (p *probe) entry(body string, tags ...string) *caching.Entry {
	return &caching.Entry{
		Meta: []byte("meta of " + body[:min(len(body), 40)]), Body: [][]byte{[]byte(body)}, Tags: tags,
		Expires: p.clock.Now().Add(hour),
	}
}

// put puts an entry, which has to be stored.
func (p *probe) put(k caching.Key, e *caching.Entry) {
	p.t.Helper()
	p.putSince(k, e, caching.Mark{}, caching.Stored)
}

func (p *probe) putSince(k caching.Key, e *caching.Entry, since caching.Mark, want caching.Outcome) {
	p.t.Helper()
	if got, err := p.s.Put(p.t.Context(), k, e, since); err != nil || got != want {
		p.t.Fatalf("Put() = %v, %v, want %v", got, err, want)
	}
}

// get returns the entry of a key or nil.
func (p *probe) get(k caching.Key) *caching.Entry {
	p.t.Helper()
	e, err := p.s.Get(p.t.Context(), k)
	if err != nil {
		p.t.Fatalf("Get() error: %v", err)
	}
	return e
}

// has checks that there is an entry like e.
func (p *probe) has(k caching.Key, want *caching.Entry) *caching.Entry {
	p.t.Helper()
	got := p.get(k)
	if got == nil {
		p.t.Fatalf("there is no entry, want one with a body of %d bytes", want.Len())
	}
	if d := difference(got, want); d != "" {
		p.t.Fatalf("Get() gives another entry than was put: %s", d)
	}
	return got
}

// hasNot checks that there is nothing under a key.
func (p *probe) hasNot(k caching.Key) {
	p.t.Helper()
	if e := p.get(k); e != nil {
		p.t.Fatalf("there is an entry, want none: %q, %d bytes, tags %q", cut(e.Meta), e.Len(), e.Tags)
	}
}

// purge purges, and checks how many there were.
func (p *probe) purge(want int64, tags ...string) {
	p.t.Helper()
	n, err := p.s.Purge(p.t.Context(), tags...)
	if err != nil {
		p.t.Fatalf("Purge(%q) error: %v", tags, err)
	}
	if !p.o.Counts {
		want = -1
	}
	if n != want {
		p.t.Errorf("Purge(%q) = %d, want %d", tags, n, want)
	}
}

// difference tells what is not the same in two entries.
func difference(got, want *caching.Entry) string {
	switch {
	case !bytes.Equal(got.Meta, want.Meta):
		return fmt.Sprintf("meta %q, want %q", cut(got.Meta), cut(want.Meta))
	case got.Len() != want.Len():
		return fmt.Sprintf("%d bytes of body, want %d", got.Len(), want.Len())
	case !bytes.Equal(got.Bytes(), want.Bytes()):
		return "the same number of other bytes"
	case !slices.Equal(got.Tags, want.Tags):
		return fmt.Sprintf("tags %q, want %q", got.Tags, want.Tags)
	case got.Expires.After(want.Expires) || got.Expires.Before(want.Expires.Add(-time.Millisecond)):
		return fmt.Sprintf("expires %v, want %v", got.Expires, want.Expires)
	}
	return ""
}

// clone copies an entry and everything in it.
func clone(e *caching.Entry) *caching.Entry {
	c := *e
	c.Meta = bytes.Clone(e.Meta)
	c.Tags = slices.Clone(e.Tags)
	c.Body = nil
	for _, p := range e.Body {
		c.Body = append(c.Body, bytes.Clone(p))
	}
	return &c
}

// cut shortens what is shown in messages.
func cut(b []byte) []byte { return b[:min(len(b), 80)] }
