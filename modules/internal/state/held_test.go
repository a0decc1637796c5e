// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"
	"testing"
)

func TestHeld(t *testing.T) {
	before := Buffered()
	var h Held
	var want []byte
	for i := range 100 {
		p := bytes.Repeat([]byte{byte(i)}, 100*i)
		if !h.Append(p) {
			t.Fatal("the budget is used up")
		}
		want = append(want, p...)
	}
	if !bytes.Equal(h.Bytes(), want) {
		t.Errorf("%d bytes are held, want %d", len(h.Bytes()), len(want))
	}
	if n := Buffered() - before; n < int64(len(want)) {
		t.Errorf("%d bytes are counted for %d", n, len(want))
	}
	for i := range 2 {
		h.Release()
		if n := Buffered() - before; n != 0 || len(h.Bytes()) != 0 {
			t.Errorf("after release %d: %d bytes counted, %d held", i, n, len(h.Bytes()))
		}
	}
	if h.Append(make([]byte, 0)); len(h.Bytes()) != 0 {
		t.Error("nothing was added")
	}
}

func TestHeldWithinBudget(t *testing.T) {
	LeaveBudget(t, 0)
	var h Held
	if h.Append([]byte("x")) || len(h.Bytes()) != 0 {
		t.Error("more is held than the budget has")
	}
}
