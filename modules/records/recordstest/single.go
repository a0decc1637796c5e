// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recordstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/records"
)

func testRecords(t *testing.T, o Opener) {
	t.Parallel()
	f := open(t, o)
	f.is(t, "a:1", nothing)
	f.put(t, "a:1", "one", time.Hour)
	f.is(t, "a:1", "one")
	f.put(t, "a:1", "two", 0)
	f.is(t, "a:1", "two")
	f.put(t, "a:2", "", time.Hour)
	f.is(t, "a:2", "")
	f.is(t, "a:", nothing)
	f.is(t, "a:11", nothing)
	longest, largest := strings.Repeat("k", records.MaxKey), strings.Repeat("\x00\xff", records.MaxValue/2)
	f.put(t, longest, largest, time.Hour)
	f.is(t, longest, largest)
	odd := `a:{b}*?[c]\"%`
	f.put(t, odd, "odd", time.Hour)
	f.is(t, odd, "odd")
}

func testCopies(t *testing.T, o Opener) {
	t.Parallel()
	f := open(t, o)
	given := []byte("value")
	if err := f.Put(t.Context(), "a:1", given, 0); err != nil {
		t.Fatal(err)
	}
	copy(given, "XXXXX")
	f.is(t, "a:1", "value")
	got, _, err := f.Get(t.Context(), "a:1")
	if err != nil {
		t.Fatal(err)
	}
	copy(got, "XXXXX")
	list, err := f.List(t.Context(), "")
	if err != nil || len(list) != 1 {
		t.Fatalf("List = %v, %v", list, err)
	}
	copy(list[0].Value, "XXXXX")
	f.is(t, "a:1", "value")
}

func testAdd(t *testing.T, o Opener) {
	t.Parallel()
	f := open(t, o)
	add := func(value string, ttl time.Duration, want bool) {
		t.Helper()
		if added, err := f.Add(t.Context(), "a:1", []byte(value), ttl); err != nil || added != want {
			t.Fatalf("Add(%s) = %v, %v, want %v", value, added, err, want)
		}
	}
	add("one", time.Minute, true)
	add("two", time.Hour, false)
	f.is(t, "a:1", "one")
	f.pass(t, time.Minute+time.Second)
	add("three", time.Hour, true)
	f.is(t, "a:1", "three")
	if err := f.Delete(t.Context(), "a:1"); err != nil {
		t.Fatal(err)
	}
	add("four", 0, true)
	f.is(t, "a:1", "four")
}

func testTake(t *testing.T, o Opener) {
	t.Parallel()
	f := open(t, o)
	f.takes(t, "a:1", nothing)
	f.put(t, "a:1", "one", time.Minute)
	f.put(t, "a:2", "two", time.Minute)
	f.takes(t, "a:1", "one")
	f.takes(t, "a:1", nothing)
	f.is(t, "a:1", nothing)
	f.pass(t, time.Minute+time.Second)
	f.takes(t, "a:2", nothing)
	f.put(t, "a:1", "again", 0)
	f.takes(t, "a:1", "again")
}

func testDelete(t *testing.T, o Opener) {
	t.Parallel()
	f := open(t, o)
	f.put(t, "a:1", "one", 0)
	f.put(t, "a:2", "two", time.Minute)
	for range 2 { // the second time there is nothing left
		for _, key := range []string{"a:1", "a:2", "a:3"} {
			if err := f.Delete(t.Context(), key); err != nil {
				t.Fatalf("Delete(%s) = %v", key, err)
			}
			f.is(t, key, nothing)
		}
	}
}

// keys lists the keys under a prefix.
func (f *fixture) keys(t *testing.T, prefix string) string {
	t.Helper()
	list, err := f.List(t.Context(), prefix)
	if err != nil {
		t.Fatalf("List(%q) = %v", prefix, err)
	}
	keys := make([]string, len(list))
	for i, r := range list {
		keys[i] = r.Key
		if want := "of " + r.Key; string(r.Value) != want {
			t.Errorf("value is %q, want %q", r.Value, want)
		}
	}
	return strings.Join(keys, " ")
}

func testList(t *testing.T, o Opener) {
	t.Parallel()
	f := open(t, o)
	if got := f.keys(t, ""); got != "" {
		t.Errorf("an empty store lists %s", got)
	}
	expires := f.clock.Now().Add(time.Minute)
	for _, key := range []string{"b:2", "a:1", "b:1", "b:10", "b:~", "b", "c:1", "ba:1", "[:1", "b*:1"} {
		ttl := time.Duration(0)
		if key == "b:1" {
			ttl = time.Minute
		}
		f.put(t, key, "of "+key, ttl)
	}
	for prefix, want := range map[string]string{
		"":     "[:1 a:1 b b*:1 b:1 b:10 b:2 b:~ ba:1 c:1",
		"b":    "b b*:1 b:1 b:10 b:2 b:~ ba:1",
		"b:":   "b:1 b:10 b:2 b:~",
		"b:1":  "b:1 b:10",
		"b:~":  "b:~",
		"b*":   "b*:1",
		"[":    "[:1",
		"zzz":  "",
		"b:1x": "",
	} {
		if got := f.keys(t, prefix); got != want {
			t.Errorf("List(%q) = %s, want %s", prefix, got, want)
		}
	}
	list, err := f.List(t.Context(), "b:1")
	if err != nil || len(list) != 2 {
		t.Fatalf("List = %v, %v", list, err)
	}
	if off := list[0].Expires.Sub(expires).Abs(); off > 2*time.Second || !list[1].Expires.IsZero() {
		t.Errorf("expiry %v and %v, want %v and never", list[0].Expires, list[1].Expires, expires)
	}
	f.pass(t, time.Minute+time.Second)
	if got := f.keys(t, "b:"); got != "b:10 b:2 b:~" {
		t.Errorf("later it lists %s", got)
	}
	f.takes(t, "b:2", "of b:2")
	if got := f.keys(t, "b:"); got != "b:10 b:~" {
		t.Errorf("without what was taken it lists %s", got)
	}
}

func testLongList(t *testing.T, o Opener) {
	t.Parallel()
	f := open(t, o)
	const many = 700
	want := make([]string, 0, many)
	for i := range many {
		key := fmt.Sprintf("a:%03d", i)
		f.put(t, key, "of "+key, time.Hour)
		want = append(want, key)
	}
	f.put(t, "b:1", "of b:1", time.Hour)
	if got := f.keys(t, "a:"); got != strings.Join(want, " ") {
		t.Errorf("List = %s", got)
	}
}

func testExpiry(t *testing.T, o Opener) {
	t.Parallel()
	f := open(t, o)
	f.put(t, "a:short", "x", time.Minute)
	f.put(t, "a:long", "x", time.Hour)
	f.put(t, "a:ever", "x", 0)
	f.put(t, "a:longer", "x", time.Minute)
	f.put(t, "a:longer", "y", time.Hour)
	f.put(t, "a:kept", "x", time.Minute)
	f.put(t, "a:kept", "y", 0)
	f.put(t, "a:shorter", "x", 0)
	f.put(t, "a:shorter", "y", time.Minute)
	f.put(t, "a:centuries", "x", 1<<63-1)
	f.pass(t, 50*time.Second)
	f.is(t, "a:short", "x")
	f.is(t, "a:shorter", "y")
	f.pass(t, 11*time.Second)
	f.is(t, "a:short", nothing)
	f.is(t, "a:shorter", nothing)
	f.is(t, "a:long", "x")
	f.is(t, "a:longer", "y")
	f.is(t, "a:kept", "y")
	f.pass(t, time.Hour)
	f.is(t, "a:long", nothing)
	f.is(t, "a:longer", nothing)
	f.is(t, "a:ever", "x")
	f.is(t, "a:kept", "y")
	f.is(t, "a:centuries", "x")
}

func testInvalid(t *testing.T, o Opener) {
	t.Parallel()
	f := open(t, o)
	ctx := t.Context()
	for name, key := range map[string]string{
		"empty": "", "long": strings.Repeat("k", records.MaxKey+1), "space": "a b", "line": "a\nb", "foreign": "ä",
	} {
		_, errAdd := f.Add(ctx, key, nil, 0)
		_, _, errGet := f.Get(ctx, key)
		_, _, errTake := f.Take(ctx, key)
		for _, err := range []error{f.Put(ctx, key, nil, 0), errAdd, errGet, errTake, f.Delete(ctx, key)} {
			if !errors.Is(err, records.ErrInvalid) {
				t.Errorf("%s key: %v", name, err)
			}
		}
		if key == "" {
			continue // the prefix of all
		}
		if _, err := f.List(ctx, key); !errors.Is(err, records.ErrInvalid) {
			t.Errorf("%s prefix: %v", name, err)
		}
	}
	if err := f.Put(ctx, "a:1", make([]byte, records.MaxValue+1), 0); !errors.Is(err, records.ErrInvalid) {
		t.Errorf("long value: %v", err)
	}
	if _, err := f.Add(ctx, "a:1", nil, -1); !errors.Is(err, records.ErrInvalid) {
		t.Errorf("negative time: %v", err)
	}
	f.is(t, "a:1", nothing)
}

func testContexts(t *testing.T, o Opener) {
	t.Parallel()
	f := open(t, o)
	f.put(t, "a:1", "one", 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, errAdd := f.Add(ctx, "a:2", nil, 0)
	_, _, errGet := f.Get(ctx, "a:1")
	_, _, errTake := f.Take(ctx, "a:1")
	_, errList := f.List(ctx, "a:")
	for i, err := range []error{f.Put(ctx, "a:1", []byte("two"), 0), errAdd, errGet, errTake, f.Delete(ctx, "a:1"), errList} {
		if err == nil {
			t.Errorf("call %d succeeds although nobody waits", i)
		}
	}
	f.is(t, "a:1", "one")
	f.is(t, "a:2", nothing)
}

// testFull: what does not fit is refused, and nothing makes room but the end of others.
func testFull(t *testing.T, o Opener) {
	t.Parallel()
	f := fixture{clock: newClock(), advance: o.Advance}
	f.Store = o.Open(t, 1, Options{Now: f.clock.Now, MaxRecords: 20})[0]
	key := func(i int) string { return fmt.Sprintf("%c:%d", 'a'+rune(i%4), i) }
	for i := range 20 {
		ttl := time.Hour
		if i < 2 {
			ttl = time.Minute
		}
		f.put(t, key(i), "x", ttl)
	}
	refused := func() {
		t.Helper()
		if err := f.Put(t.Context(), "z:1", []byte("x"), time.Hour); !errors.Is(err, records.ErrFull) {
			t.Fatalf("Put into a full store = %v", err)
		}
		if added, err := f.Add(t.Context(), "z:1", []byte("x"), 0); added || !errors.Is(err, records.ErrFull) {
			t.Fatalf("Add to a full store = %v, %v", added, err)
		}
		f.is(t, "z:1", nothing)
	}
	refused()
	for i := range 20 {
		f.is(t, key(i), "x")
	}
	f.put(t, key(5), "y", time.Hour) // in the place of another
	if added, err := f.Add(t.Context(), key(5), nil, 0); added || err != nil {
		t.Errorf("Add of what there is = %v, %v", added, err)
	}
	f.takes(t, key(6), "x")
	f.put(t, "z:2", "x", time.Hour)
	refused()
	f.pass(t, time.Minute+time.Second)
	f.put(t, "z:3", "x", time.Hour)
	f.put(t, "z:4", "x", time.Hour)
	refused()
}

// testFullOfOneKind: records of one kind leave room for those of others.
func testFullOfOneKind(t *testing.T, o Opener) {
	t.Parallel()
	f := fixture{clock: newClock(), advance: o.Advance}
	f.Store = o.Open(t, 1, Options{Now: f.clock.Now, MaxRecords: 20})[0]
	for i := range 10 {
		f.put(t, fmt.Sprint("ticket:", i), "x", time.Hour)
	}
	if err := f.Put(t.Context(), "ticket:10", nil, 0); !errors.Is(err, records.ErrFull) {
		t.Fatalf("more than a half of one kind: %v", err)
	}
	f.put(t, "tickets:1", "another kind", time.Hour)
	for i := range 9 {
		f.put(t, fmt.Sprint("revoked:", i), "x", 0)
	}
	if err := f.Delete(t.Context(), "ticket:3"); err != nil {
		t.Fatal(err)
	}
	f.put(t, "ticket:10", "x", time.Hour)
}

func testSeveral(t *testing.T, o Opener) {
	t.Parallel()
	clock := newClock()
	stores := o.Open(t, 3, Options{Now: clock.Now})
	for i, s := range stores {
		if err := s.Put(t.Context(), fmt.Sprint("a:", i), []byte{byte(i)}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range stores {
		list, err := s.List(t.Context(), "a:")
		if err != nil || len(list) != len(stores) {
			t.Fatalf("store %d lists %v, %v", i, list, err)
		}
		for n, r := range list {
			if r.Key != fmt.Sprint("a:", n) || !bytes.Equal(r.Value, []byte{byte(n)}) {
				t.Errorf("store %d has %v", i, r)
			}
		}
	}
	if _, found, err := stores[0].Take(t.Context(), "a:2"); !found || err != nil {
		t.Fatalf("Take = %v, %v", found, err)
	}
	if slices.ContainsFunc(stores, func(s records.Store) bool {
		_, found, err := s.Get(t.Context(), "a:2")
		return found || err != nil
	}) {
		t.Error("a store has what was taken from another")
	}
}
