// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachebench

import (
	"bytes"
	"strings"
	"testing"
)

// BenchmarkHit reports, for each site, the processor time of a request over that of
// respond with the same body (x-respond) and of the proxy (x-proxy), the time itself, and
// how long an answer takes on one connection.
func BenchmarkHit(b *testing.B) {
	upstream := origin(b)
	pid, addresses := gateway(b, upstream)
	groups := targets(b, pid, addresses)
	for _, group := range []string{"1k", "20k", "chat"} {
		list := groups[group]
		if group != "chat" {
			list = append(list, peers(b, upstream, list[0])...)
		}
		compare(b, list, 12, 16, 150)
		base := list[0]
		var proxy *target
		for _, g := range list {
			if g.name == "proxy" {
				proxy = g
			}
		}
		for _, g := range list {
			b.Run(group+"/"+g.name, func(b *testing.B) {
				b.ReportMetric(0, "ns/op") // everything has been measured, all of it in turns
				b.ReportMetric(g.median, "p50-us")
				if g.pid != 0 {
					b.ReportMetric(median(g.each), "cpu-us")
					b.ReportMetric(g.over(base), "x-respond")
					b.ReportMetric(g.over(proxy), "x-proxy")
				}
			})
		}
	}
}

// TestSitesAnswer: what is measured is what it is said to be.
func TestSitesAnswer(t *testing.T) {
	pid, addresses := gateway(t, origin(t))
	for group, list := range targets(t, pid, addresses) {
		for _, g := range list {
			t.Run(group+"/"+g.name, func(t *testing.T) {
				c := g.connections(t, 1)[0]
				var header bytes.Buffer
				for range 2 {
					header.Reset()
					if size, err := c.ask(g.request, &header); err != nil || size != g.size {
						t.Fatalf("%d bytes of %d, %v", size, g.size, err)
					}
				}
				cached := g.name == "cache" || g.name == "keyed" || g.name == "whole"
				if strings.Contains(header.String(), "X-Cache-Status: Hit") != cached {
					t.Errorf("answer has the header\n%s", header.String())
				}
			})
		}
	}
}
