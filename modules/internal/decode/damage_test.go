// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
)

func TestDecoderRefusesCutBodies(t *testing.T) {
	t.Parallel()
	plain := strings.Join(events(20), "")
	for _, contentEncoding := range []string{"gzip", "br", "zstd", "gzip, br"} {
		t.Run(contentEncoding, func(t *testing.T) {
			t.Parallel()
			body := compressed(t, plain, strings.Split(contentEncoding, ", ")...)
			for i := 1; i < len(body); i++ {
				got, err := collect(t, contentEncoding, body[:i])
				if err == nil || !strings.HasPrefix(plain, got) {
					t.Fatalf("cut at %d of %d: error %v, a part of what was sent: %v", i, len(body), err, strings.HasPrefix(plain, got))
				}
			}
			if _, err := collect(t, contentEncoding, body[:len(body)/2]); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("Err() = %v, want %v", err, io.ErrUnexpectedEOF)
			}
		})
	}
}

func TestDecoderSurvivesDamage(t *testing.T) {
	t.Parallel()
	plain := strings.Join(events(6), "")
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := compressed(t, plain, name)
			detected := 0
			for i := range body {
				for _, flip := range []byte{0x01, 0x80, 0xff} {
					damaged := bytes.Clone(body)
					damaged[i] ^= flip
					if got, err := collect(t, name, damaged); err != nil {
						detected++
					} else if got != plain && name != "br" { // which has no checksum
						t.Fatalf("byte %d XOR %#x: wrong bytes without an error", i, flip)
					}
				}
			}
			if detected == 0 {
				t.Error("no damage was detected")
			}
		})
	}
}

func TestDecoderStopsAtTheBound(t *testing.T) {
	t.Parallel()
	const bound = 1 << 20
	bomb := strings.Repeat("\x00", 8*bound)
	for _, contentEncoding := range []string{"gzip", "br", "zstd", "gzip, gzip", "br, zstd"} {
		t.Run(contentEncoding, func(t *testing.T) {
			t.Parallel()
			d := mustNew(t, contentEncoding)
			d.MaxOutput = bound
			got := 0
			d.Write(compressed(t, bomb, strings.Split(contentEncoding, ", ")...), func(p []byte) { got += len(p) })
			if !errors.Is(d.Err(), ErrTooLong) || got > bound {
				t.Errorf("got %d bytes, error %v; want at most %d and %v", got, d.Err(), bound, ErrTooLong)
			}
			d.Write([]byte("more"), func([]byte) { t.Error("there was output after the error") })
			d.Finish(func([]byte) { t.Error("there was output after the error") })
		})
	}
}

func TestDecoderTakesExactlyTheBound(t *testing.T) {
	t.Parallel()
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := mustNew(t, name)
			d.MaxOutput = 1000
			got := 0
			d.Write(compressed(t, strings.Repeat("x", 1000), name), func(p []byte) { got += len(p) })
			d.Finish(func(p []byte) { got += len(p) })
			if d.Err() != nil || got != 1000 {
				t.Errorf("got %d bytes, error %v; want 1000 and none", got, d.Err())
			}
		})
	}
}

// Closing must end the coroutines wherever they rest. The test counts goroutines and
// therefore runs before the parallel ones.
func TestCloseLeavesNothingBehind(t *testing.T) {
	plain := strings.Join(events(30), "")
	for _, contentEncoding := range []string{"gzip", "br", "zstd", "zstd, gzip"} {
		body := compressed(t, plain, strings.Split(contentEncoding, ", ")...)
		for _, n := range []int{0, 1, 5, len(body) / 2, len(body)} {
			before := runtime.NumGoroutine()
			d := mustNew(t, contentEncoding)
			d.Write(body[:n], func([]byte) {})
			resting := runtime.NumGoroutine()
			d.Close()
			d.Close()
			if after := runtime.NumGoroutine(); after != before || n > 0 && resting == before {
				t.Errorf("%s closed after %d bytes: %d goroutines before, %d while open, %d after", contentEncoding, n, before, resting, after)
			}
			if err := d.Err(); err != nil {
				t.Errorf("%s closed after %d bytes: Err() = %v", contentEncoding, n, err)
			}
			d.Write(body, func([]byte) { t.Error("there was output after Close") })
			d.Finish(func([]byte) { t.Error("there was output after Close") })
		}
	}
}

// A reader that is taken from its pool after a stream that broke off must begin
// anew.
func TestReadersAreReusable(t *testing.T) {
	t.Parallel()
	plain := texts()["stream"]
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := compressed(t, plain, name)
			for i := range 50 {
				d := mustNew(t, name)
				half := bytes.Clone(body[:len(body)*i/50])
				if i%3 == 0 && len(half) > 0 {
					half[len(half)-1] ^= 0xff
				}
				d.Write(half, func([]byte) {})
				if d.Close(); i%2 == 0 {
					d.Finish(func([]byte) { t.Error("there was output after Close") })
				}
				if got, err := collect(t, name, body); err != nil || got != plain {
					t.Fatalf("after a stream cut at %d: got %d bytes, error %v", len(half), len(got), err)
				}
			}
		})
	}
}

func TestPanics(t *testing.T) {
	t.Parallel()
	t.Run("of a reader are errors", func(t *testing.T) {
		t.Parallel()
		d := &Decoder{}
		d.stages = []*stage{{decoder: d, coding: coding{"odd", func() reader { return panicking{} }}}}
		d.Write([]byte("x"), func([]byte) {})
		if err := d.Err(); err == nil || !strings.Contains(err.Error(), "decode odd: reader panicked: index out of range") {
			t.Errorf("Err() = %v", err)
		}
		d.Close()
	})
	t.Run("of the sink pass on", func(t *testing.T) {
		t.Parallel()
		body := compressed(t, "text", "gzip")
		d := mustNew(t, "gzip")
		defer d.Close()
		defer func() {
			if cause := recover(); cause != "of the sink" {
				t.Errorf("recovered %v", cause)
			}
		}()
		d.Write(body, func([]byte) { panic("of the sink") })
		t.Error("the panic did not pass on")
	})
}

type panicking struct{}

func (panicking) decode(*stage) error { panic("index out of range") }
func (panicking) release()            {}
