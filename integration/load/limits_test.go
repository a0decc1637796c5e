// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"
)

func TestFullest(t *testing.T) {
	t.Parallel()
	begin := time.Unix(0, 0)
	at := func(from, to int) span {
		return span{begin.Add(time.Duration(from) * time.Second), begin.Add(time.Duration(to) * time.Second)}
	}
	tests := map[string]struct {
		admitted []span
		want     int
	}{
		"none":                        {nil, 0},
		"one":                         {[]span{at(3, 4)}, 1},
		"all in one window":           {[]span{at(5, 6), at(0, 1), at(9, 10)}, 3},
		"two windows":                 {[]span{at(0, 1), at(9, 10), at(12, 13), at(14, 15)}, 3},
		"one that ends too late":      {[]span{at(0, 1), at(9, 11)}, 1},
		"long ones are not certain":   {[]span{at(0, 20), at(1, 21), at(2, 22)}, 0},
		"a window between two others": {[]span{at(0, 1), at(6, 7), at(8, 9), at(14, 15), at(20, 21)}, 3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := (&limit{window: 10 * time.Second, admitted: tt.admitted}).fullest(); got != tt.want {
				t.Errorf("the fullest window has %d, want %d", got, tt.want)
			}
		})
	}
}
