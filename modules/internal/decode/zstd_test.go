// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// windowed compresses with a window of a size, in several flushed pieces.
func windowed(t *testing.T, window int, pieces ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := zstd.NewWriter(&buf, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window))
	if err != nil {
		t.Fatalf("make compressor: %v", err)
	}
	for _, p := range pieces {
		if _, err := w.Write([]byte(p)); err != nil {
			t.Fatalf("compress: %v", err)
		}
		if err := w.Flush(); err != nil {
			t.Fatalf("flush: %v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	return buf.Bytes()
}

// Windows grow with the output. Nothing may be lost or doubled on the way, and what
// refers to the farthest byte of the window must be found.
func TestZstdWindowsGrow(t *testing.T) {
	t.Parallel()
	noise := texts()["noise"]
	line := strings.Join(events(10), "")
	var far []string // the same noise again and again, with ever more between
	for i := range 12 {
		far = append(far, noise[:10_000], strings.Repeat(line, i*15))
	}
	tests := []struct {
		name   string
		window int
		pieces []string
	}{
		{"small output, large window", 8 << 20, []string{line, line}},
		{"to the first size", 8 << 20, []string{noise[:16<<10], noise[:100]}},
		{"just beyond the first size", 8 << 20, []string{noise[:16<<10], "x", noise[:100]}},
		{"one large block", 8 << 20, []string{noise}},
		{"beyond the second size", 4 << 20, []string{noise, line, noise, strings.Repeat(noise[:60_000], 4), "end", noise}},
		{"far references", 8 << 20, far},
		{"window of the first size", 16 << 10, []string{noise, line, noise}},
		{"window of the second size", 256 << 10, []string{noise, strings.Repeat(line, 300), noise}},
		{"window between", 64 << 10, []string{noise[:30_000], line, noise[:30_000], noise, noise}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body, want := windowed(t, tt.window, tt.pieces...), strings.Join(tt.pieces, "")
			for _, n := range []int{50, 4096, len(body)} {
				got, err := collect(t, "zstd", cut(body, n)...)
				if err != nil || got != want {
					t.Errorf("in pieces of %d: got %d bytes, equal: %v, error %v; want %d", n, len(got), got == want, err, len(want))
				}
			}
			two := append(bytes.Clone(body), body...)
			if got, err := collect(t, "zstd", two); err != nil || got != want+want {
				t.Errorf("two frames: got %d bytes, equal: %v, error %v; want %d", len(got), got == want+want, err, 2*len(want))
			}
		})
	}
}

func TestZstdRefusesLargerWindows(t *testing.T) {
	t.Parallel()
	plain := strings.Repeat(texts()["noise"], 8)
	body := windowed(t, 16<<20, plain)
	got, err := collect(t, "zstd", body)
	if err == nil || !strings.HasPrefix(plain, got) || len(got) == len(plain) {
		t.Errorf("got %d of %d bytes, error %v; want an error before the end", len(got), len(plain), err)
	}
}

// A flushed event must be seen at once also where the window grows.
func TestZstdShowsFlushedEventsWhileWindowsGrow(t *testing.T) {
	t.Parallel()
	var pieces []string
	noise := texts()["noise"]
	for i := range 100 {
		pieces = append(pieces, noise[i*500:][:5000])
	}
	d := mustNew(t, "zstd")
	defer d.Close()
	var got, want bytes.Buffer
	for i, c := range flushed(t, "zstd", pieces...) {
		want.WriteString(pieces[i])
		d.Write(c, func(p []byte) { got.Write(p) })
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Fatalf("after piece %d: got %d bytes, want %d", i, got.Len(), want.Len())
		}
	}
}
