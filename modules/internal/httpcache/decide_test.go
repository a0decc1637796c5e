// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"testing"
	"time"
)

// RFC 9111 sections 4, 4.2.4 and 5.2.1, RFC 5861 section 3. All answers are
// stored at the tables' time and asked for after seconds.
func TestDecide(t *testing.T) {
	t.Parallel()
	const etag = `ETag: "a"`
	fresh := []string{"Cache-Control: max-age=60", etag}
	for _, row := range []struct {
		name   string
		o      Options
		stored []string
		after  int
		ask    []string
		action Action
		reason Reason
		fwd    Forward
	}{
		{"nothing stored", Options{}, nil, 0, nil, Fetch, ReasonMiss, ForwardURIMiss},
		{"fresh", Options{}, fresh, 59, nil, Serve, ReasonNone, ForwardNone},
		{"stale", Options{}, fresh, 60, nil, Revalidate, ReasonStale, ForwardStale},
		{"stale without a validator", Options{StaleIfError: time.Hour}, fresh[:1], 60, nil, Fetch, ReasonStale, ForwardStale},
		{"no-cache", Options{}, []string{"Cache-Control: max-age=60, no-cache", etag}, 1, nil, Revalidate, ReasonNoCache, ForwardStale},
		{"must-revalidate while fresh", Options{}, []string{"Cache-Control: max-age=60, must-revalidate", etag}, 1, nil, Serve, ReasonNone, ForwardNone},
		{"must-revalidate", Options{StaleWhileRevalidate: time.Hour}, []string{"Cache-Control: max-age=60, must-revalidate", etag}, 61, nil, Revalidate, ReasonMustRevalidate, ForwardStale},
		{"proxy-revalidate", Options{StaleWhileRevalidate: time.Hour}, []string{"Cache-Control: max-age=60, proxy-revalidate", etag}, 61, nil, Revalidate, ReasonMustRevalidate, ForwardStale},
		{"s-maxage", Options{StaleWhileRevalidate: time.Hour}, []string{"Cache-Control: s-maxage=60", etag}, 61, nil, Revalidate, ReasonMustRevalidate, ForwardStale},
		{"must-revalidate overridden", Options{StaleWhileRevalidate: time.Hour, TTL: time.Minute, Override: true}, []string{"Cache-Control: must-revalidate", etag}, 61, nil, ServeStale, ReasonWhileRevalidating, ForwardNone},

		{"within stale-while-revalidate", Options{}, []string{"Cache-Control: max-age=60, stale-while-revalidate=10"}, 70, nil, ServeStale, ReasonWhileRevalidating, ForwardNone},
		{"past stale-while-revalidate", Options{}, []string{"Cache-Control: max-age=60, stale-while-revalidate=10", etag}, 71, nil, Revalidate, ReasonStale, ForwardStale},
		{"stale-while-revalidate of the policy", Options{StaleWhileRevalidate: 10 * time.Second}, fresh, 70, nil, ServeStale, ReasonWhileRevalidating, ForwardNone},
		{"the answer says zero against the policy", Options{StaleWhileRevalidate: 10 * time.Second}, []string{"Cache-Control: max-age=60, stale-while-revalidate=0", etag}, 61, nil, Revalidate, ReasonStale, ForwardStale},

		{"request no-cache", Options{}, fresh, 1, []string{"Cache-Control: no-cache"}, Revalidate, ReasonRequestNoCache, ForwardRequest},
		{"request no-cache ignored", Options{IgnoreRequest: true}, fresh, 1, []string{"Cache-Control: no-cache"}, Serve, ReasonNone, ForwardNone},
		{"request Pragma", Options{}, fresh, 1, []string{"Pragma: x, No-Cache"}, Revalidate, ReasonRequestNoCache, ForwardRequest},
		{"request Pragma beside Cache-Control", Options{}, fresh, 1, []string{"Pragma: no-cache", "Cache-Control: x"}, Serve, ReasonNone, ForwardNone},
		{"request no-store", Options{}, fresh, 1, []string{"Cache-Control: no-store"}, Fetch, ReasonRequestNoStore, ForwardRequest},
		{"request max-age reached", Options{}, fresh, 10, []string{"Cache-Control: max-age=10"}, Serve, ReasonNone, ForwardNone},
		{"request max-age passed", Options{}, fresh, 11, []string{"Cache-Control: max-age=10"}, Revalidate, ReasonRequestMaxAge, ForwardRequest},
		{"request max-age broken", Options{}, fresh, 1, []string{"Cache-Control: max-age=x"}, Revalidate, ReasonRequestMaxAge, ForwardRequest},
		{"request min-fresh met", Options{}, fresh, 50, []string{"Cache-Control: min-fresh=10"}, Serve, ReasonNone, ForwardNone},
		{"request min-fresh not met", Options{}, fresh, 51, []string{"Cache-Control: min-fresh=10"}, Revalidate, ReasonRequestMinFresh, ForwardRequest},
		{"request min-fresh broken", Options{}, fresh, 51, []string{"Cache-Control: min-fresh=x"}, Serve, ReasonNone, ForwardNone},
		{"request min-fresh of what is stale", Options{StaleWhileRevalidate: time.Hour}, fresh, 61, []string{"Cache-Control: min-fresh=10"}, Revalidate, ReasonStale, ForwardStale},
		{"request max-stale", Options{}, fresh, 70, []string{"Cache-Control: max-stale=10"}, Serve, ReasonRequestMaxStale, ForwardNone},
		{"request max-stale passed", Options{}, fresh, 71, []string{"Cache-Control: max-stale=10"}, Revalidate, ReasonStale, ForwardStale},
		{"request max-stale of any length", Options{}, fresh, 9999, []string{"Cache-Control: max-stale"}, Serve, ReasonRequestMaxStale, ForwardNone},
		{"request max-stale bounded beside", Options{}, fresh, 71, []string{"Cache-Control: max-stale, max-stale=10"}, Revalidate, ReasonStale, ForwardStale},
		{"request max-stale against must-revalidate", Options{}, []string{"Cache-Control: max-age=60, must-revalidate", etag}, 61, []string{"Cache-Control: max-stale"}, Revalidate, ReasonMustRevalidate, ForwardStale},
		{"request max-stale and max-age", Options{}, fresh, 70, []string{"Cache-Control: max-stale, max-age=65"}, Revalidate, ReasonRequestMaxAge, ForwardRequest},
		{"only-if-cached and nothing", Options{}, nil, 0, []string{"Cache-Control: only-if-cached"}, Timeout, ReasonOnlyIfCached, ForwardNone},
		{"only-if-cached and stale", Options{}, fresh, 61, []string{"Cache-Control: only-if-cached"}, Timeout, ReasonOnlyIfCached, ForwardNone},
		{"only-if-cached and fresh", Options{}, fresh, 1, []string{"Cache-Control: only-if-cached"}, Serve, ReasonNone, ForwardNone},
		{"If-Match", Options{}, fresh, 1, []string{`If-Match: "a"`}, Fetch, ReasonPrecondition, ForwardRequest},
		{"If-Unmodified-Since", Options{}, fresh, 1, []string{"If-Unmodified-Since: " + ago(0)}, Fetch, ReasonPrecondition, ForwardRequest},
		{"unknown directives", Options{}, fresh, 1, []string{"Cache-Control: nothing, to=see"}, Serve, ReasonNone, ForwardNone},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := New(row.o)
			rq := p.Request(http.MethodGet, fields(row.ask...))
			d := p.Decide(&rq, storedBy(t, p, row.stored), at.Add(time.Duration(row.after)*time.Second))
			if d.Action != row.action || d.Reason != row.reason || d.Forward != row.fwd {
				t.Errorf("decided %v, %q, fwd %q, want %v, %q, %q", d.Action, d.Reason, d.Forward, row.action, row.reason, row.fwd)
			}
		})
	}
}

// storedBy stores an answer with these lines, none for no lines.
func storedBy(t *testing.T, p *Policy, lines []string) *Meta {
	t.Helper()
	if lines == nil {
		return nil
	}
	m, reason := p.Store(answered(lines...))
	if reason != ReasonNone {
		t.Fatalf("not stored: %v", reason)
	}
	return &m
}

func TestDecideByMethod(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		method  string
		methods []string
		action  Action
	}{
		{"GET", nil, Serve},
		{"HEAD", nil, Serve},
		{"POST", nil, Fetch},
		{"POST", []string{"POST"}, Serve},
		{"GET", []string{"POST"}, Fetch},
		{"get", nil, Fetch},
	} {
		p := New(Options{Methods: row.methods, Scope: Partitioned})
		rq := p.Request(row.method, http.Header{})
		m := Meta{Status: 200, Received: at.UnixMilli(), Lifetime: time.Minute}
		if d := p.Decide(&rq, &m, at); d.Action != row.action || row.action == Fetch && (d.Reason != ReasonMethod || d.Forward != ForwardMethod) {
			t.Errorf("%s with %v: %+v, want action %v", row.method, row.methods, d, row.action)
		}
	}
}

// RFC 5861 section 4.
func TestOnError(t *testing.T) {
	t.Parallel()
	lasting := []string{"Cache-Control: max-age=60, stale-if-error=10", `ETag: "a"`}
	for _, row := range []struct {
		name   string
		o      Options
		stored []string
		after  int
		ask    []string
		status int
		action Action
	}{
		{"no answer", Options{}, lasting, 70, nil, 0, Serve},
		{"500", Options{}, lasting, 70, nil, 500, Serve},
		{"502", Options{}, lasting, 70, nil, 502, Serve},
		{"503", Options{}, lasting, 70, nil, 503, Serve},
		{"504", Options{}, lasting, 70, nil, 504, Serve},
		{"501 is an answer", Options{}, lasting, 70, nil, 501, Fetch},
		{"404 is an answer", Options{}, lasting, 70, nil, 404, Fetch},
		{"200", Options{}, lasting, 70, nil, 200, Fetch},
		{"too old", Options{}, lasting, 71, nil, 0, Fetch},
		{"nothing stored", Options{}, nil, 0, nil, 0, Fetch},
		{"not allowed", Options{}, []string{"Cache-Control: max-age=60"}, 60, nil, 0, Fetch},
		{"allowed by the policy", Options{StaleIfError: time.Minute}, []string{"Cache-Control: max-age=60"}, 120, nil, 0, Serve},
		{"allowed by the request", Options{}, []string{"Cache-Control: max-age=60"}, 70, []string{"Cache-Control: stale-if-error=10"}, 0, Serve},
		{"forbidden by the answer", Options{StaleIfError: time.Minute}, []string{"Cache-Control: max-age=60, must-revalidate"}, 61, nil, 0, Fetch},
		{"validation is demanded by the answer", Options{StaleIfError: time.Minute}, []string{"Cache-Control: no-cache", `ETag: "a"`}, 1, nil, 0, Fetch},
		{"validation is demanded by the request", Options{}, lasting, 61, []string{"Cache-Control: no-cache"}, 0, Fetch},
		{"still fresh, asked for younger", Options{}, []string{"Cache-Control: max-age=60"}, 10, []string{"Cache-Control: max-age=5"}, 0, Serve},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := New(row.o)
			rq := p.Request(http.MethodGet, fields(row.ask...))
			d := p.OnError(&rq, storedBy(t, p, row.stored), at.Add(time.Duration(row.after)*time.Second), row.status)
			if d.Action != row.action || (d.Action == Serve) != (d.Reason == ReasonOnError) {
				t.Errorf("decided %v, %q, want %v", d.Action, d.Reason, row.action)
			}
		})
	}
}
