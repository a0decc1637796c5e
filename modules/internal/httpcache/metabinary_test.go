// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"testing"
	"time"
)

func fullMeta() Meta {
	return Meta{
		Status: 404, Flags: FlagNoCache | FlagHeuristic, Received: at.UnixMilli(), InitialAge: 3 * time.Second,
		Lifetime: maxDelta, WhileRevalidate: time.Minute, IfError: time.Hour, ETag: `W/"a"`, LastModified: ago(9), Date: -5,
	}
}

func TestMetaBinary(t *testing.T) {
	t.Parallel()
	for _, m := range []Meta{{}, fullMeta()} {
		data, err := m.AppendBinary([]byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		got, rest, err := DecodeMeta(append(data[len("before"):], "after"...))
		if err != nil || got != m || string(rest) != "after" {
			t.Errorf("read %+v, %q, %v, want %+v", got, rest, err, m)
		}
	}
}

// A store may hand out an entry that was cut or damaged: never one that lives
// for ever or was not there.
func TestMetaBinaryDamaged(t *testing.T) {
	t.Parallel()
	m := fullMeta()
	whole, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if _, _, err := DecodeMeta(whole[:n]); err == nil {
			t.Errorf("read %d bytes of %d without an error", n, len(whole))
		}
	}
	for i := range whole {
		damaged := append([]byte(nil), whole...)
		damaged[i] ^= 0xff
		if got, _, err := DecodeMeta(damaged); err == nil && got == m {
			t.Errorf("damage at %d went unnoticed", i)
		}
	}
	other := append([]byte(nil), whole...)
	other[0] = metaVersion + 1
	if _, _, err := DecodeMeta(other); err == nil {
		t.Error("read an entry of another version")
	}
}
