// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// flusher is a compressor that can be told to let out what it has.
type flusher interface {
	io.WriteCloser
	Flush() error
}

// names are the codings that compress.
var names = []string{"gzip", "br", "zstd"}

// newWriter returns a compressor as servers use them.
func newWriter(t testing.TB, name string, to io.Writer) flusher {
	t.Helper()
	switch name {
	case "gzip":
		return gzip.NewWriter(to)
	case "br":
		return brotli.NewWriter(to)
	case "zstd":
		w, err := zstd.NewWriter(to, zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatalf("make compressor: %v", err)
		}
		return w
	}
	t.Fatalf("no compressor for %q", name)
	return nil
}

// flushed compresses the pieces, each with a flush, and returns what each came
// to. The last piece is followed by the end.
func flushed(t testing.TB, name string, pieces ...string) [][]byte {
	t.Helper()
	var buf bytes.Buffer
	w := newWriter(t, name, &buf)
	var out [][]byte
	for i, p := range pieces {
		_, err := io.WriteString(w, p)
		if err == nil && i < len(pieces)-1 {
			err = w.Flush()
		} else if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatalf("compress: %v", err)
		}
		out = append(out, bytes.Clone(buf.Bytes()))
		buf.Reset()
	}
	return out
}

// compressed applies the codings in order.
func compressed(t testing.TB, plain string, codings ...string) []byte {
	t.Helper()
	for _, name := range codings {
		plain = string(flushed(t, name, plain)[0])
	}
	return []byte(plain)
}

// events returns the payload of a stream of n events.
func events(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word%d\"}}]}\n\n", i*i))
	}
	return append(out, "data: [DONE]\n\n")
}

// texts are bodies of all sorts.
func texts() map[string]string {
	noise := make([]byte, 70_000)
	state := uint32(1)
	for i := range noise {
		state = state*1664525 + 1013904223
		noise[i] = byte(state >> 24)
	}
	return map[string]string{
		"empty":     "",
		"one byte":  "x",
		"json":      `{"usage":{"prompt_tokens":3,"completion_tokens":4}}`,
		"stream":    strings.Join(events(300), ""),
		"repeated":  strings.Repeat("all work and no play ", 20_000),
		"noise":     string(noise),
		"long text": strings.Repeat(string(noise[:50_000]), 12),
	}
}

// collect decodes chunks to the end.
func collect(t testing.TB, contentEncoding string, chunks ...[]byte) (string, error) {
	t.Helper()
	d := mustNew(t, contentEncoding)
	defer d.Close()
	var got bytes.Buffer
	sink := func(p []byte) { got.Write(p) }
	for _, c := range chunks {
		own := bytes.Clone(c)
		d.Write(own, sink)
		if !bytes.Equal(own, c) {
			t.Fatal("Write altered its input")
		}
		clear(own) // what was kept would be spoilt
	}
	d.Finish(sink)
	return got.String(), d.Err()
}

func mustNew(t testing.TB, contentEncoding string) *Decoder {
	t.Helper()
	d, ok := New(contentEncoding)
	if !ok {
		t.Fatalf("New(%q) does not know the coding", contentEncoding)
	}
	return d
}

// cut splits p into pieces of n bytes.
func cut(p []byte, n int) [][]byte {
	var out [][]byte
	for len(p) > n {
		out = append(out, p[:n])
		p = p[n:]
	}
	return append(out, p)
}
