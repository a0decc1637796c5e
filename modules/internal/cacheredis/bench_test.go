// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cacheredis

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
)

func BenchmarkStore(b *testing.B) {
	r := redistest.Start(b)
	s := New(Options{Conn: connect(b, redisconn.Options{URLs: []string{r.URL()}}), Cache: caching.Options{Name: "n"}, Patience: time.Minute})
	for _, size := range []int{1 << 10, 20 << 10, 1 << 20} {
		k := caching.Key{byte(size >> 10)}
		e := entry(strings.Repeat("x", size), "consumer:alice", "route:chat")
		b.Run(fmt.Sprintf("put %d KB", size>>10), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Put(b.Context(), k, e, caching.Mark{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("get %d KB", size>>10), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if e, err := s.Get(b.Context(), k); e == nil || err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
