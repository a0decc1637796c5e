// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache_test

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
)

func Example() {
	policy := httpcache.New(httpcache.Options{})
	asked := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	request := policy.Request(http.MethodGet, http.Header{})
	target := &url.URL{Scheme: "https", Host: "origin.example", Path: "/"}

	// Nothing is stored, so the origin is asked and its answer judged.
	fmt.Println(policy.Decide(&request, nil, asked).Reason)
	meta, reason := policy.Store(&httpcache.Exchange{
		Request: &request, Method: http.MethodGet, URL: target,
		Status: http.StatusOK, Header: http.Header{"Cache-Control": {"max-age=60"}},
		Requested: asked, Responded: asked,
	})
	fmt.Println(reason == httpcache.ReasonNone)

	// Ten seconds later the stored answer is fresh.
	d := policy.Decide(&request, &meta, asked.Add(10*time.Second))
	member := httpcache.Status{Cache: "Tollgate", Forward: d.Forward, HasTTL: true, TTL: d.TTL}
	fmt.Println(d.Action == httpcache.Serve, string(member.Append(nil)))
	// Output:
	// miss
	// true
	// true Tollgate; hit; ttl=50
}
