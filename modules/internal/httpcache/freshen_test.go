// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"testing"
	"time"
)

// hold stores an answer and returns what is kept of it.
func hold(t *testing.T, p *Policy, lines ...string) (http.Header, *Meta) {
	t.Helper()
	x := answered(lines...)
	m, reason := p.Store(x)
	if reason != ReasonNone {
		t.Fatalf("not stored: %v", reason)
	}
	return p.StoredHeader(x.Header, x.Responded), &m
}

// later is an exchange that many seconds after the tables' time.
func later(seconds int, x *Exchange) *Exchange {
	x.Requested = at.Add(time.Duration(seconds) * time.Second)
	x.Responded = x.Requested
	return x
}

// RFC 9111 sections 3.2 and 4.3.4.
func TestFreshen(t *testing.T) {
	t.Parallel()
	p := New(Options{})
	stored, m := hold(t, p, "Date: "+ago(0), "Cache-Control: max-age=5", `ETag: "a"`, "Content-Type: text/plain",
		"Content-Length: 3", "Content-Encoding: gzip", "X-Old: 1", "X-Both: 1")
	x := later(10, answered("Date: "+ago(-10), "Cache-Control: max-age=7", `ETag: "b"`, "Content-Type: text/html",
		"Content-Length: 9", "Content-Encoding: br", "X-Both: 2", "X-New: 2", "Connection: X-Hop", "X-Hop: 1", "Age: 1", "Set-Cookie: a=b").with(http.StatusNotModified))
	// The cookie is for the client of this exchange alone; without it:
	cookieless := *x
	cookieless.Header = x.Header.Clone()
	cookieless.Header.Del("Set-Cookie")
	for _, exchange := range []*Exchange{x, &cookieless} {
		header, fresh, reason := p.Freshen(exchange, stored, m)
		if reason != ReasonNone {
			t.Fatalf("not freshened: %v", reason)
		}
		for name, want := range map[string]string{
			"Cache-Control": "max-age=7", "Etag": `"a"`, "Content-Type": "text/html", "Content-Length": "3",
			"Content-Encoding": "gzip", "X-Old": "1", "X-Both": "2", "X-New": "2", "X-Hop": "", "Set-Cookie": "", "Age": "",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if fresh.Status != 200 || fresh.ETag != `"a"` || fresh.Lifetime != 7*time.Second || fresh.Age(x.Responded) != time.Second {
			t.Errorf("meta is %+v", fresh)
		}
	}
	if stored.Get("X-Both") != "1" || m.Lifetime != 5*time.Second {
		t.Error("what was stored before has changed")
	}
}

func TestFreshenWithoutDate(t *testing.T) {
	t.Parallel()
	p := New(Options{})
	stored, m := hold(t, p, "Date: "+ago(0), "Cache-Control: max-age=5", `ETag: "a"`)
	header, fresh, reason := p.Freshen(later(10, answered().with(304)), stored, m)
	if reason != ReasonNone || fresh.Age(at.Add(10*time.Second)) != 0 || header.Get("Date") != ago(-10) {
		t.Errorf("reason %q, age %v, Date %q: want the time of the 304", reason, fresh.Age(at.Add(10*time.Second)), header.Get("Date"))
	}
}

func TestFreshenRefused(t *testing.T) {
	t.Parallel()
	p := New(Options{})
	for _, row := range []struct {
		name string
		x    *Exchange
		want Reason
	}{
		{"no-store", answered("Cache-Control: no-store"), ReasonNoStore},
		{"private", answered("Cache-Control: private"), ReasonPrivate},
		{"varies on all", answered("Vary: *"), ReasonVary},
		{"credentials", answered("Cache-Control: max-age=9").credentialed(), ReasonCredentials},
		{"by HEAD, all well", answered().by(http.MethodHead), ReasonNone},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			stored, m := hold(t, p, "Cache-Control: max-age=5", `ETag: "a"`)
			header, fresh, reason := p.Freshen(later(10, row.x.with(304)), stored, m)
			if reason != row.want || fresh.Status != 200 || header.Get("Etag") != `"a"` {
				t.Errorf("reason %q, meta %+v, header %v, want %q and what to serve", reason, fresh, header, row.want)
			}
		})
	}
}

// RFC 9111 section 4.3.5.
func TestFreshenHead(t *testing.T) {
	t.Parallel()
	p := New(Options{AnyStatus: true})
	for _, row := range []struct {
		name string
		x    *Exchange
		want Reason
	}{
		{"says the same", answered("Cache-Control: max-age=9", `ETag: "a"`, "Content-Length: 3"), ReasonNone},
		{"says little", answered("Cache-Control: max-age=9"), ReasonNone},
		{"another tag", answered("Cache-Control: max-age=9", `ETag: "b"`), ReasonMismatch},
		{"another length", answered("Cache-Control: max-age=9", "Content-Length: 4"), ReasonMismatch},
		{"a date where there was none", answered("Cache-Control: max-age=9", "Last-Modified: "+ago(9)), ReasonMismatch},
		{"gone", answered("Cache-Control: max-age=9").with(410), ReasonStatus},
		{"no longer to be stored", answered("Cache-Control: no-store"), ReasonNoStore},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			stored, m := hold(t, p, "Cache-Control: max-age=5", `ETag: "a"`, "Content-Length: 3", "X-Old: 1")
			header, fresh, reason := p.FreshenHead(later(10, row.x.by(http.MethodHead)), stored, m)
			if reason != row.want {
				t.Fatalf("reason %q, want %q", reason, row.want)
			}
			if reason == ReasonNone && (header.Get("X-Old") != "1" || fresh.Lifetime != 9*time.Second) {
				t.Errorf("header %v, meta %+v", header, fresh)
			}
		})
	}
}
