// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cacheredis

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// stored returns an entry as it is read from Redis.
func stored(t *testing.T, key caching.Key, id string, e *caching.Entry) (*head, error) {
	t.Helper()
	c := *e
	c.Body = slices.Clone(e.Body)
	first, further := encode(key, id, &c)
	h, err := decode(key, append(make([]byte, versionSize), first...))
	if err != nil {
		return nil, err
	}
	if h.pieces != len(further) || h.id != id {
		t.Fatalf("%d pieces of %q are announced, and there are %d of %q", h.pieces, h.id, len(further), id)
	}
	for i, raw := range further {
		p, ok := h.readPiece(i+1, raw)
		if !ok {
			t.Fatalf("piece %d cannot be read", i+1)
		}
		if _, ok := h.readPiece(i+2, raw); ok {
			t.Fatalf("piece %d is taken for another", i+1)
		}
		h.entry.Body = append(h.entry.Body, p)
	}
	return h, nil
}

func TestCodec(t *testing.T) {
	t.Parallel()
	const id = "0123456789abcdef"
	for _, n := range []int{0, 1, pieceSize - 1, pieceSize, pieceSize + 1, 2 * pieceSize, 3*pieceSize + 1} {
		for _, cut := range []int{1, 1000, pieceSize, pieceSize + 1} {
			if n/cut > 10_000 {
				continue
			}
			e := entry("", "a", strings.Repeat("b", caching.MaxTagBytes))
			e.Body = nil
			for rest := bytes.Repeat([]byte("0123456789"), n/10+1)[:n]; len(rest) > 0; {
				m := min(cut, len(rest))
				e.Body = append(e.Body, rest[:m])
				rest = rest[m:]
			}
			h, err := stored(t, caching.Key{1}, id, e)
			if err != nil {
				t.Fatal(err)
			}
			if got := h.entry; !bytes.Equal(got.Bytes(), e.Bytes()) || !slices.Equal(got.Tags, e.Tags) || string(got.Meta) != "meta" ||
				!got.Expires.Equal(e.Expires.Truncate(time.Millisecond)) || h.length != e.Len() {
				t.Errorf("%d bytes in pieces of %d: another entry", n, cut)
			}
		}
	}
}

// FuzzDecode reads anything that may be in Redis: it is an entry that says what it is, or
// an error.
func FuzzDecode(f *testing.F) {
	key := caching.Key{7}
	for _, e := range []*caching.Entry{entry("body", "tag"), {Expires: time.Unix(1, 0)}, entry(strings.Repeat("x", 1000))} {
		first, _ := encode(key, "0123456789abcdef", e)
		f.Add(append(make([]byte, versionSize), first...))
	}
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := decode(key, b)
		if err != nil {
			return
		}
		if !bytes.Equal(b[atKey:atExpires], key[:]) {
			t.Error("an entry of another key")
		}
		if rest := h.length - h.entry.Len(); rest < 0 || (rest > 0) != (h.pieces > 0) {
			t.Errorf("%d bytes, of which %d are here, and %d pieces", h.length, h.entry.Len(), h.pieces)
		}
	})
}

// FuzzReadRecord reads any line of the log.
func FuzzReadRecord(f *testing.F) {
	f.Add("0123456789abcdef")
	f.Add("0123456789abcdef" + string(appendTag(appendTag(nil, "a"), "b")))
	f.Fuzz(func(t *testing.T, text string) {
		_, r, ok := readRecord(text)
		n := 16
		for _, tag := range r.tags {
			n += 2 + len(tag)
		}
		if ok && n != len(text) {
			t.Errorf("%d bytes are read as %q", len(text), r.tags)
		}
	})
}
