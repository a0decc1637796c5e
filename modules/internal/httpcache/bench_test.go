// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"testing"
	"time"
)

// hotHit is what a hit asks of the package: the request read, its variant found,
// the decision taken and the two fields written.
type hotHit struct {
	p      *Policy
	header http.Header
	names  []string
	meta   Meta
	now    time.Time
	buf    []byte
}

func newHotHit() *hotHit {
	h := &hotHit{
		p: New(Options{Scope: Partitioned, StaleWhileRevalidate: time.Minute}),
		header: fields("Accept: */*", "User-Agent: bench", "Accept-Encoding: gzip, br", "Cache-Control: max-age=600",
			`If-None-Match: "x", "b"`, "Range: bytes=0-99", "Accept-Language: en-GB, en;q=0.5"),
		names: []string{"Accept-Encoding", "Accept-Language"},
		now:   at.Add(time.Second),
		buf:   make([]byte, 0, 512),
	}
	h.meta, _ = h.p.Store(answered("Cache-Control: max-age=60", `ETag: "a"`, "Vary: accept-encoding, accept-language"))
	return h
}

func (h *hotHit) run() (Decision, int) {
	rq := h.p.Request(http.MethodGet, h.header)
	b := h.p.AppendVaryKey(h.buf[:0], h.names, h.header)
	d := h.p.Decide(&rq, &h.meta, h.now)
	h.meta.NotModified(h.header, h.now)
	h.meta.Range(h.header, 1000, h.now)
	b = h.meta.AppendAge(b, h.now)
	s := Status{Cache: "Tollgate", Forward: d.Forward, TTL: d.TTL, HasTTL: true, Key: "0123456789abcdef", Detail: d.Reason}
	return d, len(s.Append(b))
}

func TestHitAllocatesNothing(t *testing.T) {
	h := newHotHit()
	if d, _ := h.run(); d.Action != Serve {
		t.Fatalf("decided %+v", d)
	}
	if n := testing.AllocsPerRun(100, func() { h.run() }); n != 0 {
		t.Errorf("a hit allocates %v times", n)
	}
	h.p.o.IgnoreLanguageOrder = true
	if n := testing.AllocsPerRun(100, func() { h.run() }); n != 0 {
		t.Errorf("a hit with sorted languages allocates %v times", n)
	}
}

func BenchmarkHit(b *testing.B) {
	h := newHotHit()
	b.ReportAllocs()
	for b.Loop() {
		h.run()
	}
}

func BenchmarkDecide(b *testing.B) {
	h := newHotHit()
	plain := fields("Accept: */*")
	b.ReportAllocs()
	for b.Loop() {
		rq := h.p.Request(http.MethodGet, plain)
		h.p.Decide(&rq, &h.meta, h.now)
	}
}

func BenchmarkStore(b *testing.B) {
	p := New(Options{})
	x := answered("Date: "+ago(0), "Cache-Control: public, max-age=60, stale-if-error=600", `ETag: "a"`, "Last-Modified: "+ago(99))
	b.ReportAllocs()
	for b.Loop() {
		p.Store(x)
	}
}

func BenchmarkDecodeMeta(b *testing.B) {
	m := fullMeta()
	data, _ := m.AppendBinary(nil)
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = DecodeMeta(data)
	}
}
