// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"testing"
	"time"
)

func TestSystemClock(t *testing.T) {
	t.Parallel()
	var c systemClock
	c.init()
	var set time.Duration
	c.wall = func() time.Time { return time.Now().Add(set) }
	// compare has the clock look at the system's, and returns how far the two are
	// apart.
	compare := func() time.Duration {
		c.checked.Store(-checkEvery)
		return (time.Duration(c.now()-time.Now().UnixMicro()) * time.Microsecond).Round(100 * time.Millisecond)
	}
	if off := compare(); off != 0 {
		t.Errorf("off by %s at first", off)
	}
	set = time.Second
	if off := compare(); off != 0 {
		t.Errorf("a second is followed by %s", off)
	}
	for _, set = range []time.Duration{time.Hour, -time.Hour, 30 * 24 * time.Hour} {
		if off := compare(); off != set {
			t.Errorf("set by %s, off by %s", set, off)
		}
		set += 100 * time.Hour
		if got := (time.Duration(c.now()-time.Now().UnixMicro()) * time.Microsecond).Round(time.Second); got == set {
			t.Error("the clocks are compared too often")
		}
	}
}
