// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package decode

import (
	"runtime"
	"testing"
)

// A thousand open streams of a few kilobytes must not take hundreds of megabytes,
// whatever window their server announces. The test measures the heap and therefore
// runs before the parallel ones.
func TestStreamsAreSmall(t *testing.T) {
	const streams, most = 100, 100 << 10
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			chunks := flushed(t, name, events(40)...)
			var open []*Decoder
			before := heap()
			for range streams {
				d := mustNew(t, name)
				for _, c := range chunks[:40] {
					d.Write(c, func([]byte) {})
				}
				open = append(open, d)
			}
			perStream := (heap() - before) / streams
			if perStream > most {
				t.Errorf("an open stream takes %d bytes, want at most %d", perStream, most)
			}
			for _, d := range open {
				d.Close()
			}
		})
	}
}

// heap returns the bytes in use.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
