// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

// at is the time all tables start from.
var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// answered is an exchange of a GET that was answered at once with 200.
func answered(lines ...string) *Exchange {
	u, _ := url.Parse("http://origin.example/a?b=c")
	return &Exchange{
		Method: http.MethodGet, URL: u, RequestHeader: http.Header{},
		Status: http.StatusOK, Header: fields(lines...), Requested: at, Responded: at,
	}
}

func (x *Exchange) with(status int) *Exchange        { x.Status = status; return x }
func (x *Exchange) by(method string) *Exchange       { x.Method = method; return x }
func (x *Exchange) asking(lines ...string) *Exchange { x.RequestHeader = fields(lines...); return x }
func (x *Exchange) credentialed() *Exchange          { x.Credentialed = true; return x }
func (x *Exchange) request(p *Policy) *Exchange {
	rq := p.Request(x.Method, x.RequestHeader)
	x.Request = &rq
	return x
}

// RFC 9111 sections 3, 3.5 and 5.2.2.
func TestStore(t *testing.T) {
	t.Parallel()
	shared := Options{}
	partitioned := Options{Scope: Partitioned}
	override := Options{TTL: time.Minute, Override: true}
	for _, row := range []struct {
		name string
		o    Options
		x    *Exchange
		want Reason
	}{
		{"explicit freshness", shared, answered("Cache-Control: max-age=1"), ReasonNone},
		{"nothing said", shared, answered(), ReasonNoFreshness},
		{"nothing said, but a validator", shared, answered(`ETag: "a"`), ReasonNone},
		{"a status without default freshness and a validator", Options{AnyStatus: true}, answered(`ETag: "a"`).with(403), ReasonNoFreshness},
		{"expired on arrival", shared, answered("Cache-Control: max-age=0"), ReasonExpired},
		{"expired, but to be validated", shared, answered("Cache-Control: max-age=0", `ETag: "a"`), ReasonNone},
		{"expired, but stale is allowed", shared, answered("Cache-Control: max-age=0, stale-if-error=9"), ReasonNone},
		{"older than it is fresh for", shared, answered("Cache-Control: max-age=9", "Age: 10"), ReasonExpired},

		{"HEAD", shared, answered("Cache-Control: max-age=1").by(http.MethodHead), ReasonMethod},
		{"POST", shared, answered("Cache-Control: max-age=1").by(http.MethodPost), ReasonMethod},
		{"POST that is keyed by its body", Options{Methods: []string{"POST"}}, answered("Cache-Control: max-age=1").by(http.MethodPost), ReasonNone},
		{"POST of the target itself", Options{ContentLocationPOST: true}, answered("Cache-Control: max-age=1", "Content-Location: /a?b=c").by(http.MethodPost), ReasonNone},
		{"POST of another target", Options{ContentLocationPOST: true}, answered("Cache-Control: max-age=1", "Content-Location: /a").by(http.MethodPost), ReasonMethod},
		{"POST without explicit freshness", Options{ContentLocationPOST: true, TTL: time.Hour}, answered("Content-Location: /a?b=c").by(http.MethodPost), ReasonNoFreshness},
		{"request says no-store", shared, answered("Cache-Control: max-age=1").asking("Cache-Control: no-store").request(New(shared)), ReasonRequestNoStore},
		{"request says no-store to nobody", Options{IgnoreRequest: true}, answered("Cache-Control: max-age=1").asking("Cache-Control: no-store").request(New(Options{IgnoreRequest: true})), ReasonNone},

		{"206", Options{AnyStatus: true}, answered("Cache-Control: max-age=1").with(206), ReasonPartial},
		{"304", Options{AnyStatus: true}, answered("Cache-Control: max-age=1").with(304), ReasonStatus},
		{"412", Options{AnyStatus: true}, answered("Cache-Control: max-age=1").with(412), ReasonStatus},
		{"429 by default", shared, answered("Cache-Control: max-age=1").with(429), ReasonStatus},
		{"500 by default", shared, answered("Cache-Control: max-age=1").with(500), ReasonStatus},
		{"404 by default", shared, answered("Cache-Control: max-age=1").with(404), ReasonNone},
		{"status in the list", Options{Statuses: []int{429}}, answered("Cache-Control: max-age=1").with(429), ReasonNone},
		{"status outside the list", Options{Statuses: []int{429}}, answered("Cache-Control: max-age=1"), ReasonStatus},
		{"no status at all", shared, answered("Cache-Control: max-age=1").with(-1), ReasonStatus},
		{"status beyond all", Options{AnyStatus: true}, answered("Cache-Control: max-age=1").with(5000), ReasonStatus},

		{"no-store", shared, answered("Cache-Control: max-age=1, No-Store"), ReasonNoStore},
		{"must-understand lifts no-store", shared, answered("Cache-Control: max-age=1, no-store, must-understand"), ReasonNone},
		{"must-understand of the unknown", Options{AnyStatus: true}, answered("Cache-Control: max-age=1, must-understand").with(599), ReasonStatus},
		{"no-cache without a validator", shared, answered("Cache-Control: max-age=1, no-cache"), ReasonNoCache},
		{"no-cache of a field", shared, answered(`Cache-Control: max-age=1, no-cache="a"`), ReasonNone},

		{"private, shared", shared, answered("Cache-Control: max-age=1, private"), ReasonPrivate},
		{"private, partitioned", partitioned, answered("Cache-Control: max-age=1, private"), ReasonPrivate},
		{"private, partitioned, wanted", Options{Scope: Partitioned, StorePrivate: true}, answered("Cache-Control: max-age=1, private"), ReasonNone},
		{"private, shared, wanted all the same", Options{StorePrivate: true}, answered("Cache-Control: max-age=1, private"), ReasonPrivate},
		{"private, private", Options{Scope: Private}, answered("Cache-Control: max-age=1, private"), ReasonNone},
		{"private of a field", shared, answered(`Cache-Control: max-age=1, private="a"`), ReasonNone},

		{"Authorization", shared, answered("Cache-Control: max-age=1").asking("Authorization: demo"), ReasonCredentials},
		{"credential taken off", shared, answered("Cache-Control: max-age=1").credentialed(), ReasonCredentials},
		{"credential and public", shared, answered("Cache-Control: max-age=1, public").credentialed(), ReasonNone},
		{"credential and s-maxage", shared, answered("Cache-Control: s-maxage=1").credentialed(), ReasonNone},
		{"credential and must-revalidate", shared, answered("Cache-Control: max-age=1, must-revalidate").credentialed(), ReasonNone},
		{"credential, partitioned", partitioned, answered("Cache-Control: max-age=1").credentialed(), ReasonNone},
		{"credential, shared by order", Options{StoreCredentialed: true}, answered("Cache-Control: max-age=1").credentialed(), ReasonNone},
		{"credential, ttl of the policy", override, answered().credentialed(), ReasonCredentials},

		{"Set-Cookie", shared, answered("Cache-Control: max-age=1", "Set-Cookie: a=b"), ReasonSetCookie},
		{"Set-Cookie2", shared, answered("Cache-Control: max-age=1", "Set-Cookie2: a=b"), ReasonSetCookie},
		{"Set-Cookie stripped", Options{Cookies: StripCookies}, answered("Cache-Control: max-age=1", "Set-Cookie: a=b"), ReasonNone},
		{"Set-Cookie in override", override, answered("Set-Cookie: a=b"), ReasonSetCookie},

		{"Vary", shared, answered("Cache-Control: max-age=1", "Vary: a, b"), ReasonNone},
		{"Vary on all", shared, answered("Cache-Control: max-age=1", "Vary: a", "Vary: , *"), ReasonVary},
		{"Vary on all in override", override, answered("Vary: *"), ReasonVary},

		{"override of no-store", override, answered("Cache-Control: no-store"), ReasonNone},
		{"override of no-cache", override, answered("Cache-Control: no-cache"), ReasonNone},
		{"override of max-age=0", override, answered("Cache-Control: max-age=0"), ReasonNone},
		{"override of private", override, answered("Cache-Control: private"), ReasonPrivate},
		{"override of status", override, answered().with(500), ReasonStatus},
		{"override without ttl", Options{Override: true}, answered("Cache-Control: no-store"), ReasonNoStore},
		{"ttl of the policy", Options{TTL: time.Minute}, answered(), ReasonNone},
		{"ttl of the policy and Pragma", Options{TTL: time.Minute}, answered("Pragma: no-cache"), ReasonNoFreshness},
		{"targeted no-store", Options{Targets: []string{"CDN-Cache-Control"}}, answered("Cache-Control: max-age=9", "CDN-Cache-Control: no-store"), ReasonNoStore},
		{"targeted private", Options{Targets: []string{"CDN-Cache-Control"}}, answered("Cache-Control: max-age=9", "CDN-Cache-Control: private, max-age=9"), ReasonPrivate},
		{"targeted leave", Options{Targets: []string{"CDN-Cache-Control"}}, answered("Cache-Control: no-store", "CDN-Cache-Control: max-age=9"), ReasonNone},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if _, got := New(row.o).Store(row.x); got != row.want {
				t.Errorf("Store says %q, want %q", got, row.want)
			}
		})
	}
}
