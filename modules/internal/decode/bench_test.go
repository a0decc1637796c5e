// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package decode

import "testing"

// BenchmarkStream reads 200 flushed events, each in a chunk of its own.
func BenchmarkStream(b *testing.B) {
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			chunks := flushed(b, name, events(200)...)
			var n int
			sink := func(p []byte) { n += len(p) }
			b.ReportAllocs()
			for b.Loop() {
				n = 0
				d := mustNew(b, name)
				for _, c := range chunks {
					d.Write(c, sink)
				}
				d.Finish(sink)
				if d.Err() != nil {
					b.Fatal(d.Err())
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200, "ns/event")
			b.ReportMetric(float64(n), "plain-bytes")
		})
	}
}

// BenchmarkDocument reads a short document in one chunk.
func BenchmarkDocument(b *testing.B) {
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			body := compressed(b, texts()["json"], name)
			sink := func([]byte) {}
			b.ReportAllocs()
			for b.Loop() {
				d := mustNew(b, name)
				d.Write(body, sink)
				d.Finish(sink)
			}
		})
	}
}
