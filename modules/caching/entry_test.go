// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package caching

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestEntryCheck(t *testing.T) {
	t.Parallel()
	valid := time.Unix(1, 0)
	tests := []struct {
		name  string
		entry Entry
		ok    bool
	}{
		{"empty body", Entry{Expires: valid}, true},
		{"longest tag", Entry{Expires: valid, Tags: []string{strings.Repeat("x", MaxTagBytes)}}, true},
		{"most tags", Entry{Expires: valid, Tags: strings.Split(strings.Repeat("x ", MaxTags-1)+"x", " ")}, true},
		{"no time", Entry{}, false},
		{"empty tag", Entry{Expires: valid, Tags: []string{"a", ""}}, false},
		{"long tag", Entry{Expires: valid, Tags: []string{strings.Repeat("x", MaxTagBytes+1)}}, false},
		{"too many tags", Entry{Expires: valid, Tags: strings.Split(strings.Repeat("x ", MaxTags)+"x", " ")}, false},
		{"long meta", Entry{Expires: valid, Meta: make([]byte, MaxMetaBytes+1)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.entry.Check()
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrInvalid) {
				t.Errorf("Check() = %v, want it valid: %t", err, tt.ok)
			}
		})
	}
}

func TestEntryHasTags(t *testing.T) {
	t.Parallel()
	e := Entry{Tags: []string{"a", "b"}}
	for _, tt := range []struct {
		name string
		tags []string
		want bool
	}{
		{"none", nil, true},
		{"one", []string{"b"}, true},
		{"all", []string{"b", "a"}, true},
		{"other", []string{"c"}, false},
		{"one more", []string{"a", "b", "c"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := e.HasTags(tt.tags); got != tt.want {
				t.Errorf("HasTags() = %t", got)
			}
		})
	}
}

// TestEntryBody cuts a body everywhere and compares each range.
func TestEntryBody(t *testing.T) {
	t.Parallel()
	const text = "0123456789"
	for _, body := range [][][]byte{
		nil,
		{[]byte(text)},
		{[]byte("01"), nil, []byte("23456"), []byte("789"), {}},
	} {
		e := Entry{Body: body}
		whole := text
		if body == nil {
			whole = ""
		}
		var b bytes.Buffer
		if n, err := e.WriteTo(&b); err != nil || b.String() != whole || n != e.Len() || n != int64(len(whole)) {
			t.Errorf("WriteTo() = %d, %v: %q", n, err, b.String())
		}
		if got := string(e.Bytes()); got != whole {
			t.Errorf("Bytes() = %q", got)
		}
		for from := range 12 {
			for to := from; to <= 12; to++ {
				b.Reset()
				want := whole[min(from, len(whole)):min(to, len(whole))]
				n, err := e.WriteRange(&b, int64(from), int64(to-from))
				if err != nil || b.String() != want || n != int64(len(want)) {
					t.Errorf("WriteRange(%d, %d) = %d, %v: %q, want %q", from, to-from, n, err, b.String(), want)
				}
			}
		}
	}
}

type failing struct{ room int }

func (w *failing) Write(p []byte) (int, error) {
	if len(p) > w.room {
		return w.room, errors.New("full")
	}
	w.room -= len(p)
	return len(p), nil
}

func TestEntryBodyThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	e := Entry{Body: [][]byte{[]byte("abc"), []byte("def")}}
	if n, err := e.WriteTo(&failing{room: 4}); n != 4 || err == nil {
		t.Errorf("WriteTo() = %d, %v", n, err)
	}
	if n, err := e.WriteRange(&failing{room: 4}, 1, 5); n != 4 || err == nil {
		t.Errorf("WriteRange() = %d, %v", n, err)
	}
}

func TestClosedIsUnavailable(t *testing.T) {
	t.Parallel()
	if !errors.Is(ErrClosed, ErrUnavailable) || errors.Is(ErrUnavailable, ErrClosed) {
		t.Error("ErrClosed is not an ErrUnavailable, or the other way round")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	if got := (Key{0xab}).String(); got != "ab"+strings.Repeat("0", 62) {
		t.Errorf("Key.String() = %q", got)
	}
	for o, want := range map[Outcome]string{Stored: "stored", TooLarge: "too_large", Outdated: "outdated"} {
		if o.String() != want {
			t.Errorf("Outcome(%d).String() = %q, want %q", o, o, want)
		}
	}
}
