// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestNew(t *testing.T) {
	t.Parallel()
	tests := []struct {
		contentEncoding string
		stages          string // outermost first
		unknown         bool
	}{
		{contentEncoding: ""},
		{contentEncoding: "identity"},
		{contentEncoding: "gzip", stages: "gzip"},
		{contentEncoding: "X-GZip", stages: "gzip"},
		{contentEncoding: " BR\t", stages: "br"},
		{contentEncoding: "Zstd", stages: "zstd"},
		{contentEncoding: "gzip, br", stages: "br gzip"},
		{contentEncoding: "identity, zstd,identity,gzip", stages: "gzip zstd"},
		{contentEncoding: "gzip,gzip,gzip", unknown: true},
		{contentEncoding: "deflate", unknown: true},
		{contentEncoding: "gzip, compress", unknown: true},
		{contentEncoding: "gzip br", unknown: true},
		{contentEncoding: "gzip;q=1", unknown: true},
	}
	for _, tt := range tests {
		t.Run(tt.contentEncoding, func(t *testing.T) {
			t.Parallel()
			d, ok := New(tt.contentEncoding)
			if ok == tt.unknown {
				t.Fatalf("New() = %v, want %v", ok, !tt.unknown)
			}
			if !ok {
				return
			}
			var got []string
			for _, s := range d.stages {
				got = append(got, s.coding.name)
			}
			if names := strings.Join(got, " "); names != tt.stages {
				t.Errorf("stages = %q, want %q", names, tt.stages)
			}
		})
	}
}

func TestDecoderReadsWhatWasCompressed(t *testing.T) {
	t.Parallel()
	for _, codings := range [][]string{{"gzip"}, {"br"}, {"zstd"}, {"gzip", "br"}, {"zstd", "gzip"}, {"br", "br"}, {"identity"}} {
		for name, plain := range texts() {
			contentEncoding := strings.Join(codings, ", ")
			t.Run(contentEncoding+"/"+name, func(t *testing.T) {
				t.Parallel()
				body := []byte(plain)
				if contentEncoding != "identity" {
					body = compressed(t, plain, codings...)
				}
				for _, n := range []int{1, 2, 7, 1000, 32 << 10, len(body) + 1} {
					if n < 100 && len(body) > 20_000 {
						continue
					}
					got, err := collect(t, contentEncoding, cut(body, n)...)
					if err != nil || got != plain {
						t.Fatalf("in pieces of %d: got %d bytes, equal: %v, error %v; want %d bytes", n, len(got), got == plain, err, len(plain))
					}
				}
			})
		}
	}
}

func TestDecoderReadsWhatIsCutAnywhere(t *testing.T) {
	t.Parallel()
	plain := strings.Join(events(4), "")
	for _, contentEncoding := range []string{"gzip", "br", "zstd", "gzip, zstd"} {
		t.Run(contentEncoding, func(t *testing.T) {
			t.Parallel()
			body := compressed(t, plain, strings.Split(contentEncoding, ", ")...)
			for i := range body {
				got, err := collect(t, contentEncoding, body[:i], body[i:])
				if err != nil || got != plain {
					t.Fatalf("cut at %d: got %q, error %v", i, got, err)
				}
			}
		})
	}
}

func TestDecoderShowsFlushedEventsAtOnce(t *testing.T) {
	t.Parallel()
	for _, contentEncoding := range []string{"gzip", "br", "zstd", "identity"} {
		for _, byByte := range []bool{false, true} {
			t.Run(contentEncoding, func(t *testing.T) {
				t.Parallel()
				d := mustNew(t, contentEncoding)
				defer d.Close()
				plain := append(events(50), "") // the end alone comes after the last event
				pieces := [][]byte{}
				if contentEncoding == "identity" {
					for _, p := range plain {
						pieces = append(pieces, []byte(p))
					}
				} else {
					pieces = flushed(t, contentEncoding, plain...)
				}
				var got bytes.Buffer
				for i, p := range pieces {
					got.Reset()
					n := len(p)
					if byByte {
						n = 1
					}
					for _, c := range cut(p, n) {
						d.Write(c, func(p []byte) { got.Write(p) })
					}
					if got.String() != plain[i] {
						t.Fatalf("after event %d got %q, want %q", i, got.String(), plain[i])
					}
				}
				d.Finish(func(p []byte) { t.Errorf("Finish came up with %q", p) })
				if err := d.Err(); err != nil {
					t.Errorf("Err() = %v", err)
				}
			})
		}
	}
}

// The end of a body that was never flushed must not wait for Finish, because an
// answer is settled with the write that completes its length.
func TestDecoderShowsTheEndWithTheLastByte(t *testing.T) {
	t.Parallel()
	for _, contentEncoding := range []string{"gzip", "br", "zstd", "gzip, br"} {
		t.Run(contentEncoding, func(t *testing.T) {
			t.Parallel()
			plain := texts()["stream"]
			d := mustNew(t, contentEncoding)
			defer d.Close()
			var got bytes.Buffer
			for _, c := range cut(compressed(t, plain, strings.Split(contentEncoding, ", ")...), 100) {
				d.Write(c, func(p []byte) { got.Write(p) })
			}
			if got.String() != plain {
				t.Errorf("before Finish: got %d bytes, want %d", got.Len(), len(plain))
			}
		})
	}
}

func TestDecoderReadsMembers(t *testing.T) {
	t.Parallel()
	one, two := compressed(t, "one ", "gzip"), compressed(t, "two", "gzip")
	rich := append([]byte{0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3, 2, 0, 'x', 'y', 'n', 'a', 0, 'c', 0, 0xab, 0xcd}, one[10:]...)
	tests := []struct {
		name  string
		parts [][]byte
		want  string
		err   error
	}{
		{name: "two members", parts: [][]byte{one, two}, want: "one two"},
		{name: "all header fields", parts: [][]byte{rich, two}, want: "one two"},
		{name: "zeros after the last", parts: [][]byte{one, make([]byte, 512)}, want: "one "},
		{name: "garbage after the last", parts: [][]byte{one, two, []byte("\x1fgarbage")}, want: "one two"},
		{name: "half a magic number after the last", parts: [][]byte{one, {0x1f}}, want: "one "},
		{name: "second member cut", parts: [][]byte{one, two[:8]}, want: "one ", err: io.ErrUnexpectedEOF},
		{name: "nothing", want: ""},
		{name: "no gzip at all", parts: [][]byte{[]byte(`{"usage":null}`)}, err: errHeader},
		{name: "another method", parts: [][]byte{{0x1f, 0x8b, 7, 0, 0, 0, 0, 0, 0, 0}}, err: errHeader},
		{name: "reserved flag", parts: [][]byte{{0x1f, 0x8b, 8, 0x20, 0, 0, 0, 0, 0, 0}}, err: errHeader},
		{name: "wrong checksum", parts: [][]byte{one[:len(one)-8], {1, 2, 3, 4}, one[len(one)-4:]}, want: "one ", err: errChecksum},
		{name: "wrong length", parts: [][]byte{one[:len(one)-4], {9, 0, 0, 0}}, want: "one ", err: errChecksum},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			whole := bytes.Join(tt.parts, nil)
			for _, n := range []int{1, 3, len(whole) + 1} {
				got, err := collect(t, "gzip", cut(whole, n)...)
				if got != tt.want || !errors.Is(err, tt.err) || tt.err == nil && err != nil {
					t.Errorf("in pieces of %d: got %q, %v; want %q, %v", n, got, err, tt.want, tt.err)
				}
			}
		})
	}
}
