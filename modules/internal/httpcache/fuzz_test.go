// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FuzzExchange puts any answer and any request to all questions. Whatever they
// hold, ages are not negative and do not shrink, lifetimes are bounded, nothing
// stale is called fresh, and what forbids storing does.
func FuzzExchange(f *testing.F) {
	f.Add("Cache-Control: max-age=60, stale-if-error=5\nETag: \"a\"\nVary: foo", "Cache-Control: max-stale=9\nFoo: 1", 200, int64(1000), uint8(0))
	f.Add("Expires: 0\nAge: 1, 2\nDate: x\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT", "Pragma: no-cache\nIf-None-Match: \"a, *", 404, int64(-5), uint8(7))
	f.Add("Cache-Control: private=\"a, b\", no-cache=\"", "Range: bytes=-99999999999999999999\nIf-Range: \"", 599, int64(1)<<62, uint8(255))
	f.Add("Connection: a, b, \"\nA: 1\nSet-Cookie: a=b\nContent-Location: :", "Authorization: demo\nAccept-Language: a, b,,\" ,", 206, int64(0), uint8(85))
	f.Fuzz(func(t *testing.T, answer, ask string, status int, after int64, bits uint8) {
		o := Options{
			Scope: Scope(bits & 3 % 3), AnyStatus: bits&4 != 0, HeuristicMax: time.Hour, ContentLocationPOST: true,
			Targets: []string{"CDN-Cache-Control"}, IgnoreLanguageOrder: bits&8 != 0, Cookies: Cookies(bits >> 4 & 3 % 3),
			StaleIfError: time.Minute, Override: bits&64 != 0,
		}
		if bits&128 != 0 {
			o.TTL = time.Minute
		}
		p := New(o)
		x := &Exchange{Method: http.MethodGet, Status: status, Header: lineFields(answer), RequestHeader: lineFields(ask), Requested: at, Responded: at}
		x.URL, _ = url.Parse("http://origin.example/")
		rq := p.Request(x.Method, x.RequestHeader)
		x.Request = &rq
		m, reason := p.Store(x)
		checkStored(t, p, x, &m, reason)
		c, targeted := p.control(x.Header)
		m = p.measure(x, &c, targeted)
		checkTimes(t, p, &rq, &m, after)

		kept := p.StoredHeader(x.Header, x.Responded)
		for name := range kept {
			if ofConnection(name) || name == "Age" {
				t.Errorf("kept %s", name)
			}
		}
		p.Freshen(x, kept, &m)
		p.FreshenHead(x, kept, &m)
		AppendInvalidated(nil, x.URL, x.Header)
		if names, ok := VaryNames(x.Header); ok {
			p.AppendVaryKey(nil, names, x.RequestHeader)
		}
		m.NotModified(x.RequestHeader, at)
		size := after & 0xffff
		if span, verdict := m.Range(x.RequestHeader, size, at); verdict == PartOfBody &&
			(span.Offset < 0 || span.Length <= 0 || span.Offset+span.Length > size) {
			t.Errorf("span %+v of %d bytes", span, size)
		}
		if status < 0 || status > 999 {
			return // never stored
		}
		data, _ := m.AppendBinary(nil)
		if back, rest, err := DecodeMeta(data); err != nil || back != m || len(rest) > 0 {
			t.Errorf("wrote %+v, read %+v, %v", m, back, err)
		}
	})
}

func checkStored(t *testing.T, p *Policy, x *Exchange, m *Meta, reason Reason) {
	t.Helper()
	if reason != ReasonNone {
		return
	}
	c, _ := p.control(x.Header)
	switch {
	case x.Request.noStore,
		c.noStore && !c.mustUnderstand && !p.o.Override,
		c.private && p.o.Scope == Shared,
		len(x.Header["Set-Cookie"]) > 0 && p.o.Cookies == RefuseCookies,
		x.Status == 206, x.Status == 304, x.Status < 200:
		t.Errorf("stored status %d, %+v, %v", x.Status, c, x.Header)
	}
	if m.Status != x.Status {
		t.Errorf("status %d kept as %d", x.Status, m.Status)
	}
}

func checkTimes(t *testing.T, p *Policy, rq *Request, m *Meta, after int64) {
	t.Helper()
	if m.Lifetime < 0 || m.Lifetime > maxDelta || m.WhileRevalidate < 0 || m.IfError < 0 {
		t.Errorf("durations out of bounds: %+v", m)
	}
	now := time.UnixMilli(at.UnixMilli() + after%(1<<50))
	age, later := m.Age(now), m.Age(now.Add(time.Hour))
	if age < 0 || age > maxDelta || later < age || age < m.Age(at.Add(-time.Hour)) {
		t.Errorf("age %v, an hour later %v: %+v", age, later, m)
	}
	d := p.Decide(rq, m, now)
	if d.Action == Serve && d.Reason == ReasonNone && (age >= m.Lifetime || m.Has(FlagNoCache)) {
		t.Errorf("served as fresh at %v: %+v", age, m)
	}
	if (d.Action == Serve || d.Action == ServeStale) && d.TTL <= 0 && m.Has(FlagMustRevalidate) {
		t.Errorf("served stale: %+v", m)
	}
	if d.Action == Revalidate && !m.Validatable() {
		t.Errorf("validates without a validator: %+v", m)
	}
	if e := p.OnError(rq, m, now, 0); e.Action == Serve && e.TTL <= 0 && m.Has(FlagMustRevalidate) {
		t.Errorf("served stale on an error: %+v", m)
	}
	if m.KeepFor(now, time.Hour) < 0 {
		t.Errorf("kept for less than nothing: %+v", m)
	}
}

// lineFields makes a header of lines; lines without a colon are left out.
func lineFields(text string) http.Header {
	h := http.Header{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\n"), ":"); ok {
			h.Add(strings.TrimSpace(name), value)
		}
	}
	return h
}

// FuzzDecodeMeta reads what a store may hand out.
func FuzzDecodeMeta(f *testing.F) {
	m := fullMeta()
	data, _ := m.AppendBinary(nil)
	f.Add(data)
	f.Add([]byte{metaVersion, 0, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, rest, err := DecodeMeta(data)
		if err != nil {
			return
		}
		if len(rest) > len(data) || m.Lifetime < 0 || m.Age(at) < 0 || m.Status < 0 || m.Status > 999 {
			t.Errorf("read %+v", m)
		}
		again, _ := m.AppendBinary(nil)
		if back, _, err := DecodeMeta(again); err != nil || back != m {
			t.Errorf("read %+v, then %+v, %v", m, back, err)
		}
	})
}

// FuzzVaryKey holds that requests with the same key have the same selecting
// fields, but for what normalisation leaves out.
func FuzzVaryKey(f *testing.F) {
	f.Add("1, 2", "1,2", "a", "b")
	f.Add("", "\x00", "\x00\x00\x00\x01", "x")
	p := New(Options{})
	bare := strings.NewReplacer(" ", "", "\t", "")
	f.Fuzz(func(t *testing.T, a1, b1, a2, b2 string) {
		names := []string{"Bar", "Foo"}
		one := http.Header{"Bar": {a1}, "Foo": {a2}}
		two := http.Header{"Bar": {b1}, "Foo": {b2}}
		same := string(p.AppendVaryKey(nil, names, one)) == string(p.AppendVaryKey(nil, names, two))
		if same && (bare.Replace(a1) != bare.Replace(b1) || bare.Replace(a2) != bare.Replace(b2)) {
			t.Errorf("%q and %q share a key", one, two)
		}
		if !same && a1 == b1 && a2 == b2 {
			t.Errorf("%q has two keys", one)
		}
	})
}
