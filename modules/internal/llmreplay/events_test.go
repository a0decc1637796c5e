// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"slices"
	"strings"
	"testing"
)

func eventsOf(stream string) []string {
	var all []string
	for event := range Events([]byte(stream)) {
		all = append(all, string(event))
	}
	return all
}

func TestEvents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, stream string
		want         []string
	}{
		{"none", "", nil},
		{"server-sent", "data: a\n\ndata: b\n\n", []string{"data: a\n\n", "data: b\n\n"}},
		{"names, comments and several lines", ": hi\n\nevent: x\ndata: a\ndata: b\n\n", []string{": hi\n\n", "event: x\ndata: a\ndata: b\n\n"}},
		{"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", []string{"data: a\r\n\r\n", "data: b\r\n\r\n"}},
		{"no empty line at the end", "data: a\n\ndata: b\n", []string{"data: a\n\n", "data: b\n"}},
		{"empty lines", "\n\ndata: a\n\n\n", []string{"\n", "\n", "data: a\n\n", "\n"}},
		{"CR alone", "data: a\r\rdata: b\r\r", []string{"data: a\r\rdata: b\r\r"}},
		{"lines of JSON", "{\"a\":1}\n{\"b\":2}", []string{"{\"a\":1}\n", "{\"b\":2}"}},
		{"array", "[{},\n\n{}]", []string{"[{},\n\n{}]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := eventsOf(c.stream); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestEventsCanBeLeft(t *testing.T) {
	t.Parallel()
	n := 0
	for range Events([]byte("data: a\n\ndata: b\n\n")) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("got %d events", n)
	}
}

func FuzzEvents(f *testing.F) {
	f.Add("data: a\n\ndata: b\r\n\r\n")
	f.Add("{}\n{}\n")
	f.Fuzz(func(t *testing.T, stream string) {
		if got := strings.Join(eventsOf(stream), ""); got != stream {
			t.Errorf("%q became %q", stream, got)
		}
	})
}
