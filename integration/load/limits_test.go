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

func TestUnfounded(t *testing.T) {
	t.Parallel()
	begin := time.Unix(0, 0)
	at := func(from, to int) span {
		return span{begin.Add(time.Duration(from) * time.Second), begin.Add(time.Duration(to) * time.Second)}
	}
	limits := map[string]*limit{
		"minute": {most: 3, window: time.Minute, admitted: []span{at(0, 1), at(10, 11), at(20, 21)}},
		"hour":   {most: 5, window: time.Hour, admitted: []span{at(0, 1), at(10, 11), at(20, 21), at(300, 301)}, uncertain: []span{at(400, 500)}},
	}
	tests := map[string]struct {
		refused span
		limits  []string
		want    int
	}{
		"used up":                               {at(30, 31), []string{"minute"}, 0},
		"within the steps of a window":          {at(62, 63), []string{"minute"}, 0},
		"before it is used up":                  {at(15, 16), []string{"minute"}, 1},
		"while the last of them is under way":   {at(19, 22), []string{"minute"}, 0},
		"when the first of them is past":        {at(64, 65), []string{"minute"}, 1},
		"one of its limits is used up":          {at(600, 601), []string{"minute", "hour"}, 0},
		"what may count is not there yet":       {at(350, 351), []string{"minute", "hour"}, 1},
		"what may count is under way":           {at(450, 451), []string{"hour"}, 0},
		"none of what it counts for is limited": {at(30, 31), nil, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := unfounded([]refusal{{tt.refused, tt.limits}}, limits); got != tt.want {
				t.Errorf("%d refusals are unfounded, want %d", got, tt.want)
			}
		})
	}
}
