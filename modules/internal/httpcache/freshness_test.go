// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"testing"
	"time"
)

// ago is an HTTP-date that many seconds before the tables' time.
func ago(seconds int) string {
	return at.Add(-time.Duration(seconds) * time.Second).Format(http.TimeFormat)
}

// RFC 9111 sections 4.2.1 to 4.2.3.
func TestFreshness(t *testing.T) {
	t.Parallel()
	heuristic := Options{HeuristicMax: time.Hour, AnyStatus: true}
	const s = time.Second
	for _, row := range []struct {
		name          string
		o             Options
		x             *Exchange
		lifetime, age time.Duration
	}{
		{"max-age", Options{}, answered("Cache-Control: max-age=9"), 9 * s, 0},
		{"s-maxage before max-age", Options{}, answered("Cache-Control: max-age=9, s-maxage=4"), 4 * s, 0},
		{"s-maxage is not for private caches", Options{Scope: Private}, answered("Cache-Control: max-age=9, s-maxage=4"), 9 * s, 0},
		{"max-age before Expires", Options{}, answered("Cache-Control: max-age=9", "Expires: "+ago(100)), 9 * s, 0},
		{"Expires by Date", Options{}, answered("Date: "+ago(10), "Expires: "+ago(-10)), 20 * s, 10 * s},
		{"Expires by the clock", Options{}, answered("Expires: " + ago(-10)), 10 * s, 0},
		{"Expires with a broken Date", Options{}, answered("Date: foo", "Expires: "+ago(-10)), 10 * s, 0},
		{"Expires before Date", Options{}, answered("Date: "+ago(-400), "Expires: "+ago(-300)), 0, 0},
		{"broken Expires", Options{TTL: 5 * s}, answered("Expires: 0"), 0, 0},
		{"two Expires", Options{}, answered("Expires: "+ago(-10), "Expires: "+ago(-20)), 0, 0},
		{"Expires beyond all bounds", Options{}, answered("Expires: Fri, 31 Dec 9999 23:59:59 GMT"), maxDelta, 0},
		{"Expires beside a targeted field", Options{Targets: []string{"CDN-Cache-Control"}}, answered("Expires: "+ago(-10), "CDN-Cache-Control: public"), 0, 0},
		{"saturated max-age", Options{}, answered("Cache-Control: max-age=99999999999"), maxDelta, 0},

		{"a tenth of the time since the last change", heuristic, answered("Last-Modified: " + ago(100)), 10 * s, 0},
		{"at most the bound", heuristic, answered("Last-Modified: " + ago(1e6)), time.Hour, 0},
		{"not from the future", heuristic, answered("Last-Modified: " + ago(-100)), 0, 0},
		{"not for every status", heuristic, answered("Last-Modified: " + ago(100)).with(403), 0, 0},
		{"for every status that is public", heuristic, answered("Cache-Control: public", "Last-Modified: "+ago(100)).with(599), 10 * s, 0},
		{"not unless wanted", Options{}, answered("Last-Modified: " + ago(100)), 0, 0},
		{"ttl before the estimate", Options{TTL: 5 * s, HeuristicMax: time.Hour}, answered("Last-Modified: " + ago(100)), 5 * s, 0},
		{"ttl counts from arrival", Options{TTL: 5 * s}, answered("Age: 60"), 65 * s, 60 * s},
		{"ttl and a broken Age", Options{TTL: 5 * s}, answered("Age: x"), 5 * s, 0},
		{"override", Options{TTL: 5 * s, Override: true}, answered("Cache-Control: max-age=900, s-maxage=800"), 5 * s, 0},

		{"Age", Options{}, answered("Cache-Control: max-age=9", "Age: 4"), 9 * s, 4 * s},
		{"apparent age", Options{}, answered("Cache-Control: max-age=9", "Date: "+ago(7), "Age: 4"), 9 * s, 7 * s},
		{"Date of the future", Options{}, answered("Cache-Control: max-age=9", "Date: "+ago(-7), "Age: 4"), 9 * s, 4 * s},
		{"broken Age", Options{}, answered("Cache-Control: max-age=9", "Age: 1, 2"), 9 * s, maxDelta},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := New(row.o)
			c, targeted := p.control(row.x.Header)
			m := p.measure(row.x, &c, targeted)
			if m.Lifetime != row.lifetime || m.Age(at) != row.age {
				t.Errorf("lifetime %v, age %v, want %v, %v", m.Lifetime, m.Age(at), row.lifetime, row.age)
			}
		})
	}
}

func TestAgeGrows(t *testing.T) {
	t.Parallel()
	x := answered("Cache-Control: max-age=60", "Age: 10")
	x.Requested = at.Add(-2 * time.Second)
	m, reason := New(Options{}).Store(x)
	if reason != ReasonNone {
		t.Fatalf("not stored: %v", reason)
	}
	for _, row := range []struct {
		name string
		now  time.Time
		age  string
		ttl  time.Duration
	}{
		{"on arrival, with the time on the way", at, "12", 48 * time.Second},
		{"fractions are not rounded up", at.Add(1900 * time.Millisecond), "13", 46100 * time.Millisecond},
		{"past the lifetime", at.Add(time.Minute), "72", -12 * time.Second},
		{"the clock was set back", at.Add(-time.Hour), "12", 48 * time.Second},
		{"in a thousand years", at.AddDate(1000, 0, 0), "2147483648", time.Minute - maxDelta},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if age, ttl := string(m.AppendAge(nil, row.now)), m.TTL(row.now); age != row.age || ttl != row.ttl {
				t.Errorf("age %s, ttl %v, want %s, %v", age, ttl, row.age, row.ttl)
			}
		})
	}
}

func TestKeepFor(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		lines []string
		want  time.Duration
	}{
		{"fresh only", []string{"Cache-Control: max-age=10"}, 10 * time.Second},
		{"stale too", []string{"Cache-Control: max-age=10, stale-if-error=5, stale-while-revalidate=7"}, 17 * time.Second},
		{"never stale", []string{"Cache-Control: max-age=10, stale-if-error=5, must-revalidate"}, 10 * time.Second},
		{"validated later", []string{"Cache-Control: max-age=10", `ETag: "a"`}, 70 * time.Second},
		{"validated each time", []string{"Cache-Control: no-cache", `ETag: "a"`}, 60 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			m, reason := New(Options{}).Store(answered(row.lines...))
			if got := m.KeepFor(at, time.Minute); got != row.want || reason != ReasonNone {
				t.Errorf("kept for %v (%v), want %v", got, reason, row.want)
			}
		})
	}
}
